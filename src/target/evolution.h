// What must be changed in the target before rows of a source schema can be written: pure, from the
// table that is there and the table that is required to DDL statements. Never drops, never narrows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/table.h"
#include "tidemark/config.h"

namespace tidemark {

struct SchemaAction {
  std::string event;   // log code: schema.table_created, schema.column_added, …
  std::string column;  // empty for a table
};

struct SchemaChange {
  std::vector<std::string> ddl;  // in this order
  std::vector<SchemaAction> actions;
  std::string refused;  // why rows cannot be written whatever the configuration; empty: they can
  [[nodiscard]] bool empty() const { return ddl.empty() && refused.empty(); }
};

// `actual` null: there is no such table. With `none` only what makes writing impossible counts: a
// missing table or column; with the others also types that are too narrow and NOT NULLs too many.
SchemaChange plan_schema_change(const Table* actual, const Table& required,
                                SchemaEvolution evolution);

// Why rows cannot be written, under this configuration, into a table that needs `change`.
struct SchemaRefusal {
  std::string message;
  std::string hint;
};
// No value: they can, once `statements_of` have run. `exists`: the table is there.
std::optional<SchemaRefusal> refusal_of(const SchemaChange& change, const TableName& name,
                                        bool exists, SchemaEvolution evolution);
// What is to be run: a schema that is there is not asked for, since that needs a privilege on the
// database.
std::vector<std::string> statements_of(const SchemaChange& change, bool schema_exists);

// The statements, one a line, each with its semicolon.
std::string ddl_text(const SchemaChange& change);

}  // namespace tidemark
