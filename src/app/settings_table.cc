#include "app/settings_table.h"

#include <algorithm>
#include <array>

namespace tidemark {
namespace {

using Kind = SettingKind;
using Value = const SettingValue&;

constexpr std::string_view kModes = "merge|append|history|soft-delete|replace|delete-insert";
constexpr std::string_view kBinaryTexts = "auto|base64|base64-url-safe|hex";

std::optional<BinaryText> binary_text(std::size_t choice) {
  if (choice == 0) return std::nullopt;
  return static_cast<BinaryText>(choice - 1);
}

constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kGiB = 1ULL << 30;

// Bounds: PostgreSQL takes no message and no value of 1 GiB or more; the others only catch slips.
constexpr std::array kSettings = {
    Setting{.section = "",
            .key = "pipeline",
            .doc = "names its rows in pipeline_watermarks; letters, digits, \"_\", \".\" and \"-\"",
            .store = [](Config& c, TableConfig&, Value v) { c.pipeline = v.text; }},
    Setting{.section = "",
            .key = "shutdown-timeout",
            .kind = Kind::time,
            .fallback = "20s",
            .doc = "how long a stop may take: finish or roll back the batch, leave the group",
            .store = [](Config& c, TableConfig&, Value v) { c.shutdown_timeout = v.time; },
            .number_min = 100,
            .number_max = 3'600'000},

    Setting{.section = "kafka",
            .key = "bootstrap.servers",
            .doc = "host:port of some brokers, with commas between them",
            .store = [](Config& c, TableConfig&,
                        Value v) { c.kafka.properties.emplace_back("bootstrap.servers", v.text); }},
    Setting{.section = "kafka",
            .key = "group.id",
            .doc = "the consumer group; tidemark-<pipeline> unless given",
            .store = [](Config& c, TableConfig&, Value v) { c.kafka.group_id = v.text; }},

    Setting{.section = "source",
            .key = "type",
            .kind = Kind::choice,
            .fallback = "kafka",
            .doc = "where the changes come from",
            .store = [](Config& c, TableConfig&, Value v) { c.source.type = v.text; },
            .choices = "kafka|files|table",
            .choices_served = 1},
    Setting{.section = "source",
            .key = "topics",
            .kind = Kind::words,
            .doc = "topics to read; repeatable",
            .store = [](Config& c, TableConfig&, Value v) { c.source.topics = v.items; }},
    Setting{.section = "source",
            .key = "topics-regex",
            .kind = Kind::patterns,
            .doc = "topics to read, by POSIX extended regular expression; repeatable",
            .store = [](Config& c, TableConfig&, Value v) { c.source.topics_regex = v.items; }},
    Setting{.section = "source",
            .key = "format",
            .kind = Kind::choice,
            .fallback = "auto",
            .doc = "of the records; auto looks at the bytes",
            .store = [](Config& c, TableConfig&,
                        Value v) { c.source.format = static_cast<SourceFormat>(v.choice); },
            .choices = "auto|json|avro|cloudevents",
            .choices_served = 2},
    Setting{.section = "source",
            .key = "registry-url",
            .doc = "a schema registry with Confluent's API; several addresses with commas",
            .store = [](Config& c, TableConfig&, Value v) { c.source.registry.url = v.text; },
            .secret = true},
    Setting{.section = "source",
            .key = "registry-user",
            .doc = "for the registry",
            .store = [](Config& c, TableConfig&, Value v) { c.source.registry.user = v.text; }},
    Setting{.section = "source",
            .key = "registry-password",
            .doc = "the registry's password; better by registry-password-file",
            .store = [](Config& c, TableConfig&, Value v) { c.source.registry.password = v.text; },
            .secret = true},
    Setting{.section = "source",
            .key = "registry-token",
            .doc = "a bearer token instead of user and password",
            .store = [](Config& c, TableConfig&, Value v) { c.source.registry.token = v.text; },
            .secret = true},
    Setting{.section = "source",
            .key = "registry-ca",
            .doc = "authorities for the registry's certificate, PEM; the system's unless given",
            .store = [](Config& c, TableConfig&, Value v) { c.source.registry.ca = v.text; },
            .secret = true},
    Setting{.section = "source",
            .key = "registry-cert",
            .doc = "our own certificate, PEM, for a registry that asks for one",
            .store = [](Config& c, TableConfig&, Value v) { c.source.registry.cert = v.text; },
            .secret = true},
    Setting{.section = "source",
            .key = "registry-key",
            .doc = "its private key, PEM",
            .store = [](Config& c, TableConfig&, Value v) { c.source.registry.key = v.text; },
            .secret = true},
    Setting{
        .section = "source",
        .key = "registry-key-password",
        .doc = "of the private key",
        .store = [](Config& c, TableConfig&, Value v) { c.source.registry.key_password = v.text; },
        .secret = true},
    Setting{.section = "source",
            .key = "unavailable-value",
            .fallback = "__debezium_unavailable_value",
            .doc = "what the connector writes for a value that it does not have",
            .store = [](Config& c, TableConfig&, Value v) { c.source.unavailable_value = v.text; }},
    Setting{.section = "source",
            .key = "metadata-prefix",
            .fallback = "__",
            .doc = "fields of flattened records that begin so are never columns",
            .store = [](Config& c, TableConfig&, Value v) { c.source.metadata_prefix = v.text; }},
    Setting{.section = "source",
            .key = "binary-text",
            .kind = Kind::choice,
            .fallback = "auto",
            .doc = "strings into bytea: the connector's binary.handling.mode; auto refuses doubt",
            .store = [](Config& c, TableConfig&,
                        Value v) { c.source.binary_text = binary_text(v.choice); },
            .choices = kBinaryTexts,
            .choices_served = 4},
    Setting{.section = "source",
            .key = "record-max-bytes",
            .kind = Kind::size,
            .fallback = "64MiB",
            .doc = "a larger record is a data error",
            .store = [](Config& c, TableConfig&, Value v) { c.source.record_bytes_max = v.number; },
            .number_min = kKiB,
            .number_max = kGiB},
    Setting{
        .section = "source",
        .key = "record-max-depth",
        .kind = Kind::count,
        .fallback = "512",
        .doc = "a record nested deeper is a data error",
        .store = [](Config& c, TableConfig&,
                    Value v) { c.source.record_depth_max = static_cast<std::uint32_t>(v.number); },
        .number_min = 16,
        .number_max = 10'000},

    Setting{.section = "target",
            .key = "dsn",
            .doc = "any libpq connection string or URI; give the password by password-file",
            .store = [](Config& c, TableConfig&, Value v) { c.target.dsn = v.text; },
            .secret = true},
    Setting{.section = "target",
            .key = "password",
            .doc = "the target's password; better by password-file",
            .store = [](Config& c, TableConfig&, Value v) { c.target.password = v.text; },
            .secret = true},
    Setting{.section = "target",
            .key = "table",
            .fallback = "${schema}.${table}",
            .doc = "name of a target table: ${db} ${schema} ${table} ${topic} ${source.*}",
            .store = [](Config& c, TableConfig&, Value v) { c.target.table = v.text; }},
    Setting{.section = "target",
            .key = "mode",
            .kind = Kind::choice,
            .fallback = "merge",
            .doc = "what becomes of a change",
            .store = [](Config& c, TableConfig&,
                        Value v) { c.target.mode = static_cast<WriteMode>(v.choice); },
            .choices = kModes,
            .choices_served = 1},
    Setting{.section = "target",
            .key = "schema-evolution",
            .kind = Kind::choice,
            .fallback = "evolve",
            .doc = "evolve: create tables, add columns, widen them; never drop, never narrow",
            .store =
                [](Config& c, TableConfig&, Value v) {
                  c.target.schema_evolution = static_cast<SchemaEvolution>(v.choice);
                },
            .choices = "none|validate|evolve",
            .choices_served = 3},
    Setting{.section = "target",
            .key = "schema-inference",
            .kind = Kind::boolean,
            .fallback = "false",
            .doc = "make a table from schemaless records",
            .store = [](Config& c, TableConfig&, Value v) { c.target.schema_inference = v.flag; }},
    Setting{.section = "target",
            .key = "delete",
            .kind = Kind::boolean,
            .fallback = "true",
            .doc = "apply deletes; false: skipped and counted",
            .store = [](Config& c, TableConfig&, Value v) { c.target.delete_enabled = v.flag; }},
    Setting{.section = "target",
            .key = "truncate",
            .kind = Kind::boolean,
            .fallback = "true",
            .doc = "apply truncates; false: skipped and counted",
            .store = [](Config& c, TableConfig&, Value v) { c.target.truncate_enabled = v.flag; }},
    Setting{.section = "target",
            .key = "state-schema",
            .fallback = "tidemark",
            .doc = "where pipeline_watermarks and dead_letters live",
            .store = [](Config& c, TableConfig&, Value v) { c.target.state_schema = v.text; }},

    Setting{
        .section = "batch",
        .key = "max-rows",
        .kind = Kind::count,
        .fallback = "200000",
        .doc = "rows of one transaction, at most; 8000 at first, 50000 while the target is quick",
        .store = [](Config& c, TableConfig&,
                    Value v) { c.batch.rows_max = static_cast<std::uint32_t>(v.number); },
        .number_min = 1,
        .number_max = 10'000'000},
    Setting{.section = "batch",
            .key = "max-bytes",
            .kind = Kind::size,
            .fallback = "32MiB",
            .doc = "bytes of one transaction, at most; one row is always admitted",
            .store = [](Config& c, TableConfig&, Value v) { c.batch.bytes_max = v.number; },
            .number_min = kKiB,
            .number_max = kGiB},
    Setting{.section = "batch",
            .key = "max-delay",
            .kind = Kind::time,
            .fallback = "200ms",
            .doc = "an idle target gets its rows at once; a busy one gets bigger batches",
            .store = [](Config& c, TableConfig&, Value v) { c.batch.delay_max = v.time; },
            .number_max = 600'000},
    Setting{.section = "batch",
            .key = "lanes",
            .kind = Kind::lanes,
            .fallback = "auto",
            .doc = "consumers, each with one connection; auto: as many as cores",
            .store = [](Config& c, TableConfig&,
                        Value v) { c.batch.lanes = static_cast<std::uint32_t>(v.number); },
            .number_min = 1,
            .number_max = 1024},
    Setting{.section = "batch",
            .key = "buffer-max-bytes",
            .kind = Kind::size,
            .fallback = "128MiB",
            .doc = "decoded rows waiting, all lanes together",
            .store = [](Config& c, TableConfig&, Value v) { c.batch.buffer_bytes_max = v.number; },
            .number_min = kKiB * kKiB,
            .number_max = kGiB * kKiB},

    Setting{.section = "errors",
            .key = "on-bad-record",
            .kind = Kind::choice,
            .fallback = "stop",
            .doc = "stop its partition, or put it into dead_letters and go on",
            .store = [](Config& c, TableConfig&,
                        Value v) { c.errors.on_bad_record = static_cast<OnBadRecord>(v.choice); },
            .choices = "stop|dead-letter",
            .choices_served = 2},
    Setting{.section = "errors",
            .key = "dead-letter-max-rate",
            .kind = Kind::percent,
            .fallback = "1%",
            .doc = "of the last 10,000 records, from 100 dead letters on: more is a bad setting",
            .store = [](Config& c, TableConfig&,
                        Value v) { c.errors.dead_letter_rate_max = v.fraction; }},
    Setting{.section = "errors",
            .key = "hold-key",
            .kind = Kind::boolean,
            .fallback = "true",
            .doc = "later events of a key with a dead letter wait behind it",
            .store = [](Config& c, TableConfig&, Value v) { c.errors.hold_key = v.flag; }},

    Setting{.section = "table",
            .key = "target",
            .doc = "the target table, schema.table",
            .store = [](Config&, TableConfig& t, Value v) { t.target = v.text; }},
    Setting{.section = "table",
            .key = "columns-exclude",
            .kind = Kind::words,
            .doc = "source columns that are not written; repeatable",
            .store = [](Config&, TableConfig& t, Value v) { t.columns_exclude = v.items; }},
    Setting{.section = "table",
            .key = "key",
            .kind = Kind::words,
            .doc = "key columns where the record's own key is not the one to use; repeatable",
            .store = [](Config&, TableConfig& t, Value v) { t.key = v.items; }},
    Setting{.section = "table",
            .key = "time-unit",
            .kind = Kind::choice,
            .doc = "of the numbers that stand for times in schemaless records; not set: refused",
            .store = [](Config&, TableConfig& t,
                        Value v) { t.time_unit = static_cast<TimeUnitMode>(v.choice); },
            .choices = "ms|us|ns|adaptive|adaptive_time_microseconds",
            .choices_served = 5},
    Setting{
        .section = "table",
        .key = "binary-text",
        .kind = Kind::choice,
        .doc = "strings into bytea, where this table's are not as in [source]",
        .store = [](Config&, TableConfig& t, Value v) { t.binary_text = binary_text(v.choice); },
        .choices = kBinaryTexts,
        .choices_served = 4},
    Setting{.section = "table",
            .key = "mode",
            .kind = Kind::choice,
            .doc = "what becomes of a change of this table",
            .store = [](Config&, TableConfig& t,
                        Value v) { t.mode = static_cast<WriteMode>(v.choice); },
            .choices = kModes,
            .choices_served = 1},

    Setting{.section = "http",
            .key = "listen",
            .fallback = "127.0.0.1:8084",
            .doc = "reserved: this version serves no HTTP",
            .store = [](Config& c, TableConfig&, Value v) { c.http_listen = v.text; }},
    Setting{.section = "http",
            .key = "token",
            .doc = "reserved: this version serves no HTTP",
            .store = [](Config& c, TableConfig&, Value v) { c.http_token = v.text; },
            .secret = true},

    Setting{.section = "log",
            .key = "format",
            .kind = Kind::choice,
            .fallback = "auto",
            .doc = "auto: text on a terminal, json elsewhere",
            .store = [](Config& c, TableConfig&, Value v) { c.log.format = v.text; },
            .choices = "auto|text|json",
            .choices_served = 3},
    Setting{.section = "log",
            .key = "level",
            .kind = Kind::choice,
            .fallback = "info",
            .doc = "the least severe messages that are written",
            .store = [](Config& c, TableConfig&, Value v) { c.log.level = v.text; },
            .choices = "debug|info|warning|error",
            .choices_served = 4},
    Setting{.section = "log",
            .key = "values",
            .kind = Kind::boolean,
            .fallback = "false",
            .doc = "row values never reach a log unless this says so",
            .store = [](Config& c, TableConfig&, Value v) { c.log.values = v.flag; }},
};

void check_bounds(const Setting& setting, std::uint64_t number) {
  if (number < setting.number_min) throw BadValue("too small");
  if (number > setting.number_max) throw BadValue("too large");
}

void read_choice(const Setting& setting, const std::string& text, SettingValue& value) {
  const std::vector<std::string> words = split_choices(setting.choices);
  std::string served;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i < setting.choices_served) served += (i == 0 ? "" : ", ") + words[i];
    if (words[i] != text) continue;
    value.choice = i;
    value.text = text;
  }
  const std::string hint = "use " + served;
  if (value.text.empty()) throw BadValue("no such choice", hint);
  if (value.choice >= setting.choices_served) {
    throw BadValue("\"" + text + "\" is not in this version", hint);
  }
}

std::uint64_t read_number(const Setting& setting, const std::string& text) {
  if (setting.kind == Kind::lanes && text == "auto") return 0;
  const std::uint64_t number = setting.kind == Kind::size ? parse_size(text) : parse_count(text);
  check_bounds(setting, number);
  return number;
}

}  // namespace

std::span<const Setting> all_settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
  const auto* const found = std::find_if(
      kSettings.begin(), kSettings.end(),
      [&](const Setting& setting) { return setting.section == section && setting.key == key; });
  return found == kSettings.end() ? nullptr : found;
}

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const Setting& setting : kSettings) {
    if (!setting.section.empty() && (names.empty() || names.back() != setting.section)) {
      names.emplace_back(setting.section);
    }
  }
  return names;
}

std::vector<std::string> keys_of_section(std::string_view section) {
  std::vector<std::string> keys;
  for (const Setting& setting : kSettings) {
    if (setting.section == section) keys.emplace_back(setting.key);
  }
  return keys;
}

SettingValue read_setting(const Setting& setting, const std::vector<GivenText>& given) {
  SettingValue value;
  const std::string& text = given.back().text;
  switch (setting.kind) {
    case Kind::text:
      value.text = text;
      break;
    case Kind::words:
      value.items = parse_words(given);
      break;
    case Kind::patterns:
      for (const GivenText& one : given) {
        if (!one.text.empty()) value.items.push_back(one.text);
      }
      break;
    case Kind::choice:
      read_choice(setting, text, value);
      break;
    case Kind::boolean:
      value.flag = parse_boolean(text);
      break;
    case Kind::count:
    case Kind::size:
    case Kind::lanes:
      value.number = read_number(setting, text);
      break;
    case Kind::time:
      value.time = parse_time(text);
      check_bounds(setting, static_cast<std::uint64_t>(value.time.count()));
      break;
    case Kind::percent:
      value.fraction = parse_percent(text);
      break;
  }
  return value;
}

}  // namespace tidemark
