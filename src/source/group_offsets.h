// A consumer group's offsets, as Kafka is told them: a report for lag tools, after the position has
// moved in the target (I2). Errors are logged, never thrown. Any thread.
#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "source/rdkafka_handle.h"
#include "tidemark/config.h"
#include "tidemark/source.h"
#include "tidemark/types.h"

namespace tidemark {

using NextOffsets = std::vector<std::pair<StreamPartition, Offset>>;

// As a member of the group. Does not wait: what comes of it goes to note_reported(), by the
// client's offset_commit_cb.
void send_group_offsets(rd_kafka_t* member, const NextOffsets& next);
Reported send_group_offsets(rd_kafka_t* member, const NextOffsets& next,
                            std::chrono::milliseconds patience);
Reported note_reported(rd_kafka_resp_err_t error);

// The last report, when the group's members have left: what they sent while it was rebalancing may
// have been refused. Kafka takes it only from a group without members: with others alive in it
// nothing happens. Never lowers one: another process may have gone further, and left too. Takes
// `patience` at most.
void report_group_offsets(const KafkaConfig& kafka, const NextOffsets& next,
                          std::chrono::milliseconds patience);

}  // namespace tidemark
