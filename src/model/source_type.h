// A type as the source's schema states it (Kafka Connect's schema with Debezium's semantic names).
// Made by decode/connect_schema from inline schemas (later from Avro); values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidemark {

enum class ConnectType : std::uint8_t {
  unknown,  // schemaless: the target's column decides
  int8,
  int16,
  int32,
  int64,
  float32,
  float64,
  boolean,
  string,
  bytes,
  array,
  map,
  structure,
};

struct SourceField;

struct SourceType {
  ConnectType base = ConnectType::unknown;
  std::string name;  // semantic name, such as "io.debezium.time.Date"
  bool optional = true;
  std::map<std::string, std::string> parameters;  // "scale", "length", "allowed",
                                                  // "__debezium.source.column.type", …
  std::optional<std::string> default_json;        // the schema's default, as JSON text
  std::shared_ptr<const SourceType> items;        // array: elements; map: values
  std::shared_ptr<const SourceType> keys;         // map
  std::vector<SourceField> fields;                // structure
};

struct SourceField {
  std::string name;
  SourceType type;
};

}  // namespace tidemark
