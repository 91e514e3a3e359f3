#include "app/status_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/check_report.h"
#include "app/json_text.h"
#include "app/text_table.h"

namespace tidemark {
namespace {

constexpr std::int64_t kStalledSeconds = 120;

std::string number_or(const std::optional<std::int64_t>& value, const char* other) {
  return value ? std::to_string(*value) : other;
}

std::string state_of(const PartitionStatus& partition) {
  if (partition.is_lost()) return "lost";
  return partition.state.empty() ? "ok" : partition.state;
}

std::string reason_of(const PartitionStatus& partition) {
  if (partition.is_lost() && partition.reason.empty()) {
    return fmt::format("Kafka holds nothing before {} any more", *partition.begin);
  }
  return partition.reason;
}

void write_letters(JsonText& json, const LetterCounts& letters) {
  json.count("dead_letters", letters.open);
  json.count("held", letters.held);
  json.count("held_keys", letters.keys);
}

void write_partition(JsonText& json, const PartitionStatus& partition) {
  json.begin_object();
  json.member("stream", partition.at.stream);
  json.number("partition", partition.at.partition.value);
  json.number("position", partition.position);
  json.number("begin", partition.begin);
  json.number("end", partition.end);
  json.number("lag", partition.lag());
  json.member("state", state_of(partition));
  json.member_or_null("reason", reason_of(partition));
  json.member_or_null("applied_up_to", partition.applied_up_to);
  json.member_or_null("committed_at", partition.committed_at);
  json.member_or_null("source_position", partition.source_position);
  json.member_or_null("owner", partition.owner);
  json.count("records", partition.records);
  write_letters(json, partition.letters);
  json.end_object();
}

}  // namespace

const char* to_string(PipelineState state) {
  switch (state) {
    case PipelineState::never_run:
      return "NEVER RUN";
    case PipelineState::running:
      return "RUNNING";
    case PipelineState::stalled:
      return "STALLED";
    case PipelineState::halted:
      return "HALTED";
    case PipelineState::stopped:
      return "STOPPED";
    case PipelineState::unknown:
      return "UNKNOWN";
  }
  return "";
}

std::optional<std::int64_t> PartitionStatus::lag() const {
  if (!end || !begin) return std::nullopt;
  return std::max<std::int64_t>(0, *end - std::max(position.value_or(*begin), *begin));
}

std::optional<std::int64_t> StatusFacts::lag() const {
  if (!kafka_answers) return std::nullopt;
  std::int64_t all = 0;
  for (const PartitionStatus& partition : partitions) all += partition.lag().value_or(0);
  return all;
}

LetterCounts StatusFacts::letters() const {
  LetterCounts all;
  for (const PartitionStatus& partition : partitions) {
    all.open += partition.letters.open;
    all.held += partition.letters.held;
    all.keys += partition.letters.keys;
  }
  return all;
}

PipelineState StatusFacts::state() const {
  const auto taken = [](const PartitionStatus& one) { return !one.committed_at.empty(); };
  if (!members) return PipelineState::unknown;
  const bool known = std::any_of(partitions.begin(), partitions.end(), taken);
  if (*members == 0) return known ? PipelineState::stopped : PipelineState::never_run;
  if (!partitions.empty() &&
      std::all_of(partitions.begin(), partitions.end(),
                  [](const PartitionStatus& one) { return one.state == "stopped"; })) {
    return PipelineState::halted;
  }
  std::int64_t ago = kStalledSeconds;
  bool behind = false;
  for (const PartitionStatus& partition : partitions) {
    if (taken(partition)) ago = std::min(ago, partition.committed_ago_s);
    behind = behind || (partition.state != "stopped" && partition.lag().value_or(0) > 0);
  }
  return behind && known && ago >= kStalledSeconds ? PipelineState::stalled
                                                   : PipelineState::running;
}

std::string StatusFacts::not_ready() const {
  if (!kafka_answers) return "kafka_unreachable";
  switch (state()) {
    case PipelineState::running:
      return {};
    case PipelineState::stalled:
    case PipelineState::halted:
      return "stalled";
    case PipelineState::stopped:
      return "stopped";
    default:
      return "starting";
  }
}

std::string status_summary(const StatusFacts& facts, const Style& style) {
  std::string text = fmt::format("{}  group {}", to_string(facts.state()), facts.group);
  if (facts.members) text += fmt::format("  {}", counted(*facts.members, "member"));
  text += fmt::format("  lag {}", number_or(facts.lag(), "?"));
  const LetterCounts letters = facts.letters();
  if (letters.open != 0) {
    text += fmt::format(" {} {}, {} held", style.dot(), counted(letters.open, "dead letter"),
                        counted(letters.keys, "key"));
  }
  return text;
}

std::string status_text(const StatusFacts& facts, const Style& style) {
  std::string text = status_summary(facts, style) + "\n";
  if (!facts.kafka_answers) text += "Kafka does not answer: where the topics end is not known\n";
  std::vector<std::vector<std::string>> rows = {
      {"TOPIC", "POSITION", "END", "LAG", "APPLIED UP TO", "DLQ", "HELD KEYS", "STATE"}};
  for (const PartitionStatus& partition : facts.partitions) {
    const std::string reason = reason_of(partition);
    rows.push_back({partition.at.display(), number_or(partition.position, "-"),
                    number_or(partition.end, "?"), number_or(partition.lag(), "?"),
                    partition.applied_up_to.empty() ? "-" : partition.applied_up_to,
                    std::to_string(partition.letters.open), std::to_string(partition.letters.keys),
                    state_of(partition) + (reason.empty() ? "" : ": " + reason)});
  }
  if (!facts.partitions.empty()) text += text_table(rows, {1, 2, 3, 5, 6});
  for (const auto& [table, count] : facts.tables_with_letters) {
    text += fmt::format("{}: {} {} tidemark dlq list --table {}\n", printable(table),
                        counted(count, "dead letter"), style.arrow(), printable(table));
  }
  if (facts.key_changes != 0) {
    text += fmt::format("key changes of which one half has come: {}\n", facts.key_changes);
  }
  return text;
}

std::string status_json(const StatusFacts& facts) {
  JsonText json;
  json.begin_object();
  json.member("pipeline", facts.pipeline);
  json.member("state", to_string(facts.state()));
  json.member_or_null("not_ready", facts.not_ready());
  json.member("group", facts.group);
  json.number("members", facts.members ? std::optional(static_cast<std::int64_t>(*facts.members))
                                       : std::nullopt);
  json.flag("kafka_answers", facts.kafka_answers);
  json.number("lag", facts.lag());
  write_letters(json, facts.letters());
  json.count("key_changes_waiting", facts.key_changes);
  json.begin_array("partitions");
  for (const PartitionStatus& partition : facts.partitions) write_partition(json, partition);
  json.end_array();
  json.begin_array("tables");
  for (const auto& [table, count] : facts.tables_with_letters) {
    json.begin_object();
    json.member("table", table);
    json.count("dead_letters", count);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.str();
}

}  // namespace tidemark
