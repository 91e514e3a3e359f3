#include "pipeline/lane_writer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pipeline/batch_cut.h"

namespace tidemark {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdle{500};
constexpr milliseconds kBackOffFirst{50};
constexpr milliseconds kBackOffMost{15000};
constexpr std::chrono::seconds kResetAgain{60};
constexpr milliseconds kLastReport{2000};
constexpr milliseconds kAskReported{1000};
constexpr const char* kMadeAnewHint =
    "delete this partition's row in pipeline_watermarks to read the new topic from its beginning";

std::int64_t to_ms(std::chrono::steady_clock::duration time) {
  return std::chrono::duration_cast<milliseconds>(time).count();
}

// A smaller batch might do: statement_timeout, the server's memory.
bool is_too_much(const Error& error) {
  return error.sqlstate() == "57014" || error.sqlstate() == "53200";
}

std::string made_anew_text(Offset next) {
  return "the topic was made anew: the record at offset " + std::to_string(next.value - 1) +
         " is not the one that was applied";
}

}  // namespace

Lane::Writer::Writer(Shared& shared)
    : shared_(shared),
      target_(*shared.parts.target),
      batch_(*shared.parts.target, shared.config, shared.parts.raw_read),
      size_(shared.config.batch.rows_max),
      random_(shared.parts.random_seed) {
  target_.set_meanwhile([this] { return fold_ahead(); });
}

void Lane::Writer::run() {
  try {
    while (!shared_.buffer.stopping()) turn();
  } catch (const Error& error) {
    shared_.fail(error);
  } catch (const std::exception& error) {
    shared_.fail(Error(ErrorKind::fatal, std::string("a bug in the writer: ") + error.what()));
  }
  target_.rollback();
  shared_.buffer.stop();
  shared_.update([&](LaneState& state) { state.known = known_; });
  // Once more and for certain: what was reported last may be on its way when the group is left.
  if (!owns_ || shared_.buffer.stale(generation_)) return;
  const Reported last = report_offsets(kLastReport);
  shared_.update([&](LaneState& state) { state.last_report = last; });
}

void Lane::Writer::turn() {
  const auto waits_since = Clock::now();
  LaneBuffer::Work work = shared_.buffer.wait(wanted(), wait_until());
  idle_ += Clock::now() - waits_since;
  looked_ahead_ = false;
  if (work.stopping) return;
  if (work.slabs.empty() && !work.take && ready_ == 0) shared_.parts.end_raw_reads();
  if (shared_.buffer.stale(generation_)) forget_rows();
  if (work.take) take(*work.take);
  for (SlabPtr& slab : work.slabs) {
    if (slab->generation != generation_) {
      shared_.buffer.release(slab);
      continue;
    }
    if (owns_ && !slab->resumed.empty()) check_resumed(slab->resumed);
    ready_ += slab->events.size();
    pending_.push_back({std::move(slab), 0, false});
  }
  for (const PartitionStop& stop : work.stops) {
    if (stop.generation == generation_) stops_.push_back(stop);
  }
  if (work.slabs.empty() && ready_ == 0) {
    for (const PartitionStop& stop : std::exchange(stops_, {})) {
      stop_partition(stop.partition, stop.reason, stop.hint, -1);
    }
  }
  const std::vector<EventRef> batch = cut();
  if (!batch.empty()) {
    write(batch);
  } else {
    release_done();  // all that came may be of parked partitions
  }
  if (!looked_ahead_) batch_.forget_ahead();  // it was another batch
  make_room();
}

LaneBuffer::Wanted Lane::Writer::wanted() const {
  if (!owns_ || ready_ >= size_.rows()) return {};
  return {size_.rows() - ready_, shared_.config.batch.bytes_max, ready_ != 0};
}

// What is left of the slabs at hand is not kept waiting longer than they are; a full batch not at
// all.
Clock::time_point Lane::Writer::wait_until() const {
  const auto now = Clock::now();
  if (ready_ >= size_.rows()) return now;
  auto until = now + kIdle;
  if (const auto due = waiting_.next_due()) until = std::clamp(*due, now + milliseconds{1}, until);
  if (ready_ == 0) return until;
  for (const Pending& pending : pending_) until = std::min(until, pending.slab->due);
  return until;
}

// ---- taking over
// ---------------------------------------------------------------------------------

void Lane::Writer::begin_generation(std::uint64_t generation) {
  forget_rows();
  generation_ = generation;
}

