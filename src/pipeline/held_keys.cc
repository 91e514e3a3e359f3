#include "pipeline/held_keys.h"

#include <utility>

#include "tidemark/error.h"

namespace tidemark {

void HeldKeys::adopt(std::vector<HeldKey> keys) {
  committed_.clear();
  changes_ = Changes();
  for (HeldKey& key : keys) committed_.insert({std::move(key.table), std::move(key.key)});
  check_bound();
}

void HeldKeys::committed() {
  for (const Spot& spot : changes_.removed) committed_.erase(spot);
  committed_.merge(changes_.added);
  changes_ = Changes();
}

bool HeldKeys::contains(const TableName& table, std::string_view key) const {
  if (empty()) return false;
  const Spot spot{table, std::string(key)};
  if (changes_.added.contains(spot)) return true;
  return committed_.contains(spot) && !changes_.removed.contains(spot);
}

void HeldKeys::add(const TableName& table, std::string_view key) {
  changes_.added.insert({table, std::string(key)});
}

void HeldKeys::remove(const TableName& table, std::string_view key) {
  const Spot spot{table, std::string(key)};
  changes_.added.erase(spot);
  changes_.removed.insert(spot);
}

void HeldKeys::remove_table(const TableName& table) {
  const auto of_table = [&](const Spot& spot) { return spot.table == table; };
  std::erase_if(changes_.added, of_table);
  for (auto it = committed_.lower_bound({table, {}}); it != committed_.end() && it->table == table;
       ++it) {
    changes_.removed.insert(*it);
  }
}

void HeldKeys::check_bound() const {
  if (committed_.size() + changes_.added.size() <= kMost) return;
  throw Error(
      ErrorKind::fatal,
      "more than " + std::to_string(kMost) + " keys have dead letters that are not replayed",
      "look at tidemark dlq list; replay the letters, or drop those that you give up");
}

}  // namespace tidemark
