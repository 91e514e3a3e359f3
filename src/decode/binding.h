// How the rows of one source schema become rows of one target table: which field fills which column
// by which plan, and where the key comes from. Made once per schema by the evolution policy:
//   none      columns that exist are written, other fields are ignored
//   validate  a field without a column, or of a type that its column cannot take, is refused
//   evolve    what is missing is stated in the layout's `required` table: the table, columns, wider
//             types, NOT NULL dropped; the writer issues the DDL
// Generated columns are never written, excluded ones neither.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decode/shape.h"
#include "decode/target_table.h"
#include "decode/value.h"
#include "tidemark/config.h"

namespace tidemark {

// How one column of the layout is filled.
struct ColumnSource {
  std::int32_t field = -1;  // of the row's shape; -1: these rows do not have it (kElementAbsent)
  ValuePlan plan;
};

// Where one column of the key comes from.
struct KeySource {
  std::uint16_t column = 0;     // of the layout
  std::int32_t key_field = -1;  // of the record key's shape; -1: it does not have it
  std::int32_t row_field = -1;  // of the row's shape; -1: it does not have it
  ValuePlan key_plan;           // for key_field
};

struct Binding {
  LayoutPtr layout;
  std::vector<ColumnSource> columns;    // parallel to layout->columns
  std::vector<KeySource> key;           // parallel to layout->key
  bool key_from_record = false;         // every key column is in the record's key
  std::vector<std::uint32_t> unplaced;  // schemaless: fields without a column, null so far

  // What it was made for; it is out of date when these have changed.
  RowShapePtr row;
  RowShapePtr record_key;
  std::size_t row_fields = 0;
  std::size_t key_fields = 0;
  std::uint64_t version = 0;

  [[nodiscard]] bool is_for(const RowShape* row_shape, const RowShape* key_shape,
                            std::uint64_t target_version) const {
    return row.get() == row_shape && record_key.get() == key_shape && version == target_version &&
           (row_shape == nullptr || row_fields == row_shape->size()) &&
           (key_shape == nullptr || key_fields == key_shape->size());
  }
};

struct BindRequest {
  const TargetConfig* config = nullptr;
  const TableConfig* table_config = nullptr;     // null: the table has no section
  const std::string* metadata_prefix = nullptr;  // flattened: fields that begin so are no columns
  ValueSettings settings;
  std::string source_table;  // for messages: "inventory.orders"
  // Null: only the key is known (a tombstone, a truncate); every column is in the layout then.
  RowShapePtr row;
  RowShapePtr record_key;  // null: a null key
  // The record's own values, from which types are inferred where there is no schema; may be null.
  const FieldValues* row_values = nullptr;
  const FieldValues* key_values = nullptr;
};

// Throws Refused. May change what `target` requires.
Binding bind(const BindRequest& request, TargetTable& target);

// A source's type as its schema calls it, with its column's type where that is propagated:
// "io.debezium.time.Date", "string, varchar(20) at the source". For messages.
std::string describe(const SourceType& type);

}  // namespace tidemark
