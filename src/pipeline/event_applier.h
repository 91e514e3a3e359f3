// Decoded events into the tables, inside a transaction that somebody else has begun: key changes
// locked, the run folded, the result written. A batch and a replay of dead letters differ in what
// stands around this, and in nothing here.
// Not thread-safe: it belongs to one target.
#pragma once

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

  Target& target_;
  const Config& config_;
  Fold fold_;
  std::vector<FoldPartition> partitions_;
  std::vector<KeyChangeHint> hints_;
  std::vector<KeyChangeHint> hints_pending_;
  WriterTimes times_;
};

}  // namespace tidemark
