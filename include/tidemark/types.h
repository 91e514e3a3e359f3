// The strong types that every layer shares: where a record stands (stream, partition, offset), who
// owns it (epoch), and what a table is called. Values only; no thread safety needed.
// Callers: everyone.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark {

// The place of a record in its partition. Gaps are legal: never assert `next == previous + 1`.
struct Offset {
  std::int64_t value = 0;
  auto operator<=>(const Offset&) const = default;
  [[nodiscard]] Offset next() const { return Offset{value + 1}; }
};

struct Partition {
  std::int32_t value = 0;
  auto operator<=>(const Partition&) const = default;
};

// Raised by every new owner of a partition; a write under an older epoch changes nothing (I3).
struct Epoch {
  std::int64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

struct StreamPartition {
  std::string stream;  // the Kafka topic
  Partition partition;
  auto operator<=>(const StreamPartition&) const = default;
  // "orders[2]", for messages.
  [[nodiscard]] std::string display() const;
};

// A table as the catalog spells it: exact case, not quoted.
struct TableName {
  std::string schema;
  std::string table;
  auto operator<=>(const TableName&) const = default;
  // "schema.table" for messages; never for SQL.
  [[nodiscard]] std::string display() const { return schema + "." + table; }
  // "\"schema\".\"table\"", for SQL.
  [[nodiscard]] std::string quoted() const;
};

// A double-quoted SQL identifier.
std::string quote_identifier(std::string_view name);
// A single-quoted SQL literal (standard_conforming_strings is on in every session of ours).
std::string quote_literal(std::string_view text);

}  // namespace tidemark
