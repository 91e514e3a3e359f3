// Decodes sampled records with the real decoder, under each way of schema-evolution, and says what
// the target would have to become. Asks for the target's tables and writes nothing.
// One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/plan_facts.h"
#include "decode/record_decoder.h"
#include "tidemark/config.h"
#include "tidemark/record.h"

namespace tidemark {

class PlanSample {
 public:
  // What the target has, answered at once.
  using FindTable = std::function<TablePtr(const TableName&)>;
  using SchemaExists = std::function<bool(const std::string&)>;

  // `find_schema` answers at once, too; empty where there is no registry.
  PlanSample(const Config& config, FindTable find_table, const SchemaLookup& find_schema = {});
  ~PlanSample();
  PlanSample(const PlanSample&) = delete;
  PlanSample& operator=(const PlanSample&) = delete;

  void take(const RecordView& record, std::int32_t partitions_of_topic);
  // Adds tables, skips and bad records.
  void report(const std::map<std::string, std::int32_t>& partitions_of_topics,
              const SchemaExists& schema_exists, PlanFacts& facts) const;

 private:
  class Attempt;
  TablePtr find(const TableName& name);

  const Config config_;
  const FindTable find_table_;
  std::map<TableName, TablePtr> known_;
  std::vector<std::unique_ptr<Attempt>> attempts_;  // the configured way first
};

}  // namespace tidemark
