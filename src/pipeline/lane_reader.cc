#include "pipeline/lane_reader.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tidemark {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSlabBytes = 192U << 10;
constexpr std::size_t kSlabEvents = 2000;
// Taken one after the other, before the writer, the halts and the clock are looked at again.
constexpr std::size_t kRunRecords = 32;
constexpr std::size_t kBacklogBytes = 4U << 20;
constexpr milliseconds kPoll{25};
constexpr milliseconds kPollMore{5};
constexpr milliseconds kRoomWait{500};
constexpr milliseconds kAnswerWait{20};
constexpr milliseconds kAssignAgain{2000};
constexpr milliseconds kEndsTimeout{2000};
constexpr milliseconds kEndsAgain{5000};
constexpr milliseconds kCountsAgain{1000};
constexpr milliseconds kSayAgain{30000};
constexpr milliseconds kLongPause{50};

}  // namespace

Lane::Reader::Reader(Shared& shared)
    : shared_(shared),
      source_(*shared.parts.source),
      decoder_(shared.config, shared.parts.find_table, shared.parts.find_schema,
               shared.parts.claims) {}

void Lane::Reader::run() {
  try {
    source_.subscribe();
    while (!shared_.buffer.stopping()) turn();
  } catch (const Error& error) {
    shared_.fail(error);
  } catch (const std::exception& error) {
    shared_.fail(Error(ErrorKind::fatal, std::string("a bug in the reader: ") + error.what()));
  }
  shared_.buffer.stop();
}

void Lane::Reader::turn() {
  serve_writer();
  request_positions();
  read_again();
  if (!backlog_.empty()) work_off_backlog();
  report_halts();
  if (shared_.buffer.full() || (paused_ && backlog_.empty())) make_room();
  milliseconds patience = poll_patience();
  for (std::size_t left = kRunRecords; take_one(patience) && --left != 0;) patience = {};
  flush_if_due();
}

// True: a record, which was decoded and may have another one behind it at once.
bool Lane::Reader::take_one(milliseconds patience) {
  const PollResult result = poll(patience);
  if (result.kind == PollKind::nothing) {
    on_nothing();
    return false;
  }
  more_coming_ = false;
  handle(result);
  return result.kind == PollKind::record && backlog_.empty() && !is_slab_large();
}

void Lane::Reader::on_nothing() {
  more_coming_ = far_behind();
  if (!more_coming_) flush();
  if (fetching_) ask_ends();
  note_progress();
  if (!backlog_.empty()) wait_for_answers();
}

milliseconds Lane::Reader::poll_patience() const {
  if (!backlog_.empty()) return milliseconds{0};
  if (!slab_ || slab_->events.empty()) return kPoll;
  return more_coming_ ? kPollMore : milliseconds{0};
}

// More than a slab is known to be on its way: small batches would cost more than they hurry.
bool Lane::Reader::far_behind() {
  if (!slab_ || slab_->events.empty()) return false;
  return std::any_of(assigned_.begin(), assigned_.end(), [&](const Assigned& assigned) {
    if (!assigned.reading || !assigned.delivered_next) return false;
    const auto end = source_.known_end(assigned.at);
    return end &&
           end->value - assigned.delivered_next->value > static_cast<std::int64_t>(kSlabEvents);
  });
}

PollResult Lane::Reader::poll(milliseconds patience) {
  const bool at_once = patience == milliseconds{0};
  if (at_once && ++polls_ % ReaderTimes::kSampleEvery != 0) return source_.poll(patience);
  const auto begin = Clock::now();
  PollResult result = source_.poll(patience);
  const auto took = Clock::now() - begin;
  if (!at_once) {
    times_.fetch += took;
  } else if (result.kind == PollKind::record) {
    times_.poll += took * ReaderTimes::kSampleEvery;
  }
  return result;
}

void Lane::Reader::handle(const PollResult& result) {
  switch (result.kind) {
    case PollKind::record:
      on_record(result.record);
      break;
    case PollKind::assigned:
      on_assigned(result);
      break;
    case PollKind::revoked:
      on_revoked();
      break;
    case PollKind::halted:
      on_halted(result);
      break;
    case PollKind::caught_up:
      on_caught_up(result);
      break;
    case PollKind::unreachable:
      note_unreachable(result);
      shared_.wait_for(result.message);
      break;
    case PollKind::reachable:
      shared_.stop_waiting_for(unreachable_);
      break;
    case PollKind::fatal:
      throw Error(ErrorKind::fatal, result.message, result.hint);
    case PollKind::nothing:
      break;
  }
}

