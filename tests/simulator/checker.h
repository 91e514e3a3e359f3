// What must hold of the target, looked at from outside: after each transaction, whoever made it,
// and at the end. A breach ends the run (Schedule::fail).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "simulator/fake_kafka.h"
#include "simulator/fake_server.h"
#include "simulator/oracle.h"

namespace tidemark::simulator {

class Checker {
 public:
  // `hold_key`: records follow a dead letter of their key.
  Checker(Schedule& schedule, const History& history, const FakeKafka& kafka,
          const FakeServer& server, bool hold_key);

  // After a transaction: the rows are those of the records before the positions (I1), positions and
  // epochs have not fallen (I1, I3), dead letters are there for a reason, and whole (I4).
  void check();
  // Before Kafka takes a group offset: it is not ahead of the position (I2).
  void check_offset(const StreamPartition& at, Offset offset);
  // All is applied. `poison`: not all could be.
  void check_end(bool poison);

 private:
  using Held = std::map<std::string, std::vector<std::size_t>>;  // key -> its dead letters

  void check_positions();
  void check_letters();
  void check_letter(std::size_t number);
  void check_passed(std::size_t partition, Offset position);
  void check_event(std::size_t partition, const SourceEvent& event);

  Schedule& schedule_;
  const History& history_;
  const FakeKafka& kafka_;
  const FakeServer& server_;
  const bool hold_key_;
  Oracle oracle_;
  // What has been seen so far, by partition.
  std::map<StreamPartition, test::ModelPosition> seen_;
  std::size_t letters_seen_ = 0;
  std::vector<Letters> letters_;
  std::vector<Held> held_;
  std::vector<std::size_t> passed_;  // records that check_passed() has looked at
};

}  // namespace tidemark::simulator
