// A Layout says how the decoded rows of one target table lie in memory: which columns, in which
// order, in which wire form. Immutable once made, shared by every row decoded under it; a source
// schema that needs other columns, or a column that was widened, makes a new one, and a batch never
// holds two layouts of one table.
//
// A row image is, for every column of the layout in order, one element of a PostgreSQL binary
// array: a big-endian int32 length and so many bytes, or one of the negative lengths below. So a
// column is turned into a binary array parameter by copying its elements, nothing else.
// A key image is the elements of the key columns in the order of `key`; it identifies a row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/seen_types.h"
#include "model/table.h"

namespace tidemark {

inline constexpr std::int32_t kElementNull = -1;
inline constexpr std::int32_t kElementUnavailable =
    -2;                                             // Debezium's placeholder: keep what is stored;
                                                    // for a row that is not there: a data error
inline constexpr std::int32_t kElementAbsent = -3;  // not in the record at all: keep what is
                                                    // stored; for a new row: the column's default

struct LayoutColumn {
  std::string name;  // in the target
  PgType type;       // of the target's column (as it will be once `required` is satisfied)
  Wire wire = Wire::text;
  bool key = false;
};

struct Layout {
  TableName target;
  std::string source_table;  // for messages and metrics: "inventory.orders"
  std::vector<LayoutColumn> columns;
  std::vector<std::uint16_t> key;  // indices into columns, in key order; empty: a multiset of rows
  TablePtr required;               // what must be in the target before a row can be written; the
                                   // writer compares and issues the DDL that evolution allows
  std::shared_ptr<const SeenTypes> seen = {};  // of the columns, for messages; null: not known
  [[nodiscard]] bool keyless() const { return key.empty(); }
};

using LayoutPtr = std::shared_ptr<const Layout>;

}  // namespace tidemark
