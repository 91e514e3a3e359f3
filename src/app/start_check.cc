#include "app/start_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "app/check_records.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

const CheckItem* first_failure(const CheckReport& report) {
  const auto found = std::find_if(report.items().begin(), report.items().end(),
                                  [](const CheckItem& item) { return item.mark == Mark::failure; });
  return found == report.items().end() ? nullptr : &*found;
}

bool names_go_together(const Config& config, const std::vector<std::string>& topics) {
  CheckReport report;
  check_table_names(config, topics, report);
  return report.ok();
}

// Those that are there and those that are configured by name and not there yet.
std::vector<TopicFacts> topics_of(const Config& config, CheckReport& of_kafka) {
  std::vector<TopicFacts> topics = find_topics(config, of_kafka);
  for (const std::string& name : config.source.topics) {
    const bool there = std::any_of(topics.begin(), topics.end(),
                                   [&name](const TopicFacts& topic) { return topic.name == name; });
    if (!there) topics.push_back({name, 0});
  }
  return topics;
}

}  // namespace

void check_tables_at_start(const Config& config) {
  const bool by_pattern = !config.source.topics_regex.empty();
  if (!by_pattern && names_go_together(config, config.source.topics)) return;
  if (!config.source.registry.url.empty()) return;
  CheckReport of_kafka;
  const std::vector<TopicFacts> topics = topics_of(config, of_kafka);
  if (!of_kafka.ok()) return;
  std::vector<std::string> names;
  for (const TopicFacts& topic : topics) names.push_back(topic.name);
  if (names_go_together(config, names)) return;
  CheckReport of_records;
  CheckReport of_tables;
  find_tables(config, topics, of_records, of_tables);
  const CheckItem* const failure = first_failure(of_tables);
  if (failure != nullptr) throw ConfigError(failure->text, failure->hint);
}

}  // namespace tidemark
