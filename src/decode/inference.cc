#include "decode/inference.h"

namespace tidemark {

std::optional<PgType> inferred_type(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::null:
      return std::nullopt;
    case JsonKind::boolean_true:
    case JsonKind::boolean_false:
      return pg_type(TypeKind::boolean);
    case JsonKind::number:
      return pg_type(TypeKind::numeric);
    case JsonKind::string:
      return pg_type(TypeKind::text);
    case JsonKind::bytes:
      return pg_type(TypeKind::bytea);
    case JsonKind::array:
    case JsonKind::object:
      return pg_type(TypeKind::jsonb);
  }
  return std::nullopt;
}

std::string create_table_sql(const Table& table) {
  std::string sql = "CREATE TABLE " + table.name.quoted() + " (";
  const char* separator = "";
  for (const Column& column : table.columns) {
    sql += separator + quote_identifier(column.name) + " " + column.type.sql();
    if (column.not_null) sql += " NOT NULL";
    separator = ", ";
  }
  if (!table.key.empty()) {
    sql += ", PRIMARY KEY (";
    separator = "";
    for (const std::string& name : table.key) {
      sql += separator + quote_identifier(name);
      separator = ", ";
    }
    sql += ")";
  }
  return sql + ")";
}

}  // namespace tidemark
