// A change event, decoded: what the reader appends and the writer folds. Every record of Kafka
// becomes exactly one Event (I4): a change, a skip with its rule, or a bad record with its reason.
// Events and the bytes that they point to live in a Slab, in the order in which records came.
// A Slab is filled by one thread, then handed over whole and only read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/layout.h"
#include "tidemark/types.h"

namespace tidemark {

enum class Op : std::uint8_t {
  snapshot,   // r
  create,     // c
  update,     // u
  remove,     // d, and a flattened or rewritten delete
  tombstone,  // a null value with a key: delete by key again
  truncate,   // t
  skip,       // counted, no effect: see SkipReason
  bad,        // cannot be decoded: see BadRecord
};

enum class SkipReason : std::uint8_t {
  none,
  heartbeat,
  transaction_marker,
  schema_change,
  logical_message,
  notification,
  delete_disabled,
  truncate_disabled,
  excluded,
  duplicate,
  keyless_tombstone,
};
const char* to_string(SkipReason reason);

// A run of bytes in a slab's arena.
struct Span {
  std::uint32_t at = 0;
  std::uint32_t length = 0;
};

struct Event {
  Op op = Op::skip;
  SkipReason skip = SkipReason::none;
  bool has_unavailable = false;  // `row` holds kElementUnavailable
  bool has_absent = false;       // `row` holds kElementAbsent
  std::uint32_t partition = 0;   // index into the lane's assignment
  Offset offset;
  std::uint64_t fingerprint = 0;
  std::int64_t source_time_us = 0;  // source commit time, 0 where unknown
  const Layout* layout =
      nullptr;     // null for skip; for bad set with `key`, where that much is known
  Span key;        // key image; empty for keyless tables
  Span row;        // row image of `after`; empty for remove, tombstone, truncate
  Span before;     // row image of `before`; only for keyless tables
  Span other_key;  // key change, by Debezium's headers: for remove and tombstone the new key
                   // (__debezium.newkey), for create the old key (__debezium.oldkey); a key image
  Span
      source_position;  // text that orders or at least identifies the event at its source, see
                        // docs/guarantees.md; PostgreSQL: "<commit lsn>/<lsn>"; empty where unknown
  std::uint32_t bad = 0;  // index into Slab::bad for Op::bad
};

// A record that could not be decoded. What is needed for its dead letter, and nothing more.
struct BadRecord {
  std::string table;    // where it is known
  std::string message;  // what is wrong, and in which field; never a row value
  std::string hint;
  bool halt = false;  // an unknown `op` or the like: the partition stops whatever the policy (I7)
};

class Slab {
 public:
  Bytes arena;
  std::vector<Event> events;
  std::vector<BadRecord> bad;
  std::vector<LayoutPtr> layouts;  // keeps alive what the events point to
  std::uint64_t generation = 0;    // of the assignment that it was read under
  // When it is to be written at the latest: until then more may come that is better written with
  // it.
  std::chrono::steady_clock::time_point due{};
  // From here on a partition's events begin anew at its position (pipeline/waiting_partitions).
  std::optional<std::uint32_t> restarted;
  // Partitions that had been read to their end, and for which something has come after a pause.
  std::vector<std::uint32_t> resumed;
  [[nodiscard]] std::string_view bytes(Span span) const { return arena.view(span.at, span.length); }
  // What the buffer's bound counts.
  [[nodiscard]] std::size_t memory_bytes() const {
    return arena.capacity() + events.capacity() * sizeof(Event);
  }
};

using SlabPtr = std::shared_ptr<const Slab>;

}  // namespace tidemark
