#include "pipeline/batch_writer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "batch/source_order.h"

namespace tidemark {

namespace {

// Thrown inside an attempt: it must be made again without the tail of one partition.
struct Held {
  PartitionHold hold;
};

constexpr std::uint64_t kRateWindowRecords = 10000;
constexpr std::uint64_t kRateLettersMin = 100;

// The target's name: held keys are found again by it (Target::take).
std::string table_of(const EventRef& ref) {
  if (ref.event->layout != nullptr) return ref.event->layout->target.display();
  if (ref.event->op == Op::bad) return ref.slab->bad[ref.event->bad].table;
  return {};
}

// Never 0, which says that there is no key change.
std::uint32_t change_hash(const EventRef& ref) {
  const std::string_view key = ref.key();
  const auto seed = static_cast<std::uint32_t>(ref.event->op);
  return XXH32(key.data(), key.size(), seed) | 1U;
}

bool has_key(const Event& event) {
  return event.layout != nullptr && !event.layout->keyless() && event.key.length != 0;
}

}  // namespace

BatchWriter::BatchWriter(Target& target, const Config& config, RawRead raw_read)
    : target_(target), config_(config), raw_read_(std::move(raw_read)) {}

void BatchWriter::adopt(std::vector<OwnedPartition> partitions, std::vector<HeldKey> held,
                        std::vector<KeyChangeHint> hints) {
  partitions_ = std::move(partitions);
  fold_partitions_.clear();
  for (OwnedPartition& partition : partitions_) {
    partition.progress = SourceProgress(partition.source_position);
    fold_partitions_.push_back(
        {partition.at.stream, partition.at.partition.value, partition.partitions_of_stream});
  }
  held_.clear();
  for (HeldKey& key : held) held_.insert({std::move(key.table), std::move(key.key)});
  hints_ = std::move(hints);
  in_doubt_.reset();
}

void BatchWriter::stop(std::uint32_t partition, const std::string& reason) {
  partitions_.at(partition).stopped = true;
  partitions_.at(partition).stop_reason = reason;
}

// Each round either commits, or learns of one partition that must be left behind, or tries a better
// way once: so it ends.
WriteOutcome BatchWriter::write(std::vector<EventRef> events) {
  std::vector<PartitionHold> holds;
  bool careful = false;
  bool source_order = false;
  // So that what is cut off is what the source's own constraints have seen. True: now it is.
  const auto order = [&] {
    if (source_order) return false;
    events = in_source_order(std::move(events));
    return source_order = true;
  };
  while (true) {
    Plan run = plan(events, holds);
    if (run.moves.empty()) return std::move(run.outcome);
    try {
      attempt(run, careful);
      finish(run);
      return std::move(run.outcome);
    } catch (const Held& held) {
      target_.rollback();
      if (!held.hold.waiting || !order()) holds.push_back(held.hold);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::in_doubt) {
        in_doubt_ = std::move(run);
        throw;
      }
      target_.rollback();
      const bool waits = error.kind() == ErrorKind::waiting;
      if ((!waits && error.kind() != ErrorKind::data) || careful) throw;
      log_event(
          Level::info, "batch.split", "a batch failed on data and is applied in halves",
          {{"rows", run.events.size()}, {"sqlstate", error.sqlstate()}, {"error", error.what()}});
      careful = true;
      if (waits) order();
    }
  }
}

std::optional<WriteOutcome> BatchWriter::settle() {
  if (!in_doubt_) return std::nullopt;
  const CommitFate fate = target_.settle(in_doubt_->moves);
  Plan run = std::move(*in_doubt_);
  in_doubt_.reset();
  if (fate == CommitFate::rolled_back) return std::nullopt;
  finish(run);
  return std::move(run.outcome);
}

// ---- what takes part
// -----------------------------------------------------------------------------

