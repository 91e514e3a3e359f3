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
  std::string domain = {};                 // the domain's name, where `type` is what is under one
  std::string used_by = {};      // what keeps PostgreSQL from changing its type: "view public.v"
  std::string compared_by = {};  // foreign keys that it is on either side of

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
  bool has_deferrable_unique_keys = false;  // one of them, or an exclusion constraint, is, or may
                                            // be, checked at the end only
  std::vector<ForeignKey> foreign_keys;
  bool has_triggers = false;
  bool has_row_security = false;
  bool partitioned = false;
  bool view = false;

  [[nodiscard]] const Column* find(std::string_view column) const;
  bool operator==(const Table&) const = default;
};

using TablePtr = std::shared_ptr<const Table>;

// Why tidemark does not change the column's type to `type` by itself, as a part of a sentence;
// empty: it may. A column of a key (of the table's or of the records') keeps a type whose values
// are equal where they were equal before, and whose images (model/layout.h) can be told to be the
// same.
std::string why_type_stays(const Column& column, const PgType& type, bool in_key);

// What makes `key` the primary key of a table that has another: for the user, since tidemark itself
// drops nothing.
std::string change_key_sql(const Table& table, const std::vector<std::string>& key);

}  // namespace tidemark
