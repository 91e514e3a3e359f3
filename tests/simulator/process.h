// A tidemark process: lanes with their threads, between the fakes. It can be killed at any point of
// any of its threads, stopped as by SIGTERM, or frozen by the Schedule. Only for the world's
// thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/lane.h"
#include "simulator/fake_kafka.h"
#include "simulator/fake_server.h"

namespace tidemark::simulator {

class Process {
 public:
  // `group`: of its threads.
  Process(int group, const Config& config, FakeKafka& kafka, FakeServer& server,
          Schedule& schedule);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] int group() const { return group_; }
  // SIGTERM.
  void stop();
  // A lane has: then the program stops the others.
  [[nodiscard]] bool failed() const;
  // All its threads have ended.
  [[nodiscard]] bool ended() const { return schedule_.alive(group_) == 0; }
  // What the program does then.
  void leave();
  // Ends what it waits for in PostgreSQL.
  void cancel();
  [[nodiscard]] std::vector<LaneState> states() const;

 private:
  LaneParts parts();
  std::optional<TablePtr> find_table(const TableName& name);

  const int group_;
  const Config config_;
  FakeKafka& kafka_;
  FakeServer& server_;
  Schedule& schedule_;
  bool alive_ = true;
  const double answers_;  // how likely a question about the table has an answer by now
  bool table_known_ = false;
  std::shared_ptr<TableClaims> claims_;
  std::shared_ptr<std::atomic<bool>> let_in_ = std::make_shared<std::atomic<bool>>(false);
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace tidemark::simulator
