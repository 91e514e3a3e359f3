// One run: a source's history, Kafka, PostgreSQL, some tidemark processes in one group, and
// somebody who does them harm; all from one seed. The lanes are the program's own (pipeline/lane),
// between FakeSource and FakeTarget. What must hold is compared after every transaction (I1, I3,
// I4), and at the end, when all is well again: that everything is applied, in time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulator/fake_kafka.h"
#include "simulator/fake_server.h"

namespace tidemark::simulator {

struct RunOptions {
  std::uint64_t seed = 1;
  bool trace = false;
  Unguarded unguarded;
};

struct RunResult {
  std::string failure;  // empty: all is well
  std::vector<std::string> trace;
  Counts counts;  // what has happened, by name
  std::uint64_t steps = 0;
  std::int64_t ms = 0;  // of the simulated time
};

RunResult run(const RunOptions& options);

}  // namespace tidemark::simulator
