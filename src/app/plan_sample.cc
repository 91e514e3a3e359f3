#include "app/plan_sample.h"

#include <algorithm>
#include <set>
#include <utility>

#include "target/merge_statement.h"

namespace tidemark {
namespace {

constexpr std::size_t kFindingsMax = 200;  // reasons, of each way of schema-evolution

char letter_of(Op op) {
  switch (op) {
    case Op::snapshot:
      return 'r';
    case Op::create:
      return 'c';
    case Op::update:
      return 'u';
    case Op::remove:
      return 'd';
    case Op::truncate:
      return 't';
    default:
      return 'x';
  }
}

std::vector<std::string> statements_for(const TableAccount& account, const Table& actual) {
  if (account.layout == nullptr) return {};
  const TableStatements statements(*account.layout, actual);
  if (account.layout->keyless()) return {statements.insert({}), statements.take({})};
  return {statements.merge({})};
}

}  // namespace

const char* to_string(SchemaEvolution evolution) {
  switch (evolution) {
    case SchemaEvolution::none:
      return "none";
    case SchemaEvolution::validate:
      return "validate";
    case SchemaEvolution::evolve:
      return "evolve";
  }
  return "";
}

// All records under one way of schema-evolution.
class PlanSample::Attempt {
 public:
  Attempt(const Config& config, const TableLookup& find_table, const SchemaLookup& find_schema)
      : evolution_(config.target.schema_evolution), decoder_(config, find_table, find_schema) {}

  void take(const RecordView& record, std::int32_t partitions_of_topic) {
    Slab slab;
    decoder_.decode(record, 0, partitions_of_topic, slab);
    const Event& event = slab.events.back();
    if (event.op == Op::bad) return note_bad(record, slab.bad[event.bad]);
    if (event.op == Op::skip) {
      ++skipped_[event.skip];
      return;
    }
    ++records_[{std::string(record.topic), event.layout->source_table}][letter_of(event.op)];
    std::vector<TablePtr>& required = required_[event.layout->target];
    const TablePtr& now = event.layout->required;
    if (now != nullptr && (required.empty() || required.back() != now)) required.push_back(now);
  }

  [[nodiscard]] const std::vector<BadFinding>& bad() const { return bad_; }
  [[nodiscard]] SchemaEvolution evolution() const { return evolution_; }
  [[nodiscard]] const std::map<SkipReason, std::uint64_t>& skipped() const { return skipped_; }
  [[nodiscard]] std::vector<TableAccount> accounts() const { return decoder_.accounts(); }

  [[nodiscard]] std::map<char, std::uint64_t> records(const TableAccount& account) const {
    const auto found = records_.find({account.topic, account.source_table});
    return found == records_.end() ? std::map<char, std::uint64_t>() : found->second;
  }

  // In the order in which the records ask for it; each change leaves what the next one finds.
  void plan_changes(PlannedTable& table, bool schema_exists, TablePtr& state) const {
    const auto found = required_.find(table.target);
    if (found == required_.end()) return;
    for (const TablePtr& required : found->second) {
      const SchemaChange change = plan_schema_change(state.get(), *required, evolution_);
      if (change.empty()) continue;
      if (auto refused = refusal_of(change, table.target, state != nullptr, evolution_)) {
        table.refused = std::move(refused);
        return;
      }
      for (std::string& statement : statements_of(change, schema_exists)) {
        table.ddl.push_back(std::move(statement));
      }
      state = required;
      schema_exists = true;
    }
  }

 private:
  void note_bad(const RecordView& record, const BadRecord& bad) {
    for (BadFinding& known : bad_) {
      if (known.at.stream != record.topic || known.message != bad.message) continue;
      ++known.records;
      return;
    }
    if (bad_.size() >= kFindingsMax) return;
    bad_.push_back({{std::string(record.topic), record.partition},
                    record.offset,
                    1,
                    bad.table,
                    bad.message,
                    bad.hint,
                    bad.halt});
  }

  const SchemaEvolution evolution_;
  RecordDecoder decoder_;
  std::vector<BadFinding> bad_;
  std::map<SkipReason, std::uint64_t> skipped_;
  std::map<std::pair<std::string, std::string>, std::map<char, std::uint64_t>> records_;
  std::map<TableName, std::vector<TablePtr>> required_;
};

PlanSample::PlanSample(const Config& config, FindTable find_table, const SchemaLookup& find_schema)
    : config_(config), find_table_(std::move(find_table)) {
  const SchemaEvolution configured = config.target.schema_evolution;
  std::vector<SchemaEvolution> ways = {SchemaEvolution::evolve, SchemaEvolution::validate,
                                       SchemaEvolution::none};
  std::stable_partition(ways.begin(), ways.end(),
                        [configured](SchemaEvolution way) { return way == configured; });
  for (const SchemaEvolution way : ways) {
    Config other = config;
    other.target.schema_evolution = way;
    attempts_.push_back(std::make_unique<Attempt>(
        other, [this](const TableName& name) -> std::optional<TablePtr> { return find(name); },
        find_schema));
  }
}

PlanSample::~PlanSample() = default;

TablePtr PlanSample::find(const TableName& name) {
  const auto known = known_.find(name);
  if (known != known_.end()) return known->second;
  return known_.emplace(name, find_table_(name)).first->second;
}

void PlanSample::take(const RecordView& record, std::int32_t partitions_of_topic) {
  for (const auto& attempt : attempts_) attempt->take(record, partitions_of_topic);
}

void PlanSample::report(const std::map<std::string, std::int32_t>& partitions_of_topics,
                        const SchemaExists& schema_exists, PlanFacts& facts) const {
  const Attempt& attempt = *attempts_.front();
  facts.skipped = attempt.skipped();
  facts.bad = attempt.bad();
  std::map<std::pair<TableName, std::string>, std::size_t> places;
  std::set<std::string> made_schemas;
  for (TableAccount& account : attempt.accounts()) {
    const auto [place, is_new] =
        places.try_emplace({account.target, account.source_table}, facts.tables.size());
    if (is_new) {
      PlannedTable& made = facts.tables.emplace_back();
      made.source = account.source_table;
      made.connector = account.connector;
      made.target = account.target;
      made.key = account.key;
      made.key_configured = account.key_configured;
      made.typed = account.typed;
      made.actual = known_.at(account.target);
      TablePtr state = made.actual;
      const std::string& schema = account.target.schema;
      attempt.plan_changes(made, made_schemas.contains(schema) || schema_exists(schema), state);
      if (state != nullptr) made_schemas.insert(schema);
      if (state != nullptr && !made.refused) made.sql = statements_for(account, *state);
      made.fields = account.fields;
    }
    PlannedTable& table = facts.tables[place->second];
    table.topics.push_back(account.topic);
    const auto partitions = partitions_of_topics.find(account.topic);
    if (partitions != partitions_of_topics.end()) table.partitions += partitions->second;
    for (const auto& [op, count] : attempt.records(account)) table.records[op] += count;
  }
  for (std::size_t i = 1; i < attempts_.size(); ++i) {
    for (const BadFinding& bad : attempts_[i]->bad()) {
      const auto same = [&bad](const BadFinding& other) {
        return other.at.stream == bad.at.stream && other.message == bad.message;
      };
      if (std::any_of(facts.bad.begin(), facts.bad.end(), same)) continue;
      facts.elsewhere[attempts_[i]->evolution()].push_back(bad);
    }
  }
}

}  // namespace tidemark
