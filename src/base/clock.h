// What a lane takes from the machine beside its source and its target: the time, and how its
// threads wait for each other. Here that is the steady clock and a condition variable. Out of line,
// so that tests/simulator can link definitions of its own: there time is a number, and one thread
// runs at a time. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tidemark {

struct Clock {
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;
  static time_point now();
};

class Condition {
 public:
  void notify_all();
  // Until notified, until then, or for no reason: the caller looks again.
  void wait_until(std::unique_lock<std::mutex>& lock, Clock::time_point until);

 private:
  std::condition_variable condition_;
};

}  // namespace tidemark
