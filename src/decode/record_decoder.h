// Bytes to events: one decoder a lane. It finds out what a record is (envelope, flattened row,
// tombstone, heartbeat, …), binds its source schema to the target's table once, and appends one
// Event to a slab for every record, good, skipped or bad. Never throws for what a record holds.
// Not thread-safe: it belongs to its lane's reader.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "decode/schema_lookup.h"
#include "decode/table_account.h"
#include "decode/table_claims.h"
#include "model/table.h"
#include "tidemark/change.h"
#include "tidemark/config.h"
#include "tidemark/record.h"

namespace tidemark {

// What the target has under a name. No value: not known yet, it has been asked for; ask again.
// A null pointer: there is no such table.
using TableLookup = std::function<std::optional<TablePtr>(const TableName&)>;

enum class DecodeOutcome : std::uint8_t {
  decoded,       // exactly one event was appended
  needs_answer,  // nothing was appended: a lookup does not know a table or a schema yet; call again
                 // later
};

class RecordDecoder {
 public:
  // Without `schemas`, records that need a schema registry are refused.
  // `claims`: what the other decoders of the process share; null: there are none.
  RecordDecoder(const Config& config, TableLookup tables, SchemaLookup schemas = {},
                std::shared_ptr<TableClaims> claims = {});
  ~RecordDecoder();
  RecordDecoder(const RecordDecoder&) = delete;
  RecordDecoder& operator=(const RecordDecoder&) = delete;

  // `partition` is the index of the record's partition in the lane's assignment, written to the
  // event; `partitions_of_topic` is needed for truncate (no order against rows if more than one).
  DecodeOutcome decode(const RecordView& record, std::uint32_t partition,
                       std::int32_t partitions_of_topic, Slab& slab);

  // The target's tables have changed under us, or the assignment has: bind anew.
  void forget_tables();
  void forget_partitions();
  // Reading goes on elsewhere than where it was.
  void note_restart();

  // Of every table that a row, or a key, has been bound for; by topic, then by source table.
  [[nodiscard]] std::vector<TableAccount> accounts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark
