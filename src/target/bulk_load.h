// COPY in binary form for rows that are not expected to be there: cheaper than MERGE, which looks
// for each, and a row image is a COPY tuple already. Under a savepoint of its own: on the first row
// that is there already (a restarted snapshot, or a restarted connector, repeats rows) it is undone
// and MERGE does the work, for this table also in the batches that follow, twice as many each time.
// Not thread-safe; it belongs to one target.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "batch/folded.h"
#include "model/table.h"
#include "pg/session.h"
#include "target/merge_statement.h"

namespace tidemark {

class BulkLoad {
 public:
  // Complete rows of one table that are not expected to be there.
  using Rows = std::vector<const RowChange*>;

  // For tables: a unique index must make a repeated key fail at once, each column must read its
  // wire's binary form, and nothing must forbid COPY (row security).
  static bool possible(const Layout& layout, const Table& actual);
  // Are these rows of a possible table worth a COPY, now? Counts the batches that must pass after a
  // conflict.
  bool worth_it(const TableName& table, std::size_t rows);
  // True: all rows are in. False: one was there already, and nothing is in.
  bool load(Session& session, const TableStatements& statements, const Layout& layout,
            const Rows& rows);

 private:
  struct Conflict {
    std::uint32_t batches_to_pass = 0;
    std::uint32_t batches_after_next = 16;
  };
  std::map<TableName, Conflict> conflicts_;
  Bytes buffer_;
};

}  // namespace tidemark
