#include "pipeline/until_current.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "source/kafka_properties.h"
#include "target/postgres_target.h"

namespace tidemark {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAskAgain{1000};
constexpr milliseconds kOneAnswer{1000};
constexpr milliseconds kOneAnswerMost{4000};
constexpr milliseconds kSessionDefault{45000};
constexpr milliseconds kRebalance{15000};
constexpr milliseconds kPatience{60000};
constexpr milliseconds kSayAfter{5000};
constexpr milliseconds kSayAgain{30000};
constexpr milliseconds kLook{2000};
constexpr std::size_t kLookedAt = 16;
constexpr std::size_t kNamed = 3;

milliseconds session_of(const KafkaConfig& kafka) {
  for (const auto& [name, value] : kafka.properties) {
    if (name == "session.timeout.ms") return milliseconds{std::atoll(value.c_str())};
  }
  return kSessionDefault;
}

bool same_partitions(const OutsidePartitions::Left& a, const OutsidePartitions::Left& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& other) { return one.first == other.first; });
}

}  // namespace

bool OutsidePartitions::note(std::set<StreamPartition> outside, Left left, Clock::time_point now) {
  const bool news = answers_ == 0 || !same_partitions(left, left_);
  if (answers_ == 0 || left != left_) {
    first_ = now;
    answers_ = 0;
  }
  ++answers_;
  last_ = now;
  outside_ = std::move(outside);
  left_ = std::move(left);
  return news && !left_.empty();
}

Others OutsidePartitions::state(const std::set<StreamPartition>& outside, Clock::time_point now,
                                Clock::duration longest) const {
  // One that was not asked for may be anything.
  if (!std::includes(outside_.begin(), outside_.end(), outside.begin(), outside.end())) {
    return Others::busy;
  }
  const auto is_left = [&](const StreamPartition& at) { return left_.contains(at); };
  if (std::none_of(outside.begin(), outside.end(), is_left)) return Others::done;
  const bool standing = last_ - first_ > longest && answers_ >= kAnswersLeast;
  return standing && now - last_ < kFresh ? Others::standing : Others::busy;
}

UntilCurrent::UntilCurrent(const Config& config)
    : config_(config),
      session_(session_of(config.kafka)),
      kafka_(std::in_place, config.kafka, config.source),
      ends_patience_(kOneAnswer),
      target_(connection_settings(config), SessionUse::aside),
      thread_([this] { run(); }) {}

UntilCurrent::~UntilCurrent() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  target_.cancel();
  thread_.join();
}

bool UntilCurrent::has_partitions() const {
  const std::scoped_lock lock(mutex_);
  return has_partitions_;
}

Others UntilCurrent::others(const std::vector<LaneState>& lanes) {
  const std::scoped_lock lock(mutex_);
  const bool silent = !problem_.empty() && problem_last_ - problem_since_ > kPatience;
  if (!ends_) return silent ? Others::unknown : Others::busy;
  const std::set<StreamPartition> outside = missing(lanes);
  if (outside != asked_) {
    asked_ = outside;
    changed_.notify_all();
  }
  if (outside.empty()) {
    outside_.note_none();
    answer_.reset();
    problem_.clear();
    return Others::done;
  }
  // While a server is away for us, it may be for them: they get their time after that.
  const auto is_held_up = [](const LaneState& lane) {
    return !lane.waiting_for.empty() || (lane.joined && !lane.assigned);
  };
  if (std::any_of(lanes.begin(), lanes.end(), is_held_up)) outside_.note_none();
  if (!problem_.empty()) {
    outside_.note_none();
    return silent ? Others::unknown : Others::busy;
  }
  take_answer();
  return outside_.state(outside, Clock::now(), session_ + kRebalance);
}

void UntilCurrent::take_answer() {
  if (!answer_) return;
  Answer answer = std::move(*answer_);
  answer_.reset();
  if (outside_.note(std::move(answer.outside), std::move(answer.left), Clock::now())) {
    log_event(Level::info, "group.others",
              std::to_string(outside_.left().size()) +
                  " partitions belong to other members of the group, or to one that is no more");
  }
}

std::string UntilCurrent::reason() const {
  const std::scoped_lock lock(mutex_);
  if (!problem_.empty()) return problem_;
  std::string text;
  std::size_t named = 0;
  for (const auto& [at, position] : outside_.left()) {
    if (++named > kNamed) return text + ", …";
    text += (text.empty() ? "" : ", ") + at.display() + " at " +
            std::to_string(from_of(at, position).value) + " of " +
            std::to_string(ends_->at(at).high.value);
  }
  return text;
}

std::set<StreamPartition> UntilCurrent::missing(const std::vector<LaneState>& lanes) const {
  std::set<StreamPartition> out;
  for (const auto& [at, end] : *ends_) out.insert(at);
  for (const LaneState& lane : lanes) {
    for (const PartitionProgress& partition : lane.partitions) out.erase(partition.at);
  }
  return out;
}

