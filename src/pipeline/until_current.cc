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

milliseconds session_of(const KafkaConfig& kafka) {
  for (const auto& [name, value] : kafka.properties) {
    if (name == "session.timeout.ms") return milliseconds{std::atoll(value.c_str())};
  }
  return kSessionDefault;
}

}  // namespace

bool OutsidePartitions::note(std::set<StreamPartition> outside, std::set<StreamPartition> left,
                             Clock::time_point now) {
  outside_ = std::move(outside);
  if (since_ != Clock::time_point::max() && left == left_) return false;
  since_ = now;
  left_ = std::move(left);
  return !left_.empty();
}

bool OutsidePartitions::done(const std::set<StreamPartition>& outside, Clock::time_point now,
                             Clock::duration longest) const {
  // One that was not asked for may be anything.
  if (!std::includes(outside_.begin(), outside_.end(), outside.begin(), outside.end()))
    return false;
  return left_.empty() || now - since_ > longest;
}

UntilCurrent::UntilCurrent(const Config& config)
    : config_(config),
      session_(session_of(config.kafka)),
      kafka_(std::in_place, config.kafka, config.source),
      target_(connection_settings(config)) {}

bool UntilCurrent::others_are_done(const std::vector<LaneState>& lanes) {
  const bool ask = Clock::now() - asked_ >= kAskAgain;
  if (ask) asked_ = Clock::now();
  if (!ends_ && ask) ends_ = kafka_->ask(kOneAnswer);
  if (!ends_) return false;
  kafka_.reset();
  const std::set<StreamPartition> outside = missing(lanes);
  if (outside.empty()) {
    outside_.note_none();
    return true;
  }
  if (ask) {
    std::set<StreamPartition> left = outside;
    remove_applied(left);
    if (outside_.note(outside, std::move(left), Clock::now())) {
      log_event(Level::info, "group.others",
                std::to_string(outside_.left()) +
                    " partitions belong to other members of the group, or to one that is no more");
    }
  }
  return outside_.done(outside, Clock::now(), session_ + kRebalance);
}

std::set<StreamPartition> UntilCurrent::missing(const std::vector<LaneState>& lanes) const {
  std::set<StreamPartition> out;
  for (const auto& [at, end] : *ends_) out.insert(at);
  for (const LaneState& lane : lanes) {
    for (const PartitionProgress& partition : lane.partitions) out.erase(partition.at);
  }
  return out;
}

void UntilCurrent::remove_applied(std::set<StreamPartition>& partitions) {
  try {
    const TextRows rows = target_.query(
        "SELECT stream, partition, last_watermark FROM " +
            quote_identifier(config_.target.state_schema) +
            ".pipeline_watermarks WHERE pipeline_name = $1 AND last_watermark IS NOT NULL",
        {config_.pipeline});
    for (const TextRow& row : rows) {
      const StreamPartition at{*row[0], Partition{std::atoi(row[1]->c_str())}};
      const auto end = ends_->find(at);
      if (end != ends_->end() && std::atoll(row[2]->c_str()) >= end->second.value) {
        partitions.erase(at);
      }
    }
  } catch (const Error&) {
    // The state tables may not be there yet, or the server is away: the lanes say so.
  }
}

}  // namespace tidemark
