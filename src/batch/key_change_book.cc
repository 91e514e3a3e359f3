#include "batch/key_change_book.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidemark {

namespace {

// 0: not the same change; 1: by keys alone; 2: by position too.
int match(const KeyChangeId& a, const KeyChangeId& b) {
  if (a.layout->target != b.layout->target) return 0;
  if (a.old_key != b.old_key || a.new_key != b.new_key) return 0;
  if (a.position.empty() || b.position.empty()) return a.position == b.position ? 2 : 1;
  return a.position == b.position ? 2 : 0;
}

std::uint64_t hash_of(const KeyChangeId& id) {
  const std::uint64_t table =
      XXH3_64bits(id.layout->target.table.data(), id.layout->target.table.size());
  const std::uint64_t old_key = XXH3_64bits_withSeed(id.old_key.data(), id.old_key.size(), table);
  return XXH3_64bits_withSeed(id.new_key.data(), id.new_key.size(), old_key);
}

}  // namespace

void KeyChangeBook::clear() {
  handovers.clear();
  waits.clear();
  handover_at_.clear();
  wait_at_.clear();
}

std::int32_t KeyChangeBook::add(const Handover& handover) {
  const auto index = static_cast<std::int32_t>(handovers.size());
  handovers.push_back(handover);
  handover_at_.emplace(hash_of(handover.id), index);
  return index;
}

std::int32_t KeyChangeBook::add(const Wait& wait) {
  const auto index = static_cast<std::int32_t>(waits.size());
  waits.push_back(wait);
  wait_at_.emplace(hash_of(wait.id), index);
  return index;
}

// Among equals the oldest: halves of the same change that Debezium repeated pair up in order.
std::int32_t KeyChangeBook::find_handover(const KeyChangeId& id) const {
  std::int32_t best = -1;
  int best_rank = 0;
  const auto [first, last] = handover_at_.equal_range(hash_of(id));
  for (auto it = first; it != last; ++it) {
    const Handover& handover = handovers[static_cast<std::size_t>(it->second)];
    const int rank = handover.consumed ? 0 : match(handover.id, id);
    if (rank > best_rank || (rank != 0 && rank == best_rank && it->second < best)) {
      best_rank = rank;
      best = it->second;
    }
  }
  return best;
}

std::int32_t KeyChangeBook::find_wait(const KeyChangeId& id) const {
  std::int32_t best = -1;
  int best_rank = 0;
  const auto [first, last] = wait_at_.equal_range(hash_of(id));
  for (auto it = first; it != last; ++it) {
    const Wait& wait = waits[static_cast<std::size_t>(it->second)];
    const int matched = wait.done ? 0 : match(wait.id, id);
    const int rank = matched * 2 + (matched != 0 && wait.place != WaitPlace::marker ? 1 : 0);
    if (rank > best_rank || (rank != 0 && rank == best_rank && it->second < best)) {
      best_rank = rank;
      best = it->second;
    }
  }
  return best;
}

}  // namespace tidemark
