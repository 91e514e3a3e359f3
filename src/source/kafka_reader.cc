#include "source/kafka_reader.h"

#include <algorithm>
#include <array>

#include "source/kafka_client.h"
#include "source/kafka_fault.h"
#include "source/kafka_message.h"
#include "source/kafka_properties.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

// Reading over this many records is cheaper than asking the broker anew.
constexpr std::int64_t kReadOverMax = 1000;
// A record keeps the whole batch that it came in, which may have been small before it was unpacked.
constexpr std::size_t kHeldBytesMax = std::size_t{1} << 20;

OwnedRecord owned(const rd_kafka_message_t& message) {
  const RecordView view = view_of(message);
  OwnedRecord record;
  record.timestamp_ms = view.timestamp_ms;
  if (view.key) record.key = std::string(*view.key);
  if (view.value) record.value = std::string(*view.value);
  for (const HeaderView& header : view.headers) {
    std::optional<std::string> value;
    if (header.value) value = std::string(*header.value);
    record.headers.emplace_back(std::string(header.name), std::move(value));
  }
  return record;
}

}  // namespace

KafkaReader::KafkaReader(const KafkaConfig& config)
    : client_(make_client(reader_properties(config), nullptr, nullptr)),
      waker_(client_.get(), reader_properties(config)) {}

KafkaReader::~KafkaReader() {
  stop();
}

void KafkaReader::start(const StreamPartition& partition, Offset offset) {
  stop();
  topic_.reset(rd_kafka_topic_new(client_.get(), partition.stream.c_str(), nullptr));
  if (!topic_ ||
      rd_kafka_consume_start(topic_.get(), partition.partition.value, offset.value) != 0) {
    topic_.reset();
    throw Error(ErrorKind::retry, partition.display() + ": cannot be read again: " +
                                      rd_kafka_err2str(rd_kafka_last_error()));
  }
  at_ = partition;
  gap_begin_ = offset;
  end_.reset();
  fresh_ = true;
}

void KafkaReader::stop() {
  held_.reset();
  if (topic_) rd_kafka_consume_stop(topic_.get(), at_.partition.value);
  topic_.reset();
}

bool KafkaReader::can_go_on_to(const StreamPartition& partition, Offset offset) const {
  if (!topic_ || at_ != partition || offset < gap_begin_) return false;
  return !held_ || offset.value <= held_->offset + kReadOverMax;
}

std::optional<OwnedRecord> KafkaReader::read(const StreamPartition& partition, Offset offset,
                                             milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  fresh_ = false;
  if (!can_go_on_to(partition, offset)) start(partition, offset);
  for (;;) {
    if (held_ && held_->offset == offset.value) {
      OwnedRecord record = owned(*held_);
      if (held_->len + held_->key_len > kHeldBytesMax) stop();
      return record;
    }
    if (held_ && held_->offset > offset.value) return std::nullopt;
    if (end_ && (offset < *end_ || fresh_)) return std::nullopt;
    // An end that was seen before this record was written, perhaps: librdkafka says it only once.
    if (end_) start(partition, offset);
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) fail(RD_KAFKA_RESP_ERR__TIMED_OUT, offset);
    if (!step(offset, left)) return std::nullopt;
  }
}

bool KafkaReader::step(Offset offset, milliseconds timeout) {
  if (waker_.owes()) timeout = std::min(timeout, FetchWaker::kInterval);
  rdkafka::Message message(
      rd_kafka_consume(topic_.get(), at_.partition.value, static_cast<int>(timeout.count())));
  // Serves librdkafka's events, which nobody else asks for here.
  rd_kafka_poll(client_.get(), 0);
  if (!message) {
    if (waker_.owes()) waker_.wake_if_due();
    return true;
  }
  switch (fault_of(message->err)) {
    case KafkaFault::none:
      waker_.taken();
      if (held_) gap_begin_ = Offset{held_->offset}.next();
      held_ = std::move(message);
      end_.reset();
      return true;
    case KafkaFault::caught_up:
      end_ = Offset{message->offset};
      return true;
    case KafkaFault::out_of_range:
      stop();
      return false;
    default:
      if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
          message->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
          message->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        stop();
        return false;
      }
      fail(message->err, offset);
  }
}

void KafkaReader::fail(rd_kafka_resp_err_t error, Offset offset) {
  const std::string place = at_.display() + "@" + std::to_string(offset.value);
  stop();
  throw Error(ErrorKind::retry, place + ": cannot be read again: " + rd_kafka_err2str(error),
              hint_of(error));
}

}  // namespace tidemark
