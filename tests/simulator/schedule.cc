#include "simulator/schedule.h"

#include <semaphore.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <thread>

namespace tidemark::simulator {

namespace {

Schedule* current = nullptr;
constexpr std::size_t kTraceMost = 100'000;

// glibc's own: it does not spin, which on one core would only burn what the other one needs.
class Baton {
 public:
  Baton() { sem_init(&semaphore_, 0, 0); }
  ~Baton() { sem_destroy(&semaphore_); }
  Baton(const Baton&) = delete;
  Baton& operator=(const Baton&) = delete;
  void give() { sem_post(&semaphore_); }
  void take() {
    while (sem_wait(&semaphore_) != 0 && errno == EINTR) {
    }
  }

 private:
  sem_t semaphore_{};
};

}  // namespace

struct Schedule::Thread {
  int group = 0;
  std::string name;
  std::function<void()> body;
  std::thread thread;
  Baton baton;
  const void* waits_for = nullptr;
  Time until{};
  bool waiting = false;
  bool killed = false;
  bool ended = false;
  Thread* returns_to = nullptr;  // who has killed it
};

Schedule::Schedule(std::uint64_t seed, std::uint64_t steps_most, bool trace)
    : random_(seed),
      steps_most_(steps_most),
      tracing_(trace),
      time_(Time() + std::chrono::hours(1)) {
  current = this;
  threads_.push_back(std::make_unique<Thread>());
  threads_.front()->name = "world";
  running_ = threads_.front().get();
}

Schedule::~Schedule() {
  end_all();
  current = nullptr;
}

Schedule& Schedule::now() {
  return *current;
}

void Schedule::end_all() {
  ending_ = true;
  for (std::size_t i = 1; i < threads_.size(); ++i) leave_from(*threads_[i]);
}

void Schedule::spawn(int group, const std::string& name, std::function<void()> body) {
  Thread& thread = *threads_.emplace_back(std::make_unique<Thread>());
  thread.group = group;
  thread.name = name;
  thread.body = std::move(body);
  thread.thread = std::thread([this, &thread] {
    thread.baton.take();
    try {
      if (!thread.killed) thread.body();
    } catch (const Killed&) {  // NOLINT(bugprone-empty-catch): the end that was wanted
    }
    thread.ended = true;
    if (thread.returns_to != nullptr) {
      running_ = thread.returns_to;
      running_->baton.give();
      return;
    }
    Thread& next = choose();
    running_ = &next;
    next.baton.give();
  });
}

// Lets a killed thread run to its end, and only it.
void Schedule::leave_from(Thread& thread) {
  if (!thread.ended) {
    thread.killed = true;
    thread.returns_to = running_;
    Thread& self = *running_;
    running_ = &thread;
    thread.baton.give();
    self.baton.take();
  }
  if (thread.thread.joinable()) thread.thread.join();
}

void Schedule::kill(int group) {
  for (const auto& thread : threads_) {
    if (thread->group == group && thread.get() != threads_.front().get()) leave_from(*thread);
  }
  std::erase_if(threads_,
                [&](const auto& thread) { return thread->group == group && thread->ended; });
  std::erase_if(frozen_, [&](const auto& one) { return one.first == group; });
}

std::size_t Schedule::alive(int group) const {
  return static_cast<std::size_t>(
      std::count_if(threads_.begin(), threads_.end(),
                    [&](const auto& thread) { return thread->group == group && !thread->ended; }));
}

void Schedule::freeze(int group, Time until) {
  std::erase_if(frozen_, [&](const auto& one) { return one.first == group; });
  if (until > time_) frozen_.emplace_back(group, until);
}

void Schedule::freeze(Millis time) {
  freeze(running_->group, time_ + time);
  yield();
}

bool Schedule::is_frozen(int group) const {
  return std::any_of(frozen_.begin(), frozen_.end(),
                     [&](const auto& one) { return one.first == group && one.second > time_; });
}

bool Schedule::can_run(const Thread& thread) const {
  if (thread.ended || is_frozen(thread.group)) return false;
  return !thread.waiting || thread.until <= time_;
}

Schedule::Thread& Schedule::choose() {
  if (!failure_.empty() || ending_) return *threads_.front();
  if (++steps_ > steps_most_) failure_ = "no end after " + std::to_string(steps_most_) + " steps";
  if (!failure_.empty()) return *threads_.front();
  time_ += std::chrono::microseconds(random_() % 64);
  while (true) {
    std::size_t ready = 0;
    for (const auto& thread : threads_) ready += can_run(*thread) ? 1U : 0U;
    if (ready != 0) {
      std::size_t nth = random_() % ready;
      for (const auto& thread : threads_) {
        if (can_run(*thread) && nth-- == 0) return *thread;
      }
    }
    Time next = Time::max();
    for (const auto& [group, until] : frozen_) {
      if (until > time_) next = std::min(next, until);
    }
    for (const auto& thread : threads_) {
      if (!thread->ended && thread->waiting && !is_frozen(thread->group)) {
        next = std::min(next, thread->until);
      }
    }
    if (next == Time::max()) {
      failure_ = "everybody waits for ever";
      return *threads_.front();
    }
    time_ = next;
  }
}

void Schedule::switch_to(Thread& next) {
  Thread& self = *running_;
  if (&next != &self) {
    running_ = &next;
    next.baton.give();
    self.baton.take();
  }
  self.waiting = false;
  if (self.killed && std::uncaught_exceptions() == 0) throw Killed();
  if (!failure_.empty() && &self == threads_.front().get() && !ending_) throw Failure(failure_);
}

void Schedule::yield() {
  if (running_->killed) {
    if (std::uncaught_exceptions() == 0) throw Killed();
    return;
  }
  switch_to(choose());
}

void Schedule::sleep(Millis time) {
  const Time until = time_ + time;
  while (time_ < until) wait(nullptr, until);
}

void Schedule::wait(const void* what, Time until) {
  running_->waiting = true;
  running_->waits_for = what;
  running_->until = until;
  yield();
}

void Schedule::wake(const void* what) {
  for (const auto& thread : threads_) {
    if (thread->waiting && thread->waits_for == what && what != nullptr) thread->waiting = false;
  }
}

void Schedule::fail(const std::string& what) {
  if (failure_.empty()) failure_ = what;
  note("FAILED: " + what);
  if (running_ == threads_.front().get()) throw Failure(failure_);
  switch_to(*threads_.front());
  throw Killed();
}

std::int64_t Schedule::ms() const {
  return std::chrono::duration_cast<Millis>(time_ - (Time() + std::chrono::hours(1))).count();
}

void Schedule::note(const std::string& what) {
  if (!tracing_ || trace_.size() >= kTraceMost) return;
  trace_.push_back(std::to_string(ms()) + " ms  " + running_->name + ": " + what);
}

}  // namespace tidemark::simulator

// ---- what a lane takes from the machine

namespace tidemark {

Clock::time_point Clock::now() {
  return simulator::Schedule::now().time();
}

void Condition::notify_all() {
  simulator::Schedule::now().wake(this);
}

void Condition::wait_until(std::unique_lock<std::mutex>& lock, Clock::time_point until) {
  lock.unlock();
  try {
    simulator::Schedule::now().wait(this, until);
  } catch (...) {
    lock.lock();
    throw;
  }
  lock.lock();
}

}  // namespace tidemark
