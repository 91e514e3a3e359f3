// What `--until-current` waits for beyond this process's own partitions: everything that was there
// at the start is in the target, whoever has put it there. A process that was killed keeps its
// partitions in the group until its session has timed out; until then nobody works on them, and
// ending would leave them behind. Kafka and the target are asked by a thread of its own, which ends
// with it whether they answer or not. The pipeline's; not thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pg/session.h"
#include "pipeline/lane.h"
#include "source/topic_ends.h"
#include "source/topic_sampler.h"
#include "tidemark/config.h"

namespace tidemark {

enum class Others {
  busy,      // or nobody knows yet
  done,      // all that was there at the start is in the target, or is ours
  standing,  // it is not, and for longer than a session lasts nothing of it has moved
  unknown,   // for a minute nobody could be asked
};

// The partitions that no lane of ours has, as they were when it was last asked for them.
class OutsidePartitions {
 public:
  using Clock = std::chrono::steady_clock;
  using Left = std::map<StreamPartition, std::optional<Offset>>;  // and where they stand
  static constexpr std::chrono::seconds kFresh{10};
  static constexpr unsigned kAnswersLeast = 5;

  // There are none now, or nobody can tell: what was known is of another time.
  void note_none() { *this = {}; }
  // There are these, and of them `left` are not applied. True: which, is news, and some are.
  bool note(std::set<StreamPartition> outside, Left left, Clock::time_point now);
  // Standing: by several answers, the last one fresh, what is left was for `longest` where it is.
  [[nodiscard]] Others state(const std::set<StreamPartition>& outside, Clock::time_point now,
                             Clock::duration longest) const;
  [[nodiscard]] const Left& left() const { return left_; }

 private:
  std::set<StreamPartition> outside_;
  Left left_;
  Clock::time_point first_{};  // answer with this `left_`
  Clock::time_point last_{};
  unsigned answers_ = 0;
};

class UntilCurrent {
 public:
  explicit UntilCurrent(const Config& config);
  ~UntilCurrent();
  UntilCurrent(const UntilCurrent&) = delete;
  UntilCurrent& operator=(const UntilCurrent&) = delete;

  // Answers at once, from what it was told last.
  Others others(const std::vector<LaneState>& lanes);
  // The topics had partitions at the start.
  [[nodiscard]] bool has_partitions() const;
  // Of Others::standing: what, and where; of Others::unknown: why.
  [[nodiscard]] std::string reason() const;

 private:
  using Clock = std::chrono::steady_clock;
  using Ends = std::map<StreamPartition, PartitionEnds>;
  struct Answer {
    std::set<StreamPartition> outside;
    OutsidePartitions::Left left;
  };

  void run();
  void ask_ends();
  void ask_left(const std::set<StreamPartition>& outside);
  void remove_applied(OutsidePartitions::Left& left);
  void remove_empty(OutsidePartitions::Left& left);
  void look_at(const std::vector<SampleRequest>& requests, OutsidePartitions::Left& left);
  [[nodiscard]] Offset from_of(const StreamPartition& at, std::optional<Offset> position) const;
  void note_problem(const std::string& problem);
  [[nodiscard]] std::set<StreamPartition> missing(const std::vector<LaneState>& lanes) const;
  void take_answer();

  const Config& config_;
  const std::chrono::milliseconds session_;
  OutsidePartitions outside_;

  // The thread's.
  std::optional<TopicEnds> kafka_;           // until it has answered
  std::chrono::milliseconds ends_patience_;  // longer after each question without an answer
  std::optional<TopicSampler> sampler_;
  Session target_;
  OutsidePartitions::Left before_;            // what was left when it asked last
  std::map<StreamPartition, Offset> empty_;   // nothing is there from here on
  std::optional<StreamPartition> looked_at_;  // the last one whose records were looked for
  Clock::time_point problem_said_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  bool stopping_ = false;
  bool has_partitions_ = false;
  std::optional<Ends> ends_;         // at the start, of what held records; set once
  std::set<StreamPartition> asked_;  // for these
  std::optional<Answer> answer_;     // not taken yet
  std::string problem_;              // why there is no answer; empty: there was one
  Clock::time_point problem_since_{}, problem_last_{};

  std::thread thread_;
};

}  // namespace tidemark
