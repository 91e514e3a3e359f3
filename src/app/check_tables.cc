#include "app/check_tables.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "decode/naming.h"
#include "decode/refused.h"

namespace tidemark {
namespace {

// Debezium's own topics (heartbeats, transactions, schema changes) have fewer parts, or begin so.
bool names_a_table(const std::string& topic) {
  return std::count(topic.begin(), topic.end(), '.') >= 2 && !topic.starts_with("__");
}

std::string folded(const TableName& name) {
  std::string text = name.display();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::optional<TopicTable> derive(const TargetNaming& naming, const std::string& topic,
                                 CheckReport& report) {
  const auto source = table_of_topic(topic);
  if (!source) return std::nullopt;
  try {
    TopicTable table;
    table.topic = topic;
    table.source = source->display();
    table.target = naming.name(*source, topic, {});
    return table;
  } catch (const Refused& refused) {
    report.fail("Tables", "name", topic + ": " + refused.message(), refused.hint());
    return std::nullopt;
  }
}

// By name, in the sections of both (decode/table_claims.h).
bool are_sent_there(const Config& config, const TopicTable& one, const TopicTable& other) {
  const auto is_named = [&config](const TopicTable& table) {
    const auto section = config.tables.find(table.source);
    return section != config.tables.end() && section->second.target.has_value();
  };
  return is_named(one) && is_named(other);
}

}  // namespace

void report_meetings(const Config& config, const std::vector<TopicTable>& tables,
                     CheckReport& report) {
  std::map<std::string, const TopicTable*> seen;
  for (const TopicTable& table : tables) {
    const auto [at, is_new] = seen.emplace(folded(table.target), &table);
    if (is_new) continue;
    const TopicTable& other = *at->second;
    if (other.target == table.target && are_sent_there(config, other, table)) {
      report.warn("Tables", "order",
                  other.topic + " and " + table.topic + " both lead to " + table.target.display() +
                      ", as their sections say: between topics there is no order",
                  "make sure that no key comes by both");
    } else if (other.target == table.target) {
      report.fail("Tables", "order",
                  other.topic + " and " + table.topic + " both lead to " + table.target.display() +
                      ": between topics there is no order, so a newer row could be overwritten",
                  "give one of them another target in its [table.…] section, or put ${topic} into "
                  "[target] table");
    } else {
      report.warn("Tables", "case",
                  other.target.display() + " and " + table.target.display() +
                      " differ only by case: they are two tables",
                  "name a target in a [table.…] section if they should not be");
    }
  }
}

std::vector<TopicTable> tables_of_names(const Config& config,
                                        const std::vector<std::string>& topics,
                                        CheckReport& report) {
  const TargetNaming naming(config);
  std::vector<TopicTable> tables;
  const bool needs_records =
      !naming.source_members().empty() || config.target.table.find("${db}") != std::string::npos;
  if (needs_records) return tables;
  for (const std::string& topic : topics) {
    if (!names_a_table(topic)) continue;
    if (auto table = derive(naming, topic, report)) tables.push_back(std::move(*table));
  }
  return tables;
}

std::vector<TopicTable> check_table_names(const Config& config,
                                          const std::vector<std::string>& topics,
                                          CheckReport& report) {
  std::vector<TopicTable> tables = tables_of_names(config, topics, report);
  report_meetings(config, tables, report);
  return tables;
}

}  // namespace tidemark
