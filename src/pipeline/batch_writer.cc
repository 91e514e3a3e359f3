#include "pipeline/batch_writer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "batch/row_image.h"
#include "batch/source_order.h"

namespace tidemark {

namespace {

// Thrown inside an attempt: it must be made again without the tail of one partition.
struct Held {
  PartitionHold hold;
};

constexpr std::uint64_t kRateWindowRecords = 10000;
constexpr std::uint64_t kRateLettersMin = 100;
constexpr std::size_t kKeyKept = 1024;  // of a record that is too large to be kept

// As xxhsum -H2 prints it.
std::string hash_text(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  std::string text(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text[15 - i] = kDigits[(hash.high64 >> (4 * i)) & 15U];
    text[31 - i] = kDigits[(hash.low64 >> (4 * i)) & 15U];
  }
  return text;
}

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
    : target_(target), config_(config), raw_read_(std::move(raw_read)), applier_(target, config) {}

void BatchWriter::adopt(std::vector<OwnedPartition> partitions, std::vector<HeldKey> held,
                        std::vector<KeyChangeHint> hints) {
  partitions_ = std::move(partitions);
  std::vector<FoldPartition> of_fold;
  for (OwnedPartition& partition : partitions_) {
    partition.progress = SourceProgress(partition.source_position);
    of_fold.push_back(
        {partition.at.stream, partition.at.partition.value, partition.partitions_of_stream});
  }
  applier_.adopt(std::move(of_fold), std::move(hints));
  in_doubt_.reset();
  held_.adopt(std::move(held));
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

// Of what takes part by plan() as far as that can be told now: else it is folded once more.
void BatchWriter::fold_ahead(std::vector<EventRef> events, std::vector<SlabPtr> slabs) {
  std::erase_if(events, [](const EventRef& ref) { return ref.event->op == Op::skip; });
  if (!events.empty()) applier_.fold_ahead(std::move(events), std::move(slabs));
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
  held_.begin();
  applier_.begin();
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
  held_.check_bound();
  const auto waited = target_.waited();
  target_.commit();
  commit_ += target_.waited() - waited;
}

WriterTimes BatchWriter::times() const {
  WriterTimes times = applier_.times();
  times.commit = commit_;
  times.postgresql = target_.waited() - commit_;
  return times;
}

// Without its bad and held events, which become dead letters, in the order in which they came.
void BatchWriter::apply_run(const std::vector<EventRef>& events, WriteOutcome& outcome) {
  const bool plain =
      held_.empty() && std::none_of(events.begin(), events.end(), [](const EventRef& ref) {
        return ref.event->op == Op::bad || ref.event->op == Op::truncate;
      });
  if (plain) return apply(events, outcome);
  std::vector<EventRef> good;
  good.reserve(events.size());
  for (const EventRef& ref : events) {
    if (ref.event->op == Op::bad) {
      const BadRecord& bad = ref.slab->bad[ref.event->bad];
      write_letter(ref, "decode", Error(ErrorKind::data, bad.message, bad.hint), outcome);
    } else if (is_held(ref)) {
      write_letter(ref, "held",
                   Error(ErrorKind::data, "an earlier event of this key is a dead letter",
                         "tidemark dlq replay applies the dead letters of a key in their order"),
                   outcome);
    } else {
      pass_letters(ref);
      good.push_back(ref);
    }
  }
  apply(good, outcome);
}

void BatchWriter::apply(const std::vector<EventRef>& events, WriteOutcome& outcome) {
  const WriteCounts counts = applier_.apply(events);
  outcome.counts.upserted += counts.upserted;
  outcome.counts.removed += counts.removed;
}

// W3.
void BatchWriter::apply_halves(const std::vector<EventRef>& events, WriteOutcome& outcome) {
  if (events.empty()) return;
  const WriteOutcome before = outcome;
  const HeldKeys::Changes held_before = held_.changes();
  target_.savepoint();
  try {
    apply_run(events, outcome);
    target_.release_savepoint();
    return;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data && error.kind() != ErrorKind::waiting) throw;
    target_.rollback_to_savepoint();
    outcome = before;
    held_.restore(held_before);
    if (events.size() == 1) {
      refuse(events.front(), error, outcome);
      return;
    }
  }
  const auto middle = events.begin() + static_cast<std::ptrdiff_t>(events.size() / 2);
  apply_halves({events.begin(), middle}, outcome);
  apply_halves({middle, events.end()}, outcome);
}

// ---- records that cannot be applied
// --------------------------------------------------------------

bool BatchWriter::is_held(const EventRef& ref) const {
  return config_.errors.hold_key && has_key(*ref.event) &&
         held_.contains(ref.event->layout->target, lasting_key(*ref.event->layout, ref.key()));
}

// The event is applied although dead letters came before it: with hold-key = false of its own key,
// or it empties the table. To replay those would go back.
void BatchWriter::pass_letters(const EventRef& ref) {
  const Event& event = *ref.event;
  if (event.op == Op::truncate) {
    target_.close_letters(*event.layout, partitions_[event.partition].at.stream);
    held_.remove_table(event.layout->target);
  } else if (has_key(event)) {
    const std::string key = lasting_key(*event.layout, ref.key());
    if (!held_.contains(event.layout->target, key)) return;
    target_.pass_letters(event.layout->target, key);
    held_.remove(event.layout->target, key);
  }
}

void BatchWriter::refuse(const EventRef& ref, const Error& refused, WriteOutcome& outcome) {
  const Error error = applier_.with_column(ref, refused);
  const bool waiting = error.kind() == ErrorKind::waiting;
  if (waiting || config_.errors.on_bad_record == OnBadRecord::stop) {
    throw Held{{ref.event->partition, ref.event->offset, waiting, table_of(ref), error.what(),
                error.hint(), error.sqlstate()}};
  }
  write_letter(ref, "data", error, outcome);
}

// Byte for byte, but for what would burst the table: of that, how much there was and a hash.
void BatchWriter::keep_bytes(std::optional<OwnedRecord> raw, DeadLetter& letter) const {
  if (!raw) {
    letter.not_kept = "Kafka does not hold the record any more";
    return;
  }
  const auto size = [](const std::optional<std::string>& part) { return part ? part->size() : 0; };
  std::size_t headers = 0;
  for (const auto& [name, value] : raw->headers) headers += name.size() + size(value);
  const std::uint64_t most = config_.source.record_bytes_max;
  if (size(raw->key) + size(raw->value) + headers > most) {
    letter.not_kept =
        "the record is larger than record-max-bytes: a key of " + std::to_string(size(raw->key)) +
        " bytes, a value of " + std::to_string(size(raw->value)) + " (XXH3-128 " +
        hash_text(raw->value.value_or("")) + "), headers of " + std::to_string(headers);
    if (size(raw->key) <= kKeyKept) letter.key = std::move(raw->key);
    return;
  }
  letter.key = std::move(raw->key);
  letter.value = std::move(raw->value);
  letter.headers = std::move(raw->headers);
}

void BatchWriter::write_letter(const EventRef& ref, const std::string& kind, const Error& error,
                               WriteOutcome& outcome) {
  const StreamPartition& at = partitions_[ref.event->partition].at;
  DeadLetter letter;
  letter.at = at;
  letter.offset = ref.event->offset;
  letter.hint = error.hint();
  keep_bytes(raw_read_(at, ref.event->offset), letter);
  letter.table = table_of(ref);
  letter.kind = kind;
  letter.sqlstate = error.sqlstate();
  letter.message = error.what();
  if (has_key(*ref.event)) {
    letter.row_key = lasting_key(*ref.event->layout, ref.key());
    held_.add(ref.event->layout->target, letter.row_key);
    // The row goes on under another key: what happens to it there comes after this.
    if (ref.event->op == Op::remove && ref.is_key_change() && config_.errors.hold_key) {
      letter.next_key = lasting_key(*ref.event->layout, ref.other_key());
      held_.add(ref.event->layout->target, letter.next_key);
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
    partition.fingerprint.reset();
    if (plan.moves[i].fingerprint != 0) partition.fingerprint = plan.moves[i].fingerprint;
    if (!plan.moves[i].source_position.empty()) {
      partition.source_position = plan.moves[i].source_position;
    }
  }
  for (const auto& [partition, progress] : plan.progress)
    partitions_[partition].progress = progress;
  held_.committed();
  applier_.committed();
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