BatchWriter::Plan BatchWriter::plan(const std::vector<EventRef>& events,
                                    const std::vector<PartitionHold>& holds) {
  Plan run;
  run.outcome.holds = holds;
  run.events.reserve(events.size());
  run.move_of.resize(partitions_.size());
  std::vector<std::optional<Offset>> ends(partitions_.size());
  for (const PartitionHold& hold : holds) ends[hold.partition] = hold.offset;
  for (const EventRef& ref : events) {
    const Event& event = *ref.event;
    if (partitions_[event.partition].stopped) continue;
    if (ends[event.partition] && event.offset >= *ends[event.partition]) continue;
    if (event.op == Op::bad) {
      const BadRecord& bad = ref.slab->bad[event.bad];
      if (bad.halt || config_.errors.on_bad_record == OnBadRecord::stop) {
        run.outcome.holds.push_back(
            {event.partition, event.offset, false, bad.table, bad.message, bad.hint, {}});
        ends[event.partition] = event.offset;
        continue;
      }
    }
    note_move(ref, run);
    if (event.op == Op::skip || !admit(ref, run)) {
      ++run.outcome.skipped;
    } else {
      run.events.push_back(ref);
    }
  }
  note_progress(run);
  return run;
}

void BatchWriter::note_progress(Plan& plan) {
  for (std::size_t i = 0; i < plan.moved.size(); ++i) {
    const auto progress = plan.progress.find(plan.moved[i]);
    if (progress == plan.progress.end()) continue;
    std::string text = progress->second.text();
    if (!text.empty()) plan.moves[i].source_position = std::move(text);
  }
}

// False: a repetition, or a tombstone where there is no key.
bool BatchWriter::admit(const EventRef& ref, Plan& plan) {
  const Event& event = *ref.event;
  if (event.layout == nullptr) return true;
  const bool keyless = event.layout->keyless();
  const bool tombstone = event.op == Op::tombstone;
  if (keyless && tombstone) return false;
  if (event.source_position.length == 0 && !tombstone) return true;
  auto [at, added] =
      plan.progress.try_emplace(event.partition, partitions_[event.partition].progress);
  return at->second.admit({ref.source_position(), tombstone, event.source_time_us,
                           event.op == Op::snapshot, keyless,
                           ref.is_key_change() ? change_hash(ref) : 0});
}

void BatchWriter::note_move(const EventRef& ref, Plan& plan) {
  const Event& event = *ref.event;
  std::uint32_t& place = plan.move_of[event.partition];
  if (place == 0) {
    const OwnedPartition& partition = partitions_[event.partition];
    plan.moved.push_back(event.partition);
    plan.moves.push_back({partition.at, partition.epoch, partition.next, {}, 0, 0, {}, 0});
    place = static_cast<std::uint32_t>(plan.moves.size());
  }
  PositionMove& move = plan.moves[place - 1];
  move.to = event.offset.next();
  move.records += 1;
  move.fingerprint = event.fingerprint;
  move.source_time_us = std::max(move.source_time_us, event.source_time_us);
  if (event.source_position.length != 0) move.source_position = ref.source_position();
}

// ---- one attempt
// ---------------------------------------------------------------------------------

void BatchWriter::attempt(Plan& plan, bool careful) {
  held_pending_.clear();
  hints_pending_.clear();
  target_.begin(plan.moves);
  std::unordered_set<const Layout*> ensured;
  const Layout* last = nullptr;
  for (const EventRef& ref : plan.events) {
    const Layout* layout = ref.event->layout;
    if (layout == last || layout == nullptr || ref.event->op == Op::bad) continue;
    last = layout;
    if (!ensured.insert(layout).second) continue;
    plan.outcome.schema_changed = target_.ensure(*layout) || plan.outcome.schema_changed;
  }
  plan.outcome.events = plan.events.size();
  if (careful) {
    apply_halves(plan.events, plan.outcome);
  } else {
    apply_run(plan.events, plan.outcome);
  }
  check_rate(plan.outcome);
  target_.commit();
}

