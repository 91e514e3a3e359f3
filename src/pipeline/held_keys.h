// Which keys have dead letters that are not replayed, as the target has it: committed, and changed
// by the attempt under way. Whether later events of such a key wait behind the letter (hold-key) is
// the batch writer's decision; it needs to know the keys either way, since an event that passes its
// key's letter makes a replay of the letter go back behind what the target has. Bounded: more than
// kMost keys are no bad data any more. Not thread-safe.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/target.h"

namespace tidemark {

class HeldKeys {
 public:
  static constexpr std::size_t kMost = 100'000;

  struct Spot {
    TableName table;
    std::string key;  // key image
    auto operator<=>(const Spot&) const = default;
  };
  // What the attempt has changed so far; to go back to it with a savepoint.
  struct Changes {
    std::set<Spot> added, removed;
  };

  void adopt(std::vector<HeldKey> keys);
  void begin() { changes_ = Changes(); }
  [[nodiscard]] const Changes& changes() const { return changes_; }
  void restore(Changes changes) { changes_ = std::move(changes); }
  void committed();

  [[nodiscard]] bool empty() const { return committed_.empty() && changes_.added.empty(); }
  [[nodiscard]] bool contains(const TableName& table, std::string_view key) const;
  void add(const TableName& table, std::string_view key);
  void remove(const TableName& table, std::string_view key);
  void remove_table(const TableName& table);
  // Throws Error(fatal) where there are more than kMost.
  void check_bound() const;

 private:
  std::set<Spot> committed_;
  Changes changes_;
};

}  // namespace tidemark