void Lane::Writer::forget_rows() {
  for (const Pending& pending : pending_) shared_.buffer.release(pending.slab);
  pending_.clear();
  batch_.forget_ahead();
  waiting_.clear();
  stops_.clear();
  ready_ = 0;
  owns_ = false;
}

void Lane::Writer::take(const TakeRequest& request) {
  begin_generation(request.generation);
  unsigned tries = 0;
  while (!shared_.buffer.stopping() && !shared_.buffer.stale(request.generation)) {
    try {
      Assignment assignment = target_.take(request.partitions);
      *shared_.parts.let_in = true;
      std::vector<OwnedPartition> owned;
      TakenPositions answer;
      answer.generation = request.generation;
      for (std::size_t i = 0; i < assignment.partitions.size(); ++i) {
        const TakenPartition& taken = assignment.partitions[i];
        OwnedPartition partition;
        partition.at = taken.at;
        partition.partitions_of_stream = request.partitions_of_stream.at(i);
        partition.epoch = taken.epoch;
        partition.next = taken.next;
        partition.source_position = taken.source_position;
        partition.fingerprint = taken.fingerprint;
        note_fall(taken);
        check_taken(partition);
        if (!partition.stopped) answer.from.emplace_back(taken.at, taken.next);
        owned.push_back(std::move(partition));
      }
      shared_.parts.end_raw_reads();  // before the lane's own reading takes as much memory
      batch_.adopt(std::move(owned), std::move(assignment.held), std::move(assignment.hints));
      owns_ = true;
      for (std::uint32_t i = 0; i < batch_.partitions().size(); ++i) {
        const OwnedPartition& one = batch_.partitions()[i];
        if (one.stopped) note_state(i, "stopped", one.stop_reason);
      }
      note_partitions();
      report_offsets();
      shared_.buffer.answer(std::move(answer));
      shared_.parts.source->wake();
      return;
    } catch (const Error& error) {
      if (!back_off(error, tries)) return;
    }
  }
}

// Rows and positions fall together, so that reading again from there is all there is to do.
void Lane::Writer::note_fall(const TakenPartition& taken) {
  const auto known = known_.find(taken.at);
  if (known != known_.end() && (!taken.next || *taken.next < known->second)) {
    log_event(Level::warning, "position.fell_back",
              "the target holds less than this process had written: a failover to a standby that "
              "lagged, a restored backup, or a position set by hand; the rest is read again",
              {{"topic", taken.at.stream},
               {"partition", taken.at.partition.value},
               {"offset", taken.next ? taken.next->value : 0},
               {"was", known->second.value}});
  }
  if (taken.next) known_.insert_or_assign(taken.at, *taken.next);
}

// I7: the record before our position must still be the one that was applied. Compaction and
// retention may have removed it, which says nothing.
bool Lane::Writer::made_anew(const OwnedPartition& partition) const {
  if (!partition.next || !partition.fingerprint || partition.next->value == 0) return false;
  const Offset last{partition.next->value - 1};
  const auto record = shared_.parts.raw_read(partition.at, last);
  return record && fingerprint_of(record->view(partition.at, last)) != *partition.fingerprint;
}

void Lane::Writer::check_taken(OwnedPartition& partition) {
  if (!made_anew(partition)) return;
  partition.stopped = true;
  partition.stop_reason = made_anew_text(*partition.next);
  log_event(Level::error, "partition.stopped", partition.stop_reason,
            {{"topic", partition.at.stream},
             {"partition", partition.at.partition.value},
             {"offset", partition.next->value},
             {"hint", kMadeAnewHint}});
}

// A topic that is deleted and filled again at once goes on, for librdkafka, where it was. But with
// the topic Kafka forgets the offset that we have reported: where that is gone, the record tells.
void Lane::Writer::check_resumed(const std::vector<std::uint32_t>& resumed) {
  std::vector<StreamPartition> ask;
  for (const std::uint32_t i : resumed) {
    const OwnedPartition& partition = batch_.partitions().at(i);
    if (!partition.stopped && partition.next && partition.fingerprint) ask.push_back(partition.at);
  }
  if (ask.empty()) return;
  const std::vector<StreamPartition> gone = shared_.parts.source->unreported(ask, kAskReported);
  for (const std::uint32_t i : resumed) {
    const OwnedPartition& partition = batch_.partitions().at(i);
    if (std::find(gone.begin(), gone.end(), partition.at) == gone.end()) continue;
    bool anew = false;
    try {
      anew = made_anew(partition);
    } catch (const Error&) {  // nothing can be read now: as when Kafka does not answer above
    }
    if (anew) {
      stop_partition(i, made_anew_text(*partition.next), kMadeAnewHint, partition.next->value);
    }
  }
}

