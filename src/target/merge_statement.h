// The statements that write the rows of one layout, as text and nothing else: pure, and tested as
// text. All values are array parameters, one a column, in the wire's types; identifiers come quoted
// from the layout, default expressions from the catalog.
//
// The parameters of merge(), in this order:
//   one array for each of columns(variant); op boolean[], true: delete;
//   where variant.unavailable or base is other: masks(), bigint[] each, of the unavailable columns;
//   where base is other: as many of the absent columns, then one array for each key column: the
//   base.
// Column i's bit is bit i % 63 of mask i / 63.
//
// Why the source is a subselect of unnest() calls and not FROM unnest(a, b, …): the latter stores
// each array's rows once more before it joins them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/layout.h"
#include "model/table.h"

namespace tidemark {

// Where lacking columns come from (batch/folded.h), in the order in which they are written.
enum class LackBase : std::uint8_t {
  other,  // the stored row of another key, as it was before this statement
  none,   // nothing: absent columns take their defaults in a stored row too
  self,   // the stored row of the same key; a new row takes defaults
};

struct MergeVariant {
  LackBase base = LackBase::self;
  bool unavailable = false;           // some rows have unavailable columns: there are masks
  std::vector<std::uint16_t> absent;  // columns that all rows lack, ascending; for `other`: empty,
                                      // since each row has its own mask
  auto operator<=>(const MergeVariant&) const = default;
};

// The start of the message of a row that lacks a column and has nothing to take it from.
inline constexpr std::string_view kLostMarker = "tidemark: unavailable ";

class TableStatements {
 public:
  // Both must outlive it.
  TableStatements(const Layout& layout, const Table& actual);

  // The columns that are sent as arrays: layout columns that are written or are key columns.
  [[nodiscard]] std::vector<std::uint16_t> columns(const MergeVariant& variant) const;
  // Has a key one image only, in the columns that it has here? ("a" and "A" are one citext.)
  [[nodiscard]] bool equal_keys_are_same() const;
  [[nodiscard]] std::size_t masks() const { return (layout_.columns.size() + 62) / 63; }

  [[nodiscard]] std::string merge(const MergeVariant& variant) const;
  // Parameters: one array for each key column.
  [[nodiscard]] std::string remove() const;
  // Fails where column i's type cannot hold a value; parameter: an array of one.
  [[nodiscard]] std::string hold(std::size_t i) const;
  // One boolean row for each key, in the order of the arrays: is it there?
  [[nodiscard]] std::string exist() const;
  [[nodiscard]] std::string remove_all() const;
  // Tables without a key; parameters: one array for each of columns() without the absent ones.
  [[nodiscard]] std::string insert(const std::vector<std::uint16_t>& absent) const;
  // Takes one equal row away for each row of the arrays.
  [[nodiscard]] std::string take(const std::vector<std::uint16_t>& absent) const;
  // COPY … FROM STDIN of all columns of the layout.
  [[nodiscard]] std::string copy() const;

 private:
  struct Facts {
    PgType type;  // the layout's, by the name that the catalog has for it
    std::string domain;
    bool generated = false;
    bool identity_always = false;
    std::string default_sql = "NULL";
  };
  [[nodiscard]] const LayoutColumn& column(std::size_t i) const { return layout_.columns[i]; }
  [[nodiscard]] std::string stored(std::string_view alias, std::size_t i) const;
  [[nodiscard]] std::string key_match(std::string_view alias, std::string_view prefix) const;
  [[nodiscard]] std::string key_source() const;
  [[nodiscard]] std::string arrays(const MergeVariant& variant) const;
  [[nodiscard]] std::string source(const MergeVariant& variant) const;
  [[nodiscard]] std::string based_source(const std::string& arrays) const;
  [[nodiscard]] std::string update_arm(const MergeVariant& variant) const;
  [[nodiscard]] std::string insert_arm(const MergeVariant& variant) const;
  [[nodiscard]] std::string new_value(const MergeVariant& variant, std::size_t i) const;
  [[nodiscard]] std::string any_mask() const;
  [[nodiscard]] std::string overriding() const;

  [[nodiscard]] const PgType& type(std::size_t i) const { return facts_[i].type; }

  const Layout& layout_;
  std::vector<Facts> facts_;  // by layout column
};

// Does a unique index on the table serve the layout's key: are its columns among the key's?
bool key_has_unique_index(const Layout& layout, const Table& actual);

// `stored = value`, in the operator of the column's type; `value` is of the wire's type.
std::string key_equality(const PgType& type, const std::string& stored, const std::string& value);

// The value `source` of a parameter's element (type.wire()) as exactly the column's type, without
// length or precision: for comparing it with a stored value so that an index is used.
std::string exact_type_expression(const PgType& type, const std::string& source);

}  // namespace tidemark
