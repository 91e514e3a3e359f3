#include "pipeline/pipeline.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/log.h"
#include "pipeline/lane.h"
#include "pipeline/until_current.h"
#include "source/group_offsets.h"
#include "source/kafka_reader.h"
#include "source/kafka_source.h"
#include "source/schema_registry.h"
#include "target/catalog.h"
#include "target/postgres_target.h"

namespace tidemark {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstLanePatience{1500};
constexpr milliseconds kWatch{20};
constexpr milliseconds kWatchEnd{5};
constexpr seconds kProgressEvery{10};
constexpr seconds kUntilCurrentPatience{60};  // for a server that is away
constexpr seconds kWaitingPatience{30};       // for a row of another partition
constexpr seconds kLanesPatience{5};          // of lanes whose partitions wait
constexpr seconds kJoinPatience{3};
constexpr seconds kLastReport{3};
constexpr seconds kHandOverPatience{30};  // another process may have got them instead
constexpr milliseconds kReadTimeout{10000};

constexpr int kExitBadData = 65;
constexpr int kExitUnavailable = 69;
constexpr int kExitBug = 70;
constexpr int kExitPermission = 77;
constexpr int kExitConfiguration = 78;

int exit_code_of(const LaneState& state) {
  const std::string kind = state.sqlstate.substr(0, 2);
  if (kind == "28" || state.sqlstate == "42501") return kExitPermission;
  if (kind == "3D" || kind == "3F" || kind == "42" || kind == "0A") return kExitConfiguration;
  if (kind == "22" || kind == "23") return kExitBadData;
  return state.sqlstate.empty() && state.hint.empty() ? kExitBug : kExitConfiguration;
}

// All together: Kafka may be silent for each, and the group goes on when the last has left.
template <typename Deed>
void at_once(std::span<std::unique_ptr<Lane>> lanes, Deed deed) {
  std::vector<std::thread> threads;
  for (auto& lane : lanes) threads.emplace_back([&lane, deed] { deed(lane); });
  for (std::thread& thread : threads) thread.join();
}

class Pipeline {
 public:
  Pipeline(const Config& config, const RunOptions& options)
      : config_(config), options_(options), catalog_(connection_settings(config)) {
    if (!config.source.registry.url.empty()) {
      registry_ = std::make_unique<SchemaRegistry>(config.source.registry);
    }
  }

