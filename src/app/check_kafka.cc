#include "app/check_kafka.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/nearest_name.h"
#include "source/kafka_client.h"
#include "source/kafka_fault.h"
#include "source/kafka_properties.h"
#include "source/rdkafka_handle.h"
#include "source/topic_selection.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{10'000};
constexpr milliseconds kPatienceAllDown{3'000};
constexpr milliseconds kOneTry{1'000};
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kRetentionShortMs = 72 * kHourMs;  // a weekend, and someone to notice

// What librdkafka's threads have met with: why no broker answers.
struct LastError {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string text;
  bool all_down = false;
};

void on_error(rd_kafka_t* /*client*/, int code, const char* text, void* opaque) {
  auto& last = *static_cast<LastError*>(opaque);
  // That all brokers are down says less than what came before.
  last.all_down = last.all_down || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !last.text.empty()) return;
  last.code = static_cast<rd_kafka_resp_err_t>(code);
  last.text = text;
}

bool is_refusal(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
         code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM;
}

std::string hint_or(rd_kafka_resp_err_t code, const char* otherwise) {
  std::string hint = hint_of(code);
  return hint.empty() ? otherwise : hint;
}

class KafkaCheck {
 public:
  KafkaCheck(const Config& config, CheckReport& report) : config_(config), report_(report) {}

  // Of `topics_only`: nothing that a glance at the records does not need.
  std::vector<TopicFacts> run(bool topics_only) {
    try {
      // With all of the user's properties, so that those that do not go together show.
      client_ = make_client(
          consumer_properties(config_.kafka, 0),
          [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_error_cb(conf, on_error); }, &last_error_);
    } catch (const ConfigError& error) {
      report_.fail("Kafka", "properties", error.what(), error.hint());
      return {};
    }
    const auto all = ask_for_topics();
    if (!all) return {};
    std::vector<TopicFacts> topics = select_topics(config_.source, *all, report_);
    if (!topics.empty() && !topics_only) {
      check_access(topics);
      check_retention(topics);
      check_group(topics.front());
    }
    return topics;
  }

 private:
  std::optional<std::vector<TopicFacts>> ask_for_topics();
  void report_no_broker(rd_kafka_resp_err_t code);
  void check_access(const std::vector<TopicFacts>& topics);
  void check_retention(const std::vector<TopicFacts>& topics);
  rdkafka::Event describe(const std::vector<TopicFacts>& topics);
  void check_group(const TopicFacts& topic);

  const Config& config_;
  CheckReport& report_;
  LastError last_error_;  // before client_: outlives it
  rdkafka::Client client_;
};

std::optional<std::vector<TopicFacts>> KafkaCheck::ask_for_topics() {
  const auto begin = Clock::now();
  const auto is_time_left = [&] {
    return Clock::now() - begin < (last_error_.all_down ? kPatienceAllDown : kPatience);
  };
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  do {
    const rd_kafka_metadata_t* raw = nullptr;
    code = rd_kafka_metadata(client_.get(), 1, nullptr, &raw, static_cast<int>(kOneTry.count()));
    const rdkafka::Metadata metadata(raw);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      report_.pass("Kafka", "reachable", counted(metadata->broker_cnt, "broker"));
      std::vector<TopicFacts> topics;
      for (int i = 0; i < metadata->topic_cnt; ++i) {
        topics.push_back({metadata->topics[i].topic, metadata->topics[i].partition_cnt});
      }
      return topics;
    }
    rd_kafka_poll(client_.get(), 0);
  } while (!is_refusal(last_error_.code) && is_time_left());
  report_no_broker(code);
  return std::nullopt;
}

void KafkaCheck::report_no_broker(rd_kafka_resp_err_t code) {
  const std::string brokers(property_value(config_.kafka.properties, "bootstrap.servers"));
  const std::string why = last_error_.text.empty() ? rd_kafka_err2str(code) : last_error_.text;
  const std::string text = brokers + ": " + why;
  if (is_refusal(last_error_.code)) {
    report_.fail("Kafka", "refused", text,
                 hint_or(last_error_.code,
                         "look at security.protocol and the ssl. and sasl. "
                         "properties"));
  } else {
    report_.fail_unreachable("Kafka", text,
                             hint_or(last_error_.code,
                                     "look at bootstrap.servers, and at what the "
                                     "brokers say in advertised.listeners"));
  }
}

// A topic that may not be described looks like one that is not there; asked for by its name it
// says which.
void KafkaCheck::check_access(const std::vector<TopicFacts>& topics) {
  std::int64_t partitions = 0;
  std::size_t refused = 0;
  for (const TopicFacts& topic : topics) {
    partitions += topic.partitions;
    if (topic.partitions > 0) continue;
    const rdkafka::Topic handle(rd_kafka_topic_new(client_.get(), topic.name.c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    auto code = rd_kafka_metadata(client_.get(), 0, handle.get(), &raw,
                                  static_cast<int>(kPatience.count()));
    const rdkafka::Metadata metadata(raw);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
      code = metadata->topics[0].err;
    }
    ++refused;
    report_.fail("Kafka", "topic", topic.name + ": " + rd_kafka_err2str(code), hint_of(code));
  }
  if (refused == topics.size()) return;
  report_.pass("Kafka", "topics",
               counted(topics.size() - refused, "topic") + ", " + counted(partitions, "partition"));
}

rdkafka::Event KafkaCheck::describe(const std::vector<TopicFacts>& topics) {
  std::vector<rd_kafka_ConfigResource_t*> resources;
  for (const TopicFacts& topic : topics) {
    resources.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str()));
  }
  const rdkafka::Queue queue(rd_kafka_queue_new(client_.get()));
  rd_kafka_DescribeConfigs(client_.get(), resources.data(), resources.size(), nullptr, queue.get());
  rd_kafka_ConfigResource_destroy_array(resources.data(), resources.size());
  return rdkafka::Event(rd_kafka_queue_poll(queue.get(), static_cast<int>(kPatience.count())));
}

