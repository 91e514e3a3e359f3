// What a batch comes to: at most one change a key and table, and the halves of key changes that
// wait for each other. Made by batch/fold, written by a Target, never changed in between. Views
// point into the batch's slabs and the fold's own arena; both outlive it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/layout.h"
#include "tidemark/types.h"

namespace tidemark {

// The final state of one key. `key` and `base` are key images, `row` is a row image
// (model/layout.h).
struct RowChange {
  bool remove = false;  // delete by key; a row that is not there is success
  bool unavailable =
      false;  // row holds kElementUnavailable: those columns come from `base`'s stored row
  bool absent =
      false;  // row holds kElementAbsent: from `base`'s stored row if there is one, else default
  bool base_is_self =
      true;  // the stored row of the same key (the usual case; `base` is empty then)
  bool base_is_none =
      false;          // there is nothing to take from: an unavailable column is a data error
  bool born = false;  // the run's first event of this key was its insert or its snapshot read: no
                      // stored row is expected, and COPY may be tried
  std::string_view key;
  std::string_view row;   // empty for remove
  std::string_view base;  // key of another stored row, as it was before this batch (a key change)
};

struct FoldedTable {
  const Layout* layout = nullptr;
  bool truncate = false;                  // DELETE all rows first
  std::vector<RowChange> rows;            // keyed tables: removes first, then upserts, each by key
  std::vector<std::string_view> inserts;  // keyless tables: row images to add
  std::vector<std::string_view>
      deletes;  // keyless tables: row images of which to take one equal row
};

// Which key change: both halves of one carry the same. `position` is empty for a tombstone whose
// `d` was compacted away, and for flattened records without a position: those match by keys alone.
struct KeyChangeId {
  const Layout* layout = nullptr;
  std::string_view stream;
  std::string_view old_key;
  std::string_view new_key;
  std::string_view position;
};

// A row of `key_changes` as found, after its lock was taken (Target::lock_key_changes).
// side 'd': left by the delete, for the create to take. side 'c': left by the create.
struct KeyChangeRow {
  std::int64_t id = 0;
  char side = 'd';
  const Layout* layout = nullptr;
  std::string stream;
  std::string old_key;
  std::string new_key;
  std::string position;
  bool has_row =
      false;        // false: a marker (side 'c': nothing is lacking; side 'd': there was no row)
  std::string row;  // row image in the layout; kElementUnavailable where it lacks a column
  std::string
      at_key;  // opaque to the target. Side 'c' with a row: the key under which the incomplete
               // row now lives, or a link (fold.h) to the 'd' row that is handing it over;
               // side 'd': empty, or a link to the 'c' row whose incomplete row it hands over
  std::int32_t partition = 0;  // of the create: its owner holds the hint
};

// A half to leave in `key_changes`. Where `base` is set, columns that `row` lacks are read from
// that key's stored row as it was before this batch (if there is no such row: leave a marker, but
// for `only_if_row`, which then leaves nothing).
struct KeyChangeLeft {
  char side = 'd';
  KeyChangeId id;
  std::int32_t partition = 0;
  bool has_row = false;
  bool only_if_row = false;
  std::string_view row;
  bool has_base = false;
  std::string_view base;
  std::string_view at_key;
};

struct FoldedBatch {
  std::vector<FoldedTable> tables;
  std::vector<std::int64_t> key_changes_taken;  // ids to delete
  std::vector<KeyChangeLeft> key_changes_left;  // to insert; both before the tables are written
};

}  // namespace tidemark
