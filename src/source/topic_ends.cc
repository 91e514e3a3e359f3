#include "source/topic_ends.h"

#include "source/kafka_client.h"
#include "source/kafka_properties.h"
#include "source/topic_selection.h"

namespace tidemark {

TopicEnds::TopicEnds(const KafkaConfig& kafka, const SourceConfig& source)
    : source_(source), client_(make_client(reader_properties(kafka), nullptr, nullptr)) {}

std::optional<std::map<StreamPartition, Offset>> TopicEnds::ask(std::chrono::milliseconds timeout) {
  const auto all = ask_all(timeout);
  if (!all) return std::nullopt;
  std::map<StreamPartition, Offset> ends;
  for (const auto& [at, both] : *all) {
    if (both.high > both.low) ends[at] = both.high;
  }
  return ends;
}

std::optional<std::map<StreamPartition, PartitionEnds>> TopicEnds::ask_all(
    std::chrono::milliseconds timeout) {
  const auto longest = static_cast<int>(timeout.count());
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(client_.get(), 1, nullptr, &raw, longest);
  const rdkafka::Metadata metadata(raw);
  rd_kafka_poll(client_.get(), 0);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  std::map<StreamPartition, PartitionEnds> ends;
  for (int t = 0; t < metadata->topic_cnt; ++t) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[t];
    if (!is_selected(source_, topic.topic)) continue;
    for (int p = 0; p < topic.partition_cnt; ++p) {
      std::int64_t low = 0;
      std::int64_t high = 0;
      if (rd_kafka_query_watermark_offsets(client_.get(), topic.topic, p, &low, &high, longest) !=
          RD_KAFKA_RESP_ERR_NO_ERROR) {
        return std::nullopt;
      }
      ends[{topic.topic, Partition{p}}] = {Offset{low}, Offset{high}};
    }
  }
  return ends;
}

}  // namespace tidemark
