// Writes the folded rows of one table: which statement for which rows, and in which order.
//
//  1. rows that take columns from another key's row (a key change): one statement for all of them,
//  so
//     that each sees the others' rows as they were before the batch
//  2. other rows that lack columns, grouped by which
//  3. complete rows
// Of 2 and 3 many are sent in parts, each filled while PostgreSQL works on the one before, where
// the target has no other unique key and nothing that only the end of all of them satisfies.
// Deletes go with whichever of these is first, in front: what they free (a second unique key) may
// be taken again by a row of the batch. Not thread-safe; it belongs to one target.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "batch/folded.h"
#include "model/layout.h"
#include "model/table.h"
#include "pg/session.h"
#include "target/bulk_load.h"
#include "target/merge_statement.h"
#include "target/parameter_arrays.h"
#include "tidemark/error.h"
#include "tidemark/target.h"

namespace tidemark {

// What the tables of a target share.
struct WriteTools {
  Session& session;
  ParameterArrays& arrays;
  ParameterArrays& arrays_ahead;  // of the next statement, while the other is under way
  BulkLoad& bulk_load;
};

enum class WritePass { everything, upserts, removes };

class TableWriter {
 public:
  TableWriter(const Layout& layout, TablePtr actual);
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  // Same columns, key and requirements: the statements made for it serve this layout too.
  [[nodiscard]] bool serves(const Layout& layout) const;
  [[nodiscard]] const Table& actual() const { return *actual_; }

  WriteCounts remove_all(Session& session) const;
  WriteCounts write(WriteTools tools, const FoldedTable& table, WritePass pass);
  // See Target. In a transaction.
  std::vector<std::uint16_t> refused_columns(WriteTools tools, std::string_view row,
                                             const Error& error) const;
  std::vector<bool> rows_exist(WriteTools tools, const std::vector<std::string_view>& keys) const;

 private:
  using Rows = std::vector<const RowChange*>;
  using Absent = std::vector<std::uint16_t>;

  WriteCounts write_rows(WriteTools tools, const FoldedTable& table, WritePass pass);
  [[nodiscard]] std::vector<std::uint16_t> columns_of_check(Session& session,
                                                            const std::string& constraint) const;
  [[nodiscard]] bool holds(WriteTools tools, std::uint16_t column, std::string_view row) const;
  [[nodiscard]] std::string key_hint() const;
  void sort_rows(const FoldedTable& table, WritePass pass);
  void sort_lacking(const RowChange& row);
  bool choose_copy(BulkLoad& bulk_load);
  std::uint64_t copy(WriteTools tools);
  const std::string& merge_text(const MergeVariant& variant);
  [[nodiscard]] bool may_part() const;
  std::uint64_t merge(WriteTools tools, const MergeVariant& variant, const Rows& rows);
  std::uint64_t merge_part(Session& session, const MergeVariant& variant,
                           const Parameters& parameters);
  const Parameters& fill(ParameterArrays& arrays, const MergeVariant& variant,
                         std::span<const RowChange* const> rows);
  void add_lacks(ParameterArrays& arrays, const MergeVariant& variant, std::size_t op,
                 const RowChange& row);
  std::uint64_t remove(WriteTools tools) const;
  std::uint64_t insert_keyless(WriteTools tools, const std::vector<std::string_view>& rows);
  std::uint64_t take_keyless(WriteTools tools, const std::vector<std::string_view>& rows);
  std::map<Absent, std::vector<std::string_view>> by_absent(
      const std::vector<std::string_view>& rows) const;

  const Layout layout_;
  const TablePtr actual_;
  const TableStatements statements_;
  const bool key_has_index_;
  const bool copy_possible_;
  const bool refers_to_itself_;
  const std::string remove_text_;
  std::map<MergeVariant, std::string> merge_texts_;

  // Of the batch at hand; kept for their memory.
  Rows removes_;
  Rows complete_;
  Rows born_;  // those of the complete rows that COPY may bring
  std::map<MergeVariant, Rows> lacking_;
  std::vector<std::uint64_t> masks_;
};

}  // namespace tidemark
