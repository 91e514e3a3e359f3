#include "app/settings_rules.h"

#include <libpq-fe.h>
#include <regex.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

#include "decode/naming.h"
#include "source/registry_url.h"

namespace tidemark {
namespace {

constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
constexpr std::size_t kIdentifierBytesMax = 63;  // of PostgreSQL

bool is_name(std::string_view text, std::size_t size_max) {
  return !text.empty() && text.size() <= size_max &&
         text.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

class Rules {
 public:
  Rules(const Config& config, const PlaceOf& place_of, std::vector<ConfigFault>& faults)
      : config_(config), place_of_(place_of), faults_(faults) {}

  void check() {
    check_pipeline();
    check_topics();
    check_source();
    check_target();
    for (const auto& [name, table] : config_.tables) check_table(name, table);
    check_http();
  }

 private:
  void missing(const std::string& setting, const std::string& hint) {
    faults_.push_back({"config.missing", place_of_(setting), setting + " is not set", hint});
  }
  void bad(const std::string& setting, const std::string& message, const std::string& hint = {}) {
    faults_.push_back({"config.bad_value", place_of_(setting), setting + ": " + message, hint});
  }

  void check_pipeline();
  void check_topics();
  void check_regex(const std::string& regex);
  void check_source();
  void check_registry();
  void check_target();
  void check_dsn();
  void check_names();
  void check_naming(const std::string& setting, const Config& config);
  void check_table(const std::string& name, const TableConfig& table);
  void check_http();

  const Config& config_;
  const PlaceOf& place_of_;
  std::vector<ConfigFault>& faults_;
};

void Rules::check_pipeline() {
  constexpr std::size_t kPipelineBytesMax = 200;
  if (config_.pipeline.empty()) {
    missing("pipeline", "pipeline = inventory names its rows in pipeline_watermarks");
  } else if (!is_name(config_.pipeline, kPipelineBytesMax)) {
    bad("pipeline", "not a name", "up to 200 letters, digits, \"_\", \".\" and \"-\"");
  }
  const auto& properties = config_.kafka.properties;
  const auto brokers = std::find_if(properties.begin(), properties.end(), [](const auto& property) {
    return property.first == "bootstrap.servers" && !property.second.empty();
  });
  if (brokers == properties.end()) {
    missing("kafka.bootstrap.servers", "-b host:9092, or bootstrap.servers in [kafka]");
  }
}

void Rules::check_topics() {
  constexpr std::size_t kTopicBytesMax = 249;  // Kafka's own limit
  if (config_.source.topics.empty() && config_.source.topics_regex.empty()) {
    missing("source.topics", "name the topics by topics or topics-regex in [source]");
  }
  for (const std::string& topic : config_.source.topics) {
    if (is_name(topic, kTopicBytesMax)) continue;
    const bool pattern = topic.find_first_of("^*$\\[(") != std::string::npos;
    bad("source.topics", "\"" + topic + "\" is not a topic's name",
        pattern ? "give a regular expression as topics-regex" : "");
  }
  for (const std::string& regex : config_.source.topics_regex) check_regex(regex);
}

void Rules::check_regex(const std::string& regex) {
  regex_t compiled;
  const int outcome = regcomp(&compiled, regex.c_str(), REG_EXTENDED | REG_NOSUB);
  if (outcome != 0) {
    std::array<char, 256> reason{};
    regerror(outcome, &compiled, reason.data(), reason.size());
    bad("source.topics-regex", "\"" + regex + "\": " + reason.data(),
        "it is a POSIX extended regular expression");
    return;
  }
  regfree(&compiled);
  // The C library takes these for the letters d and D, and nothing would be read.
  for (const char* escape : {"\\d", "\\D"}) {
    if (regex.find(escape) == std::string::npos) continue;
    bad("source.topics-regex", "\"" + regex + "\": POSIX regular expressions have no " + escape,
        "write [0-9] or [^0-9]");
  }
}

void Rules::check_source() {
  if (config_.source.unavailable_value.empty()) {
    bad("source.unavailable-value", "empty: every empty text would be taken for it");
  }
  check_registry();
}

void Rules::check_registry() {
  const RegistryConfig& registry = config_.source.registry;
  if (registry.url.empty()) return;
  bool user_in_url = false;
  try {
    for (const RegistryUrl& url : parse_registry_urls(registry.url)) {
      user_in_url = user_in_url || !url.user.empty();
    }
  } catch (const ConfigError& error) {
    bad("source.registry-url", error.what(), error.hint());
  }
  const bool user = user_in_url || !registry.user.empty();
  if (user && !registry.token.empty()) {
    bad("source.registry-token", "there is a user too", "give one of the two");
  }
  if (!user && !registry.password.empty()) {
    bad("source.registry-password", "there is no registry-user", "give registry-user");
  }
  if (has_control(registry.token)) {
    bad("source.registry-token", "has a line's end or another control character inside");
  }
  for (const auto& [setting, text] : {std::pair("source.registry-ca", &registry.ca),
                                      std::pair("source.registry-cert", &registry.cert),
                                      std::pair("source.registry-key", &registry.key)}) {
    if (text->empty() || text->find("-----BEGIN ") != std::string::npos) continue;
    bad(setting, "no PEM text",
        "give the file's path as " + std::string(setting) + "-file; it has a line -----BEGIN …");
  }
  if (registry.cert.empty() != registry.key.empty()) {
    bad(registry.cert.empty() ? "source.registry-key" : "source.registry-cert",
        "a certificate and its private key belong together",
        "give registry-cert-file and registry-key-file");
  }
}

void Rules::check_target() {
  check_dsn();
  check_names();
  const std::string& schema = config_.target.state_schema;
  if (schema.empty() || schema.size() > kIdentifierBytesMax || schema.starts_with("pg_")) {
    bad("target.state-schema", "not a schema's name",
        "1 to 63 bytes, not beginning with pg_, which is PostgreSQL's own");
  }
}

void Rules::check_dsn() {
  if (config_.target.dsn.empty()) {
    missing("target.dsn", "dsn = host=db dbname=warehouse user=cdc in [target]");
    return;
  }
  char* why = nullptr;  // quotes the dsn, which may hold a password: never shown
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(config_.target.dsn.c_str(), &why), &PQconninfoFree);
  PQfreemem(why);
  if (parsed == nullptr) {
    bad("target.dsn", "libpq cannot parse it",
        "write host=db dbname=warehouse user=cdc, or postgresql://cdc@db/warehouse; a value with "
        "\"#\" or \";\" after a space needs double quotes around the whole line's value");
  }
}

// The decoder's own parser decides. Each name is tried alone, so that every fault shows.
void Rules::check_names() {
  Config alone;
  alone.target.state_schema = config_.target.state_schema;
  for (const auto& [name, table] : config_.tables) {
    if (!table.target) continue;
    alone.tables = {{name, table}};
    check_naming("table." + name + ".target", alone);
  }
  alone.tables.clear();
  alone.target.table = config_.target.table;
  check_naming("target.table", alone);
}

void Rules::check_naming(const std::string& setting, const Config& config) {
  try {
    const TargetNaming naming(config);
  } catch (const ConfigError& error) {
    faults_.push_back({"config.bad_value", place_of_(setting), error.what(), error.hint()});
  }
}

void Rules::check_table(const std::string& name, const TableConfig& table) {
  const std::string section = "table." + name;
  if (name.find('.') == std::string::npos) {
    faults_.push_back({"config.bad_value", "", "[" + section + "]: not the name of a source table",
                       "write [table.<schema>.<table>], as in [table.inventory.orders]"});
  }
  for (const std::string& column : table.key) {
    const auto& excluded = table.columns_exclude;
    if (std::find(excluded.begin(), excluded.end(), column) == excluded.end()) continue;
    bad(section + ".columns-exclude", "\"" + column + "\" is a column of the key");
  }
}

void Rules::check_http() {
  const std::string& listen = config_.http_listen;
  if (listen.empty()) return;
  const std::size_t colon = listen.rfind(':');
  unsigned port = 0;
  bool good = colon != std::string::npos && colon > 0;
  if (good) {
    const char* const end = listen.data() + listen.size();
    const auto [last, error] = std::from_chars(listen.data() + colon + 1, end, port);
    good = error == std::errc{} && last == end && port <= 65535;
  }
  if (!good) bad("http.listen", "not address:port", "write 127.0.0.1:8084, or nothing for none");
}

}  // namespace

void check_rules(const Config& config, const PlaceOf& place_of, std::vector<ConfigFault>& faults) {
  Rules(config, place_of, faults).check();
}

}  // namespace tidemark
