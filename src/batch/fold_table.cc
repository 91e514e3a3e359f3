#include "batch/fold_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace tidemark {

namespace {
constexpr std::size_t kFirstSlots = 1024;
}

void FoldTable::reset(const Layout* new_layout) {
  layout = new_layout;
  truncated = false;
  entries.clear();
  inserts.clear();
  deletes.clear();
  insert_at_.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
}

std::size_t FoldTable::find_or_add(std::string_view key) {
  if (slots_.empty()) rehash(kFirstSlots);
  const std::uint64_t hash = XXH3_64bits(key.data(), key.size());
  std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const Entry& entry = entries[slots_[slot] - 1];
    if (entry.hash == hash && entry.key == key) return slots_[slot] - 1;
  }
  if ((entries.size() + 1) * 2 > slots_.size()) {
    rehash(slots_.size() * 2);
    mask = slots_.size() - 1;
    for (slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    }
  }
  Entry entry;
  entry.key = key;
  entry.hash = hash;
  entry.image.present = !truncated;
  entry.image.base = key;
  entries.push_back(entry);
  slots_[slot] = static_cast<std::uint32_t>(entries.size());
  return entries.size() - 1;
}

void FoldTable::rehash(std::size_t slots) {
  slots_.assign(slots, 0);
  const std::size_t mask = slots - 1;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::size_t slot = entries[i].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

void FoldTable::truncate() {
  truncated = true;
  entries.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
  inserts.clear();
  deletes.clear();
  insert_at_.clear();
}

void FoldTable::insert_row(std::string_view row) {
  insert_at_.emplace(row, inserts.size());
  inserts.push_back(row);
}

void FoldTable::delete_row(std::string_view row) {
  const auto found = insert_at_.find(row);
  if (found == insert_at_.end()) {
    deletes.push_back(row);
    return;
  }
  inserts[found->second] = {};
  insert_at_.erase(found);
}

}  // namespace tidemark
