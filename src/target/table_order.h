// The order in which the tables of a batch are written: parents before children, by the foreign
// keys that the catalog has among them. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <vector>

#include "model/table.h"

namespace tidemark {

struct TableOrder {
  std::vector<std::size_t> parents_first;  // indices into what was given; cycles in any order
  std::vector<bool> related;  // by index: a foreign key joins it to another of these tables
};

TableOrder order_tables(const std::vector<const Table*>& tables);

}  // namespace tidemark
