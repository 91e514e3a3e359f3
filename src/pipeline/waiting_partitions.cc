#include "pipeline/waiting_partitions.h"

#include <algorithm>

#include "batch/source_order.h"
#include "pipeline/batch_layouts.h"

namespace tidemark {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTryFirst{100};
constexpr milliseconds kTryMost{3000};
constexpr milliseconds kParkFirst{500};
constexpr milliseconds kParkMost{16000};
constexpr unsigned kDoublingsMost = 20;
constexpr unsigned kTriesSplit = 4;

milliseconds doubled(milliseconds first, unsigned times, milliseconds most) {
  return std::min(most, first * (1 << std::min(times, 16U)));
}

}  // namespace

bool WaitingPartitions::keep(const EventRef& ref) {
  if (parked_.contains(ref.event->partition)) return true;
  const auto found = waiting_.find(ref.event->partition);
  if (found == waiting_.end()) return false;
  found->second.events.push_back(ref);
  return true;
}

unsigned WaitingPartitions::hold(std::uint32_t partition, Offset offset,
                                 const std::vector<EventRef>& batch, Clock::time_point now) {
  Waiting& waiting = waiting_[partition];
  if (waiting.events.empty()) {
    for (const EventRef& ref : batch) {
      if (ref.event->partition == partition) waiting.events.push_back(ref);
    }
  }
  if (waiting.events.front().event->offset < offset) waiting.tries = 0;
  settle(partition, offset, false);
  Waiting& rest = waiting_[partition];
  rest.until = now + doubled(kTryFirst, rest.tries, kTryMost);
  // What was due and not among what was tried must not be due at once: new rows come in between.
  for (auto& [other, late] : waiting_) {
    if (late.until <= now) late.until = now + kTryFirst;
  }
  return ++rest.tries;
}

void WaitingPartitions::settle(std::uint32_t partition, std::optional<Offset> next, bool stopped) {
  if (stopped) parked_.erase(partition);
  const auto found = waiting_.find(partition);
  if (found == waiting_.end()) return;
  const std::size_t before = found->second.events.size();
  std::erase_if(found->second.events, [&](const EventRef& ref) {
    return stopped || (next && ref.event->offset < *next);
  });
  if (found->second.events.size() != before) parkings_.erase(partition);
  if (found->second.events.empty()) waiting_.erase(found);
}

std::vector<EventRef> WaitingPartitions::due(std::size_t rows_max, std::size_t rows_limit,
                                             Clock::time_point now) {
  const auto next = next_due();
  if (waiting_.empty() || !next || *next > now) return {};
  std::vector<EventRef> all;
  std::size_t most = rows_max;
  for (const auto& [partition, waiting] : waiting_) {
    all.insert(all.end(), waiting.events.begin(), waiting.events.end());
    most = std::max(most, rows_max << std::min(waiting.tries, kDoublingsMost));
  }
  most = std::min(most, rows_limit);
  all = in_source_order(std::move(all));
  BatchLayouts layouts;
  const auto end = std::find_if(all.begin(), all.end(), [&](const EventRef& ref) {
    return !layouts.admit(ref.event->layout);
  });
  const auto room = static_cast<std::ptrdiff_t>(std::min(most, all.size()));
  ended_at_layout_ = end - all.begin() < room;
  all.erase(all.begin() + std::min(end - all.begin(), room), all.end());
  return all;
}

void WaitingPartitions::put_off(Clock::time_point now) {
  for (auto& [partition, waiting] : waiting_) {
    waiting.until = now + doubled(kTryFirst, ++waiting.tries, kTryMost);
  }
}

bool WaitingPartitions::split() const {
  return ended_at_layout_ && std::any_of(waiting_.begin(), waiting_.end(), [](const auto& entry) {
           return entry.second.tries >= kTriesSplit;
         });
}

std::optional<Clock::time_point> WaitingPartitions::next_due() const {
  std::optional<Clock::time_point> next;
  for (const auto& [partition, waiting] : waiting_) {
    next = std::min(next.value_or(waiting.until), waiting.until);
  }
  return next;
}

std::set<const Slab*> WaitingPartitions::slabs() const {
  std::set<const Slab*> out;
  for (const auto& [partition, waiting] : waiting_) {
    for (const EventRef& ref : waiting.events) out.insert(ref.slab);
  }
  return out;
}

void WaitingPartitions::clear() {
  waiting_.clear();
  parked_.clear();
  parkings_.clear();
  ended_at_layout_ = false;
}

std::optional<std::uint32_t> WaitingPartitions::park(Clock::time_point now) {
  const auto most = std::max_element(
      waiting_.begin(), waiting_.end(),
      [](const auto& a, const auto& b) { return a.second.events.size() < b.second.events.size(); });
  if (most == waiting_.end()) return std::nullopt;
  const std::uint32_t partition = most->first;
  waiting_.erase(most);
  const unsigned times = parkings_[partition]++;
  parked_[partition] = {now + doubled(kParkFirst, times, kParkMost), false};
  return partition;
}

std::vector<std::uint32_t> WaitingPartitions::unpark(Clock::time_point now) {
  std::vector<std::uint32_t> out;
  for (auto& [partition, parked] : parked_) {
    if (parked.asked || parked.until > now) continue;
    parked.asked = true;
    out.push_back(partition);
  }
  return out;
}

}  // namespace tidemark