Retention retention_of(const rd_kafka_ConfigResource_t& resource) {
  Retention out;
  out.topic = rd_kafka_ConfigResource_name(&resource);
  std::size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(&resource, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = rd_kafka_ConfigEntry_name(entries[i]);
    const char* const raw = rd_kafka_ConfigEntry_value(entries[i]);
    const std::string_view value = raw == nullptr ? "" : raw;
    if (name == "cleanup.policy") out.deletes = value.find("delete") != std::string_view::npos;
    std::int64_t number = -1;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (name == "retention.ms" && number >= 0) out.keeps_ms = number;
    if (name == "retention.bytes" && number >= 0) out.keeps_bytes = number;
  }
  return out;
}

void KafkaCheck::check_retention(const std::vector<TopicFacts>& topics) {
  const rdkafka::Event event = describe(topics);
  const rd_kafka_DescribeConfigs_result_t* result =
      event ? rd_kafka_event_DescribeConfigs_result(event.get()) : nullptr;
  if (result == nullptr || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    report_.warn("Kafka", "retention", "the topics' settings cannot be read",
                 "without them it is not known how long tidemark may be stopped");
    return;
  }
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** resources =
      rd_kafka_DescribeConfigs_result_resources(result, &count);
  std::vector<Retention> known;
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_ConfigResource_error(resources[i]) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      known.push_back(retention_of(*resources[i]));
    }
  }
  judge_retention(known, report_);
}

// Asks the group's coordinator for a position, which needs the right to read in the group.
void KafkaCheck::check_group(const TopicFacts& topic) {
  const rdkafka::PartitionList partitions = rdkafka::make_partition_list(1);
  rd_kafka_topic_partition_list_add(partitions.get(), topic.name.c_str(), 0);
  const auto code =
      rd_kafka_committed(client_.get(), partitions.get(), static_cast<int>(kPatience.count()));
  const std::string group = config_.kafka.group_id;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    report_.pass("Kafka", "group", group);
  } else if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
    report_.fail("Kafka", "group", "not allowed to read in group " + group,
                 hint_or(code, "give the principal READ on the group, or set group.id"));
  } else {
    report_.warn("Kafka", "group", group + ": " + rd_kafka_err2str(code),
                 hint_or(code, "the group's coordinator does not answer"));
  }
}

}  // namespace

std::vector<TopicFacts> check_kafka(const Config& config, CheckReport& report) {
  return KafkaCheck(config, report).run(false);
}

std::vector<TopicFacts> find_topics(const Config& config, CheckReport& report) {
  return KafkaCheck(config, report).run(true);
}

std::vector<TopicFacts> select_topics(const SourceConfig& source,
                                      const std::vector<TopicFacts>& all, CheckReport& report) {
  std::vector<TopicFacts> selected;
  const auto select = [&selected](const TopicFacts& topic) {
    const bool there = std::any_of(selected.begin(), selected.end(), [&](const TopicFacts& other) {
      return other.name == topic.name;
    });
    if (!there) selected.push_back(topic);
  };
  std::vector<std::string> names;
  for (const TopicFacts& topic : all) names.push_back(topic.name);
  for (const std::string& name : source.topics) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      select(all[static_cast<std::size_t>(found - names.begin())]);
      continue;
    }
    const std::string nearest = nearest_hint(name, names);
    report.warn("Kafka", "topic", name + " does not exist",
                (nearest.empty() ? "" : nearest + " ") +
                    "Debezium makes a topic with the table's first row; tidemark waits for it");
  }
  for (const std::string& pattern : source.topics_regex) {
    const std::size_t before = selected.size();
    bool any = false;
    for (const TopicFacts& topic : all) {
      if (!matches_topic(pattern, topic.name)) continue;
      any = true;
      select(topic);
    }
    if (!any && selected.size() == before) {
      report.warn("Kafka", "topics-regex", pattern + " matches no topic", "");
    }
  }
  if (selected.empty()) {
    report.fail("Kafka", "topics", "there is nothing to read: no topic is selected",
                all.empty() ? "this user may see no topic at all: it needs DESCRIBE and READ"
                            : "look at topics and topics-regex in [source]");
  }
  return selected;
}

void judge_retention(const std::vector<Retention>& topics, CheckReport& report) {
  std::optional<std::int64_t> shortest;
  for (const Retention& topic : topics) {
    if (!topic.deletes) continue;
    if (topic.keeps_bytes) {
      report.warn("Kafka", "retention",
                  fmt::format("{} keeps {} bytes a partition; stopping longer than that lasts "
                              "loses data",
                              topic.topic, *topic.keeps_bytes),
                  "set retention.bytes=-1 on the topic");
    }
    if (!topic.keeps_ms) continue;
    shortest = std::min(shortest.value_or(*topic.keeps_ms), *topic.keeps_ms);
    if (*topic.keeps_ms >= kRetentionShortMs) continue;
    report.warn("Kafka", "retention",
                fmt::format("{} keeps {:.3g} h; stopping longer loses data", topic.topic,
                            static_cast<double>(*topic.keeps_ms) / kHourMs),
                "raise retention.ms on the topic");
  }
  if (shortest && *shortest < kRetentionShortMs) return;
  report.pass("Kafka", "retention",
              shortest ? fmt::format("at least {} h", *shortest / kHourMs)
                       : "records are kept, or compacted by key");
}

}  // namespace tidemark
