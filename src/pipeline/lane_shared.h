// The inside of a lane: what its reader and its writer have in common. Only for pipeline/lane*.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "pipeline/lane.h"

namespace tidemark {

struct Lane::Shared {
  Shared(const Config& config_in, unsigned number_in, LaneParts parts_in, std::size_t buffer_bytes)
      : config(config_in), number(number_in), parts(std::move(parts_in)), buffer(buffer_bytes) {}

  const Config& config;
  const unsigned number;
  LaneParts parts;
  LaneBuffer buffer;

  // Changes the state under its lock.
  void update(const std::function<void(LaneState&)>& change) {
    const std::scoped_lock lock(state_mutex);
    change(state);
  }
  void fail(const Error& error);
  // For a server, as the pipeline's progress says it and loses patience over it.
  void wait_for(const std::string& what) {
    update([&](LaneState& now) { now.waiting_for = what; });
  }
  // It is there; if the lane waits for something else by now, it goes on doing so.
  void stop_waiting_for(const std::string& what) {
    update([&](LaneState& now) {
      if (now.waiting_for == what) now.waiting_for.clear();
    });
  }

  mutable std::mutex state_mutex;
  LaneState state;  // guarded by state_mutex
};

}  // namespace tidemark
