// How many rows a lane's next transaction may have: 50,000, and more while the target takes its
// time for each, up to `max-rows`. In a table that is larger than the target's memory a row costs
// the reading of its page, and the more rows a batch has, the more of them share one; a quick
// target gains nothing by it, and large batches take memory. One owner; not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace tidemark {

class BatchSize {
 public:
  static constexpr std::size_t kRowsFirst = 50'000;
  static constexpr std::chrono::microseconds kSlowRow{8};
  static constexpr std::chrono::microseconds kQuickRow{5};

  explicit BatchSize(std::size_t rows_max)
      : rows_max_(rows_max), rows_(std::min(rows_max, kRowsFirst)) {}

  [[nodiscard]] std::size_t rows() const { return rows_; }

  // A batch of `rows` has been written. Small ones say nothing: what a transaction costs in any
  // case is most of theirs.
  void note(std::size_t rows, Clock::duration took) {
    if (rows < rows_ / 2) return;
    const auto one = took / rows;
    if (one > kSlowRow) rows_ = std::min(rows_max_, rows_ * 2);
    if (one < kQuickRow) rows_ = std::max(std::min(rows_max_, kRowsFirst), rows_ / 2);
  }

 private:
  std::size_t rows_max_;
  std::size_t rows_;
};

}  // namespace tidemark
