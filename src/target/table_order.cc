#include "target/table_order.h"

#include <map>

namespace tidemark {
namespace {

enum class Visit : std::uint8_t { none, open, done };

class Sorter {
 public:
  explicit Sorter(const std::vector<const Table*>& tables)
      : tables_(tables), visits_(tables.size(), Visit::none) {
    order_.related.assign(tables.size(), false);
    for (std::size_t i = 0; i < tables.size(); ++i) index_.emplace(tables[i]->name, i);
  }
  TableOrder sort() {
    for (std::size_t i = 0; i < tables_.size(); ++i) visit(i);
    return std::move(order_);
  }

 private:
  // As deep as the longest chain of foreign keys among the batch's tables.
  void visit(std::size_t i) {
    if (visits_[i] != Visit::none) return;
    visits_[i] = Visit::open;
    for (const ForeignKey& foreign_key : tables_[i]->foreign_keys) {
      const auto parent = index_.find(foreign_key.parent);
      // A reference to the table itself is checked at the end of its one statement.
      if (parent == index_.end() || parent->second == i) continue;
      order_.related[i] = true;
      order_.related[parent->second] = true;
      visit(parent->second);
    }
    visits_[i] = Visit::done;
    order_.parents_first.push_back(i);
  }

  const std::vector<const Table*>& tables_;
  std::vector<Visit> visits_;
  std::map<TableName, std::size_t> index_;
  TableOrder order_;
};

}  // namespace

TableOrder order_tables(const std::vector<const Table*>& tables) {
  return Sorter(tables).sort();
}

}  // namespace tidemark
