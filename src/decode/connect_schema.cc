#include "decode/connect_schema.h"

#include <array>
#include <utility>

#include "decode/fields.h"
#include "decode/json.h"
#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr std::size_t kSchemaFieldsMax = 20000;  // of a whole schema, envelope and rows together

ConnectType connect_type(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, ConnectType>, 12> kTypes = {{
      {"int8", ConnectType::int8},
      {"int16", ConnectType::int16},
      {"int32", ConnectType::int32},
      {"int64", ConnectType::int64},
      {"float", ConnectType::float32},
      {"double", ConnectType::float64},
      {"boolean", ConnectType::boolean},
      {"string", ConnectType::string},
      {"bytes", ConnectType::bytes},
      {"array", ConnectType::array},
      {"map", ConnectType::map},
      {"struct", ConnectType::structure},
  }};
  for (const auto& [name, type] : kTypes) {
    if (name == text) return type;
  }
  return ConnectType::unknown;
}

class SchemaParser {
 public:
  explicit SchemaParser(std::string_view json) : reader_(json, kSchemaDepthMax) {}

  SourceType parse() {
    std::string ignored;
    return node(ignored, 0);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) {
    throw Refused("the record's schema is not a Kafka Connect schema: " + what + ", at byte " +
                      std::to_string(reader_.position()) + " of the schema",
                  "the converter of the source connector must be "
                  "org.apache.kafka.connect.json.JsonConverter");
  }
  void check() {
    if (reader_.failed()) refuse(reader_.error().reason);
  }

  // One schema node; `field` is its name where it stands in a struct. Recursion is bounded by
  // `level`, and by the reader's own depth.
  SourceType node(std::string& field, std::uint32_t level) {
    if (level > kSchemaDepthMax) refuse("nested too deeply");
    if (!reader_.enter_object()) check();
    SourceType type;
    type.optional = false;
    std::string_view name;
    bool name_escaped = false;
    while (reader_.member(name, name_escaped)) member(name, field, type, level);
    check();
    if (type.base == ConnectType::unknown) refuse("a known type is missing");
    return type;
  }

  void member(std::string_view name, std::string& field, SourceType& type, std::uint32_t level) {
    std::string ignored;
    JsonValue value;
    if (name == "fields") {
      fields(type, level);
    } else if (name == "items" || name == "values") {
      type.items = std::make_shared<const SourceType>(node(ignored, level + 1));
    } else if (name == "keys") {
      type.keys = std::make_shared<const SourceType>(node(ignored, level + 1));
    } else if (name == "parameters") {
      parameters(type);
    } else if (!reader_.value(value)) {
      check();
    } else if (name == "type" && value.is_string()) {
      type.base = connect_type(value.raw);
    } else if (name == "field" && value.is_string()) {
      field = unescaped(value);
    } else if (name == "name" && value.is_string()) {
      type.name = unescaped(value);
    } else if (name == "optional") {
      type.optional = value.kind == JsonKind::boolean_true;
    } else if (name == "default" && !value.is_null()) {
      type.default_json =
          value.is_string() ? '"' + std::string(value.raw) + '"' : std::string(value.raw);
    }
  }

  void fields(SourceType& type, std::uint32_t level) {
    if (!reader_.enter_array()) check();
    while (reader_.element()) {
      if (++fields_ > kSchemaFieldsMax) refuse("too many fields");
      SourceField entry;
      entry.type = node(entry.name, level + 1);
      type.fields.push_back(std::move(entry));
    }
    check();
  }

  void parameters(SourceType& type) {
    JsonValue whole;
    if (!reader_.value(whole)) check();
    if (!whole.is_object()) return;
    JsonReader inner(whole.raw, kSchemaDepthMax);
    FieldNames names;
    FieldValues values;
    learn_fields(inner, names, "schema's parameters", values);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const JsonValue& value = values.at(i);
      type.parameters[names.name(i)] =
          value.is_string() ? unescaped(value) : std::string(value.raw);
    }
  }

  JsonReader reader_;
  std::size_t fields_ = 0;
};

}  // namespace

SourceType parse_connect_schema(std::string_view json) {
  return SchemaParser(json).parse();
}

}  // namespace tidemark
