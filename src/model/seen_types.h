// The types that the values of a table's columns have had at the source so far, for messages: a
// layout outlives the schema that it was made for, and serves others too. Thread-safe: the decoder
// notes, the writer asks.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tidemark {

class SeenTypes {
 public:
  void note(const std::string& column, const std::string& type);
  // "int32", "int32 or int64"; empty: no record has had the column.
  [[nodiscard]] std::string of(const std::string& column) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> types_;  // guarded by mutex_
};

}  // namespace tidemark