void Lane::Writer::stop_partition(std::uint32_t partition, const std::string& message,
                                  const std::string& hint, std::int64_t offset) {
  if (partition >= batch_.partitions().size() || batch_.partitions()[partition].stopped) return;
  const StreamPartition at = batch_.partitions()[partition].at;
  batch_.stop(partition, message);
  note_state(partition, "stopped", message);
  log_event(Level::error, "partition.stopped", message,
            {{"topic", at.stream},
             {"partition", at.partition.value},
             {"offset", offset},
             {"hint", hint}});
  note_partitions();
}

// For `status`, which asks the target. The log has said it already: a failure here is none.
void Lane::Writer::note_state(std::uint32_t partition, const std::string& state,
                              const std::string& reason) {
  const OwnedPartition& owned = batch_.partitions()[partition];
  try {
    target_.note(owned.at, owned.epoch, state, reason);
  } catch (const Error& error) {
    log_event(Level::debug, "state.not_noted", error.what(), {{"topic", owned.at.stream}});
  }
}

// ---- cutting
// -------------------------------------------------------------------------------------

std::vector<EventRef> Lane::Writer::cut() {
  if (!owns_ || (ready_ == 0 && waiting_.empty())) return {};
  std::vector<EventRef> batch = waiting_.due(size_.rows(), size_.limit(), Clock::now());
  of_waiting_ = !batch.empty();
  if (of_waiting_) return batch;
  BatchCut cut(size_.rows(), shared_.config.batch.bytes_max);
  cut.expect(std::min(ready_, size_.rows()));
  for (Pending& pending : pending_) {
    if (!std::exchange(pending.begun, true) && pending.slab->restarted) {
      waiting_.restarted(*pending.slab->restarted);
    }
    const std::size_t left = cut.take(*pending.slab, pending.next,
                                      [&](const EventRef& ref) { return waiting_.keep(ref); });
    ready_ -= left - pending.next;
    pending.next = left;
    if (left != pending.slab->events.size()) break;
  }
  return cut.done();
}

// While PostgreSQL works on a batch, the next one as cut() will put it together, if nothing comes
// in between; that is compared, so that a wrong guess costs its time and nothing else. True: done,
// or there is nothing to do.
bool Lane::Writer::fold_ahead() {
  // Large batches are those of a slow target: there the time is little, and the memory much.
  if (looked_ahead_ || !waiting_.empty() || size_.rows() > BatchSize::kRowsUsual) return true;
  std::vector<SlabPtr> slabs;
  if (ready_ < size_.rows()) slabs = shared_.buffer.peek(wanted());
  if (ready_ < size_.rows() && slabs.empty()) return false;
  looked_ahead_ = true;
  BatchCut cut(size_.rows(), shared_.config.batch.bytes_max);
  cut.expect(size_.rows());
  const auto none = [](const EventRef&) { return false; };
  std::vector<SlabPtr> used;
  const auto take = [&](const SlabPtr& slab, std::size_t next) {
    used.push_back(slab);
    return cut.take(*slab, next, none) == slab->events.size();
  };
  bool room = true;
  for (auto it = pending_.begin(); room && it != pending_.end(); ++it) {
    room = take(it->slab, it->next);
  }
  for (auto it = slabs.begin(); room && it != slabs.end(); ++it) room = take(*it, 0);
  batch_.fold_ahead(cut.done(), std::move(used));
  return true;
}

// A partition whose rows fill the buffer while they wait gives way, and is read again later; all
// do whose rows came under several layouts: once known, the decoder makes one of them.
void Lane::Writer::make_room() {
  if (waiting_.empty() || ready_ != 0 || !owns_) return;
  const bool split = waiting_.split();
  if (split || shared_.buffer.tight()) {
    while (const auto partition = waiting_.park(Clock::now())) {
      log_event(Level::info, "partition.parked",
                split ? "what waits came under several definitions of its table: it is read again"
                      : "what waits fills the buffer: its rows are dropped and read again later",
                {{"topic", batch_.partitions()[*partition].at.stream},
                 {"partition", batch_.partitions()[*partition].at.partition.value}});
      shared_.buffer.ask({generation_, *partition, false, std::nullopt});
      if (!split) break;
    }
    release_done();
    return;
  }
  for (const std::uint32_t partition : waiting_.unpark(Clock::now())) {
    shared_.buffer.ask({generation_, partition, true, batch_.partitions()[partition].next});
  }
}

