// Where partitions begin and end in Kafka now, all of them in two questions to each leader.
// Not by rd_kafka_query_watermark_offsets(), which asks one by one, and before librdkafka 2.3 goes
// on for ever while a partition's leader is away (its issue 2588).
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "source/rdkafka_handle.h"
#include "tidemark/source.h"
#include "tidemark/types.h"

namespace tidemark {

struct EndsAnswer {
  std::map<StreamPartition, PartitionEnds> ends;          // of those that are known
  std::map<StreamPartition, rd_kafka_resp_err_t> failed;  // of the others why not
  // Where something has failed: what, in words, of the first one. Else empty.
  [[nodiscard]] std::string problem() const;
};

// With isolation.level = read_committed the end is that of the last decided transaction. Takes
// `timeout` at most. Any thread.
EndsAnswer ask_ends(rd_kafka_t* client, const std::vector<StreamPartition>& partitions,
                    std::chrono::milliseconds timeout);

}  // namespace tidemark
