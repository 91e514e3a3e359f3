// A Kafka record as the source hands it to the decoder: views into the source's own memory, valid
// until the call returns. Nothing here owns bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tidemark/types.h"

namespace tidemark {

struct HeaderView {
  std::string_view name;
  std::optional<std::string_view> value;  // no value: a null header
};

struct RecordView {
  std::string_view topic;
  Partition partition;
  Offset offset;
  std::int64_t timestamp_ms = 0;          // Kafka's, -1 where the broker has none
  std::optional<std::string_view> key;    // no value: a null key
  std::optional<std::string_view> value;  // no value: a tombstone
  std::vector<HeaderView> headers;        // in the record's order; names may repeat
};

// A 64-bit hash of what makes a record itself: timestamp, key, the value's length and its tail.
// Stored with the position, so that a topic that was made anew is noticed (I7).
std::uint64_t fingerprint_of(const RecordView& record);

}  // namespace tidemark
