// Where the selected topics end now, in all partitions, whoever reads them: asked of the brokers
// outside of any group. One owner; not thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "source/rdkafka_handle.h"
#include "tidemark/config.h"
#include "tidemark/source.h"
#include "tidemark/types.h"

namespace tidemark {

class TopicEnds {
 public:
  TopicEnds(const KafkaConfig& kafka, const SourceConfig& source);

  // Of every partition the first offset that Kafka still holds, and the next to be written. No
  // value: Kafka does not answer; each of the two questions waits so long at most.
  std::optional<std::map<StreamPartition, PartitionEnds>> ask(std::chrono::milliseconds timeout);

 private:
  const SourceConfig& source_;
  rdkafka::Client client_;
};

}  // namespace tidemark
