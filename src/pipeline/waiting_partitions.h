// The partitions of a lane that cannot go on until the rows of others have come (foreign keys of
// the target): their events, in order, and when they are tried again. They are tried together, in
// the source's order, each time with more of their events: what waits may wait for each other, or
// for a row that has come and gone, and can then only be written with what lets go of it again.
// What waits must not keep out what it waits for: if it fills the buffer, a partition is *parked*,
// its rows dropped, to be read again later from its position. All are, where what lets go of them
// stands behind a change of their table's layout. Not thread-safe: the writer's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "batch/fold.h"
#include "tidemark/change.h"
#include "tidemark/types.h"

namespace tidemark {

class WaitingPartitions {
 public:
  [[nodiscard]] bool empty() const { return waiting_.empty() && parked_.empty(); }
  [[nodiscard]] bool contains(std::uint32_t partition) const {
    return waiting_.contains(partition) || parked_.contains(partition);
  }
  // True: the event's partition waits, so it was kept behind what waits there, or dropped where the
  // partition is parked.
  bool keep(const EventRef& ref);
  // A batch has left the partition behind at `offset`, with these events. Returns how often it was.
  unsigned hold(std::uint32_t partition, Offset offset, const std::vector<EventRef>& batch,
                Clock::time_point now);
  // All events before `next` are in the target; of a stopped partition nothing is kept.
  void settle(std::uint32_t partition, std::optional<Offset> next, bool stopped);
  // What is to be tried now, in source order, about `rows_max` at first and never more than
  // `rows_limit`, never two layouts of one table; empty: not yet.
  [[nodiscard]] std::vector<EventRef> due(std::size_t rows_max, std::size_t rows_limit,
                                          Clock::time_point now);
  // The target did not take what was due: other rows come in between.
  void put_off(Clock::time_point now);
  // What was tried last, not for the first time, ended where another layout of its table begins:
  // more of it cannot be tried unless it is read again, and decoded under one layout.
  [[nodiscard]] bool split() const;
  [[nodiscard]] std::optional<Clock::time_point> next_due() const;
  // The slabs that hold what waits.
  [[nodiscard]] std::set<const Slab*> slabs() const;
  void clear();

  // Drops the events of the partition that has most; none: nothing waits.
  std::optional<std::uint32_t> park(Clock::time_point now);
  // Parked partitions whose time has come are to be read again from their positions.
  std::vector<std::uint32_t> unpark(Clock::time_point now);
  // What comes from here on is the partition's records from its position.
  void restarted(std::uint32_t partition) { parked_.erase(partition); }

 private:
  struct Waiting {
    std::vector<EventRef> events;
    Clock::time_point until;
    unsigned tries = 0;
  };
  struct Parked {
    Clock::time_point until;
    bool asked = false;
  };
  std::map<std::uint32_t, Waiting> waiting_;
  std::map<std::uint32_t, Parked> parked_;
  bool ended_at_layout_ = false;                // what due() gave last
  std::map<std::uint32_t, unsigned> parkings_;  // how often, without having moved since
};

}  // namespace tidemark
