#include "source/topic_ends.h"

#include <utility>
#include <vector>

#include "source/kafka_client.h"
#include "source/kafka_properties.h"
#include "source/partition_ends.h"
#include "source/topic_selection.h"

namespace tidemark {

TopicEnds::TopicEnds(const KafkaConfig& kafka, const SourceConfig& source)
    : source_(source), client_(make_client(reader_properties(kafka), nullptr, nullptr)) {}

TopicEnds::Answer TopicEnds::ask(std::chrono::milliseconds timeout) {
  const auto longest = static_cast<int>(timeout.count());
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(client_.get(), 1, nullptr, &raw, longest);
  const rdkafka::Metadata metadata(raw);
  rd_kafka_poll(client_.get(), 0);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return {{}, rd_kafka_err2str(error)};
  std::vector<StreamPartition> partitions;
  std::string problem;
  for (int t = 0; t < metadata->topic_cnt; ++t) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[t];
    if (!is_selected(source_, topic.topic)) continue;
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      problem = std::string(topic.topic) + ": " + rd_kafka_err2str(topic.err);
    }
    for (int p = 0; p < topic.partition_cnt; ++p) {
      partitions.push_back({topic.topic, Partition{p}});
    }
  }
  EndsAnswer answer = ask_ends(client_.get(), partitions, timeout);
  if (problem.empty()) problem = answer.problem();
  return {std::move(answer.ends), std::move(problem)};
}

}  // namespace tidemark
