// The preconditions on Kafka's side: brokers, topics, how long they keep what, the group. Asks the
// brokers for metadata; joins no group and reads no record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/check_report.h"
#include "tidemark/config.h"

namespace tidemark {

struct TopicFacts {
  std::string name;
  std::int32_t partitions = 0;
};

// The topics that the configuration selects, as the brokers have them. Takes up to 10 seconds when
// no broker answers.
std::vector<TopicFacts> check_kafka(const Config& config, CheckReport& report);
// The same topics, and findings about these only.
std::vector<TopicFacts> find_topics(const Config& config, CheckReport& report);

// What check_kafka decides without asking anybody; for tests.
// Those of `all` that the configuration selects; reports names and patterns that select nothing.
std::vector<TopicFacts> select_topics(const SourceConfig& source,
                                      const std::vector<TopicFacts>& all, CheckReport& report);

struct Retention {
  std::string topic;
  bool deletes = true;                   // cleanup.policy: else compacted only
  std::optional<std::int64_t> keeps_ms;  // none: for ever
  std::optional<std::int64_t> keeps_bytes;
};
void judge_retention(const std::vector<Retention>& topics, CheckReport& report);

}  // namespace tidemark
