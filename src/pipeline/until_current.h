// What `--until-current` waits for beyond this process's own partitions: everything that was there
// at the start is in the target, whoever has put it there. A process that was killed keeps its
// partitions in the group until its session has timed out; until then nobody works on them, and
// ending would leave them behind. Not thread-safe: the pipeline's.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "pg/admin_connection.h"
#include "pipeline/lane.h"
#include "source/topic_ends.h"
#include "tidemark/config.h"

namespace tidemark {

// The partitions that no lane of ours has, as they were when it was last asked for them.
class OutsidePartitions {
 public:
  using Clock = std::chrono::steady_clock;

  // There are none now: what was known of some is of another time.
  void note_none() { *this = {}; }
  // There are these, and of them `left` are not applied. True: `left` is news, and not empty.
  bool note(std::set<StreamPartition> outside, std::set<StreamPartition> left,
            Clock::time_point now);
  // Are all of these known to be applied, or have the same ones been left for `longest`?
  [[nodiscard]] bool done(const std::set<StreamPartition>& outside, Clock::time_point now,
                          Clock::duration longest) const;
  [[nodiscard]] std::size_t left() const { return left_.size(); }

 private:
  std::set<StreamPartition> outside_;
  std::set<StreamPartition> left_;
  Clock::time_point since_ = Clock::time_point::max();  // `left_` is the same
};

class UntilCurrent {
 public:
  explicit UntilCurrent(const Config& config);

  // True: what is not ours has been applied by others, or belongs to a member of the group that
  // has outlived the session's time and will see to it. Asks Kafka and the target at most once a
  // second, for a second at most.
  bool others_are_done(const std::vector<LaneState>& lanes);
  // There was something at the start.
  [[nodiscard]] bool has_partitions() const { return ends_ && !ends_->empty(); }

 private:
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] std::set<StreamPartition> missing(const std::vector<LaneState>& lanes) const;
  void remove_applied(std::set<StreamPartition>& partitions);

  const Config& config_;
  const std::chrono::milliseconds session_;
  std::optional<TopicEnds> kafka_;  // until it has answered
  AdminConnection target_;
  std::optional<std::map<StreamPartition, Offset>> ends_;  // at the start
  OutsidePartitions outside_;
  Clock::time_point asked_;
};

}  // namespace tidemark
