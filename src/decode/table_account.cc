#include "decode/table_account.h"

#include <algorithm>

#include "decode/topic.h"

namespace tidemark {
namespace {

class Accountant {
 public:
  Accountant(const SourceTable& table, const std::string& metadata_prefix, TableAccount& out)
      : table_(table), metadata_prefix_(metadata_prefix), out_(out) {}

  // From the newest binding to the oldest.
  void add(const Binding& binding, bool newest_row) {
    if (binding.row != nullptr) add_shape(binding, *binding.row, !newest_row);
    if (binding.record_key != nullptr && !binding.key.empty()) {
      add_shape(binding, *binding.record_key, !newest_row);
    }
  }

 private:
  void add_shape(const Binding& binding, const RowShape& shape, bool former) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::string& name = shape.names.name(i);
      const auto same = [&name](const FieldAccount& field) { return field.name == name; };
      if (std::any_of(out_.fields.begin(), out_.fields.end(), same)) continue;
      FieldAccount field;
      field.name = name;
      if (shape.type(i) != nullptr) field.source = *shape.type(i);
      field.former = former;
      judge(binding, field);
      out_.fields.push_back(std::move(field));
    }
  }

  void judge(const Binding& binding, FieldAccount& field) const {
    const Layout& layout = *binding.layout;
    for (std::size_t c = 0; c < layout.columns.size(); ++c) {
      const LayoutColumn& column = layout.columns[c];
      if (column.name != field.name) continue;
      const Column* const now =
          out_.required == nullptr ? nullptr : out_.required->find(field.name);
      field.target = now == nullptr ? column.type : now->type;
      field.key = column.key;
      return;
    }
    field.fate = FieldFate::no_column;
    const Column* const column =
        out_.required == nullptr ? nullptr : out_.required->find(field.name);
    if (column != nullptr && column->generated) field.fate = FieldFate::generated;
    if (is_excluded(field.name)) field.fate = FieldFate::excluded;
    if (is_metadata(field.name)) field.fate = FieldFate::metadata;
  }

  [[nodiscard]] bool is_excluded(const std::string& name) const {
    if (table_.config == nullptr) return false;
    const auto& excluded = table_.config->columns_exclude;
    return std::find(excluded.begin(), excluded.end(), name) != excluded.end();
  }
  [[nodiscard]] bool is_metadata(const std::string& name) const {
    if (name.starts_with("__dbz__")) return true;
    return table_.name.flattened && !metadata_prefix_.empty() && name.starts_with(metadata_prefix_);
  }

  const SourceTable& table_;
  const std::string& metadata_prefix_;
  TableAccount& out_;
};

}  // namespace

TableAccount account_of(const std::string& topic, const SourceTable& table,
                        const std::string& metadata_prefix) {
  TableAccount account;
  account.topic = topic;
  account.source_table = table.display;
  account.connector = table.connector;
  account.target = table.target_name;
  account.key_configured = table.config != nullptr && !table.config->key.empty();
  account.required = table.target->required();
  Accountant accountant(table, metadata_prefix, account);
  bool newest_row = true;
  const auto& bindings = table.bindings();
  for (auto binding = bindings.rbegin(); binding != bindings.rend(); ++binding) {
    const Binding& one = **binding;
    accountant.add(one, newest_row);
    if (one.row == nullptr) continue;
    account.typed = account.typed || one.row->typed;
    if (newest_row) account.layout = one.layout;
    newest_row = false;
  }
  const LayoutPtr& layout = account.layout ? account.layout : table.newest()->layout;
  for (const std::uint16_t column : layout->key) {
    account.key.push_back(layout->columns[column].name);
  }
  return account;
}

}  // namespace tidemark
