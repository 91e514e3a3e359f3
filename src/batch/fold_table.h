// The images of one table's keys while a run is folded: a hash table from key image to Entry, and
// for tables without a key the multiset of rows. Part of batch/fold; not thread-safe.
// Invariant: an entry's `image` is what the key's row is after the events folded so far.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "batch/folded.h"
#include "model/layout.h"

namespace tidemark {

inline constexpr std::int32_t kNoWait = -1;

// What a row is: `row` over a base. An empty `row` lacks every column: the stored row as it is.
struct Image {
  bool present = false;      // false: there is no row
  bool unavailable = false;  // of `row`; meaningless while it is empty
  bool absent = false;
  bool base_is_none = false;
  std::int32_t wait = kNoWait;  // the delete half that it waits for (an index into KeyChangeBook)
  std::string_view row;
  std::string_view base;  // key of the stored row that lends what `row` lacks
  [[nodiscard]] bool complete() const { return !row.empty() && !unavailable && !absent; }
};

struct Entry {
  std::string_view key;
  std::uint64_t hash = 0;
  Image image;
  bool touched = false;  // by an event of this run
  bool born = false;     // the first of which was an insert or a snapshot read
};

class FoldTable {
 public:
  // Empties it for a new run, for the same or another layout.
  void reset(const Layout* layout);

  // The entry of a key; a new one is the stored row, untouched (or no row, after a truncate).
  std::size_t find_or_add(std::string_view key);
  // Truncate: nothing that was there is there any more.
  void truncate();

  void insert_row(std::string_view row);  // keyless
  void delete_row(std::string_view row);  // keyless: cancels an insert of this run if one is equal

  const Layout* layout = nullptr;
  bool truncated = false;
  std::vector<Entry> entries;
  std::vector<std::string_view> inserts;  // keyless; empty views are cancelled ones
  std::vector<std::string_view> deletes;

 private:
  void rehash(std::size_t slots);

  std::vector<std::uint32_t> slots_;  // index + 1 into entries, 0: free; a power of two
  std::unordered_multimap<std::string_view, std::size_t> insert_at_;
};

}  // namespace tidemark
