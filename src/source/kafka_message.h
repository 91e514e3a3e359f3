// From librdkafka's message to RecordView: views into the message, nothing is copied; and its
// places. Pure; the views live as long as the message.
#pragma once

#include <librdkafka/rdkafka.h>

#include <optional>
#include <string_view>
#include <vector>

#include "source/rdkafka_handle.h"
#include "tidemark/record.h"
#include "tidemark/types.h"

namespace tidemark {

RecordView view_of(const rd_kafka_message_t& message);

// The topic and partition that a message, or an error, is about; the partition is -1 where an error
// concerns the whole topic, and the topic is empty where it concerns neither.
StreamPartition place_of(const rd_kafka_message_t& message);

// In their order, with no offsets.
rdkafka::PartitionList to_list(const std::vector<StreamPartition>& partitions);

}  // namespace tidemark