void Lane::Reader::note_unreachable(const PollResult& result) {
  const auto now = Clock::now();
  const bool said = result.message == unreachable_ && now - unreachable_said_ < kSayAgain;
  if (said) return;
  unreachable_ = result.message;
  unreachable_said_ = now;
  log_event(Level::warning, "kafka.unreachable", result.message,
            {{"lane", shared_.number}, {"hint", result.hint}});
}

// ---- assignments
// ---------------------------------------------------------------------------------

void Lane::Reader::on_assigned(const PollResult& result) {
  on_revoked();
  for (const StreamPartition& at : result.partitions) assigned_.emplace_back().at = at;
  for (std::uint32_t i = 0; i < assigned_.size(); ++i) {
    places_.emplace(Place{assigned_[i].at.stream, assigned_[i].at.partition.value}, i);
  }
  log_event(Level::info, "partitions.assigned",
            "taking over " + std::to_string(result.partitions.size()) + " partitions",
            {{"lane", shared_.number}});
  to_request_ = true;
  asked_counts_ = {};
  request_positions();
}

// Once Kafka has said how many partitions each topic has, on which the order of truncates and of
// key changes depends. One that is not there, or not for us, is taken for several.
void Lane::Reader::request_positions() {
  if (!to_request_ || Clock::now() - asked_counts_ < kCountsAgain) return;
  std::map<std::string_view, std::int32_t> counts;
  for (const Assigned& assigned : assigned_) {
    if (shared_.buffer.stopping()) return;
    if (counts.contains(assigned.at.stream)) continue;
    auto count = source_.partitions_of(assigned.at.stream);
    // A broker that has just started may not know of it yet.
    if (count && *count == 0) count = source_.partitions_of(assigned.at.stream);
    if (!count) {
      PollResult silent;
      silent.message = "Kafka does not say how many partitions " + assigned.at.stream + " has";
      silent.hint = "until then nothing is read: are the brokers very slow, or overloaded?";
      note_unreachable(silent);
      shared_.wait_for(silent.message);
      asked_counts_ = Clock::now();
      return;
    }
    counts.emplace(assigned.at.stream, *count > 0 ? *count : 2);
  }
  TakeRequest request;
  request.generation = generation_;
  for (Assigned& assigned : assigned_) {
    assigned.partitions_of_stream =
        std::max(counts.at(assigned.at.stream), assigned.at.partition.value + 1);
    request.partitions.push_back(assigned.at);
    request.partitions_of_stream.push_back(assigned.partitions_of_stream);
  }
  to_request_ = false;
  shared_.buffer.request(std::move(request));
}

// What is decoded and not written is dropped: it will be read again by whoever comes next.
void Lane::Reader::on_revoked() {
  ++generation_;
  shared_.buffer.begin_generation(generation_);
  places_.clear();
  assigned_.clear();
  backlog_.clear();
  backlog_bytes_ = 0;
  slab_.reset();
  fetching_ = false;
  last_index_ = 0;
  asked_ends_ = {};
  to_request_ = false;
  to_read_again_.clear();
  halts_.clear();
  decoder_.forget_partitions();
  shared_.update([](LaneState& state) {
    state.assigned = false;
    state.partitions.clear();
  });
}

void Lane::Reader::serve_writer() {
  if (shared_.buffer.take_rejoin()) {
    if (shared_.buffer.take_forget()) {
      shared_.parts.forget_tables();
      decoder_.forget_tables();
    }
    on_revoked();
    source_.rejoin();
    return;
  }
  if (const auto positions = shared_.buffer.positions()) start_fetching(*positions);
  for (const ReadingChange& change : shared_.buffer.reading_changes()) change_reading(change);
}

void Lane::Reader::start_fetching(const TakenPositions& positions) {
  if (positions.generation != generation_) return;
  ask_ends();
  source_.assign(positions.from);
  assigned_at_ = Clock::now();
  fetching_ = true;
  // A paused source stays so for the new partitions; room and tables decide anew. (Ours may be set
  // back already: between two assignments it is kept without the source.)
  paused_ = false;
  source_.resume();
  for (Assigned& assigned : assigned_) {
    for (const auto& [at, offset] : positions.from) {
      if (at != assigned.at) continue;
      assigned.delivered_next = offset;
      assigned.reading = true;
    }
  }
  shared_.update([](LaneState& state) { state.assigned = state.joined = true; });
  note_progress();
}