// Without its bad and held events, which become dead letters, in the order in which they came.
void BatchWriter::apply_run(const std::vector<EventRef>& events, WriteOutcome& outcome) {
  const bool plain = held_.empty() && held_pending_.empty() &&
                     std::none_of(events.begin(), events.end(),
                                  [](const EventRef& ref) { return ref.event->op == Op::bad; });
  if (plain) {
    fold_and_write(events, outcome);
    return;
  }
  std::vector<EventRef> good;
  good.reserve(events.size());
  for (const EventRef& ref : events) {
    if (ref.event->op == Op::bad) {
      const BadRecord& bad = ref.slab->bad[ref.event->bad];
      write_letter(ref, "decode", Error(ErrorKind::data, bad.message, bad.hint), outcome);
    } else if (is_held(ref)) {
      write_letter(ref, "held",
                   Error(ErrorKind::data, "an earlier event of this key is a dead letter",
                         "replay the dead letters of the key in order"),
                   outcome);
    } else {
      good.push_back(ref);
    }
  }
  fold_and_write(good, outcome);
}

// W3.
void BatchWriter::apply_halves(const std::vector<EventRef>& events, WriteOutcome& outcome) {
  if (events.empty()) return;
  const WriteOutcome before = outcome;
  const std::set<HeldSpot> held_before = held_pending_;
  target_.savepoint();
  try {
    apply_run(events, outcome);
    target_.release_savepoint();
    return;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data && error.kind() != ErrorKind::waiting) throw;
    target_.rollback_to_savepoint();
    outcome = before;
    held_pending_ = held_before;
    if (events.size() == 1) {
      refuse(events.front(), error, outcome);
      return;
    }
  }
  const auto middle = events.begin() + static_cast<std::ptrdiff_t>(events.size() / 2);
  apply_halves({events.begin(), middle}, outcome);
  apply_halves({middle, events.end()}, outcome);
}

void BatchWriter::fold_and_write(const std::vector<EventRef>& events, WriteOutcome& outcome) {
  FoldNeeds needs = needs_of(events, fold_partitions_);
  const std::vector<KeyChangeRow> rows = lock_key_changes(events, needs.key_changes);
  if (!needs.probes.empty()) answer(needs.probes);
  FoldContext context;
  context.partitions = &fold_partitions_;
  context.key_changes = &rows;
  context.probes = &needs.probes;
  context.deletes_enabled = config_.target.delete_enabled;
  const FoldedBatch& folded = fold_.fold(events, context);
  const WriteCounts counts = target_.write(folded);
  outcome.counts.upserted += counts.upserted;
  outcome.counts.removed += counts.removed;
  for (const KeyChangeLeft& left : folded.key_changes_left) {
    if (left.side != 'c' || !left.has_row || is_link(left.at_key)) continue;
    hints_pending_.push_back({{std::string(left.id.stream), Partition{left.partition}},
                              left.id.layout->target,
                              std::string(left.id.old_key),
                              std::string(left.id.new_key),
                              std::string(left.id.position),
                              std::string(left.at_key)});
  }
}

// ---- key changes
// ---------------------------------------------------------------------------------

// The changes of the run, and those whose incomplete rows live under its keys. Another lane may
// move such a row to a key of ours at any time, but only under the lock of the change that waited
// there before: so once that lock is ours, we look again.
std::vector<KeyChangeRow> BatchWriter::lock_key_changes(const std::vector<EventRef>& events,
                                                        const std::vector<KeyChangeId>& needed) {
  std::vector<KeyChangeRow> rows;
  std::set<std::string> locked;
  std::vector<KeyChangeId> ids = needed;
  std::deque<std::vector<KeyChangeHint>> looks;  // ids point into them
  while (true) {
    looks.push_back(waiting_rows());
    const bool more = add_waiting(events, looks.back(), locked, ids);
    if (!ids.empty()) lock_linked(ids, rows);
    if (!more) return rows;
    ids.clear();
  }
}

// A topic of one partition has one owner: what waits under its keys is what we left there.
std::vector<KeyChangeHint> BatchWriter::waiting_rows() {
  std::vector<StreamPartition> shared;
  for (const OwnedPartition& partition : partitions_) {
    if (partition.partitions_of_stream > 1) shared.push_back(partition.at);
  }
  std::vector<KeyChangeHint> out = hints_;
  out.insert(out.end(), hints_pending_.begin(), hints_pending_.end());
  if (shared.empty()) return out;
  std::vector<KeyChangeHint> now = target_.waiting_rows(shared);
  out.insert(out.end(), std::make_move_iterator(now.begin()), std::make_move_iterator(now.end()));
  return out;
}

