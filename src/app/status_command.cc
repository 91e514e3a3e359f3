#include "app/status_command.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "app/exit_code.h"
#include "app/load_config.h"
#include "app/output.h"
#include "app/signals.h"
#include "app/status_facts.h"
#include "base/log.h"
#include "source/group_members.h"
#include "source/topic_ends.h"
#include "target/postgres_target.h"

namespace tidemark {
namespace {

constexpr std::chrono::milliseconds kKafkaPatience{5000};
constexpr std::chrono::milliseconds kWatchEvery{2000};
constexpr std::chrono::milliseconds kSignalEvery{50};

std::int64_t number(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::optional<std::int64_t> number_or_none(const std::optional<std::string>& text) {
  return text ? std::optional(number(text)) : std::nullopt;
}

class StatusReader {
 public:
  explicit StatusReader(const Config& config)
      : config_(config),
        connection_({config.target.dsn, config.target.password, "tidemark status"}),
        store_(text_query(connection_), config.target.state_schema, config.pipeline),
        ends_(config.kafka, config.source) {}

  // Throws Error where the target cannot be asked; without Kafka there is less to say.
  StatusFacts read() {
    StatusFacts facts;
    facts.pipeline = config_.pipeline;
    facts.group = config_.kafka.group_id;
    std::map<StreamPartition, PartitionStatus> partitions;
    if (store_.exists()) {
      read_positions(partitions);
      read_letters(facts, partitions);
    }
    read_kafka(facts, partitions);
    for (auto& [at, partition] : partitions) facts.partitions.push_back(std::move(partition));
    return facts;
  }

 private:
  [[nodiscard]] std::string table(const char* name) const {
    return quote_identifier(config_.target.state_schema) + "." + name;
  }

  void read_positions(std::map<StreamPartition, PartitionStatus>& partitions) {
    const std::string time = "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'";
    for (const TextRow& row : connection_.query(
             "SELECT stream, partition, last_watermark, state, reason, to_char(source_time AT TIME "
             "ZONE 'UTC', " +
                 time + "), to_char(last_run_at AT TIME ZONE 'UTC', " + time +
                 "), extract(epoch FROM now() - last_run_at)::bigint, source_position, owner, "
                 "records_processed FROM " +
                 table("pipeline_watermarks") + " WHERE pipeline_name = $1",
             {config_.pipeline})) {
      const StreamPartition at{row[0].value_or(""),
                               Partition{static_cast<std::int32_t>(number(row[1]))}};
      PartitionStatus& partition = partitions[at];
      partition.at = at;
      partition.position = number_or_none(row[2]);
      partition.state = row[3].value_or("");
      partition.reason = row[4].value_or("");
      partition.applied_up_to = row[5].value_or("");
      partition.committed_at = row[6].value_or("");
      partition.committed_ago_s = number(row[7]);
      partition.source_position = row[8].value_or("");
      partition.owner = row[9].value_or("");
      partition.records = static_cast<std::uint64_t>(number(row[10]));
    }
  }

  void read_letters(StatusFacts& facts, std::map<StreamPartition, PartitionStatus>& partitions) {
    for (const auto& [at, counts] : store_.counts()) {
      partitions[at].at = at;
      partitions[at].letters = counts;
    }
    for (const TextRow& row : connection_.query(
             "SELECT coalesce(table_name, ''), count(*) FROM " + table("dead_letters") +
                 " WHERE pipeline_name = $1 AND replayed_at IS NULL GROUP BY 1 "
                 "ORDER BY 2 DESC, 1 LIMIT 20",
             {config_.pipeline})) {
      facts.tables_with_letters.emplace_back(row[0].value_or(""),
                                             static_cast<std::uint64_t>(number(row[1])));
    }
    const TextRows waiting = connection_.query(
        "SELECT count(*) FROM " + table("key_changes") + " WHERE pipeline_name = $1",
        {config_.pipeline});
    facts.key_changes = static_cast<std::uint64_t>(number(waiting.at(0).at(0)));
  }

  void read_kafka(StatusFacts& facts, std::map<StreamPartition, PartitionStatus>& partitions) {
    const TopicEnds::Answer answer = ends_.ask(kKafkaPatience);
    facts.kafka_answers = answer.problem.empty();
    if (answer.ends.empty() && !facts.kafka_answers) return;
    for (const auto& [at, both] : answer.ends) {
      PartitionStatus& partition = partitions[at];
      partition.at = at;
      partition.begin = both.low.value;
      partition.end = both.high.value;
    }
    facts.members = group_members(config_.kafka, kKafkaPatience);
  }

  const Config& config_;
  AdminConnection connection_;
  LetterStore store_;
  TopicEnds ends_;
};

int answer(const CommandLine& line, const StatusFacts& facts) {
  const std::string reason = facts.not_ready();
  int code = kExitOk;
  if (line.ready && !reason.empty()) code = kExitFindings;
  if (!facts.kafka_answers && !line.ready) code = kExitUnavailable;
  if (line.format == OutputFormat::json) {
    const OutputEnvelope envelope{"status", code == kExitOk, status_summary(facts, Style(false)),
                                  status_json(facts), nullptr};
    std::fputs(envelope_json(envelope).c_str(), stdout);
  } else if (line.ready) {
    std::fputs((reason.empty() ? "ready\n" : reason + "\n").c_str(), stdout);
  } else {
    std::fputs(status_text(facts, Style::of(stdout, line.color)).c_str(), stdout);
  }
  std::fflush(stdout);
  return code;
}

int not_ready_without_target(const CommandLine& line, const Error& error) {
  if (!line.ready || error.kind() != ErrorKind::retry) throw error;  // NOLINT(cert-err60-cpp)
  const ShownError shown{error.what(), error.hint(), {}};
  const OutputEnvelope envelope{"status", false, "target_unreachable",
                                R"({"not_ready":"target_unreachable"})", &shown};
  std::fputs(
      line.format == OutputFormat::json ? envelope_json(envelope).c_str() : "target_unreachable\n",
      stdout);
  return kExitFindings;
}

}  // namespace

int status_command(const CommandLine& line) {
  const Config config = load_config(line);
  const bool wordy = config.log.level == "debug";
  configure_log(config.log.format, wordy ? "debug" : "error", config.pipeline,
                Style::of(stderr, line.color).rich());
  try {
    StatusReader reader(config);
    if (!line.watch) return answer(line, reader.read());
    install_stop_signals();
    const bool clear = line.format == OutputFormat::text && Style::of(stdout, line.color).rich();
    while (!stop_requested()) {
      const StatusFacts facts = reader.read();
      if (clear) std::fputs("\x1b[H\x1b[2J", stdout);
      answer(line, facts);
      for (auto slept = kSignalEvery; slept < kWatchEvery && !stop_requested();
           slept += kSignalEvery) {
        std::this_thread::sleep_for(kSignalEvery);
      }
    }
    return kExitOk;
  } catch (const Error& error) {
    return not_ready_without_target(line, error);
  }
}

}  // namespace tidemark
