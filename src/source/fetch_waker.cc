#include "source/fetch_waker.h"

#include "source/rdkafka_handle.h"
#include "source/rdkafka_version.h"

namespace tidemark {
namespace {

std::string_view mechanism_of(const KafkaProperties& properties) {
  const std::string_view alias = property_value(properties, "sasl.mechanism");
  const std::string_view name = property_value(properties, "sasl.mechanisms");
  return !name.empty() ? name : !alias.empty() ? alias : "GSSAPI";
}

}  // namespace

bool FetchWaker::works_with(const KafkaProperties& properties) {
  std::string protocol(property_value(properties, "security.protocol"));
  for (char& c : protocol) c = static_cast<char>(c | 0x20);  // librdkafka ignores the case
  return !protocol.starts_with("sasl") || mechanism_of(properties) != "GSSAPI";
}

FetchWaker::FetchWaker(rd_kafka_t* client, const KafkaProperties& properties)
    : client_(client),
      possible_(works_with(properties)),
      for_queue_(possible_ && !rdkafka::knows_property(rdkafka::kFetchQueueBackoff)),
      username_(property_value(properties, "sasl.username")),
      password_(property_value(properties, "sasl.password")) {}

void FetchWaker::taken() {
  ++taken_;
  // The clock is asked for every 32nd record only: it costs as much as taking one.
  if (for_queue_ && taken_ % 32 == 0) wake_if_due();
}

void FetchWaker::wake_if_due() {
  if (Clock::now() - last_ >= kInterval) wake();
}

void FetchWaker::wake() {
  if (!possible_) return;
  last_ = Clock::now();
  taken_ = 0;
  const rdkafka::ErrorHandle ignored(
      rd_kafka_sasl_set_credentials(client_, username_.c_str(), password_.c_str()));
}

}  // namespace tidemark
