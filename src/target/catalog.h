// What tables the target has. read_table() asks the server; Catalog is the process's shared memory
// of the answers, so that no reader ever waits for PostgreSQL: find() answers at once or asks in
// the background, for as long as it takes. Catalog is thread-safe: one background thread with one
// connection serves all lanes; its end waits for no server.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "model/table.h"
#include "pg/admin_connection.h"
#include "pg/conninfo.h"
#include "pg/session.h"
#include "pg/text_rows.h"

namespace tidemark {

// Runs one query with text parameters: an AdminConnection's, or a Session's where the answer must
// include what the session's own transaction has done.
using TextQuery = std::function<TextRows(const std::string&, const std::vector<std::string>&)>;

// The query of a connection, which must outlive it.
TextQuery text_query(AdminConnection& connection);

// By exact name, in one statement and so one snapshot. Null: there is no such table.
TablePtr read_table(const TextQuery& query, const TableName& name);

class Catalog {
 public:
  explicit Catalog(ConnectionSettings settings);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // No value: not known yet, and asked for. A null pointer: there is no such table.
  std::optional<TablePtr> find(const TableName& name);
  // Waits until something that was asked for has arrived. True: it has, or nothing is outstanding.
  bool wait(std::chrono::milliseconds longest);
  void forget(const TableName& name);
  void forget_all();
  // What a target has read or made itself.
  void put(const TablePtr& table);

 private:
  void serve();
  bool read_round(const std::vector<TableName>& names, const TextQuery& query);
  void note_unreachable(const std::string& message);

  Session session_;                                   // the background thread's
  std::chrono::steady_clock::time_point complained_;  // the same

  std::mutex mutex_;
  std::condition_variable asked_changed_;
  std::condition_variable arrived_;
  // Guarded by mutex_:
  std::map<TableName, TablePtr> known_;
  std::set<TableName> asked_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t changes_ = 0;  // forget and put: an answer read before one may be stale
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace tidemark
