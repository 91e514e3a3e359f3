#include "source/kafka_client.h"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "base/log.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

constexpr std::chrono::seconds kDestroyTimeout{3};

// syslog's levels. Most of what librdkafka calls an error heals by itself; what does not, comes
// back from a call as well.
Level level_of(int syslog_level) {
  if (syslog_level <= 2) return Level::error;
  if (syslog_level <= 4) return Level::warning;
  return syslog_level == 5 ? Level::info : Level::debug;
}

// Called by librdkafka's own threads.
void on_log(const rd_kafka_t* /*client*/, int level, const char* facility, const char* text) {
  log_event(level_of(level), "kafka.library", text, {{"facility", facility}});
}

}  // namespace

void rdkafka::destroy_without_leaving(rd_kafka_t* client) {
  auto done = std::make_shared<std::promise<void>>();
  const std::future<void> ended = done->get_future();
  std::thread([client, done] {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    done->set_value();
  }).detach();
  if (ended.wait_for(kDestroyTimeout) != std::future_status::ready) {
    log_event(Level::warning, "kafka.client_left_behind",
              "librdkafka does not end a client whose topic was deleted; it goes with the process");
  }
}

rdkafka::Client make_client(const KafkaProperties& properties, RegisterCallbacks callbacks,
                            void* owner) {
  rdkafka::Conf conf = make_conf(properties);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_opaque(conf.get(), owner);
  if (callbacks != nullptr) callbacks(conf.get());
  std::array<char, 512> text{};
  rdkafka::Client client(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), text.data(), text.size()));
  if (!client) throw ConfigError(std::string("kafka: ") + text.data());
  static_cast<void>(conf.release());  // the client owns it now
  return client;
}

}  // namespace tidemark
