// What happens at a source, and Debezium's records of it: inserts, updates with placeholders,
// deletes, changes of keys in chains and circles, repetitions after a restart of Debezium, rows
// that the target refuses, records that nobody can read. A value, made from a seed; the records are
// the bytes that tidemark decodes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tidemark::simulator {

inline constexpr const char* kTopic = "srv.public.t";
inline constexpr std::size_t kColumns = 3;  // a, b, c beside the key

using Row = std::array<std::string, kColumns>;

enum class What { upsert, remove, tombstone, truncate, unreadable };

struct SourceEvent {
  What what = What::upsert;
  std::string key;
  std::string other_key;     // of a key change
  std::uint64_t change = 0;  // of a key change: the same in both halves
  bool takes = false;        // its create half
  Row row;                   // of upsert
  unsigned unavailable = 0;  // bits of its columns
  bool poisoned = false;     // holds a value that the target refuses
  bool repeated = false;     // sent before
  std::uint64_t lsn = 0;
  std::int64_t offset = 0;  // as Kafka has it
  std::optional<std::string> key_bytes, value_bytes;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HistoryOptions {
  int partitions = 1;
  int operations = 50;
  int keys = 4;
  bool renames = true;
  bool repetitions = true;
  bool poison = false;
  bool foreign_key = false;  // values of the last column may name a row that is there
};

struct History {
  std::vector<std::vector<SourceEvent>> logs;  // by partition
  std::vector<std::size_t> order;              // partitions, in the order of sending
  std::map<std::string, Row> rows;             // the source's own rows at the end
};

inline constexpr const char* kPoison = "poison";
inline constexpr char kNames = '@';  // a value that names a row begins so
inline constexpr const char* kUnavailable = "__debezium_unavailable_value";

// For the trace.
std::string text_of(const SourceEvent& event);

History make_history(std::mt19937_64& random, const HistoryOptions& options);

}  // namespace tidemark::simulator
