// The halves of key changes that are open while a run is folded: what deletes have handed over and
// no create has taken yet, and what creates wait for. Loaded from the locked rows of `key_changes`,
// and at the end written back as rows to take and rows to leave. Part of batch/fold.
//
// States of a Wait: where the row that waits for its delete lives.
//   marker    the create lacked nothing (or is settled): its delete shall leave nothing behind
//   entry     an incomplete row under a key of its table
//   handover  an incomplete row that has itself been handed over and not been taken yet
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "batch/fold_table.h"
#include "batch/folded.h"

namespace tidemark {

enum class WaitPlace : std::uint8_t { marker, entry, handover };

struct Handover {
  KeyChangeId id;
  Image image;              // as the old row was; base is the old key or another, never "self"
  std::int64_t row_id = 0;  // of key_changes; 0: of this run
  bool consumed = false;
  bool changed = false;
  bool only_if_row = false;  // handed over by a tombstone alone
};

struct Wait {
  KeyChangeId id;
  std::int32_t partition = 0;
  WaitPlace place = WaitPlace::marker;
  std::size_t index = 0;  // entry of its table, or handover
  std::int64_t row_id = 0;
  bool done = false;
  bool changed = false;
};

class KeyChangeBook {
 public:
  void clear();
  std::int32_t add(const Handover& handover);
  std::int32_t add(const Wait& wait);

  // The open handover for this create; exact position first, then one without a position; by keys
  // alone if `id` has none. -1: none.
  [[nodiscard]] std::int32_t find_handover(const KeyChangeId& id) const;
  // The open wait for this delete, likewise; one with a row before a marker.
  [[nodiscard]] std::int32_t find_wait(const KeyChangeId& id) const;

  std::vector<Handover> handovers;
  std::vector<Wait> waits;

 private:
  // By a hash of table, old and new key; consumed and done ones stay in it.
  std::unordered_multimap<std::uint64_t, std::int32_t> handover_at_;
  std::unordered_multimap<std::uint64_t, std::int32_t> wait_at_;
};

}  // namespace tidemark
