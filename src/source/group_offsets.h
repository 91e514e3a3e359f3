// The last report of a group's offsets, when its members have left: what they reported while the
// group was rebalancing may have been refused. For lag tools only (I2).
#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "tidemark/config.h"
#include "tidemark/types.h"

namespace tidemark {

// Kafka takes it only from a group without members: with others alive in it nothing happens. Errors
// are logged, never thrown; takes `patience` at most.
void report_group_offsets(const KafkaConfig& kafka,
                          const std::vector<std::pair<StreamPartition, Offset>>& next,
                          std::chrono::milliseconds patience);

}  // namespace tidemark
