// COPY in binary form for tables that have had snapshot rows only: twice as fast as MERGE, and a
// row image is a COPY tuple already. Under a savepoint of its own: on the first row that is there
// already (a restarted snapshot repeats rows) it is undone, MERGE does the work, and the table is
// remembered until the process ends. Not thread-safe; it belongs to one target.
#pragma once

#include <set>
#include <vector>

#include "base/bytes.h"
#include "batch/folded.h"
#include "model/table.h"
#include "pg/session.h"
#include "target/merge_statement.h"

namespace tidemark {

class BulkLoad {
 public:
  // A unique index must make a repeated key fail, each column must read its wire's binary form, and
  // nothing must forbid COPY (row security).
  [[nodiscard]] bool possible(const Layout& layout, const Table& actual) const;
  // True: all rows are in. False: one was there already, nothing is in, and the table is
  // remembered.
  bool load(Session& session, const TableStatements& statements, const FoldedTable& table);

 private:
  std::set<TableName> conflicted_;
  Bytes buffer_;
};

}  // namespace tidemark