// Adds to `ids` the changes among `waiting` that events touch and that are not locked yet.
bool BatchWriter::add_waiting(const std::vector<EventRef>& events,
                              const std::vector<KeyChangeHint>& waiting,
                              std::set<std::string>& locked, std::vector<KeyChangeId>& ids) {
  if (waiting.empty()) return false;
  std::unordered_multimap<std::string_view, const KeyChangeHint*> by_key;
  for (const KeyChangeHint& hint : waiting) by_key.emplace(hint.at_key, &hint);
  bool added = false;
  for (const EventRef& ref : events) {
    if (!has_key(*ref.event)) continue;
    const auto [first, last] = by_key.equal_range(ref.key());
    for (auto it = first; it != last; ++it) {
      const KeyChangeHint& hint = *it->second;
      if (hint.table != ref.event->layout->target) continue;
      if (!locked.insert(hint.table.quoted() + make_link(hint.old_key, hint.new_key, "")).second) {
        continue;
      }
      ids.push_back({ref.event->layout, hint.at.stream, hint.old_key, hint.new_key, hint.position});
      added = true;
    }
  }
  return added;
}

// A row that is linked to another one brings that one along, until nothing new comes.
void BatchWriter::lock_linked(const std::vector<KeyChangeId>& ids,
                              std::vector<KeyChangeRow>& rows) {
  const auto add = [&](std::vector<KeyChangeRow> found) {
    for (KeyChangeRow& row : found) {
      const bool have = std::any_of(rows.begin(), rows.end(),
                                    [&](const KeyChangeRow& other) { return other.id == row.id; });
      if (!have) rows.push_back(std::move(row));
    }
  };
  add(target_.lock_key_changes(ids));
  for (int round = 0; round < 8; ++round) {
    std::vector<KeyChangeLink> links;
    std::vector<KeyChangeId> missing;
    links.reserve(rows.size());
    for (const KeyChangeRow& row : rows) {
      if (!is_link(row.at_key)) continue;
      links.push_back(parse_link(row.at_key));
      const KeyChangeLink& link = links.back();
      const bool have = std::any_of(rows.begin(), rows.end(), [&](const KeyChangeRow& other) {
        return other.layout == row.layout && other.old_key == link.old_key &&
               other.new_key == link.new_key && other.position == link.position;
      });
      if (!have) missing.push_back({row.layout, {}, link.old_key, link.new_key, link.position});
    }
    if (missing.empty()) return;
    add(target_.lock_key_changes(missing));
  }
}

void BatchWriter::answer(std::vector<RowProbe>& probes) {
  std::unordered_map<const Layout*, std::vector<std::size_t>> by_layout;
  for (std::size_t i = 0; i < probes.size(); ++i) by_layout[probes[i].layout].push_back(i);
  for (const auto& [layout, indices] : by_layout) {
    std::vector<std::string_view> keys;
    keys.reserve(indices.size());
    for (const std::size_t i : indices) keys.push_back(probes[i].key);
    const std::vector<bool> there = target_.rows_exist(*layout, keys);
    for (std::size_t i = 0; i < indices.size(); ++i) probes[indices[i]].row_is_there = there[i];
  }
}

// ---- records that cannot be applied
// --------------------------------------------------------------

bool BatchWriter::is_held(const EventRef& ref) const {
  if (held_.empty() && held_pending_.empty()) return false;
  if (!has_key(*ref.event)) return false;
  const HeldSpot spot{ref.event->layout->target, std::string(ref.key())};
  return held_.contains(spot) || held_pending_.contains(spot);
}

// The server's error says the type and not the column.
Error BatchWriter::with_column(const EventRef& ref, const Error& error) {
  const bool of_value = error.kind() == ErrorKind::data && error.sqlstate().starts_with("22");
  if (!of_value || ref.event->row.length == 0) return error;
  const std::string column = target_.refused_column(*ref.event->layout, ref.row());
  if (column.empty()) return error;
  return Error(error.kind(), column + " cannot hold the record's value: " + error.what(),
               error.hint().empty()
                   ? "correct the row at the source, or the column's type in the target"
                   : error.hint(),
               error.sqlstate());
}

