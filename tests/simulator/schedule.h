// Who runs next, and what time it is: threads of which one runs at a time, chosen by a seed, and a
// clock that stands still while somebody runs and jumps when everybody waits. Here are also the
// simulator's definitions of base/clock.h, so that the lane's own waits come here.
//
//  S1 The same seed and the same program give the same run, step by step.
//  S2 A killed thread leaves by an exception at the place where it stood; what runs on its way out
//     must not change anything that others see.
//  S3 fail() ends the run: the first failure is kept, and thrown to whoever called run().
// One Schedule at a time in a process. All members are for the running thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tidemark::simulator {

using Time = Clock::time_point;
using Millis = std::chrono::milliseconds;

// What has happened, by name: a fault that never comes proves nothing.
using Counts = std::map<std::string, std::uint64_t>;

// A promise was broken: what the run ends with.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Thrown in a thread that is killed. Not an std::exception: nobody on its way may catch it.
struct Killed {};

class Schedule {
 public:
  // `steps_most`: more is a failure. `trace`: keep what note() is given.
  Schedule(std::uint64_t seed, std::uint64_t steps_most, bool trace);
  ~Schedule();
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;
  static Schedule& now();

  // A new thread of a group: what is frozen and killed together.
  void spawn(int group, const std::string& name, std::function<void()> body);
  // Threads of the group that have not ended.
  [[nodiscard]] std::size_t alive(int group) const;
  void kill(int group);
  void freeze(int group, Time until);
  // The running thread's group, where it stands.
  void freeze(Millis time);
  [[nodiscard]] bool is_frozen(int group) const;

  // Others may run now.
  void yield();
  void sleep(Millis time);
  // Until wake(what), until then, or for no reason.
  void wait(const void* what, Time until);
  void wake(const void* what);
  // Ends the run.
  [[noreturn]] void fail(const std::string& what);

  [[nodiscard]] Time time() const { return time_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::int64_t ms() const;
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(double of) { return static_cast<double>(random_() % 1'000'000U) < of * 1e6; }
  std::mt19937_64& random() { return random_; }

  [[nodiscard]] bool tracing() const { return tracing_; }
  void note(const std::string& what);
  Counts counts;
  [[nodiscard]] const std::vector<std::string>& trace() const { return trace_; }

 private:
  struct Thread;
  void switch_to(Thread& next);
  Thread& choose();
  void leave_from(Thread& thread);
  void end_all();
  [[nodiscard]] bool can_run(const Thread& thread) const;

  std::mt19937_64 random_;
  const std::uint64_t steps_most_;
  const bool tracing_;
  std::uint64_t steps_ = 0;
  Time time_;
  std::vector<std::unique_ptr<Thread>> threads_;  // the first is who made the schedule
  Thread* running_ = nullptr;
  std::vector<std::pair<int, Time>> frozen_;
  std::string failure_;
  bool ending_ = false;
  std::vector<std::string> trace_;
};

}  // namespace tidemark::simulator
