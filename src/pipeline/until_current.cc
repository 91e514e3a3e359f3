#include "pipeline/until_current.h"

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

UntilCurrent::UntilCurrent(const Config& config)
    : config_(config),
      session_(session_of(config.kafka)),
      kafka_(config.kafka, config.source),
      target_(connection_settings(config)) {}

bool UntilCurrent::others_are_done(const std::vector<LaneState>& lanes) {
  const bool ask = Clock::now() - asked_ >= kAskAgain;
  if (ask) asked_ = Clock::now();
  if (!ends_ && ask) ends_ = kafka_.ask(kOneAnswer);
  if (!ends_) return false;
  std::set<StreamPartition> now = missing(lanes);
  if (now.empty()) return true;
  if (ask) {
    remove_applied(now);
    note(std::move(now));
  }
  return missing_.empty() || Clock::now() - changed_ > session_ + kRebalance;
}

void UntilCurrent::note(std::set<StreamPartition> missing) {
  if (missing == missing_) return;
  changed_ = Clock::now();
  missing_ = std::move(missing);
  if (missing_.empty()) return;
  log_event(Level::info, "group.others",
            std::to_string(missing_.size()) +
                " partitions belong to other members of the group, or to one that is no more");
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
