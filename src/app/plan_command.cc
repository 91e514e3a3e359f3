#include "app/plan_command.h"

#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "app/check_kafka.h"
#include "app/check_report.h"
#include "app/check_tables.h"
#include "app/exit_code.h"
#include "app/load_config.h"
#include "app/plan_report.h"
#include "app/plan_sample.h"
#include "base/log.h"
#include "pg/admin_connection.h"
#include "source/registry_lookup.h"
#include "source/topic_sampler.h"
#include "target/catalog.h"
#include "target/postgres_target.h"
#include "target/read_positions.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

constexpr std::chrono::seconds kSampleTime{30};

// What is wrong with the topics; throws where Kafka cannot be asked.
std::vector<TopicFacts> topics_of(const Config& config, PlanFacts& facts) {
  CheckReport report;
  std::vector<TopicFacts> topics = find_topics(config, report);
  for (const CheckItem& item : report.items()) {
    if (item.mark == Mark::failure) {
      throw Error(report.unreachable() ? ErrorKind::retry : ErrorKind::fatal, item.text, item.hint);
    }
    if (item.mark == Mark::warning) {
      facts.warnings.push_back(item.text + (item.hint.empty() ? "" : ": " + item.hint));
    }
  }
  return topics;
}

void warn_of_meetings(const Config& config, PlanFacts& facts) {
  std::vector<TopicTable> tables;
  for (const PlannedTable& table : facts.tables) {
    for (const std::string& topic : table.topics) {
      TopicTable& made = tables.emplace_back();
      made.topic = topic;
      made.source = table.source;
      made.target = table.target;
    }
  }
  CheckReport report;
  report_meetings(config, tables, report);
  for (const CheckItem& item : report.items()) {
    facts.warnings.push_back(item.text + ": " + item.hint);
  }
}

class Planner {
 public:
  Planner(const Config& config, std::int64_t sample)
      : config_(config),
        sample_(sample),
        connection_({config.target.dsn, config.target.password, "tidemark plan"}),
        registry_(config.source.registry) {}

  PlanFacts run() {
    PlanFacts facts;
    facts.evolution = config_.target.schema_evolution;
    facts.on_bad_record = config_.errors.on_bad_record;
    facts.sample_records_max = sample_;
    const std::vector<TopicFacts> topics = topics_of(config_, facts);
    const auto positions = read_positions(query(), config_.target.state_schema, config_.pipeline);
    std::map<std::string, std::int32_t> partitions;
    std::vector<SampleRequest> requests;
    for (const TopicFacts& topic : topics) {
      partitions[topic.name] = topic.partitions;
      for (std::int32_t p = 0; p < topic.partitions; ++p) {
        SampleRequest& request = requests.emplace_back();
        request.at = {topic.name, Partition{p}};
        const auto stands = positions.find(request.at);
        if (stands != positions.end()) request.from = stands->second;
      }
    }
    PlanSample sample(
        config_, [this](const TableName& name) { return read_table(query(), name); },
        registry_.lookup());
    TopicSampler sampler(config_.kafka);
    const SampleBounds bounds{sample_ - sample_ / 2, sample_ / 2, kSampleTime};
    facts.sample = sampler.read(requests, bounds, [&](const RecordView& record) {
      sample.take(record, partitions[std::string(record.topic)]);
    });
    sample.report(
        partitions, [this](const std::string& schema) { return schema_exists(schema); }, facts);
    warn_of_meetings(config_, facts);
    return facts;
  }

 private:
  TextQuery query() { return text_query(connection_); }
  bool schema_exists(const std::string& schema) {
    return !connection_.query("SELECT FROM pg_namespace WHERE nspname = $1", {schema}).empty();
  }

  const Config& config_;
  const std::int64_t sample_;
  AdminConnection connection_;
  RegistryLookup registry_;
};

int exit_code_of(const PlanFacts& facts) {
  if (plan_has_refused_table(facts)) return kExitConfiguration;
  return plan_has_stopping_record(facts) ? kExitBadData : kExitOk;
}

}  // namespace

int plan_command(const CommandLine& line) {
  const Config config = load_config(line);
  const bool wordy = config.log.level == "debug";
  configure_log(config.log.format, wordy ? "debug" : "error", config.pipeline,
                Style::of(stderr, line.color).rich());
  const PlanFacts facts = Planner(config, line.sample).run();
  const int code = exit_code_of(facts);
  if (line.format == OutputFormat::json) {
    const OutputEnvelope envelope{"plan", code == kExitOk, plan_summary(facts, Style(false)),
                                  plan_json(facts), nullptr};
    std::fputs(envelope_json(envelope).c_str(), stdout);
  } else {
    std::fputs(plan_text(facts, wordy, Style::of(stdout, line.color)).c_str(), stdout);
  }
  return code;
}

}  // namespace tidemark
