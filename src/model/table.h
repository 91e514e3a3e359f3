// A table's definition as tidemark knows it: columns, key, and the constraints that decide the
// order of writing. Two makers: target/catalog reads what is there, decode/binding states what the
// source's schema requires. Values, shared as `shared_ptr<const Table>`; thread-safe as constants.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/pg_type.h"
#include "tidemark/types.h"

namespace tidemark {

struct Column {
  std::string name;
  PgType type;
  bool not_null = false;
  std::optional<std::string> default_sql;  // an SQL expression
  bool generated = false;                  // never written
  bool identity_always = false;            // needs OVERRIDING SYSTEM VALUE
  bool identity = false;                   // of either kind: can never take null

  bool operator==(const Column&) const = default;
};

struct ForeignKey {
  std::string name;
  TableName parent;
  bool operator==(const ForeignKey&) const = default;
};

struct Table {
  TableName name;
  std::vector<Column> columns;
  std::vector<std::string> key;  // primary key in its order; empty: none
  // What only the catalog fills:
  std::string key_constraint;  // the primary key's name
  std::vector<std::vector<std::string>>
      unique_keys;                          // columns of every unique index that is valid,
                                            // not partial and not on expressions; primary first
  bool has_deferrable_unique_keys = false;  // one of them is, or may be, checked at the end only
  std::vector<ForeignKey> foreign_keys;
  bool has_triggers = false;
  bool has_row_security = false;
  bool partitioned = false;
  bool view = false;

  [[nodiscard]] const Column* find(std::string_view column) const;
  bool operator==(const Table&) const = default;
};

using TablePtr = std::shared_ptr<const Table>;

// What makes `key` the primary key of a table that has another: for the user, since tidemark itself
// drops nothing.
std::string change_key_sql(const Table& table, const std::vector<std::string>& key);

}  // namespace tidemark
