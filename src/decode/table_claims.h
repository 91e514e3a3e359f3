// Which table of the source, by which topic, each table of the target gets its rows from. Two that
// meet in one by the template, or by chance, are refused, both: between topics there is no order,
// and a row of one would replace the other's that has its key. Whoever wants it names the target in
// the [table.…] sections of both, or uses ${topic} for tables that share a topic.
// One for all lanes of a process; thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/types.h"

namespace tidemark {

struct TableClaim {
  std::string topic;
  std::string source_table;  // "inventory.orders"
  bool named = false;        // its section names the target
  bool by_topic = false;     // the template does, by ${topic}
  bool operator==(const TableClaim&) const = default;
};

class TableClaims {
 public:
  // The claim that `mine` cannot go together with; no value: none so far.
  std::optional<TableClaim> claim(const TableName& target, const TableClaim& mine);
  // Grows when two claims have met: those that were granted before are to be made again.
  [[nodiscard]] std::uint64_t disputes() const { return disputes_.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  std::map<TableName, std::vector<TableClaim>> claims_;  // guarded by mutex_
  std::atomic<std::uint64_t> disputes_ = 0;
};

}  // namespace tidemark
