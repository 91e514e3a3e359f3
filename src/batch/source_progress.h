// How far the source's own order has been applied in one partition: by it repeated events are
// known. Debezium sends again, after its own restart, what it had sent since its last stored
// position. A repetition is not harmless: it would delete and rename rows that have moved on since,
// and a placeholder in it can no longer be filled. So it is skipped, and counted.
//
// Rule: an event whose position is below the highest one applied, and whose source commit time is
// not later, is a repetition. (Position alone would skip real changes of a source that was set up
// anew and counts from the beginning again.) Positions tie, for example all rows of one COPY:
// a tie is applied again in a table with a key, where that changes nothing, but for the halves of a
// key change, which are known by their keys; in a table without one, while a repetition goes on, as
// many are skipped as had been applied.
// A tombstone has no position: while a repetition goes on it belongs to a delete that was skipped.
// A snapshot read is never a repetition and starts the order anew. Without a position, or an order
// between positions, nothing is skipped (docs/guarantees.md).
// In a binary log the times are seconds: there an event whose transaction has a higher number is no
// repetition either, nor one of another log, as after a failover.
// Text form, stored in pipeline_watermarks: "<position>@<microseconds>#<count>"
// and "~<hash>" for each half of a key change at that position, and "!" while a repetition goes on.
// A value; not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "batch/source_position.h"

namespace tidemark {

class SourceProgress {
 public:
  SourceProgress() = default;
  explicit SourceProgress(std::string_view text);

  struct Event {
    std::string_view position;  // as batch/source_position.h has it, else it has no order
    bool tombstone = false;
    std::int64_t time_us = 0;
    bool snapshot = false;
    bool keyless = false;
    std::uint32_t key_change_hash = 0;  // of the operation and the key; 0: not a key change
  };
  // True: apply it, and it counts as applied from now on; false: it is a repetition.
  bool admit(const Event& event);
  [[nodiscard]] std::string text() const;

 private:
  bool admit_tie(const Event& event);
  [[nodiscard]] bool is_below(const SourcePosition& here) const;

  bool known_ = false;
  SourcePosition position_;  // its log is in log_
  std::string log_;
  std::int64_t time_us_ = 0;
  std::uint64_t count_ = 0;                     // events applied at exactly this position
  std::array<std::uint32_t, 2> key_changes_{};  // halves applied at exactly this position
  bool repeating_ = false;
  std::uint64_t repeated_ = 0;  // of them, seen again
};

}  // namespace tidemark
