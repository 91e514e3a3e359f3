#include "model/table.h"

namespace tidemark {

const Column* Table::find(std::string_view column) const {
  for (const Column& candidate : columns) {
    if (candidate.name == column) return &candidate;
  }
  return nullptr;
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
