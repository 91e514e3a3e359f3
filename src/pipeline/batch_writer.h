// One run of events into one transaction: the fence first, DDL, the folded rows, dead letters,
// COMMIT. Decides what happens to a record that cannot be applied; what happens to a connection
// that is lost is the lane's decision, by the Error that comes out of here.
//
// Promises (the invariants of pipeline/lane.h that are kept here):
//  W1 The rows and the positions of a run are written in one transaction (I1), the fence is its
//  first
//     statement (I3).
//  W2 Every event of the run is applied, folded, skipped by a named rule, dead-lettered in that
//     transaction, or left for later with everything behind it in its partition (I4).
//  W3 The result equals applying the events one at a time in the order given (I5): a run that fails
//     on data is applied in halves, in order, down to the event.
// Not thread-safe: it belongs to its lane's writer thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "batch/fold.h"
#include "batch/source_progress.h"
#include "pipeline/event_applier.h"
#include "pipeline/held_keys.h"
#include "pipeline/stage_times.h"
#include "tidemark/change.h"
#include "tidemark/config.h"
#include "tidemark/error.h"
#include "tidemark/source.h"
#include "tidemark/target.h"

namespace tidemark {

struct OwnedPartition {
  StreamPartition at;
  std::int32_t partitions_of_stream = 1;
  Epoch epoch;
  std::optional<Offset> next;
  std::string source_position;
  std::optional<std::uint64_t> fingerprint;  // of the record before `next`
  SourceProgress progress;
  bool stopped = false;
  std::string stop_reason;
};

// A partition that does not go on behind `offset`.
struct PartitionHold {
  std::uint32_t partition = 0;
  Offset offset;
  bool waiting = false;  // for a row of another partition: try again; else it has stopped
  std::string table, message, hint, sqlstate;
};

struct WriteOutcome {
  std::uint64_t events = 0;
  std::uint64_t skipped = 0;
  std::uint64_t dead_letters = 0;
  WriteCounts counts;
  bool schema_changed = false;
  std::vector<PartitionHold> holds;
};

// Reads a record again from Kafka, byte for byte.
using RawRead = std::function<std::optional<OwnedRecord>(const StreamPartition&, Offset)>;

class BatchWriter {
 public:
  BatchWriter(Target& target, const Config& config, RawRead raw_read);

  void adopt(std::vector<OwnedPartition> partitions, std::vector<HeldKey> held,
             std::vector<KeyChangeHint> hints);

  // Applies the events. Throws Error of kind retry, in_doubt, fenced or fatal; after retry call it
  // again with the same events, after in_doubt call settle() first.
  WriteOutcome write(std::vector<EventRef> events);
  // After in_doubt: the outcome, if the commit had happened; none: write again.
  std::optional<WriteOutcome> settle();

  // In the middle of write(), while the target is busy: the events that the next call will have,
  // perhaps, and the slabs that hold them. What can be done of it now is.
  void fold_ahead(std::vector<EventRef> events, std::vector<SlabPtr> slabs);
  void forget_ahead() { applier_.forget_ahead(); }

  // Marks a partition as stopped (the source says it cannot go on).
  void stop(std::uint32_t partition, const std::string& reason);
  [[nodiscard]] const std::vector<OwnedPartition>& partitions() const { return partitions_; }
  // Of all calls so far; idle and rest are the caller's to know.
  [[nodiscard]] WriterTimes times() const;

 private:
  struct Plan {
    std::vector<EventRef> events;  // what takes part, in order
    std::vector<PositionMove> moves;
    std::vector<std::uint32_t> moved;    // partitions, parallel to moves
    std::vector<std::uint32_t> move_of;  // by partition: its place in moves + 1; 0: none yet
    std::map<std::uint32_t, SourceProgress> progress;
    WriteOutcome outcome;
  };

  Plan plan(const std::vector<EventRef>& events, const std::vector<PartitionHold>& holds);
  bool admit(const EventRef& ref, Plan& plan);
  void note_progress(Plan& plan);
  void note_move(const EventRef& ref, Plan& plan);
  void attempt(Plan& plan, bool careful);
  void apply_run(const std::vector<EventRef>& events, WriteOutcome& outcome);
  void apply(const std::vector<EventRef>& events, WriteOutcome& outcome);
  void apply_halves(const std::vector<EventRef>& events, WriteOutcome& outcome);
  void pass_letters(const EventRef& ref);
  void refuse(const EventRef& ref, const Error& refused, WriteOutcome& outcome);
  void keep_bytes(std::optional<OwnedRecord> raw, DeadLetter& letter) const;
  void write_letter(const EventRef& ref, const std::string& kind, const Error& error,
                    WriteOutcome& outcome);
  void check_rate(WriteOutcome& outcome);
  [[nodiscard]] bool is_held(const EventRef& ref) const;
  void finish(Plan& plan);

  Target& target_;
  const Config& config_;
  RawRead raw_read_;
  EventApplier applier_;

  std::vector<OwnedPartition> partitions_;
  HeldKeys held_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> recent_;  // records, dead letters a batch
  std::uint64_t recent_records_ = 0;
  std::uint64_t recent_letters_ = 0;
  std::optional<Plan> in_doubt_;
  StageTime commit_{};
};

}  // namespace tidemark
