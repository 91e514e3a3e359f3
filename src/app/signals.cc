#include "app/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace tidemark {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "used in a signal handler");

extern "C" void on_stop_signal(int number) {
  if (stop.exchange(true)) _exit(128 + number);
}

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  // Both block each other, so that two signals at once are a first and a second.
  sigaddset(&action.sa_mask, SIGTERM);
  sigaddset(&action.sa_mask, SIGINT);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

bool stop_requested() {
  return stop.load(std::memory_order_relaxed);
}

void ignore_broken_pipes() {
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace tidemark
