#include "simulator/oracle.h"

namespace tidemark::simulator {

void Oracle::advance(std::size_t partition, std::int64_t position, const Letters& letters) {
  const std::vector<SourceEvent>& log = history_.logs[partition];
  std::size_t& next = next_[partition];
  for (; next < log.size() && log[next].offset < position; ++next) {
    if (!log[next].repeated && !letters.contains(log[next].offset)) apply(log[next]);
  }
}

void Oracle::apply(const SourceEvent& event) {
  if (event.what == What::truncate) rows_.clear();
  if (event.what == What::remove) {
    const auto row = rows_.find(event.key);
    if (event.change != 0 && row != rows_.end()) handed_over_[event.change] = row->second;
    if (row != rows_.end()) rows_.erase(row);
  }
  if (event.what != What::upsert) return;
  const auto before = rows_.find(event.key);
  Cells cells(kColumns);
  for (std::size_t i = 0; i < kColumns; ++i) {
    if ((event.unavailable & (1U << i)) == 0) {
      cells[i].value = event.row[i];
    } else if (event.takes) {
      cells[i].change = event.change;
      cells[i].column = i;
    } else if (before != rows_.end()) {
      cells[i] = before->second[i];
    }
  }
  rows_[event.key] = std::move(cells);
}

const std::string* Oracle::resolve(const Cell& cell) const {
  const Cell* at = &cell;
  while (at->change != 0) {
    const auto found = handed_over_.find(at->change);
    if (found == handed_over_.end()) return nullptr;
    at = &found->second[at->column];
  }
  return &at->value;
}

std::map<std::string, Row> Oracle::rows() const {
  std::map<std::string, Row> out;
  for (const auto& [key, cells] : rows_) {
    Row row;
    bool complete = true;
    for (std::size_t i = 0; i < kColumns; ++i) {
      const std::string* value = resolve(cells[i]);
      complete = complete && value != nullptr;
      if (value != nullptr) row[i] = *value;
    }
    if (complete) out.emplace(key, row);
  }
  return out;
}

}  // namespace tidemark::simulator
