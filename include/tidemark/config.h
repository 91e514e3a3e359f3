// The whole configuration, checked and with defaults applied: what docs and `tidemark config` call
// by the same names. Made by app/config from flags, environment and file; a constant afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidemark {

enum class SourceFormat { automatic, json, avro, cloudevents };
enum class WriteMode { merge, append, history, soft_delete, replace, delete_insert };
enum class SchemaEvolution { none, validate, evolve };
enum class OnBadRecord { stop, dead_letter };
// What numbers without a schema count where they stand for times. The last two are Debezium's modes
// of those names, in which it depends on the digits of a second that the column keeps.
enum class TimeUnitMode { ms, us, ns, adaptive, adaptive_time_microseconds };
// How a string becomes bytea: Debezium's binary.handling.mode, which no schema tells.
enum class BinaryText { base64, base64_url_safe, hex };

struct KafkaConfig {
  std::vector<std::pair<std::string, std::string>> properties;  // librdkafka's, checked, in order
  std::string group_id;
};

// A schema registry with Confluent's API. PEM texts, not paths: each is given as <key>-file.
struct RegistryConfig {
  std::string url;  // one address, or several of the same registry with commas between them
  std::string user;
  std::string password;
  std::string token;
  std::string ca;
  std::string cert;
  std::string key;
  std::string key_password;
};

struct SourceConfig {
  std::string type = "kafka";
  std::vector<std::string> topics;
  std::vector<std::string> topics_regex;
  SourceFormat format = SourceFormat::automatic;
  RegistryConfig registry;
  std::string unavailable_value = "__debezium_unavailable_value";
  std::string metadata_prefix = "__";
  std::optional<BinaryText> binary_text;  // not set: what can be told from the value
  std::uint64_t record_bytes_max = 64ULL << 20;
  std::uint32_t record_depth_max = 512;
};

struct TargetConfig {
  std::string dsn;            // without the password where password-file gave one
  std::string password;       // never printed
  std::string password_file;  // where it came from; empty: not from a file
  std::string table = "${schema}.${table}";
  WriteMode mode = WriteMode::merge;
  SchemaEvolution schema_evolution = SchemaEvolution::evolve;
  bool schema_inference = false;
  bool delete_enabled = true;
  bool truncate_enabled = true;
  std::string state_schema = "tidemark";
};

struct BatchConfig {
  std::uint32_t rows_max = 200000;
  std::uint64_t bytes_max = 32ULL << 20;
  std::chrono::milliseconds delay_max{200};
  std::uint32_t lanes = 0;  // 0: auto
  std::uint64_t buffer_bytes_max = 128ULL << 20;
};

struct ErrorsConfig {
  OnBadRecord on_bad_record = OnBadRecord::stop;
  double dead_letter_rate_max = 0.01;
  bool hold_key = true;
};

struct TableConfig {
  std::optional<std::string> target;
  std::vector<std::string> columns_exclude;
  std::vector<std::string> key;
  std::optional<TimeUnitMode> time_unit;
  std::optional<BinaryText> binary_text;  // before the source's
  std::optional<WriteMode> mode;
};

struct LogConfig {
  std::string format = "auto";  // auto | text | json
  std::string level = "info";
  bool values = false;
};

struct Config {
  std::string pipeline;
  std::chrono::milliseconds shutdown_timeout{20000};
  KafkaConfig kafka;
  SourceConfig source;
  TargetConfig target;
  BatchConfig batch;
  ErrorsConfig errors;
  std::map<std::string, TableConfig> tables;  // by "${schema}.${table}" of the source
  std::string http_listen = "127.0.0.1:8084";
  std::string http_token;
  LogConfig log;
};

}  // namespace tidemark
