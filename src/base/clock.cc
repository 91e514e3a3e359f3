#include "base/clock.h"

namespace tidemark {

Clock::time_point Clock::now() {
  return std::chrono::steady_clock::now();
}

void Condition::notify_all() {
  condition_.notify_all();
}

void Condition::wait_until(std::unique_lock<std::mutex>& lock, Clock::time_point until) {
  condition_.wait_until(lock, until);
}

}  // namespace tidemark
