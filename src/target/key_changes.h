// The ledger of halves of key changes that wait for each other: rows of the state schema's
// key_changes (docs/architecture.md, "Folding"). A row's values are kept as text, by column, so
// that they survive a change of the table's columns; they come back in the wire form of the layout
// that asks. Not thread-safe; it belongs to one target.
#pragma once

#include <string>
#include <vector>

#include "pg/session.h"
#include "target/parameter_arrays.h"
#include "tidemark/target.h"

namespace tidemark {

class KeyChanges {
 public:
  KeyChanges(const std::string& state_schema, std::string pipeline);

  // Locks each (table, old key, new key), whatever the position, in one order; then what is there.
  std::vector<KeyChangeRow> lock(Session& session, const std::vector<KeyChangeId>& ids) const;
  void take(Session& session, const std::vector<std::int64_t>& ids) const;
  void leave(Session& session, const KeyChangeLeft& left) const;
  // Incomplete rows of these partitions.
  std::vector<KeyChangeHint> hints(Session& session,
                                   const std::vector<StreamPartition>& partitions) const;

 private:
  void lock_all(Session& session, const std::vector<KeyChangeId>& ids) const;
  void read(Session& session, const Layout& layout, const std::vector<KeyChangeId>& ids,
            std::vector<KeyChangeRow>& rows) const;
  [[nodiscard]] std::string read_text(const Layout& layout) const;
  [[nodiscard]] std::string leave_text(const KeyChangeLeft& left, Parameters& parameters) const;

  const std::string state_schema_;
  const std::string table_;
  const std::string pipeline_;
};

}  // namespace tidemark
