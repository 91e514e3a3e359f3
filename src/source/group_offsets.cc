#include "source/group_offsets.h"

#include "base/log.h"
#include "source/kafka_client.h"
#include "source/kafka_fault.h"
#include "source/kafka_properties.h"

namespace tidemark {

namespace {

rdkafka::PartitionList to_list(const NextOffsets& next) {
  auto list = rdkafka::make_partition_list(next.size());
  for (const auto& [at, offset] : next) {
    rd_kafka_topic_partition_list_add(list.get(), at.stream.c_str(), at.partition.value)->offset =
        offset.value;
  }
  return list;
}

// Those that are above what Kafka holds; none where it does not say.
NextOffsets not_reported(rd_kafka_t* client, const NextOffsets& next,
                         std::chrono::milliseconds patience) {
  NextOffsets out;
  const auto list = to_list(next);
  const auto error = rd_kafka_committed(client, list.get(), static_cast<int>(patience.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& held = list->elems[i];
    if (held.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const auto& [at, offset] = next[static_cast<std::size_t>(i)];
    if (held.offset < offset.value) out.emplace_back(at, offset);
  }
  return out;
}

}  // namespace

Reported note_reported(rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return Reported::taken;
  const KafkaFault fault = fault_of(error);
  // Only what lag tools show is behind: the position is in the target already.
  const bool expected = fault == KafkaFault::stale || fault == KafkaFault::none;
  log_event(expected ? Level::debug : Level::warning, "kafka.offsets_not_reported",
            "Kafka did not take the group offsets; the position in the target stands",
            {{"error", rd_kafka_err2str(error)}});
  return expected || fault == KafkaFault::evicted ? Reported::refused : Reported::unknown;
}

void send_group_offsets(rd_kafka_t* member, const NextOffsets& next) {
  note_reported(rd_kafka_commit(member, to_list(next).get(), 1));
}

Reported send_group_offsets(rd_kafka_t* member, const NextOffsets& next,
                            std::chrono::milliseconds patience) {
  const rdkafka::Queue queue(rd_kafka_queue_new(member));
  rd_kafka_commit_queue(member, to_list(next).get(), queue.get(), nullptr, nullptr);
  const rdkafka::Event answer(rd_kafka_queue_poll(queue.get(), static_cast<int>(patience.count())));
  return note_reported(answer ? rd_kafka_event_error(answer.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT);
}

void report_group_offsets(const KafkaConfig& kafka, const NextOffsets& next,
                          std::chrono::milliseconds patience) {
  if (next.empty()) return;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const rdkafka::Client client = make_client(consumer_properties(kafka, 0), nullptr, nullptr);
  const NextOffsets higher = not_reported(client.get(), next, patience);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  if (higher.empty() || left.count() <= 0) return;
  send_group_offsets(client.get(), higher, left);
}

}  // namespace tidemark