// ---- writing
// -------------------------------------------------------------------------------------

// False: it is not in, and nothing may be that comes behind it.
bool Lane::Writer::write(const std::vector<EventRef>& batch) {
  const Written written = write_until_done(batch);
  if (written.parted) return write_parts(batch);
  if (!written.outcome) return false;
  settle_events(batch, *written.outcome);
  size_.note(batch.size(), written.took);
  after(*written.outcome, batch.size(), written.took);
  return true;
}

// What took too long, or too much memory, would do so for ever.
bool Lane::Writer::write_parts(const std::vector<EventRef>& batch) {
  ++parting_;
  bool all = true;
  for (auto next = batch.begin(); all && next != batch.end();) {
    std::vector<EventRef> part;
    for (; next != batch.end() && part.size() < size_.rows(); ++next) {
      // A part may have left partitions to wait, which what follows of them then does too.
      if (!waiting_.keep(*next)) part.push_back(*next);
    }
    all = part.empty() || write(part);
  }
  if (--parting_ == 0) release_done();
  return all;
}

Lane::Writer::Written Lane::Writer::write_until_done(const std::vector<EventRef>& batch) {
  unsigned tries = 0;
  bool in_doubt = false;
  while (!shared_.buffer.stopping() && !shared_.buffer.stale(generation_)) {
    const auto begin = Clock::now();
    try {
      if (in_doubt) {
        auto settled = batch_.settle();
        in_doubt = false;
        if (settled) return {std::move(settled), Clock::now() - begin};
      }
      WriteOutcome outcome = batch_.write(batch);
      return {std::move(outcome), Clock::now() - begin};
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::in_doubt) {
        in_doubt = true;
        log_event(
            Level::warning, "commit.in_doubt",
            "the connection was lost during COMMIT; the position will tell whether it was done",
            {{"error", error.what()}});
        continue;
      }
      if (!back_off(error, tries)) return {};
      if (in_doubt || !is_too_much(error) || batch.size() < 2) continue;
      size_.note_refused(batch.size());
      if (of_waiting_) waiting_.put_off(Clock::now());
      return {std::nullopt, {}, !of_waiting_};
    }
  }
  return {};
}

// The one place that decides by kind. True: try again.
bool Lane::Writer::back_off(const Error& error, unsigned& tries) {
  switch (error.kind()) {
    case ErrorKind::fenced:
      log_event(Level::warning, "lane.fenced",
                "a position is not as this process left it: another one has taken the partition "
                "over, or the target is an older state; joining the group anew",
                {{"lane", shared_.number}, {"error", error.what()}});
      forget_rows();
      shared_.buffer.ask_rejoin(false);
      return false;
    case ErrorKind::data:
    case ErrorKind::waiting:
      give_up(error);
      return false;
    case ErrorKind::fatal:
      if (heals(error)) break;
      give_up(error);
      return false;
    case ErrorKind::retry:
    case ErrorKind::in_doubt:
      break;
  }
  const auto most = std::min(kBackOffMost, kBackOffFirst * (1 << std::min(tries, 9U)));
  const milliseconds pause{
      static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count())) + 1};
  ++tries;
  shared_.wait_for(error.what());
  const Level loud = error.kind() == ErrorKind::fatal ? Level::error : Level::warning;
  log_event(tries == 1 || tries % 10 == 0 ? loud : Level::debug, "target.retry",
            "PostgreSQL cannot take the batch now; trying again",
            {{"lane", shared_.number},
             {"retries", tries},
             {"sqlstate", error.sqlstate()},
             {"error", error.what()},
             {"hint", error.hint()}});
  shared_.buffer.sleep(pause, generation_);
  return true;
}

// What is a wrong setting at the start, and under a running process a password that is being
// changed.
bool Lane::Writer::heals(const Error& error) const {
  return error.sqlstate().starts_with("28") && *shared_.parts.let_in;
}

