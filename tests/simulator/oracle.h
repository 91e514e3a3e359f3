// What the target must hold, from the records below the positions alone and one record at a time: a
// plain map, and for each change of a key what it hands over. It knows nothing of batches, folding
// or the ledger, and which records are repetitions it has from the source itself.
//
// A row that has come by a change of its key is there once the other half is, if it lacks columns.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulator/history.h"

namespace tidemark::simulator {

// Dead letters of a partition: offset -> place in the target's table of them.
using Letters = std::map<std::int64_t, std::size_t>;

class Oracle {
 public:
  explicit Oracle(const History& history) : history_(history), next_(history.logs.size(), 0) {}

  // The records of the partition before `position` are in, but for dead letters.
  void advance(std::size_t partition, std::int64_t position, const Letters& letters);
  // The rows that can be seen.
  [[nodiscard]] std::map<std::string, Row> rows() const;

 private:
  // A value, or that of the row that a change hands over.
  struct Cell {
    std::string value;
    std::uint64_t change = 0;
    std::size_t column = 0;
  };
  using Cells = std::vector<Cell>;

  void apply(const SourceEvent& event);
  [[nodiscard]] const std::string* resolve(const Cell& cell) const;

  const History& history_;
  std::vector<std::size_t> next_;
  std::map<std::string, Cells> rows_;
  std::map<std::uint64_t, Cells> handed_over_;
};

}  // namespace tidemark::simulator