// What was there at the start. Where a broker does not answer now, it is asked again when idle.
void Lane::Reader::ask_ends() {
  if (Clock::now() - asked_ends_ < kEndsAgain) return;
  std::vector<StreamPartition> open;
  for (const Assigned& assigned : assigned_) {
    if (!assigned.end) open.push_back(assigned.at);
  }
  if (open.empty()) return;
  const auto ends = source_.ends(open, kEndsTimeout);
  for (Assigned& assigned : assigned_) {
    const auto known = ends.find(assigned.at);
    if (known != ends.end()) assigned.end = known->second.high;
  }
  asked_ends_ = Clock::now();
}

void Lane::Reader::change_reading(const ReadingChange& change) {
  if (change.generation != generation_ || !fetching_) return;
  if (change.read) {
    to_read_again_.push_back(change);
    return;
  }
  Assigned& parked = assigned_.at(change.partition);
  parked.reading = false;
  source_.pause(parked.at);
}

// Everything that is read is assigned anew, from behind what has been decoded. Not often:
// librdkafka aborts where an assignment comes while the one before is still stopping its fetchers.
void Lane::Reader::read_again() {
  if (to_read_again_.empty() || Clock::now() - assigned_at_ < kAssignAgain) return;
  flush();
  for (const ReadingChange& change : std::exchange(to_read_again_, {})) {
    Assigned& changed = assigned_.at(change.partition);
    changed.reading = true;
    changed.delivered_next = change.from;
    auto mark = std::make_shared<Slab>();
    mark->generation = generation_;
    mark->restarted = change.partition;
    shared_.buffer.push(std::move(mark));
  }
  backlog_.clear();
  backlog_bytes_ = 0;
  decoder_.note_restart();
  std::vector<std::pair<StreamPartition, std::optional<Offset>>> from;
  for (Assigned& assigned : assigned_) {
    assigned.caught_up.reset();  // of the backlog that is dropped here it knows nothing
    if (assigned.reading) from.emplace_back(assigned.at, assigned.delivered_next);
  }
  source_.assign(from);
  assigned_at_ = Clock::now();
}

std::optional<std::uint32_t> Lane::Reader::index_of(std::string_view topic, Partition partition) {
  if (last_index_ < assigned_.size()) {
    const StreamPartition& last = assigned_[last_index_].at;
    if (last.partition == partition && last.stream == topic) return last_index_;
  }
  const auto found = places_.find({topic, partition.value});
  if (found == places_.end()) return std::nullopt;
  return last_index_ = found->second;
}

void Lane::Reader::on_halted(const PollResult& result) {
  const auto index = index_of(result.partition.stream, result.partition.partition);
  if (!index) return;
  halts_.push_back({generation_, *index, result.message, result.hint});
  report_halts();
}

// Behind everything that was read before.
void Lane::Reader::report_halts() {
  if (halts_.empty() || !backlog_.empty()) return;
  flush();
  for (PartitionStop& halt : std::exchange(halts_, {})) shared_.buffer.report(std::move(halt));
}

void Lane::Reader::on_caught_up(const PollResult& result) {
  const auto index = index_of(result.partition.stream, result.partition.partition);
  if (!index) return;
  assigned_[*index].caught_up = result.offset;
  assigned_[*index].idle_since = Clock::now();
  flush();
  note_progress();
}

// ---- records
// -------------------------------------------------------------------------------------

void Lane::Reader::on_record(const RecordView& record) {
  if (!backlog_.empty() || !decode(record)) keep_for_later(record);
}

bool Lane::Reader::decode(const RecordView& record) {
  const auto index = index_of(record.topic, record.partition);
  if (!index) return true;  // of an assignment that has ended
  if (!slab_) {
    slab_ = std::make_shared<Slab>();
    slab_->generation = generation_;
    slab_->arena.reserve(kSlabBytes + (kSlabBytes >> 2));
    slab_->events.reserve(kSlabEvents);
    slab_since_ = Clock::now();
  }
  Assigned& assigned = assigned_[*index];
  if (assigned.idle_since) note_resumed(assigned, *index);
  const bool sampled = ++decodes_ % ReaderTimes::kSampleEvery == 0;
  const auto begin = sampled ? Clock::now() : Clock::time_point{};
  const DecodeOutcome outcome =
      decoder_.decode(record, *index, assigned.partitions_of_stream, *slab_);
  if (sampled) times_.decode += (Clock::now() - begin) * ReaderTimes::kSampleEvery;
  if (outcome == DecodeOutcome::needs_answer) return false;
  assigned.delivered_next = record.offset.next();
  return true;
}

