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
constexpr milliseconds kSessionDefault{45000};
constexpr milliseconds kRebalance{15000};
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
  const bool first = since_ == Clock::time_point::max();
  const bool news = first || !same_partitions(left, left_);
  if (first || left != left_) since_ = now;
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
  if (left_.empty()) return Others::done;
  return now - since_ > longest ? Others::standing : Others::busy;
}

UntilCurrent::UntilCurrent(const Config& config)
    : config_(config),
      session_(session_of(config.kafka)),
      kafka_(std::in_place, config.kafka, config.source),
      target_(connection_settings(config)),
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
  if (!ends_) return Others::busy;
  const std::set<StreamPartition> outside = missing(lanes);
  if (outside != asked_) {
    asked_ = outside;
    changed_.notify_all();
  }
  if (outside.empty()) {
    outside_.note_none();
    answer_.reset();
    return Others::done;
  }
  take_answer();
  return outside_.state(outside, Clock::now(), session_ + kRebalance);
}

void UntilCurrent::take_answer() {
  if (!answer_) return;
  Answer answer = std::move(*answer_);
  answer_.reset();
  if (!answer.left) {
    outside_.note_none();
  } else if (outside_.note(std::move(answer.outside), std::move(*answer.left), Clock::now())) {
    log_event(Level::info, "group.others",
              std::to_string(outside_.left().size()) +
                  " partitions belong to other members of the group, or to one that is no more");
  }
}

std::string UntilCurrent::left() const {
  const std::scoped_lock lock(mutex_);
  std::string text;
  std::size_t named = 0;
  for (const auto& [at, offset] : outside_.left()) {
    if (++named > kNamed) return text + ", …";
    text += (text.empty() ? "" : ", ") + at.display() + " at " +
            std::to_string(offset.value_or(Offset{0}).value) + " of " +
            std::to_string(ends_->at(at).value);
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
    if (!ends_) {
      lock.unlock();
      ask_ends();
      lock.lock();
    } else if (asked_.empty()) {
      changed_.wait(lock);
      continue;
    } else {
      const std::set<StreamPartition> outside = asked_;
      lock.unlock();
      auto left = ask_left(outside);
      lock.lock();
      answer_ = Answer{outside, std::move(left)};
    }
    if (!stopping_ && (!ends_ || !asked_.empty())) changed_.wait_for(lock, kAskAgain);
  }
}

void UntilCurrent::ask_ends() {
  const auto all = kafka_->ask(kOneAnswer);
  if (!all) return;
  kafka_.reset();
  Ends ends;
  for (const auto& [at, both] : *all) {
    if (both.high > both.low) ends[at] = both.high;
  }
  const std::scoped_lock lock(mutex_);
  has_partitions_ = !all->empty();
  ends_ = std::move(ends);
}

std::optional<OutsidePartitions::Left> UntilCurrent::ask_left(
    const std::set<StreamPartition>& outside) {
  OutsidePartitions::Left left;
  for (const StreamPartition& at : outside) left[at];
  try {
    target_.open();
    for (const TextRow& row : target_.query_text(
             "SELECT stream, partition, last_watermark FROM " +
                 quote_identifier(config_.target.state_schema) +
                 ".pipeline_watermarks WHERE pipeline_name = $1 AND last_watermark IS NOT NULL",
             {config_.pipeline})) {
      const auto one = left.find({*row[0], Partition{std::atoi(row[1]->c_str())}});
      if (one == left.end()) continue;
      one->second = Offset{std::atoll(row[2]->c_str())};
      if (*one->second >= ends_->at(one->first)) left.erase(one);
    }
    const OutsidePartitions::Left before = std::exchange(before_, left);
    if (!left.empty() && left == before) remove_empty(left);
    return left;
  } catch (const Error& error) {
    target_.close();
    if (error.sqlstate() == "42P01") return left;  // nobody has written anything yet
    return std::nullopt;                           // the lanes say so
  }
}

// Behind the last record may be transactions' markers, on which no position ever stands.
void UntilCurrent::remove_empty(OutsidePartitions::Left& left) {
  if (!sampler_) sampler_.emplace(config_.kafka);
  std::vector<SampleRequest> requests;
  for (const auto& [at, offset] : left) requests.push_back({at, offset});
  const SampleBounds one_record{1, 0, kOneAnswer};
  for (const SampledPartition& sampled :
       sampler_->read(requests, one_record, [](const RecordView& /*record*/) {})) {
    if (sampled.complete && sampled.records == 0) left.erase(sampled.at);
  }
}

}  // namespace tidemark
