// tidemark_simulator: runs seeds, and says of the first one that fails how, and how to see it
// again.
#include <sched.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "base/log.h"
#include "simulator/world.h"

namespace tidemark::simulator {
namespace {

constexpr const char* kUsage =
    R"(usage: tidemark_simulator [--seeds N] [--first-seed N] [--seconds N] [--trace] [--counts]
                          [--unguarded WHAT] [--must-fail]

Lanes of tidemark in a simulated world, checked after every transaction; a seed decides everything.
Ends at the first seed that fails, with the command that runs it again and what happened last.

  --seeds N         how many (default 300)
  --first-seed N    the first one (default 1)
  --seconds N       no new seed after so many
  --trace           all that happens, for one seed
  --counts          what has happened, and how often
  --unguarded WHAT  PostgreSQL without a guard: fence, doubt-lock, atomic
  --must-fail       exits 0 if a seed fails: a guard is missing
)";

struct Options {
  std::uint64_t seeds = 300;
  std::uint64_t first = 1;
  double seconds = 1e9;
  bool trace = false;
  bool counts = false;
  bool must_fail = false;
  std::string unguarded;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--trace") {
      options.trace = true;
      continue;
    }
    if (name == "--counts") {
      options.counts = true;
      continue;
    }
    if (name == "--must-fail") {
      options.must_fail = true;
      continue;
    }
    if (++i == argc) return false;
    if (name == "--seeds") {
      options.seeds = std::strtoull(argv[i], nullptr, 10);
    } else if (name == "--first-seed") {
      options.first = std::strtoull(argv[i], nullptr, 10);
    } else if (name == "--seconds") {
      options.seconds = std::strtod(argv[i], nullptr);
    } else if (name == "--unguarded") {
      options.unguarded = argv[i];
    } else {
      return false;
    }
  }
  return true;
}

bool take_out(const std::string& guard, Unguarded& unguarded) {
  if (guard.empty()) return true;
  unguarded.fence = guard == "fence";
  unguarded.doubt_lock = guard == "doubt-lock";
  unguarded.atomic = guard == "atomic";
  return unguarded.fence || unguarded.doubt_lock || unguarded.atomic;
}

// Threads that take turns are handed over fastest where they do not move.
void stay_on_one_core() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int core = sched_getcpu();
  if (core < 0) return;
  CPU_SET(static_cast<std::size_t>(core), &cores);
  sched_setaffinity(0, sizeof(cores), &cores);
}

constexpr std::size_t kTraceShown = 60;

void explain(const char* program, const Options& options, RunOptions run_options,
             const RunResult& failed) {
  run_options.trace = true;
  const RunResult again = run(run_options);
  const std::size_t lines = again.trace.size();
  const std::size_t from = options.trace || lines < kTraceShown ? 0 : lines - kTraceShown;
  for (std::size_t i = from; i < lines; ++i) std::cout << "  " << again.trace[i] << '\n';
  std::cout << "seed " << run_options.seed << ": " << failed.failure << '\n';
  if (again.failure != failed.failure) {
    std::cout << "and the second time something else: " << again.failure << '\n';
  }
  std::cout << "again: " << program << " --seeds 1 --first-seed " << run_options.seed
            << (options.unguarded.empty() ? "" : " --unguarded " + options.unguarded)
            << " --trace\n";
}

int run_all(const char* program, const Options& options) {
  RunOptions run_options;
  if (!take_out(options.unguarded, run_options.unguarded)) return 64;
  Counts counts;
  std::uint64_t steps = 0;
  std::uint64_t done = 0;
  bool failed = false;
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  for (; done < options.seeds && !failed && seconds() < options.seconds; ++done) {
    run_options.seed = options.first + done;
    run_options.trace = options.trace;
    const RunResult result = run(run_options);
    for (const auto& [name, count] : result.counts) counts[name] += count;
    steps += result.steps;
    failed = !result.failure.empty();
    if (failed) {
      explain(program, options, run_options, result);
    } else if (options.trace) {
      for (const std::string& line : result.trace) std::cout << "  " << line << '\n';
    }
  }
  if (options.counts) {
    for (const auto& [name, count] : counts) std::cout << count << "  " << name << '\n';
  }
  const double took = seconds();
  std::cout << done << " seeds, " << counts["transaction"] << " transactions, " << steps
            << " steps, " << static_cast<std::uint64_t>(static_cast<double>(done) / took * 60)
            << " seeds/minute: " << (failed ? "failed" : "all is well") << '\n';
  return failed == options.must_fail ? 0 : 1;
}

}  // namespace
}  // namespace tidemark::simulator

int main(int argc, char** argv) {
  tidemark::simulator::Options options;
  if (!tidemark::simulator::parse(argc, argv, options)) {
    std::cerr << tidemark::simulator::kUsage;
    return 64;
  }
  tidemark::simulator::stay_on_one_core();
  return tidemark::simulator::run_all(argv[0], options);
}
