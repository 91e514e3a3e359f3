// Where the selected topics end now, in all partitions, whoever reads them: asked of the brokers
// outside of any group. One owner; not thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "source/rdkafka_handle.h"
#include "tidemark/config.h"
#include "tidemark/source.h"
#include "tidemark/types.h"

namespace tidemark {

class TopicEnds {
 public:
  TopicEnds(const KafkaConfig& kafka, const SourceConfig& source);

  // Of every partition the first offset that Kafka still holds, and the next to be written. Each of
  // the two questions, which partitions there are and where they end, waits so long at most.
  struct Answer {
    std::map<StreamPartition, PartitionEnds> ends;
    std::string problem;  // what is missing, and why; empty: nothing
  };
  Answer ask(std::chrono::milliseconds timeout);

 private:
  const SourceConfig& source_;
  rdkafka::Client client_;
};

}  // namespace tidemark