// ---- its thread
// ----------------------------------------------------------------------------------

void UntilCurrent::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (ends_ && asked_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const std::set<StreamPartition> outside = asked_;
    const bool know_ends = ends_.has_value();
    lock.unlock();
    try {
      if (know_ends) {
        ask_left(outside);
      } else {
        ask_ends();
      }
    } catch (const std::exception& error) {
      target_.close();
      note_problem(error.what());
    }
    lock.lock();
    if (!stopping_ && (!ends_ || !asked_.empty())) changed_.wait_for(lock, kAskAgain);
  }
}

void UntilCurrent::ask_ends() {
  TopicEnds::Answer answer = kafka_->ask(ends_patience_);
  if (!answer.problem.empty()) {
    ends_patience_ = std::min(ends_patience_ * 2, kOneAnswerMost);
    return note_problem("Kafka does not say where the topics end: " + answer.problem);
  }
  kafka_.reset();
  const std::scoped_lock lock(mutex_);
  problem_.clear();
  has_partitions_ = !answer.ends.empty();
  std::erase_if(answer.ends, [](const auto& one) { return one.second.high <= one.second.low; });
  ends_ = std::move(answer.ends);
}

void UntilCurrent::ask_left(const std::set<StreamPartition>& outside) {
  Answer answer{outside, {}};
  for (const StreamPartition& at : outside) answer.left[at];
  try {
    remove_applied(answer.left);
  } catch (const Error& error) {
    // Without its tables nobody has written anything yet.
    if (error.sqlstate() != "42P01") throw;
    target_.close();
  }
  remove_empty(answer.left);
  const std::scoped_lock lock(mutex_);
  problem_.clear();
  answer_ = std::move(answer);
}

void UntilCurrent::remove_applied(OutsidePartitions::Left& left) {
  target_.open();
  const TextRows rows = target_.query_text(
      "SELECT stream, partition, last_watermark FROM " +
          quote_identifier(config_.target.state_schema) +
          ".pipeline_watermarks WHERE pipeline_name = $1 AND last_watermark IS NOT NULL",
      {config_.pipeline});
  for (const TextRow& row : rows) {
    const auto one = left.find({*row[0], Partition{std::atoi(row[1]->c_str())}});
    if (one == left.end()) continue;
    one->second = Offset{std::atoll(row[2]->c_str())};
    if (*one->second >= ends_->at(one->first).high) left.erase(one);
  }
}

Offset UntilCurrent::from_of(const StreamPartition& at, std::optional<Offset> position) const {
  return position.value_or(ends_->at(at).low);
}

// Behind the last record may be transactions' markers, on which no position ever stands. Where
// nothing has moved it is looked whether there is a record, a few partitions at a time.
void UntilCurrent::remove_empty(OutsidePartitions::Left& left) {
  const OutsidePartitions::Left before = std::exchange(before_, left);
  std::erase_if(left, [&](const auto& one) {
    const auto known = empty_.find(one.first);
    return known != empty_.end() && known->second == from_of(one.first, one.second);
  });
  std::vector<SampleRequest> requests;
  auto next = looked_at_ ? left.upper_bound(*looked_at_) : left.begin();
  for (std::size_t i = 0; i < left.size() && requests.size() < kLookedAt; ++i) {
    if (next == left.end()) next = left.begin();
    const auto& [at, position] = *next++;
    const auto was = before.find(at);
    if (was == before.end() || was->second != position) continue;
    requests.push_back({at, from_of(at, position)});
    looked_at_ = at;
  }
  if (!requests.empty()) look_at(requests, left);
}

void UntilCurrent::look_at(const std::vector<SampleRequest>& requests,
                           OutsidePartitions::Left& left) {
  if (!sampler_) sampler_.emplace(config_.kafka);
  const auto sampled = sampler_->read(requests, {1, 0, kLook}, [](const RecordView& /*one*/) {});
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const SampledPartition& one = sampled[i];
    if (!one.complete && one.records == 0) {
      throw Error(ErrorKind::retry,
                  "whether " + one.at.display() + " holds more is not known: " +
                      (one.problem.empty() ? "Kafka does not answer" : one.problem));
    }
    // What Kafka has removed was perhaps never applied.
    if (one.records != 0 || one.removed || one.begin != *requests[i].from) continue;
    empty_[one.at] = *requests[i].from;
    left.erase(one.at);
  }
}

void UntilCurrent::note_problem(const std::string& problem) {
  const auto now = Clock::now();
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    if (problem_.empty()) problem_since_ = now;
    problem_last_ = now;
    problem_ = problem;
    answer_.reset();
    if (now - problem_since_ < kSayAfter || now - problem_said_ < kSayAgain) return;
  }
  problem_said_ = now;
  log_event(Level::warning, "group.unknown",
            "it cannot be told what others of the group have still to apply; trying again",
            {{"error", problem}});
}

}  // namespace tidemark
