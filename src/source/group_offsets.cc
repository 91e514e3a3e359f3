#include "source/group_offsets.h"

#include "base/log.h"
#include "source/kafka_client.h"
#include "source/kafka_properties.h"
#include "tidemark/error.h"

namespace tidemark {

void report_group_offsets(const KafkaConfig& kafka,
                          const std::vector<std::pair<StreamPartition, Offset>>& next,
                          std::chrono::milliseconds patience) {
  if (next.empty()) return;
  const rdkafka::Client client = make_client(consumer_properties(kafka, 0), nullptr, nullptr);
  const auto list = rdkafka::make_partition_list(next.size());
  for (const auto& [at, offset] : next) {
    rd_kafka_topic_partition_list_add(list.get(), at.stream.c_str(), at.partition.value)->offset =
        offset.value;
  }
  const rdkafka::Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_commit_queue(client.get(), list.get(), queue.get(), nullptr, nullptr);
  const rdkafka::Event answer(rd_kafka_queue_poll(queue.get(), static_cast<int>(patience.count())));
  if (answer && rd_kafka_event_error(answer.get()) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  log_event(Level::debug, "kafka.offsets_not_reported",
            "the group's offsets are not those of the positions until the next start",
            {{"error", answer ? rd_kafka_event_error_string(answer.get()) : "no answer"}});
}

}  // namespace tidemark
