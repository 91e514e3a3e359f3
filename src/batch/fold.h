// Folds a run of events into at most one change a key and table, by column, so that one statement
// can write them and the result equals applying them one at a time (I5). Key changes are followed
// inside the run and, by the rows of `key_changes`, beyond it.
//
// How (docs/architecture.md, "Folding"): every key has an image, which is a row whose lacking
// columns come from a base: the stored row of its own key, the stored row of another key (after a
// key change), nothing, or a delete that has not come yet (then the image *waits*, and lives in
// `key_changes`).
//  F1 An event overlays the image column by column; a lacking column keeps what the image has.
//  F2 The delete half of a key change hands its image over, the create half takes it; they are
//  paired
//     by (table, old key, new key, source position), never by which rows happen to be there.
//  F3 A half whose other half is not in the run, nor in `key_changes`, leaves its part there.
//  F4 Neither half's pairing depends on the order in which they come.
// Not thread-safe; one Fold belongs to one writer and keeps its memory from run to run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "batch/folded.h"
#include "tidemark/change.h"

namespace tidemark {

struct EventRef {
  const Slab* slab = nullptr;
  const Event* event = nullptr;
  [[nodiscard]] std::string_view key() const { return slab->bytes(event->key); }
  [[nodiscard]] std::string_view row() const { return slab->bytes(event->row); }
  [[nodiscard]] std::string_view before() const { return slab->bytes(event->before); }
  [[nodiscard]] std::string_view other_key() const { return slab->bytes(event->other_key); }
  [[nodiscard]] std::string_view source_position() const {
    return slab->bytes(event->source_position);
  }
  [[nodiscard]] bool is_key_change() const { return event->other_key.length != 0; }
};

// What is known of the partitions that the events come from, by Event::partition.
struct FoldPartition {
  std::string_view stream;
  std::int32_t partition = 0;
  std::int32_t partitions_of_stream = 1;
};

// Keys of which the fold must know whether their row is there before the run. A delete half hands
// nothing over if it is not (the change is repeated); a tombstone whose delete is not in the run
// (compacted away, or applied before) counts as the delete only if it is; a create half that lacks
// columns is a repetition if it is, and waits for its delete if not.
struct RowProbe {
  const Layout* layout = nullptr;
  std::string_view key;
  bool row_is_there = false;
};

struct FoldContext {
  const std::vector<FoldPartition>* partitions = nullptr;
  const std::vector<KeyChangeRow>* key_changes = nullptr;  // locked; null: none
  const std::vector<RowProbe>* probes = nullptr;           // answered; null: none
  bool deletes_enabled =
      true;  // false: a key change leaves the old row, its copy is taken from there
};

// What must be locked, read and asked before a run can be folded.
struct FoldNeeds {
  std::vector<KeyChangeId> key_changes;  // those whose other half need not be in the run
  std::vector<RowProbe> probes;
};
FoldNeeds needs_of(const std::vector<EventRef>& events,
                   const std::vector<FoldPartition>& partitions);
KeyChangeId key_change_of(const EventRef& ref, const std::vector<FoldPartition>& partitions);

// The link that a row of `key_changes` carries in `at_key` to another row of the same table.
struct KeyChangeLink {
  std::string old_key, new_key, position;
};
bool is_link(std::string_view at_key);
std::string make_link(std::string_view old_key, std::string_view new_key,
                      std::string_view position);
KeyChangeLink parse_link(std::string_view at_key);

class Fold {
 public:
  Fold();
  ~Fold();
  Fold(const Fold&) = delete;
  Fold& operator=(const Fold&) = delete;

  // The result points into the events' slabs and into this Fold; valid until the next call.
  // Events of kind skip and bad are passed over.
  const FoldedBatch& fold(const std::vector<EventRef>& events, const FoldContext& context);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark
