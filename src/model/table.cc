#include "model/table.h"

namespace tidemark {

const Column* Table::find(std::string_view column) const {
  for (const Column& candidate : columns) {
    if (candidate.name == column) return &candidate;
  }
  return nullptr;
}

namespace {

bool is_integer(TypeKind kind) {
  return kind == TypeKind::int2 || kind == TypeKind::int4 || kind == TypeKind::int8;
}

bool is_plain_text(TypeKind kind) {
  return kind == TypeKind::varchar || kind == TypeKind::text;
}

bool compares_alike(const PgType& a, const PgType& b) {
  return a.kind == b.kind || (is_integer(a.kind) && is_integer(b.kind)) ||
         (is_plain_text(a.kind) && is_plain_text(b.kind));
}

}  // namespace

std::string why_type_stays(const Column& column, const PgType& type, bool in_key) {
  if (!column.domain.empty()) return "it is of the domain " + column.domain;
  if (!column.used_by.empty()) return column.used_by + " depends on it";
  if (compares_alike(column.type, type)) return {};
  if (!column.compared_by.empty()) return column.compared_by + " compares it";
  return in_key ? "it is in the key" : std::string();
}

std::string change_key_sql(const Table& table, const std::vector<std::string>& key) {
  std::string columns;
  for (const std::string& name : key) {
    columns += (columns.empty() ? "" : ", ") + quote_identifier(name);
  }
  const std::string old = table.key_constraint.empty()
                              ? ""
                              : "DROP CONSTRAINT " + quote_identifier(table.key_constraint);
  return "ALTER TABLE " + table.name.quoted() + " " + old + (old.empty() ? "" : ", ") +
         "ADD PRIMARY KEY (" + columns + ")";
}

}  // namespace tidemark
