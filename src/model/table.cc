#include "model/table.h"

namespace tidemark {

const Column* Table::find(std::string_view column) const {
  for (const Column& candidate : columns) {
    if (candidate.name == column) return &candidate;
  }
  return nullptr;
}

}  // namespace tidemark
