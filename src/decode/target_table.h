// A table of the target as the decoder sees it: what is there, what all the schemas seen so far
// need (cumulative, so that two alternating schemas do not flip), and the layout that its rows have
// now.
//  T1 `required` only grows: columns are added, types widened, NOT NULL dropped; never the reverse.
//  T2 Rows that need the same columns share one Layout object, whichever schema they came with.
//  T3 Two layouts that alternate are replaced by one that holds the columns of both: a batch never
//     holds two layouts of a table, so that alternating ones would cut it at every record. Not for
//     tables without a key: their rows are found by all of their columns.
//  T4 From the first change of a key on, every layout of a table with a key holds all columns that
//     can be written: the row moves, and with it what its records do not have.
// Not thread-safe; layouts that were handed out are constants.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/layout.h"
#include "model/table.h"

namespace tidemark {

class TargetTable {
 public:
  // `have`: what the catalog says; null: there is no such table.
  TargetTable(TableName name, TablePtr have);

  [[nodiscard]] const TableName& name() const { return name_; }
  // Exists, or is required by a record decoded before.
  [[nodiscard]] bool is_defined() const { return required_ != nullptr; }
  // Null until defined.
  [[nodiscard]] const TablePtr& required() const { return required_; }
  // Replaces what is required by `table`, which has been made from it by widening only.
  void require(Table table);
  void widen(const std::string& column, const PgType& type);

  // T4.
  void move_whole_rows();

  // Raised whenever bindings and layouts made before are out of date.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  // The layout with these of the required columns (and those that T3 and T4 add), in their order.
  LayoutPtr layout(const std::set<std::string>& columns, const std::vector<std::string>& key,
                   const std::string& source_table);
  // For messages about rows of any of its layouts.
  [[nodiscard]] SeenTypes& seen() { return *seen_; }
  // A row is about to be decoded under `layout`. False: T3 has just replaced it, bind anew.
  bool activate(const LayoutPtr& layout) { return layout == current_ || change_to(layout); }
  // The layout of the row decoded last; null: none yet.
  [[nodiscard]] const LayoutPtr& current() const { return current_; }

 private:
  bool change_to(const LayoutPtr& layout);

  TableName name_;
  TablePtr required_;
  std::uint64_t version_ = 1;
  LayoutPtr current_;
  std::shared_ptr<SeenTypes> seen_ = std::make_shared<SeenTypes>();
  std::vector<LayoutPtr> retired_;  // were current before, under this version
  std::set<std::string> shared_;    // columns that every layout has, by T3
  bool whole_rows_ = false;         // T4
};

}  // namespace tidemark
