// Decoded events into the tables, inside a transaction that somebody else has begun: key changes
// locked, the run folded, the result written. A batch and a replay of dead letters differ in what
// stands around this, and in nothing here.
// Not thread-safe: it belongs to one target.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "batch/fold.h"
#include "pipeline/stage_times.h"
#include "tidemark/config.h"
#include "tidemark/error.h"
#include "tidemark/target.h"

namespace tidemark {

class EventApplier {
 public:
  EventApplier(Target& target, const Config& config);

  // By Event::partition; `hints`: what waits under keys of these partitions. Whoever calls keeps
  // the streams' names alive.
  void adopt(std::vector<FoldPartition> partitions, std::vector<KeyChangeHint> hints);
  // A transaction begins; what was noted since the last committed() did not happen.
  void begin();
  void committed();

  // The result equals applying them one at a time (I5). Throws Error; of kind data or waiting, the
  // caller goes back to a savepoint.
  WriteCounts apply(const std::vector<EventRef>& events);
  // Folds what the next apply() will perhaps be given, if that needs nothing from the target; it
  // keeps `slabs`, which hold the events. Meanwhile another apply() may be under way.
  void fold_ahead(std::vector<EventRef> events, std::vector<SlabPtr> slabs);
  void forget_ahead() { ahead_.reset(); }
  // The server's error says the type and not the column: the same error with it.
  Error with_column(const EventRef& ref, const Error& error);
  // What apply() has taken so far: fold and encode.
  [[nodiscard]] const WriterTimes& times() const { return times_; }

 private:
  std::vector<KeyChangeRow> lock_key_changes(const std::vector<EventRef>& events,
                                             const std::vector<KeyChangeId>& needed);
  std::vector<KeyChangeHint> waiting_rows();
  static bool add_waiting(const std::vector<EventRef>& events,
                          const std::vector<KeyChangeHint>& waiting, std::set<std::string>& locked,
                          std::vector<KeyChangeId>& ids);
  void lock_linked(const std::vector<KeyChangeId>& ids, std::vector<KeyChangeRow>& rows);
  void answer(std::vector<RowProbe>& probes);
  [[nodiscard]] bool is_ahead(const std::vector<EventRef>& events) const;
  const FoldedBatch& fold(Fold& with, const std::vector<EventRef>& events,
                          const std::vector<KeyChangeRow>& rows,
                          const std::vector<RowProbe>& probes) const;

  Target& target_;
  const Config& config_;
  // Two, since the one holds what is being written while the other folds what comes next.
  std::array<Fold, 2> folds_;
  std::size_t current_ = 0;
  struct Ahead {
    std::vector<EventRef> events;
    std::vector<SlabPtr> slabs;           // so that no other event can be where one of these was
    const FoldedBatch* folded = nullptr;  // by the fold that is not the current one
  };
  std::optional<Ahead> ahead_;
  std::vector<FoldPartition> partitions_;
  std::vector<KeyChangeHint> hints_;
  std::vector<KeyChangeHint> hints_pending_;
  WriterTimes times_;
};

}  // namespace tidemark
