#include "source/kafka_properties.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/nearest_name.h"
#include "source/fetch_waker.h"
#include "source/rdkafka_version.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

struct Refusal {
  std::string_view name;
  std::string_view reason;
};

constexpr std::string_view kPositionReason =
    "tidemark keeps its positions in the target, in the transaction that writes the rows; Kafka's "
    "group offsets are only reported afterwards";

// Each with its aliases: librdkafka takes the topic's properties among the global ones.
constexpr std::array kRefused = {
    Refusal{"enable.auto.commit", kPositionReason},
    Refusal{"auto.commit.enable", kPositionReason},
    Refusal{"enable.auto.offset.store", kPositionReason},
    Refusal{"auto.offset.reset",
            "a partition never seen starts at the beginning, and a position that Kafka no longer "
            "holds stops its partition: skipping ahead would lose changes silently"},
    Refusal{"isolation.level", "records of aborted transactions must not reach the target"},
    Refusal{"check.crcs", "every record is checked for corruption"},
    Refusal{"enable.partition.eof", "tidemark sets it to know when it has caught up"},
    Refusal{"plugin.library.paths", "it loads code into this process"},
    Refusal{"ssl.engine.location", "it loads code into this process"},
    Refusal{"ssl.providers", "it loads code into this process"},
    Refusal{"sasl.kerberos.kinit.cmd", "it runs a command of its own"},
    Refusal{"group.protocol", "tidemark takes and gives back all partitions of a lane at once"},
    Refusal{"log.queue", "tidemark writes librdkafka's log itself"},
};

// The names of all properties and aliases. rd_kafka_conf_dump() leaves the aliases out, among them
// bootstrap.servers; the table that librdkafka prints for its own documentation has them.
std::vector<std::string> known_names() {
  char* text = nullptr;
  std::size_t size = 0;
  FILE* out = open_memstream(&text, &size);
  if (out == nullptr) return {};
  rd_kafka_conf_properties_show(out);
  std::fclose(out);
  std::vector<std::string> names;
  std::string_view rest(text, size);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t name_end = line.find_first_of(" |");
    if (line.find('|') == std::string_view::npos || name_end == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, name_end);
    if (name.find('.') != std::string_view::npos || name == "debug" || name == "retries") {
      names.emplace_back(name);
    }
  }
  std::free(text);  // NOLINT(*-no-malloc): open_memstream's
  return names;
}

bool holds_secret(std::string_view name) {
  constexpr std::array<std::string_view, 6> kMarks = {"password", "secret", ".pem",
                                                      "token",    "jaas",   "oauthbearer.config"};
  return std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) {
    return name.find(mark) != std::string_view::npos;
  });
}

[[noreturn]] void throw_unknown(const std::string& name) {
  throw ConfigError(
      "kafka." + name + ": librdkafka " + rd_kafka_version_str() + " has no such property",
      nearest_hint(name, known_names()));
}

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> text{};
  const auto outcome =
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size());
  if (outcome == RD_KAFKA_CONF_OK) return;
  if (outcome == RD_KAFKA_CONF_UNKNOWN) throw_unknown(name);
  throw ConfigError("kafka." + name + ": " +
                    (holds_secret(name) ? "librdkafka does not take this value" : text.data()));
}

void refuse_if_listed(const std::string& name, const std::string& value) {
  for (const Refusal& refusal : kRefused) {
    if (refusal.name == name) {
      throw ConfigError("kafka." + name + " cannot be set: " + std::string(refusal.reason),
                        "remove it");
    }
  }
  if (name == "partition.assignment.strategy" && value.find("cooperative") != std::string::npos) {
    throw ConfigError("kafka." + name + ": tidemark takes and gives back all partitions at once",
                      "roundrobin (the default) or range");
  }
}

