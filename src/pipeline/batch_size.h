// How many rows a lane's next transaction may have: few at first, so that the target is soon at
// work, and with each batch twice as many; then 50,000, and more while the target takes its time
// for each, up to `max-rows`. In a table that is larger than the target's memory a row costs
// the reading of its page, and the more rows a batch has, the more of them share one; a quick
// target gains nothing by it, and large batches take memory. But no transaction is to take long:
// then there are fewer. One owner; not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace tidemark {

class BatchSize {
 public:
  static constexpr std::size_t kRowsFirst = 8'000;
  static constexpr std::size_t kRowsUsual = 50'000;
  static constexpr std::size_t kRowsLeast = 500;
  static constexpr std::chrono::microseconds kSlowRow{8};
  static constexpr std::chrono::microseconds kQuickRow{5};
  static constexpr std::chrono::seconds kLongest{5};
  // Batches until the limit that a refusal has set is doubled.
  static constexpr unsigned kForgetAfter = 20;

  explicit BatchSize(std::size_t rows_max)
      : rows_max_(rows_max), rows_(std::min(rows_max, kRowsFirst)) {}

  [[nodiscard]] std::size_t rows() const { return rows_; }
  // No batch may have more, of whatever kind; what waits may otherwise be more than `max-rows`.
  [[nodiscard]] std::size_t limit() const { return limit_; }

  // A batch of `rows` has been written. Small ones say nothing: what a transaction costs in any
  // case is most of theirs.
  void note(std::size_t rows, Clock::duration took) {
    const std::size_t most = std::min(limit_, rows_max_);
    const std::size_t least = std::min(most, kRowsLeast);
    if (took > kLongest) rows_ = std::min(rows_, std::max(least, rows / 2));
    if (rows < rows_ / 2 || took > kLongest) return;
    if (limit_ != kNone && took * 2 <= kLongest && ++since_refusal_ % kForgetAfter == 0) {
      limit_ = limit_ > kMuchMore * rows_max_ ? kNone : limit_ * 2;
    }
    const std::size_t usual = std::min(most, kRowsUsual);
    const auto one = took / rows;
    if ((one > kSlowRow || rows_ < usual) && took * 2 <= kLongest) {
      const bool much = one > 2 * kSlowRow && took * 4 <= kLongest;
      rows_ = std::min(one > kSlowRow ? most : usual, rows_ * (much ? 4 : 2));
    } else if (one < kQuickRow) {
      rows_ = std::max(usual, rows_ / 2);
    }
    rows_ = std::min(rows_, most);
  }

  // The target has refused a batch of `rows` for what it takes: its time, or its memory.
  void note_refused(std::size_t rows) {
    limit_ = std::max<std::size_t>(1, std::min(limit_, rows / 2));
    rows_ = std::min(rows_, limit_);
    since_refusal_ = 0;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  static constexpr std::size_t kMuchMore = 64;
  std::size_t rows_max_;
  std::size_t limit_ = kNone;
  std::size_t rows_;
  unsigned since_refusal_ = 0;
};

}  // namespace tidemark
