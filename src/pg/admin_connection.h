// A libpqxx connection for what is not on the data path: the catalog, `check`, `status`.
// Connects when first used, and again after a failure. Every failure is a tidemark::Error by
// pg/sqlstate.h. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pg/conninfo.h"
#include "pg/text_rows.h"

namespace tidemark {

class AdminConnection {
 public:
  explicit AdminConnection(ConnectionSettings settings);
  ~AdminConnection();
  AdminConnection(const AdminConnection&) = delete;
  AdminConnection& operator=(const AdminConnection&) = delete;

  // One statement, $1 and so on bound as text, outside of any transaction block.
  TextRows query(const std::string& sql, const std::vector<std::string>& parameters = {});
  void close() noexcept;

 private:
  struct State;
  void open();

  const ConnectionSettings settings_;
  std::unique_ptr<State> state_;  // null: not connected
};

}  // namespace tidemark