  ~Pipeline() {
    at_once(lanes_, [](std::unique_ptr<Lane>& lane) { lane.reset(); });
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  RunSummary run();

 private:
  void start_lanes();
  [[nodiscard]] unsigned known_partitions(Source& source) const;
  [[nodiscard]] bool asked_to_stop() const;
  void start_first();
  void start_later(const std::vector<LaneState>& states);
  LaneParts parts_of(std::unique_ptr<Source> source);
  bool watch();
  bool finished(const std::vector<LaneState>& states);
  [[nodiscard]] bool owned_by_others(const std::vector<LaneState>& states) const;
  bool waited_too_long(const std::vector<LaneState>& states);
  void join_lanes(const std::vector<LaneState>& states);
  void report_progress(const std::vector<LaneState>& states);
  void report_last(const std::vector<LaneState>& ended) const;
  void report_stages() const;
  void stop_lanes(std::size_t from, milliseconds patience);
  void end(int exit_code, std::string message, std::string hint = {});
  [[nodiscard]] std::vector<LaneState> states() const;

  Config config_;
  const RunOptions& options_;
  Catalog catalog_;
  std::optional<UntilCurrent> until_current_;
  const std::shared_ptr<TableClaims> claims_ = std::make_shared<TableClaims>();
  const std::shared_ptr<std::atomic<bool>> let_in_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<SchemaRegistry> registry_;  // null: none is configured
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<Lane>> later_;  // not started yet
  RunSummary summary_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point reported_ = Clock::now();
  std::uint64_t reported_events_ = 0;
  Clock::time_point lonely_ = Clock::now();  // when not only partitions that wait were left
  Clock::time_point calm_ = Clock::now();    // when no lane waited for a server
  std::map<StreamPartition, std::optional<Offset>> waiting_;
  Clock::time_point moved_ =
      Clock::now();                 // when one of them moved, or fewer than two lanes waited
  Clock::time_point joined_{};      // when one lane was left
  std::uint64_t ended_events_ = 0;  // of lanes that are no more
  bool held_back_ = false;          // lanes, until all have joined
  std::size_t handed_over_ = 0;     // partitions that the first lane is to have when they are gone
};

RunSummary Pipeline::run() {
  if (options_.until_current) until_current_.emplace(config_);
  start_lanes();
  while (watch()) std::this_thread::sleep_for(options_.until_current ? kWatchEnd : kWatch);
  stop_lanes(0, config_.shutdown_timeout * 3 / 4);
  const std::vector<LaneState> ended = states();
  summary_.events = ended_events_;
  for (const LaneState& state : ended) {
    summary_.events += state.events;
    summary_.dead_letters += state.dead_letters;
    summary_.times += state.times;
  }
  report_last(ended);
  summary_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  report_stages();
  log_event(
      summary_.exit_code == 0 ? Level::info : Level::error, "pipeline.stopped", summary_.message,
      {{"rows", summary_.events}, {"exit_code", summary_.exit_code}, {"hint", summary_.hint}});
  return summary_;
}

// What the lanes have reported last may have been refused, because the group was rebalancing, or
// was on its way. Not when Kafka is silent: who stops is not kept waiting for a report.
void Pipeline::report_last(const std::vector<LaneState>& ended) const {
  bool again = false;
  std::map<StreamPartition, Offset> positions;
  for (const LaneState& state : ended) {
    // Two assignments, and Kafka is there.
    const bool between = state.joined && !state.assigned && state.waiting_for.empty();
    again = again || between || state.last_report == Reported::refused ||
            (options_.until_current && state.last_report != Reported::taken);
    for (const auto& [at, offset] : state.known) {
      Offset& last = positions.try_emplace(at, offset).first->second;
      last = std::max(last, offset);
    }
  }
  for (const LaneState& state : ended) {
    for (const PartitionProgress& partition : state.partitions) {
      if (partition.committed) positions.insert_or_assign(partition.at, *partition.committed);
    }
  }
  if (again) {
    report_group_offsets(config_.kafka, {positions.begin(), positions.end()}, kLastReport);
  }
}

// As many lanes as cores, but not more than partitions, where their number can be known.
void Pipeline::start_lanes() {
  auto first = std::make_unique<KafkaSource>(config_.kafka, config_.source, 0);
  if (config_.batch.lanes == 0) {
    config_.batch.lanes = std::max(1U, std::thread::hardware_concurrency());
    const auto partitions = known_partitions(*first);
    if (partitions > 0) config_.batch.lanes = std::min(config_.batch.lanes, partitions);
  }
  for (unsigned i = 0; i < config_.batch.lanes; ++i) {
    std::unique_ptr<Source> source =
        i == 0 ? std::move(first) : std::make_unique<KafkaSource>(config_.kafka, config_.source, i);
    later_.push_back(std::make_unique<Lane>(config_, i, parts_of(std::move(source))));
  }
  held_back_ = later_.size() > 1;
  start_first();
  log_event(Level::info, "pipeline.started", "reading " + config_.kafka.group_id,
            {{"lanes", config_.batch.lanes}});
}

// Where Kafka says so; as many as there may be lanes are enough to know.
unsigned Pipeline::known_partitions(Source& source) const {
  unsigned partitions = 0;
  if (!config_.source.topics_regex.empty()) return partitions;
  for (const std::string& topic : config_.source.topics) {
    if (partitions >= config_.batch.lanes || asked_to_stop()) break;
    const auto more = source.partitions_of(topic);
    if (!more) return 0;
    partitions += static_cast<unsigned>(*more);
  }
  return partitions;
}

bool Pipeline::asked_to_stop() const {
  return options_.stop_requested && options_.stop_requested();
}

void Pipeline::start_first() {
  lanes_.push_back(std::move(later_.front()));
  later_.erase(later_.begin());
  if (held_back_) lanes_.back()->hold_back(true);
  lanes_.back()->start();
}

// Members that join a group in the same moment refuse each other, and librdkafka waits for two
// seconds then. When one is in, the others may come together: the broker collects them.
void Pipeline::start_later(const std::vector<LaneState>& states) {
  const bool patient = Clock::now() - begin_ < kFirstLanePatience;
  if (!later_.empty() && (states.front().assigned || !patient)) {
    while (!later_.empty()) start_first();
    return;
  }
  const auto joined = [](const LaneState& state) { return state.joined; };
  const bool all = later_.empty() && std::all_of(states.begin(), states.end(), joined);
  if (!held_back_ || (!all && patient)) return;
  held_back_ = false;
  for (const auto& lane : lanes_) lane->hold_back(false);
}

LaneParts Pipeline::parts_of(std::unique_ptr<Source> source) {
  LaneParts parts;
  parts.source = std::move(source);
  parts.target = std::make_unique<PostgresTarget>(config_, catalog_);
  const auto reader = std::make_shared<std::unique_ptr<KafkaReader>>();
  parts.raw_read = [this, reader](const StreamPartition& at, Offset offset) {
    if (!*reader) *reader = std::make_unique<KafkaReader>(config_.kafka);
    return (*reader)->read(at, offset, kReadTimeout);
  };
  parts.end_raw_reads = [reader] { reader->reset(); };
  parts.claims = claims_;
  parts.let_in = let_in_;
  parts.find_table = [this](const TableName& name) { return catalog_.find(name); };
  if (registry_) {
    parts.find_schema = [this](const SchemaId& id) { return registry_->find(id); };
  }
  parts.wait_for_answers = [this](milliseconds longest) {
    if (registry_ && registry_->asking()) {
      registry_->wait(longest);
    } else {
      catalog_.wait(longest);
    }
  };
  parts.missing_answers = [this] { return registry_ ? registry_->waiting_for() : std::string(); };
  parts.forget_tables = [this] { catalog_.forget_all(); };
  return parts;
}

std::vector<LaneState> Pipeline::states() const {
  std::vector<LaneState> out;
  out.reserve(lanes_.size());
  for (const auto& lane : lanes_) out.push_back(lane->state());
  return out;
}

void Pipeline::end(int exit_code, std::string message, std::string hint) {
  summary_.exit_code = exit_code;
  summary_.message = std::move(message);
  summary_.hint = std::move(hint);
}

// False: it is time to end.
bool Pipeline::watch() {
  if (asked_to_stop()) {
    end(0, "stopped as asked");
    return false;
  }
  if (const auto refusal = registry_ ? registry_->refusal() : std::nullopt) {
    end(kExitPermission, refusal->message, refusal->hint);
    return false;
  }
  const std::vector<LaneState> now = states();
  start_later(now);
  for (const LaneState& state : now) {
    if (state.end == LaneEnd::running) continue;
    end(state.end == LaneEnd::failed ? exit_code_of(state) : kExitBug, state.error, state.hint);
    return false;
  }
  if (Clock::now() - reported_ >= kProgressEvery) report_progress(now);
  join_lanes(now);
  return !finished(now) && !waited_too_long(now);
}

// All that there is belongs to other members of the group.
bool Pipeline::owned_by_others(const std::vector<LaneState>& states) const {
  return until_current_ && until_current_->has_partitions() &&
         std::all_of(states.begin(), states.end(),
                     [](const LaneState& state) { return state.assigned; });
}

bool Pipeline::finished(const std::vector<LaneState>& states) {
  std::size_t partitions = 0;
  std::size_t stopped = 0;
  std::size_t reached = 0;
  std::size_t waiting = 0;
  bool all_assigned = true;
  for (const LaneState& state : states) {
    // Between two assignments a lane has nothing, and the others may have nothing but what has
    // stopped. A lane that has not joined yet may find nothing left to do: `others_done` knows.
    const bool may_be_late = until_current_ && !state.joined && state.partitions.empty();
    all_assigned = all_assigned && (state.assigned || may_be_late);
    partitions += state.partitions.size();
    for (const PartitionProgress& partition : state.partitions) {
      stopped += partition.stopped ? 1U : 0U;
      reached += partition.reached() ? 1U : 0U;
      waiting += partition.waiting && !partition.reached() ? 1U : 0U;
    }
  }
  const Others others = until_current_ ? until_current_->others(states) : Others::done;
  const bool others_done = others != Others::busy;
  if (waiting == 0 || reached + waiting != partitions || !others_done) lonely_ = Clock::now();
  if (partitions >= handed_over_ || Clock::now() - joined_ >= kHandOverPatience) handed_over_ = 0;
  if (!all_assigned || handed_over_ != 0) return false;
  if (others == Others::unknown && reached == partitions && stopped == 0) {
    end(kExitUnavailable,
        "whether other members of the group have applied what was there cannot be told: " +
            until_current_->reason(),
        "what was this process's is applied");
    return true;
  }
  if (partitions == 0 && !(others_done && owned_by_others(states))) return false;
  if (stopped > 0 && (stopped == partitions || (options_.until_current && reached == partitions))) {
    if (!others_done) return false;
    end(kExitBadData,
        std::to_string(stopped) + " of " + std::to_string(partitions) +
            " partitions have stopped at a record that cannot be applied",
        "the partition.stopped lines in the log say where and why; mend the cause, or set "
        "[errors] on-bad-record = dead-letter");
    return true;
  }
  if (options_.until_current && Clock::now() - lonely_ >= kWaitingPatience) {
    end(kExitBadData,
        std::to_string(waiting) + " of " + std::to_string(partitions) +
            " partitions wait for rows of other tables that do not come",
        "the partition.waiting lines in the log say which foreign keys; are all the tables that "
        "they "
        "refer to among the topics?");
    return true;
  }
  if (!options_.until_current || reached != partitions || !others_done) return false;
  if (others == Others::standing) {
    end(kExitUnavailable,
        "partitions of other members of the group do not move: " + until_current_->reason(),
        "is another process of this pipeline stuck, or stopped? its log and `tidemark status` say "
        "more; what was this process's is applied");
  } else {
    end(0, "everything that was there at the start is applied");
  }
  return true;
}

// Lanes write in transactions of their own: rows of two that need each other can only be written by
// one. So where several wait and nothing moves, the first one takes all partitions over.
void Pipeline::join_lanes(const std::vector<LaneState>& states) {
  std::size_t partitions = 0;
  std::size_t lanes = 0;
  std::map<StreamPartition, std::optional<Offset>> waiting;
  for (const LaneState& state : states) {
    partitions += state.partitions.size();
    const std::size_t before = waiting.size();
    for (const PartitionProgress& partition : state.partitions) {
      if (partition.waiting && !partition.reached()) waiting[partition.at] = partition.committed;
    }
    lanes += waiting.size() != before ? 1U : 0U;
  }
  if (lanes < 2 || waiting != waiting_) moved_ = Clock::now();
  waiting_ = std::move(waiting);
  if (Clock::now() - moved_ < kLanesPatience) return;
  log_event(Level::warning, "lanes.joined",
            "partitions wait for each other's rows: going on with one lane",
            {{"hint", "set lanes = 1 in [batch] if this is so at every start"}});
  stop_lanes(1, kJoinPatience);
  for (std::size_t i = 1; i < lanes_.size(); ++i) {
    ended_events_ += lanes_[i]->state().events;
    summary_.dead_letters += lanes_[i]->state().dead_letters;
    summary_.times += lanes_[i]->state().times;
  }
  lanes_.erase(lanes_.begin() + 1, lanes_.end());
  handed_over_ = partitions;
  joined_ = lonely_ = Clock::now();
}

bool Pipeline::waited_too_long(const std::vector<LaneState>& states) {
  const auto waits = [](const LaneState& state) { return !state.waiting_for.empty(); };
  const auto waiting = std::find_if(states.begin(), states.end(), waits);
  if (waiting == states.end()) calm_ = Clock::now();
  if (!options_.until_current || Clock::now() - calm_ < kUntilCurrentPatience) return false;
  end(kExitUnavailable, waiting->waiting_for);
  return true;
}

void Pipeline::report_progress(const std::vector<LaneState>& states) {
  const double elapsed = std::chrono::duration<double>(Clock::now() - reported_).count();
  std::uint64_t events = ended_events_;
  std::uint64_t buffer = 0;
  std::string waiting;
  for (const LaneState& state : states) {
    events += state.events;
    buffer += state.buffer_bytes;
    if (!state.waiting_for.empty()) waiting = state.waiting_for;
  }
  const bool news = events != reported_events_ || !waiting.empty();
  log_event(news ? Level::info : Level::debug, "pipeline.progress", waiting,
            {{"rows", events},
             {"rows_per_s", static_cast<double>(events - reported_events_) / elapsed},
             {"buffer_bytes", buffer}});
  reported_ = Clock::now();
  reported_events_ = events;
}

void Pipeline::report_stages() const {
  const auto s = [](StageTime time) { return std::chrono::duration<double>(time).count(); };
  const auto& [reader, writer] = summary_.times;
  log_event(Level::debug, "pipeline.stages", "seconds of the lanes' threads",
            {{"fetch_s", s(reader.fetch)},
             {"poll_s", s(reader.poll)},
             {"decode_s", s(reader.decode)},
             {"room_s", s(reader.room)},
             {"idle_s", s(writer.idle)},
             {"fold_s", s(writer.fold)},
             {"encode_s", s(writer.encode)},
             {"postgresql_s", s(writer.postgresql)},
             {"commit_s", s(writer.commit)},
             {"rest_s", s(writer.rest)}});
}

// The batch at hand is committed if that can be had in time, else rolled back.
void Pipeline::stop_lanes(std::size_t from, milliseconds patience) {
  const std::span lanes = std::span(lanes_).subspan(from);
  for (const auto& lane : lanes) lane->stop();
  std::atomic<bool> joined = false;
  std::thread impatient([lanes, &joined, until = Clock::now() + patience] {
    while (!joined && Clock::now() < until) std::this_thread::sleep_for(kWatchEnd);
    if (joined) return;
    for (const auto& lane : lanes) lane->cancel();
  });
  for (const auto& lane : lanes) lane->join();
  joined = true;
  impatient.join();
  at_once(lanes, [](const std::unique_ptr<Lane>& lane) { lane->leave(); });
}

}  // namespace

RunSummary run_pipeline(const Config& config, const RunOptions& options) {
  return Pipeline(config, options).run();
}

}  // namespace tidemark
