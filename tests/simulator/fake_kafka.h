// Kafka, as far as a lane sees it: one topic's logs, a consumer group with an eager protocol, group
// offsets, brokers that can be away. And FakeSource, the member of the group that a lane has.
//
// As in the real one: a member that does not poll is dropped after its session's time, and learns
// of it, or of any rebalance, only with a later heartbeat; until then it is given records of what
// it had. Only for running threads of the Schedule.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulator/history.h"
#include "simulator/schedule.h"
#include "tidemark/source.h"

namespace tidemark::simulator {

class FakeKafka {
 public:
  FakeKafka(History& history, Schedule& schedule);

  // ---- the producer's side: the next record of the history; false: that was all
  bool send_next();
  [[nodiscard]] bool sent_all() const { return sent_ == history_.order.size(); }
  [[nodiscard]] Offset end(std::size_t partition) const;

  // ---- the world's
  void set_away(bool away);
  void rebalance(const char* why);
  [[nodiscard]] const std::map<StreamPartition, Offset>& group_offsets() const { return offsets_; }
  // Called before a group offset is taken.
  std::function<void(const StreamPartition&, Offset)> on_commit;

 private:
  friend class FakeSource;
  struct Member {
    Time seen;
    bool joined = false;
    bool told = false;  // of its partitions in this generation
    std::vector<StreamPartition> partitions;
  };

  std::uint64_t join();
  void leave(std::uint64_t id);
  // The coordinator's work, done whenever somebody polls.
  void coordinate();
  void complete();
  Reported commit(std::uint64_t member,
                  const std::vector<std::pair<StreamPartition, Offset>>& next);
  [[nodiscard]] std::vector<SourceEvent>& log(std::size_t partition) {
    return history_.logs[partition];
  }

  History& history_;
  Schedule& schedule_;
  Counts& counts_;
  std::size_t sent_ = 0;
  std::vector<std::size_t> sent_of_;  // by partition
  std::map<std::uint64_t, Member> members_;
  std::uint64_t next_member_ = 1;
  bool preparing_ = false;
  Time prepared_until_;
  bool away_ = false;
  std::map<StreamPartition, Offset> offsets_;
};

class FakeSource final : public Source {
 public:
  // `alive`: false once its process is dead.
  FakeSource(FakeKafka& kafka, const bool& alive) : kafka_(kafka), alive_(alive) {}

  void subscribe() override;
  PollResult poll(Millis timeout) override;
  void assign(const std::vector<std::pair<StreamPartition, std::optional<Offset>>>& from) override;
  void pause() override;
  void resume() override;
  void pause(const StreamPartition& partition) override;
  void rejoin() override;
  Reported commit(const std::vector<std::pair<StreamPartition, Offset>>& next,
                  Millis patience) override;
  std::vector<StreamPartition> unreported(const std::vector<StreamPartition>& partitions,
                                          Millis timeout) override;
  std::optional<Offset> known_end(const StreamPartition& partition) override;
  std::optional<std::int32_t> partitions_of(std::string_view topic) override;
  std::map<StreamPartition, PartitionEnds> ends(const std::vector<StreamPartition>& partitions,
                                                Millis timeout) override;
  std::optional<OwnedRecord> read(const StreamPartition& partition, Offset offset,
                                  Millis timeout) override;
  void close(Millis timeout) override;

 private:
  struct Fetching {
    std::size_t next = 0;  // in the log
    bool held = false;
    bool said_end = false;
  };
  std::optional<PollResult> heartbeat();
  std::optional<PollResult> fetch();
  PollResult revoked();

  FakeKafka& kafka_;
  const bool& alive_;
  std::uint64_t member_ = 0;
  bool owns_ = false;  // an assignment was reported, and no revocation since
  std::map<StreamPartition, Fetching> fetching_;
  std::set<StreamPartition> owned_;
  bool paused_ = false;
};

}  // namespace tidemark::simulator
