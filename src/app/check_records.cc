#include "app/check_records.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "decode/record_decoder.h"
#include "source/registry_lookup.h"
#include "source/topic_sampler.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

constexpr std::chrono::seconds kGlance{3};
constexpr std::int64_t kRecords = 3;  // the last may be a tombstone, which says nothing

std::vector<SampleRequest> requests_for(const std::vector<TopicFacts>& topics) {
  std::vector<SampleRequest> requests;
  for (const TopicFacts& topic : topics) {
    for (std::int32_t p = 0; p < topic.partitions; ++p) {
      requests.push_back({{topic.name, Partition{p}}, std::nullopt});
    }
  }
  return requests;
}

// Whatever the target has: only what the records themselves say is wanted.
Config without_target(const Config& config) {
  Config other = config;
  other.target.schema_evolution = SchemaEvolution::evolve;
  other.target.schema_inference = true;
  return other;
}

TopicTable table_of(const TableAccount& account) {
  TopicTable table;
  table.topic = account.topic;
  table.source = account.source_table;
  table.target = account.target;
  table.from_records = true;
  table.key = account.key;
  for (const FieldAccount& field : account.fields) table.columns.push_back(field.name);
  return table;
}

}  // namespace

std::vector<TopicTable> check_records(const Config& config, const std::vector<TopicFacts>& topics,
                                      CheckReport& report) {
  std::vector<TopicTable> tables;
  if (topics.empty()) return tables;
  RegistryLookup registry(config.source.registry);
  RecordDecoder decoder(
      without_target(config), [](const TableName&) { return TablePtr(); }, registry.lookup());
  std::int64_t good = 0;
  std::set<std::string> told;
  const auto take = [&](const RecordView& record) {
    Slab slab;
    decoder.decode(record, 0, 1, slab);
    if (slab.bad.empty()) {
      ++good;
      return;
    }
    const BadRecord& bad = slab.bad.front();
    if (!told.insert(bad.message).second) return;
    report.warn("Data", "record",
                StreamPartition{std::string(record.topic), record.partition}.display() + "@" +
                    std::to_string(record.offset.value) + ": " + bad.message,
                bad.hint);
  };
  try {
    TopicSampler sampler(config.kafka);
    sampler.read(requests_for(topics), {0, kRecords, kGlance}, take);
  } catch (const Error& error) {
    report.warn("Data", "sample", error.what(), error.hint());
  }
  for (const TableAccount& account : decoder.accounts()) tables.push_back(table_of(account));
  if (good > 0) {
    report.pass("Data", "sample",
                counted(good, "record") + " read, of " + counted(tables.size(), "table"));
  }
  return tables;
}

std::vector<TopicTable> find_tables(const Config& config, const std::vector<TopicFacts>& topics,
                                    CheckReport& of_records, CheckReport& of_tables) {
  std::vector<TopicTable> tables = check_records(config, topics, of_records);
  std::vector<std::string> silent;
  for (const TopicFacts& topic : topics) {
    const bool told = std::any_of(tables.begin(), tables.end(), [&topic](const TopicTable& table) {
      return table.topic == topic.name;
    });
    if (!told) silent.push_back(topic.name);
  }
  for (TopicTable& table : tables_of_names(config, silent, of_tables)) {
    tables.push_back(std::move(table));
  }
  report_meetings(config, tables, of_tables);
  return tables;
}

}  // namespace tidemark