// What a user may change. Sizes: tests/tools/bench_consume.cc has the figures behind them.
KafkaProperties defaults(const KafkaProperties& user) {
  KafkaProperties out = {
      {"client.id", "tidemark"},
      {"partition.assignment.strategy", "roundrobin"},
      {"queued.max.messages.kbytes", "8192"},
      // What one answer adds to the queue, once it is unpacked: often ten times its own size.
      {"fetch.message.max.bytes", "262144"},
      // A resumed or new partition waits for the request under way, which asks for the others only.
      {"fetch.wait.max.ms", "100"},
      // A member learns of a rebalance by its next heartbeat; until then it works for nothing.
      {"heartbeat.interval.ms", "100"},
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      // New tables and partitions are noticed within half a minute, not five.
      {"topic.metadata.refresh.interval.ms", "30000"},
      {"topic.blacklist", "^__consumer_offsets$,^__transaction_state$,^__share_group_state$"},
  };
  // It may not be below message.max.bytes; librdkafka then finds a size by itself.
  if (property_value(user, "message.max.bytes").empty()) {
    out.emplace_back("fetch.max.bytes", "1048576");
  }
  if (rdkafka::knows_property(rdkafka::kFetchQueueBackoff)) {
    out.emplace_back(rdkafka::kFetchQueueBackoff, std::to_string(FetchWaker::kInterval.count()));
  } else if (!FetchWaker::works_with(user)) {
    // A second's worth of records instead.
    out.emplace_back("queued.max.messages.kbytes", "262144");
  }
  return out;
}

void append_required(KafkaProperties& out) {
  out.insert(out.end(), {{"enable.auto.commit", "false"},
                         {"enable.auto.offset.store", "false"},
                         {"auto.offset.reset", "error"},
                         {"isolation.level", "read_committed"},
                         {"check.crcs", "true"},
                         {"enable.partition.eof", "true"}});
}

}  // namespace

bool rdkafka::knows_property(const std::string& name) {
  const std::vector<std::string> names = known_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_kafka_property(const std::string& name, const std::string& value) {
  refuse_if_listed(name, value);
  const rdkafka::Conf conf(rd_kafka_conf_new());
  set(conf.get(), name, value);
}

KafkaProperties consumer_properties(const KafkaConfig& config, std::uint32_t lane) {
  KafkaProperties out = defaults(config.properties);
  for (const auto& [name, value] : config.properties) {
    if (name == "group.id") continue;
    const bool instance = name == "group.instance.id";
    out.emplace_back(name, instance ? value + "-" + std::to_string(lane) : value);
  }
  out.emplace_back("group.id", config.group_id);
  append_required(out);
  return out;
}

KafkaProperties reader_properties(const KafkaConfig& config) {
  KafkaProperties out = defaults(config.properties);
  for (const auto& [name, value] : config.properties) {
    if (name != "group.id" && name != "group.instance.id") out.emplace_back(name, value);
  }
  out.emplace_back("queued.max.messages.kbytes", "16384");
  // One record is wanted, or some near it: not what is packed into the megabyte behind it.
  out.emplace_back("fetch.message.max.bytes", "65536");
  // To go elsewhere, the fetch under way has to end first.
  out.emplace_back("fetch.wait.max.ms", "20");
  append_required(out);
  return out;
}

KafkaProperties connection_properties(const KafkaConfig& config) {
  constexpr std::array<std::string_view, 12> kOfConnection = {"bootstrap.servers",
                                                              "metadata.broker.list",
                                                              "security.protocol",
                                                              "ssl.",
                                                              "sasl.",
                                                              "enable.ssl.",
                                                              "socket.",
                                                              "broker.",
                                                              "client.",
                                                              "debug",
                                                              "api.version.",
                                                              "enable.sasl."};
  KafkaProperties out = {{"client.id", "tidemark"}};
  for (const auto& property : config.properties) {
    const bool wanted =
        std::any_of(kOfConnection.begin(), kOfConnection.end(),
                    [&](std::string_view prefix) { return property.first.starts_with(prefix); });
    if (wanted) out.push_back(property);
  }
  return out;
}

rdkafka::Conf make_conf(const KafkaProperties& properties) {
  rdkafka::Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) set(conf.get(), name, value);
  return conf;
}

std::string_view property_value(const KafkaProperties& properties, std::string_view name) {
  for (auto it = properties.rbegin(); it != properties.rend(); ++it) {
    if (it->first == name) return it->second;
  }
  return {};
}

}  // namespace tidemark
