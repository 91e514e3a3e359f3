#include "decode/target_table.h"

#include <algorithm>
#include <utility>

namespace tidemark {

namespace {

constexpr std::size_t kRetiredMax = 64;

bool same(const Layout& a, const Layout& b) {
  const auto equal = [](const LayoutColumn& x, const LayoutColumn& y) {
    return x.name == y.name && x.type == y.type && x.key == y.key;
  };
  return a.required == b.required && a.key == b.key &&
         std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(), equal);
}

}  // namespace

TargetTable::TargetTable(TableName name, TablePtr have)
    : name_(std::move(name)), required_(std::move(have)) {}

void TargetTable::require(Table table) {
  if (required_ != nullptr && table == *required_) return;
  required_ = std::make_shared<const Table>(std::move(table));
  retired_.clear();
  ++version_;
}

void TargetTable::widen(const std::string& column, const PgType& type) {
  Table table = *required_;
  for (Column& candidate : table.columns) {
    if (candidate.name == column) candidate.type = type;
  }
  require(std::move(table));
}

void TargetTable::move_whole_rows() {
  if (whole_rows_) return;
  whole_rows_ = true;
  retired_.clear();
  ++version_;
}

LayoutPtr TargetTable::layout(const std::set<std::string>& columns,
                              const std::vector<std::string>& key,
                              const std::string& source_table) {
  Layout made;
  made.target = name_;
  made.source_table = source_table;
  made.required = required_;
  made.seen = seen_;
  for (const Column& column : required_->columns) {
    const bool moves = whole_rows_ && !key.empty() && !column.generated;
    if (!moves && !columns.contains(column.name) && !shared_.contains(column.name)) continue;
    const bool in_key = std::find(key.begin(), key.end(), column.name) != key.end();
    made.columns.push_back({column.name, column.type, column.type.wire(), in_key});
  }
  for (const std::string& name : key) {
    for (std::size_t i = 0; i < made.columns.size(); ++i) {
      if (made.columns[i].name == name) made.key.push_back(static_cast<std::uint16_t>(i));
    }
  }
  if (current_ != nullptr && same(*current_, made)) return current_;
  for (const LayoutPtr& old : retired_) {
    if (same(*old, made)) return old;
  }
  return std::make_shared<const Layout>(std::move(made));
}

bool TargetTable::change_to(const LayoutPtr& layout) {
  const auto returned = std::find(retired_.begin(), retired_.end(), layout);
  if (returned != retired_.end()) {
    // It was current before: from now on the two share a layout, if that can make them one.
    const std::size_t before = shared_.size();
    for (const LayoutPtr& one : {layout, current_}) {
      if (layout->keyless() || current_->keyless()) break;
      for (const LayoutColumn& column : one->columns) shared_.insert(column.name);
    }
    if (shared_.size() != before) {
      retired_.clear();
      ++version_;
      return false;
    }
  } else if (current_ != nullptr && current_->required == layout->required) {
    if (retired_.size() >= kRetiredMax) retired_.erase(retired_.begin());
    retired_.push_back(current_);
  }
  current_ = layout;
  return true;
}

}  // namespace tidemark
