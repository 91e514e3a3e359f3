// Who is in the consumer group now, asked of its coordinator. One call, no state.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "tidemark/config.h"

namespace tidemark {

// How many members the group has; no value: Kafka does not tell, or must not.
std::optional<std::size_t> group_members(const KafkaConfig& kafka,
                                         std::chrono::milliseconds timeout);

}  // namespace tidemark