// After a pause long enough for a topic to be deleted and made again.
void Lane::Reader::note_resumed(Assigned& assigned, std::uint32_t index) {
  if (Clock::now() - *assigned.idle_since >= kLongPause) slab_->resumed.push_back(index);
  assigned.idle_since.reset();
}

void Lane::Reader::keep_for_later(const RecordView& record) {
  if (backlog_.empty()) flush();
  Backlog kept{std::string(record.topic), record.partition, record.offset, {}};
  kept.record.timestamp_ms = record.timestamp_ms;
  if (record.key) kept.record.key = std::string(*record.key);
  if (record.value) kept.record.value = std::string(*record.value);
  for (const HeaderView& header : record.headers) {
    kept.record.headers.emplace_back(
        header.name, header.value ? std::optional(std::string(*header.value)) : std::nullopt);
  }
  backlog_bytes_ +=
      (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  backlog_.push_back(std::move(kept));
  // The first answer usually comes within milliseconds; a target that is away takes its time.
  if (backlog_.size() == 1) wait_for_answers();
  if (backlog_bytes_ > kBacklogBytes && !paused_) set_paused(true);
}

// What is missing, and why, is what the lane waits for.
void Lane::Reader::wait_for_answers() {
  shared_.parts.wait_for_answers(kAnswerWait);
  std::string why = shared_.parts.missing_answers();
  if (why == answers_missing_) return;
  if (why.empty()) {
    shared_.stop_waiting_for(answers_missing_);
  } else {
    shared_.wait_for(why);
  }
  answers_missing_ = std::move(why);
}

void Lane::Reader::work_off_backlog() {
  while (!backlog_.empty()) {
    const Backlog& next = backlog_.front();
    const StreamPartition at{next.topic, next.partition};
    if (!decode(next.record.view(at, next.offset))) return;
    backlog_.pop_front();
    flush_if_due();
  }
  backlog_bytes_ = 0;
  if (paused_) set_paused(false);
}

// ---- the buffer
// ----------------------------------------------------------------------------------

void Lane::Reader::make_room() {
  flush();
  const auto begin = Clock::now();
  const bool room = shared_.buffer.wait_for_room(paused_ ? kAnswerWait : kRoomWait);
  times_.room += Clock::now() - begin;
  if (room) {
    if (paused_ && backlog_.empty()) set_paused(false);
    return;
  }
  // Longer than librdkafka's own queue lasts: keep polling, take nothing.
  if (!paused_) set_paused(true);
}

void Lane::Reader::set_paused(bool paused) {
  paused_ = paused;
  if (!fetching_) return;
  if (paused) {
    source_.pause();
  } else {
    source_.resume();
  }
}

void Lane::Reader::flush(Clock::time_point due) {
  if (!slab_ || slab_->events.empty()) {
    if (due == Clock::time_point{}) shared_.buffer.hurry();
    return;
  }
  slab_->due = due;
  // One with few events counts as what they take: many such must not look like a full buffer.
  if (slab_->events.size() < kSlabEvents / 4 && slab_->arena.size() < kSlabBytes / 4) {
    slab_->events.shrink_to_fit();
    slab_->arena.shrink_to_fit();
  }
  shared_.buffer.push(std::move(slab_));
  slab_.reset();
  note_progress();
}

bool Lane::Reader::is_slab_large() const {
  return slab_ && (slab_->events.size() >= kSlabEvents || slab_->arena.size() >= kSlabBytes);
}

// In slabs large enough to cost nothing.
void Lane::Reader::flush_if_due() {
  if (!slab_ || slab_->events.empty()) return;
  const auto due = slab_since_ + shared_.config.batch.delay_max;
  if (is_slab_large() || Clock::now() >= due) flush(due);
}

// What `--until-current` and status see of the reading side.
void Lane::Reader::note_progress() {
  const bool nothing_open = (!slab_ || slab_->events.empty()) && backlog_.empty();
  shared_.update([&](LaneState& state) {
    state.buffer_bytes = shared_.buffer.bytes();
    state.times.reader = times_;
    if (nothing_open && fetching_) state.waiting_for.clear();
    if (state.partitions.size() != assigned_.size()) return;
    for (std::size_t i = 0; i < assigned_.size(); ++i) {
      const Assigned& assigned = assigned_[i];
      PartitionProgress& partition = state.partitions[i];
      partition.end = assigned.end;
      partition.delivered = assigned.end && assigned.caught_up && nothing_open &&
                            *assigned.caught_up >= *assigned.end;
      partition.delivered_next = assigned.delivered_next;
    }
  });
}

}  // namespace tidemark
