#include "pipeline/lane.h"

#include <algorithm>

#include "base/log.h"
#include "pipeline/lane_reader.h"
#include "pipeline/lane_shared.h"
#include "pipeline/lane_writer.h"

namespace tidemark {

namespace {

constexpr std::chrono::milliseconds kLeaveMost{3000};  // where the group's coordinator is silent
constexpr std::size_t kHeldBackBytes = 2U << 20;

// A quarter is for what is made of the rows at hand: folded, and in the target's form.
std::size_t bytes_of(const Config& config) {
  return config.batch.buffer_bytes_max / std::max(1U, config.batch.lanes) / 4 * 3;
}

}  // namespace

void Lane::Shared::fail(const Error& error) {
  log_event(Level::error, "lane.failed", error.what(),
            {{"lane", number}, {"sqlstate", error.sqlstate()}, {"hint", error.hint()}});
  update([&](LaneState& now) {
    if (now.end == LaneEnd::failed) return;
    now.end = LaneEnd::failed;
    now.error = error.what();
    now.hint = error.hint();
    now.sqlstate = error.sqlstate();
  });
}

Lane::Lane(const Config& config, unsigned number, LaneParts parts)
    : shared_(std::make_unique<Shared>(config, number, std::move(parts), bytes_of(config))),
      reader_(std::make_unique<Reader>(*shared_)),
      writer_(std::make_unique<Writer>(*shared_)) {}

Lane::~Lane() {
  stop();
  cancel();
  join();
  if (in_group_) leave();
}

void Lane::start() {
  in_group_ = true;
  reader_thread_ = std::thread([this] { read(); });
  writer_thread_ = std::thread([this] { write(); });
}

void Lane::hold_back(bool back) {
  const std::size_t most = bytes_of(shared_->config);
  shared_->buffer.bound(back ? std::min(kHeldBackBytes, most) : most);
}

void Lane::read() {
  reader_->run();
}

void Lane::write() {
  writer_->run();
}

void Lane::stop() {
  shared_->buffer.stop();
  shared_->parts.source->wake();
}

void Lane::cancel() {
  shared_->parts.target->cancel();
}

void Lane::join() {
  if (reader_thread_.joinable()) reader_thread_.join();
  if (writer_thread_.joinable()) writer_thread_.join();
}

void Lane::leave() {
  in_group_ = false;
  shared_->parts.source->close(std::min(kLeaveMost, shared_->config.shutdown_timeout / 8));
  shared_->update([](LaneState& state) {
    if (state.end == LaneEnd::running) state.end = LaneEnd::stopped;
  });
}

LaneState Lane::state() const {
  const std::scoped_lock lock(shared_->state_mutex);
  LaneState state = shared_->state;
  state.buffer_bytes = shared_->buffer.bytes();
  return state;
}

}  // namespace tidemark
