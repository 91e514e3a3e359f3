// Puts a batch together from slabs: their events in order, bounded by rows and bytes, never two
// layouts of one table. One batch each; not thread-safe.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "batch/fold.h"
#include "pipeline/batch_layouts.h"
#include "tidemark/change.h"

namespace tidemark {

class BatchCut {
 public:
  BatchCut(std::size_t rows_max, std::size_t bytes_max)
      : rows_max_(rows_max), bytes_max_(bytes_max) {}

  // Takes the slab's events from `next` on, but for those that `keep` keeps elsewhere. Returns the
  // first event that is left; where one is, the batch is full.
  template <typename Keep>
  std::size_t take(const Slab& slab, std::size_t next, const Keep& keep) {
    for (; next < slab.events.size(); ++next) {
      const Event& event = slab.events[next];
      const bool full = batch_.size() >= rows_max_ || bytes_ >= bytes_max_;
      if (full || !layouts_.admit(event.layout)) break;
      const EventRef ref{&slab, &event};
      if (keep(ref)) continue;
      bytes_ += event.row.length + event.key.length + event.before.length;
      batch_.push_back(ref);
    }
    return next;
  }
  void expect(std::size_t events) { batch_.reserve(events); }
  [[nodiscard]] std::vector<EventRef> done() { return std::move(batch_); }

 private:
  const std::size_t rows_max_;
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::vector<EventRef> batch_;
  BatchLayouts layouts_;
};

}  // namespace tidemark
