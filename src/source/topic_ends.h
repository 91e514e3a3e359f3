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

  // The next offset to be written, of each partition that holds records. No value: Kafka does not
  // answer; each question waits so long at most, and the first without an answer is the last.
  std::optional<std::map<StreamPartition, Offset>> ask(std::chrono::milliseconds timeout);
  // The same of every partition, with the first offset that Kafka still holds.
  std::optional<std::map<StreamPartition, PartitionEnds>> ask_all(
      std::chrono::milliseconds timeout);

 private:
  const SourceConfig& source_;
  rdkafka::Client client_;
};

}  // namespace tidemark
