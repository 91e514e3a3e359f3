// Reads single records again, by offset, outside of any consumer group: for dead letters and for
// the fingerprint of the last record applied. Reading offsets in ascending order costs one request
// for many records, going back costs one each. One owner; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "source/fetch_waker.h"
#include "source/rdkafka_handle.h"
#include "tidemark/config.h"
#include "tidemark/source.h"

namespace tidemark {

class KafkaReader {
 public:
  explicit KafkaReader(const KafkaConfig& config);
  KafkaReader(const KafkaReader&) = delete;
  KafkaReader& operator=(const KafkaReader&) = delete;
  ~KafkaReader();

  // No value: Kafka has no record at this offset, that a committed transaction wrote, any more (or
  // yet). Throws Error(retry) when the broker does not answer within the timeout.
  std::optional<OwnedRecord> read(const StreamPartition& partition, Offset offset,
                                  std::chrono::milliseconds timeout);

 private:
  void start(const StreamPartition& partition, Offset offset);
  void stop();
  [[nodiscard]] bool can_go_on_to(const StreamPartition& partition, Offset offset) const;
  // Takes what comes next; false: the partition has nothing at this offset any more.
  bool step(Offset offset, std::chrono::milliseconds timeout);
  [[noreturn]] void fail(rd_kafka_resp_err_t error, Offset offset);

  rdkafka::Client client_;
  FetchWaker waker_;
  rdkafka::Topic topic_;
  StreamPartition at_;         // what topic_ reads, if it does
  rdkafka::Message held_;      // the last record that was taken
  Offset gap_begin_;           // Kafka has no record from here up to held_
  std::optional<Offset> end_;  // Kafka had no record from held_ up to here, and none at it
  bool fresh_ = false;         // started within this call of read()
};

}  // namespace tidemark