// A wrong idea of the tables may be the cause: once, everything is read and bound anew.
void Lane::Writer::give_up(const Error& error) {
  const bool about_tables = error.sqlstate().starts_with("42") && error.sqlstate() != "42501";
  const bool already = reset_at_ != Clock::time_point{} &&
                       (commit_at_ < reset_at_ || Clock::now() - reset_at_ < kResetAgain);
  if (!about_tables || already) throw error;  // NOLINT(cert-err60-cpp)
  reset_at_ = Clock::now();
  log_event(Level::warning, "tables.forgotten",
            "the target's tables are not as they were; reading them anew",
            {{"sqlstate", error.sqlstate()}, {"error", error.what()}});
  forget_rows();
  shared_.buffer.ask_rejoin(true);
}

// What was written is done with; what waits is kept in order; a stopped partition's rest is
// dropped.
void Lane::Writer::settle_events(const std::vector<EventRef>& batch, const WriteOutcome& outcome) {
  for (const PartitionHold& hold : outcome.holds) {
    if (!hold.waiting) {
      stop_partition(hold.partition,
                     hold.message + (hold.table.empty() ? "" : " (table " + hold.table + ")"),
                     hold.hint, hold.offset.value);
      continue;
    }
    const unsigned tries = waiting_.hold(hold.partition, hold.offset, batch, Clock::now());
    const StreamPartition& at = batch_.partitions()[hold.partition].at;
    log_event(Level::warning, "partition.waiting", hold.message,
              {{"topic", at.stream},
               {"partition", at.partition.value},
               {"offset", hold.offset.value},
               {"table", hold.table},
               {"sqlstate", hold.sqlstate},
               {"retries", tries}});
    note_state(hold.partition, "waiting", hold.message);
  }
  for (std::uint32_t i = 0; i < batch_.partitions().size(); ++i) {
    waiting_.settle(i, batch_.partitions()[i].next, batch_.partitions()[i].stopped);
  }
  release_done();
}

void Lane::Writer::release_done() {
  if (parting_ != 0) return;  // what is still to be written of the batch is in slabs that are cut
  const std::set<const Slab*> waiting = waiting_.slabs();
  std::erase_if(pending_, [&](const Pending& pending) {
    if (pending.next != pending.slab->events.size() || !pending.begun ||
        waiting.contains(pending.slab.get())) {
      return false;
    }
    shared_.buffer.release(pending.slab);
    return true;
  });
}

void Lane::Writer::after(const WriteOutcome& outcome, std::size_t events, Clock::duration took) {
  commit_at_ = Clock::now();
  for (const OwnedPartition& partition : batch_.partitions()) {
    if (partition.next) known_.insert_or_assign(partition.at, *partition.next);
  }
  report_offsets();
  note_partitions();
  const WriterTimes times = this->times();
  shared_.update([&](LaneState& state) {
    state.events += outcome.events + outcome.skipped;
    state.batches += 1;
    state.dead_letters += outcome.dead_letters;
    state.times.writer = times;
    state.waiting_for.clear();
  });
  log_event(Level::debug, "batch.committed", "",
            {{"lane", shared_.number},
             {"rows", outcome.counts.upserted + outcome.counts.removed},
             {"batch", events},
             {"duration_ms", to_ms(took)}});
}

// A report for the tools that read group offsets, also of positions just taken: after a restart, or
// with a new group, they show what the target holds.
Reported Lane::Writer::report_offsets(milliseconds patience) {
  std::vector<std::pair<StreamPartition, Offset>> next;
  for (const OwnedPartition& partition : batch_.partitions()) {
    if (partition.next) next.emplace_back(partition.at, *partition.next);
  }
  return shared_.parts.source->commit(next, patience);
}

WriterTimes Lane::Writer::times() const {
  WriterTimes times = batch_.times();
  times.idle = idle_;
  times.rest = Clock::now() - began_ - times.idle - times.fold - times.encode - times.postgresql -
               times.commit;
  return times;
}

void Lane::Writer::note_partitions() {
  shared_.update([&](LaneState& state) {
    if (shared_.buffer.stale(generation_)) return;  // what the reader has cleared stays so
    state.partitions.resize(batch_.partitions().size());
    for (std::size_t i = 0; i < state.partitions.size(); ++i) {
      const OwnedPartition& owned = batch_.partitions()[i];
      PartitionProgress& partition = state.partitions[i];
      partition.at = owned.at;
      partition.committed = owned.next;
      partition.stopped = owned.stopped;
      partition.waiting = waiting_.contains(static_cast<std::uint32_t>(i));
      partition.stop_reason = owned.stop_reason;
    }
  });
}

}  // namespace tidemark
