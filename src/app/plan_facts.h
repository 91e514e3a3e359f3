// What `tidemark plan` has found out: table by table what would be done, and which records could
// not be applied. Values; how they are shown is app/plan_report.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "decode/table_account.h"
#include "model/table.h"
#include "source/topic_sampler.h"
#include "target/evolution.h"
#include "tidemark/change.h"
#include "tidemark/config.h"

namespace tidemark {

// Records that are refused for one reason, and the first of them.
struct BadFinding {
  StreamPartition at;
  Offset offset;
  std::uint64_t records = 0;
  std::string table;  // of the source, where it is known
  std::string message;
  std::string hint;
  bool halt = false;
};

enum class TableFate : std::uint8_t { as_it_is, create, change, refused };

struct PlannedTable {
  std::string source;     // "inventory.orders"
  std::string connector;  // "postgresql"; empty: not known
  TableName target;
  std::vector<std::string> topics;
  std::int32_t partitions = 0;  // of these topics
  std::vector<std::string> key;
  bool key_configured = false;
  bool typed = false;
  TablePtr actual;  // null: not there
  std::vector<FieldAccount> fields;
  std::vector<std::string> ddl;
  std::optional<SchemaRefusal> refused;
  std::vector<std::string> sql;           // what writes its rows
  std::map<char, std::uint64_t> records;  // by op: r c u d t, and x for tombstones

  [[nodiscard]] TableFate fate() const {
    if (refused) return TableFate::refused;
    if (actual == nullptr) return TableFate::create;
    return ddl.empty() ? TableFate::as_it_is : TableFate::change;
  }
};

struct PlanFacts {
  SchemaEvolution evolution = SchemaEvolution::evolve;
  OnBadRecord on_bad_record = OnBadRecord::stop;
  std::vector<SampledPartition> sample;
  std::int64_t sample_records_max = 0;  // asked for, of each partition
  std::vector<PlannedTable> tables;
  std::map<SkipReason, std::uint64_t> skipped;
  std::vector<BadFinding> bad;
  // What the other two ways of schema-evolution would refuse and the configured one does not.
  std::map<SchemaEvolution, std::vector<BadFinding>> elsewhere;
  std::vector<std::string> warnings;

  [[nodiscard]] std::int64_t records() const {
    std::int64_t count = 0;
    for (const SampledPartition& partition : sample) count += partition.records;
    return count;
  }
};

const char* to_string(SchemaEvolution evolution);

}  // namespace tidemark
