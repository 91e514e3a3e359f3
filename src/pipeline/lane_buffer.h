// What lies between a lane's reader and its writer: decoded slabs, bounded by bytes, and the few
// messages that the two send each other. The only state that both threads touch.
// Thread-safe: every member function may be called from either thread.
//
// B1 Slabs come out in the order in which they went in, and only those of the current generation:
//    begin_generation() drops all others at once (a revoked partition's rows are never written by
//    accident; if one already is under way, the fence makes it harmless).
// B2 bytes() counts every slab that was pushed and not yet released, whoever holds it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "tidemark/change.h"
#include "tidemark/types.h"

namespace tidemark {

// Reader to writer: take these partitions over.
struct TakeRequest {
  std::uint64_t generation = 0;
  std::vector<StreamPartition> partitions;
  std::vector<std::int32_t> partitions_of_stream;  // parallel
};

// Writer to reader: where to start.
struct TakenPositions {
  std::uint64_t generation = 0;
  std::vector<std::pair<StreamPartition, std::optional<Offset>>>
      from;  // without stopped partitions
};

// Reader to writer: this partition cannot go on, says the source.
struct PartitionStop {
  std::uint64_t generation = 0;
  std::uint32_t partition = 0;
  std::string reason, hint;
};

// Writer to reader: drop a partition from what is read, or read it again, from a position.
struct ReadingChange {
  std::uint64_t generation = 0;
  std::uint32_t partition = 0;
  bool read = false;
  std::optional<Offset> from;  // none: from the beginning
};

class LaneBuffer {
 public:
  explicit LaneBuffer(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // ---- the reader's side
  void begin_generation(std::uint64_t generation);
  void push(SlabPtr slab);
  // Nothing more is coming for now: what was pushed is due.
  void hurry();
  void request(TakeRequest request);
  void report(PartitionStop stop);
  std::optional<TakenPositions> positions();
  bool take_rejoin();  // true once after the writer has asked for it
  bool take_forget();  // likewise: bind tables anew
  std::vector<ReadingChange> reading_changes();
  [[nodiscard]] bool full() const;
  // Waits until there is room to go on reading, at most so long. True: there is.
  bool wait_for_room(std::chrono::milliseconds longest);

  // ---- the writer's side
  struct Work {
    std::optional<TakeRequest> take;
    std::vector<PartitionStop> stops;
    std::vector<SlabPtr> slabs;
    bool stopping = false;
  };
  // What a batch still has room for, and whether it has something: with 0 events no slabs are
  // wanted.
  struct Wanted {
    std::size_t events = 0;
    std::size_t bytes = 0;
    bool begun = false;
  };
  // Waits for work, until then at most: for as many slabs as are wanted, or for those that are
  // there when one is due or the buffer has no room for more.
  Work wait(Wanted wanted, Clock::time_point until);
  // The slabs that wait() would give at once; they stay. Empty: it would wait.
  [[nodiscard]] std::vector<SlabPtr> peek(Wanted wanted) const;
  void release(const SlabPtr& slab);
  void answer(TakenPositions positions);
  void ask_rejoin(bool forget_tables);
  void ask(const ReadingChange& change);
  // The reader may be waiting for room.
  [[nodiscard]] bool tight() const;
  // True as soon as there is no point in going on with this generation's rows.
  [[nodiscard]] bool stale(std::uint64_t generation) const;
  // Sleeps, unless the generation becomes stale or the lane stops. True: the whole time has passed.
  bool sleep(std::chrono::milliseconds time, std::uint64_t generation);

  // ---- both, and the pipeline
  void stop();
  // How much it holds from now on; it may hold more already.
  void bound(std::size_t bytes_max);
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  // With mutex_ held.
  [[nodiscard]] bool is_tight() const { return bytes_ >= bytes_max_ / 8 * 7; }
  [[nodiscard]] bool is_enough(Wanted wanted) const;
  [[nodiscard]] std::size_t slabs_for(Wanted wanted) const;
  void note_due();

  mutable std::mutex mutex_;
  Condition work_;
  Condition room_;
  // Guarded by mutex_:
  std::size_t bytes_max_;
  std::deque<SlabPtr> slabs_;
  std::size_t slabs_events_ = 0;
  std::size_t slabs_bytes_ = 0;
  Clock::time_point due_ = Clock::time_point::max();  // of the slabs
  bool drained_ = false;                              // nothing more is coming for now
  std::size_t bytes_ = 0;
  std::uint64_t generation_ = 0;
  std::optional<TakeRequest> take_;
  std::optional<TakenPositions> taken_;
  std::vector<PartitionStop> stops_;
  std::vector<ReadingChange> changes_;
  bool rejoin_ = false;
  bool forget_ = false;
  bool stopping_ = false;
};

}  // namespace tidemark
