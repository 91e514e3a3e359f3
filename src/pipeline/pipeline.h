// A pipeline: its lanes, started, watched and stopped. Here is wired what a lane works with, and
// decided when the process ends and with which exit code.
// run_pipeline() returns when it was asked to stop, when everything wanted is applied, or when
// nobody can go on; one caller a process.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "pipeline/stage_times.h"
#include "tidemark/config.h"

namespace tidemark {

struct RunOptions {
  bool until_current = false;            // end when what was there at the start is applied
  std::function<bool()> stop_requested;  // asked about every 50 ms
};

struct RunSummary {
  int exit_code = 0;         // sysexits': 0, 65, 69, 70, 77, 78
  std::uint64_t events = 0;  // records accounted for: applied, folded, skipped, dead-lettered
  std::uint64_t dead_letters = 0;
  double seconds = 0;
  StageTimes times;     // of all lanes
  std::string message;  // one sentence; of an error: what happened
  std::string hint;
};

RunSummary run_pipeline(const Config& config, const RunOptions& options);

}  // namespace tidemark
