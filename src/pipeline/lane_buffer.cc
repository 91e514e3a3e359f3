#include "pipeline/lane_buffer.h"

#include <algorithm>

namespace tidemark {

void LaneBuffer::begin_generation(std::uint64_t generation) {
  const std::scoped_lock lock(mutex_);
  generation_ = generation;
  for (const SlabPtr& slab : slabs_) bytes_ -= slab->memory_bytes();
  slabs_.clear();
  slabs_bytes_ = slabs_events_ = 0;
  note_due();
  take_.reset();
  taken_.reset();
  stops_.clear();
  changes_.clear();
  work_.notify_all();
  room_.notify_all();
}

void LaneBuffer::push(SlabPtr slab) {
  const std::scoped_lock lock(mutex_);
  if (slab->generation != generation_) return;
  bytes_ += slab->memory_bytes();
  slabs_bytes_ += slab->memory_bytes();
  slabs_events_ += slab->events.size();
  due_ = std::min(due_, slab->due);
  drained_ = slab->due == Clock::time_point{};
  slabs_.push_back(std::move(slab));
  work_.notify_all();
}

void LaneBuffer::hurry() {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(drained_, true)) return;
  work_.notify_all();
}

void LaneBuffer::request(TakeRequest request) {
  const std::scoped_lock lock(mutex_);
  take_ = std::move(request);
  work_.notify_all();
}

void LaneBuffer::report(PartitionStop stop) {
  const std::scoped_lock lock(mutex_);
  stops_.push_back(std::move(stop));
  work_.notify_all();
}

std::optional<TakenPositions> LaneBuffer::positions() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(taken_, std::nullopt);
}

bool LaneBuffer::take_rejoin() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(rejoin_, false);
}

bool LaneBuffer::take_forget() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(forget_, false);
}

std::vector<ReadingChange> LaneBuffer::reading_changes() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(changes_, {});
}

bool LaneBuffer::full() const {
  const std::scoped_lock lock(mutex_);
  return bytes_ >= bytes_max_;
}

bool LaneBuffer::wait_for_room(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  const auto until = Clock::now() + longest;
  while (!stopping_ && is_tight() && Clock::now() < until) room_.wait_until(lock, until);
  return stopping_ || !is_tight();
}

bool LaneBuffer::is_enough(Wanted wanted) const {
  if (wanted.events == 0) return false;
  if (slabs_.empty()) return wanted.begun && drained_;
  return drained_ || slabs_events_ >= wanted.events || slabs_bytes_ >= wanted.bytes || is_tight() ||
         Clock::now() >= due_;
}

// How many of the first ones hold what is wanted; all, where they do not.
std::size_t LaneBuffer::slabs_for(Wanted wanted) const {
  std::size_t count = 0;
  for (std::size_t events = 0; count < slabs_.size() && events < wanted.events; ++count) {
    events += slabs_[count]->events.size();
  }
  return count;
}

LaneBuffer::Work LaneBuffer::wait(Wanted wanted, Clock::time_point until) {
  std::unique_lock lock(mutex_);
  while (!stopping_ && !take_ && stops_.empty() && !is_enough(wanted) && Clock::now() < until) {
    const bool slabs_come = wanted.events != 0 && !slabs_.empty();
    work_.wait_until(lock, slabs_come ? std::min(until, due_) : until);
  }
  Work work;
  work.stopping = stopping_;
  work.take = std::exchange(take_, std::nullopt);
  work.stops = std::exchange(stops_, {});
  for (std::size_t left = slabs_for(wanted); left != 0; --left) {
    slabs_events_ -= slabs_.front()->events.size();
    slabs_bytes_ -= slabs_.front()->memory_bytes();
    work.slabs.push_back(std::move(slabs_.front()));
    slabs_.pop_front();
  }
  note_due();
  return work;
}

std::vector<SlabPtr> LaneBuffer::peek(Wanted wanted) const {
  const std::scoped_lock lock(mutex_);
  if (stopping_ || take_ || !stops_.empty() || !is_enough(wanted)) return {};
  return {slabs_.begin(), slabs_.begin() + static_cast<std::ptrdiff_t>(slabs_for(wanted))};
}

void LaneBuffer::note_due() {
  due_ = Clock::time_point::max();
  for (const SlabPtr& slab : slabs_) due_ = std::min(due_, slab->due);
}

void LaneBuffer::release(const SlabPtr& slab) {
  const std::scoped_lock lock(mutex_);
  bytes_ -= slab->memory_bytes();
  room_.notify_all();
}

void LaneBuffer::answer(TakenPositions positions) {
  const std::scoped_lock lock(mutex_);
  if (positions.generation == generation_) taken_ = std::move(positions);
}

void LaneBuffer::ask_rejoin(bool forget_tables) {
  const std::scoped_lock lock(mutex_);
  rejoin_ = true;
  forget_ = forget_ || forget_tables;
}

void LaneBuffer::ask(const ReadingChange& change) {
  const std::scoped_lock lock(mutex_);
  if (change.generation == generation_) changes_.push_back(change);
}

bool LaneBuffer::tight() const {
  const std::scoped_lock lock(mutex_);
  return is_tight();
}

bool LaneBuffer::stale(std::uint64_t generation) const {
  const std::scoped_lock lock(mutex_);
  return generation != generation_;
}

bool LaneBuffer::sleep(std::chrono::milliseconds time, std::uint64_t generation) {
  std::unique_lock lock(mutex_);
  const auto until = Clock::now() + time;
  const auto disturbed = [&] { return stopping_ || generation != generation_; };
  while (!disturbed() && Clock::now() < until) work_.wait_until(lock, until);
  return !disturbed();
}

void LaneBuffer::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  room_.notify_all();
}

void LaneBuffer::bound(std::size_t bytes_max) {
  const std::scoped_lock lock(mutex_);
  bytes_max_ = bytes_max;
  work_.notify_all();
  room_.notify_all();
}

bool LaneBuffer::stopping() const {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

std::size_t LaneBuffer::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace tidemark