void BatchWriter::refuse(const EventRef& ref, const Error& refused, WriteOutcome& outcome) {
  const Error error = with_column(ref, refused);
  const bool waiting = error.kind() == ErrorKind::waiting;
  if (waiting || config_.errors.on_bad_record == OnBadRecord::stop) {
    throw Held{{ref.event->partition, ref.event->offset, waiting, table_of(ref), error.what(),
                error.hint(), error.sqlstate()}};
  }
  write_letter(ref, "data", error, outcome);
}

void BatchWriter::write_letter(const EventRef& ref, const std::string& kind, const Error& error,
                               WriteOutcome& outcome) {
  const StreamPartition& at = partitions_[ref.event->partition].at;
  DeadLetter letter;
  letter.at = at;
  letter.offset = ref.event->offset;
  std::optional<OwnedRecord> raw = raw_read_(at, ref.event->offset);
  letter.hint = error.hint();
  if (raw) {
    letter.key = std::move(raw->key);
    letter.value = std::move(raw->value);
    letter.headers = std::move(raw->headers);
  } else {
    letter.hint += letter.hint.empty() ? "" : "; ";
    letter.hint += "Kafka does not hold the record any more, so its bytes are not kept here";
  }
  letter.table = table_of(ref);
  letter.kind = kind;
  letter.sqlstate = error.sqlstate();
  letter.message = error.what();
  if (has_key(*ref.event)) {
    letter.row_key = ref.key();
    if (config_.errors.hold_key) {
      held_pending_.insert({ref.event->layout->target, letter.row_key});
    }
  }
  target_.dead_letter(letter);
  ++outcome.dead_letters;
  log_event(Level::warning, "record.dead_lettered", error.what(),
            {{"topic", at.stream},
             {"partition", at.partition.value},
             {"offset", ref.event->offset.value},
             {"table", letter.table},
             {"kind", kind},
             {"sqlstate", error.sqlstate()},
             {"hint", letter.hint}});
}

// More than this is a bad setting, not bad data: an empty topic and a full table help nobody.
void BatchWriter::check_rate(WriteOutcome& outcome) {
  const std::uint64_t letters = recent_letters_ + outcome.dead_letters;
  const std::uint64_t records = recent_records_ + outcome.events;
  if (outcome.dead_letters == 0 || letters < kRateLettersMin) return;
  const double limit = config_.errors.dead_letter_rate_max;
  const auto of = static_cast<double>(std::max(records, kRateWindowRecords));
  if (static_cast<double>(letters) <= limit * of) return;
  throw Error(ErrorKind::fatal,
              std::to_string(letters) + " of the last " + std::to_string(records) +
                  " records cannot be applied: more than dead-letter-max-rate allows",
              "so many are a wrong setting rather than bad data; see the last record.dead_lettered "
              "lines in the log, mend the cause or raise dead-letter-max-rate, and start again");
}

// ---- after COMMIT
// --------------------------------------------------------------------------------

void BatchWriter::finish(Plan& plan) {
  for (std::size_t i = 0; i < plan.moves.size(); ++i) {
    OwnedPartition& partition = partitions_[plan.moved[i]];
    partition.next = plan.moves[i].to;
    if (!plan.moves[i].source_position.empty()) {
      partition.source_position = plan.moves[i].source_position;
    }
  }
  for (const auto& [partition, progress] : plan.progress)
    partitions_[partition].progress = progress;
  held_.merge(held_pending_);
  held_pending_.clear();
  hints_.insert(hints_.end(), hints_pending_.begin(), hints_pending_.end());
  hints_pending_.clear();
  if (hints_.size() > 10000) hints_.erase(hints_.begin(), hints_.begin() + 5000);
  recent_.emplace_back(plan.outcome.events, plan.outcome.dead_letters);
  recent_records_ += plan.outcome.events;
  recent_letters_ += plan.outcome.dead_letters;
  while (recent_.size() > 1 && recent_records_ - recent_.front().first >= kRateWindowRecords) {
    recent_records_ -= recent_.front().first;
    recent_letters_ -= recent_.front().second;
    recent_.pop_front();
  }
}

}  // namespace tidemark
