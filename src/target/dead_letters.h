// Records that could not be applied, into the state schema's dead_letters, byte for byte.
// Not thread-safe; it belongs to one target.
#pragma once

#include <string>
#include <vector>

#include "pg/session.h"
#include "tidemark/target.h"

namespace tidemark {

class DeadLetters {
 public:
  DeadLetters(const std::string& state_schema, std::string pipeline);

  // In the caller's transaction.
  void add(Session& session, const DeadLetter& letter) const;
  // The letters of this key that are not replayed: a later event of it is applied.
  void pass(Session& session, const TableName& table, std::string_view key) const;
  // The letters of a table that is emptied; those whose key is unknown are under its source's name.
  void close(Session& session, const Layout& layout, const std::string& stream) const;
  // The keys of these partitions that have letters not replayed.
  std::vector<HeldKey> held(Session& session, const std::vector<StreamPartition>& partitions) const;

 private:
  const std::string pipeline_;
  const std::string add_text_;
  const std::string held_text_;
  const std::string pass_text_;
  const std::string close_text_;
};

// Text that PostgreSQL takes: UTF-8 without NUL; what is not becomes U+FFFD.
std::string storable_text(std::string_view text);

}  // namespace tidemark
