#include "decode/json_schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "decode/fields.h"
#include "decode/json.h"
#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr std::uint32_t kDepthMax = 64;
constexpr std::size_t kNodesMax = 65536;

enum class Member : std::uint8_t {
  type,
  one_of,
  properties,
  items,
  additional,
  title,
  default_value,
  connect_type,
  connect_index,
  connect_parameters,
};

const FieldNames& member_names() {
  static const FieldNames names = [] {
    FieldNames made;
    for (const char* name :
         {"type", "oneOf", "properties", "items", "additionalProperties", "title", "default",
          "connect.type", "connect.index", "connect.parameters"}) {
      made.add(name);
    }
    return made;
  }();
  return names;
}

struct NamedType {
  std::string_view json;
  std::string_view connect;  // connect.type; empty: none
  ConnectType base;
};

// What JsonSchemaData writes for each of Connect's types; an int16 is a number like any other.
constexpr std::array<NamedType, 10> kTypes = {{
    {"integer", "int8", ConnectType::int8},
    {"integer", "int16", ConnectType::int16},
    {"integer", "int32", ConnectType::int32},
    {"integer", "int64", ConnectType::int64},
    {"number", "float32", ConnectType::float32},
    {"number", "float64", ConnectType::float64},
    {"boolean", "", ConnectType::boolean},
    {"string", "", ConnectType::string},
    {"string", "bytes", ConnectType::bytes},
    {"number", "bytes", ConnectType::bytes},  // decimal.format=NUMERIC
}};

class JsonSchemaParser {
 public:
  explicit JsonSchemaParser(std::string_view json) : json_(json) {}

  std::optional<SourceType> parse() {
    JsonReader reader(json_, JsonReader::kDepthCeiling);
    JsonValue whole;
    SourceType type;
    if (!reader.value(whole) || !reader.at_end()) return std::nullopt;
    try {
      if (!node(whole, 0, type)) return std::nullopt;
    } catch (const Refused&) {  // a name twice, too many names
      return std::nullopt;
    }
    return type;
  }

 private:
  struct Node {
    FieldValues values;
    [[nodiscard]] const JsonValue& at(Member which) const {
      return values.at(static_cast<std::size_t>(which));
    }
    [[nodiscard]] std::string_view text(Member which) const {
      return at(which).is_string() ? at(which).raw : std::string_view();
    }
  };
  struct Property {
    std::int64_t index = 0;
    SourceField field;
  };

  bool node(const JsonValue& schema, std::uint32_t level, SourceType& type) {
    if (!schema.is_object() || level > kDepthMax || ++nodes_ > kNodesMax) return false;
    Node at;
    JsonReader reader(schema.raw, JsonReader::kDepthCeiling);
    read_fields(reader, member_names(), "JSON Schema", at.values);
    type.optional = false;
    if (at.at(Member::one_of).is_present()) return optional(at, level, type);
    if (!shape(at, level, type)) return false;
    if (at.at(Member::title).is_string()) type.name = unescaped(at.at(Member::title));
    parameters(at, type);
    const JsonValue& value = at.at(Member::default_value);
    if (value.is_present() && !value.is_null()) {
      type.default_json =
          value.is_string() ? '"' + std::string(value.raw) + '"' : std::string(value.raw);
    }
    return true;
  }

  // [{"type":"null"},{…}]
  bool optional(const Node& at, std::uint32_t level, SourceType& type) {
    if (at.at(Member::one_of).kind != JsonKind::array) return false;
    JsonReader reader(at.at(Member::one_of).raw, JsonReader::kDepthCeiling);
    std::vector<JsonValue> choices;
    reader.enter_array();
    while (reader.element()) {
      JsonValue one;
      if (!reader.value(one) || choices.size() == 2) return false;
      choices.push_back(one);
    }
    if (choices.size() != 2 || !choices[0].is_object()) return false;
    Node null;
    JsonReader first(choices[0].raw, JsonReader::kDepthCeiling);
    read_fields(first, member_names(), "JSON Schema", null.values);
    if (null.text(Member::type) != "null" || !node(choices[1], level + 1, type)) return false;
    type.optional = true;
    return true;
  }

  bool shape(const Node& at, std::uint32_t level, SourceType& type) {
    const std::string_view json = at.text(Member::type);
    const std::string_view connect = at.text(Member::connect_type);
    for (const NamedType& known : kTypes) {
      if (known.json != json || known.connect != connect) continue;
      type.base = known.base;
      return true;
    }
    if (json == "object" && connect == "map") {
      SourceType keys;
      keys.base = ConnectType::string;
      keys.optional = false;
      type.base = ConnectType::map;
      type.keys = std::make_shared<const SourceType>(std::move(keys));
      return part(at.at(Member::additional), level, type.items);
    }
    // A map whose keys are no strings is an array of objects, which other converters write
    // differently: not read by its schema.
    if (json == "array" && connect.empty()) {
      type.base = ConnectType::array;
      return part(at.at(Member::items), level, type.items);
    }
    return json == "object" && connect.empty() && properties(at, level, type);
  }

  bool part(const JsonValue& schema, std::uint32_t level, std::shared_ptr<const SourceType>& to) {
    SourceType type;
    if (!node(schema, level + 1, type)) return false;
    to = std::make_shared<const SourceType>(std::move(type));
    return true;
  }

  // In the order of the Connect schema, which connect.index keeps.
  bool properties(const Node& at, std::uint32_t level, SourceType& type) {
    type.base = ConnectType::structure;
    if (!at.at(Member::properties).is_object()) return false;
    JsonReader reader(at.at(Member::properties).raw, JsonReader::kDepthCeiling);
    FieldNames names;
    FieldValues values;
    tidemark::learn_fields(reader, names, "JSON Schema", values);
    std::vector<Property> found;
    for (std::size_t i = 0; i < names.size(); ++i) {
      Property one;
      one.field.name = names.name(i);
      if (!index(values.at(i), one.index) || !node(values.at(i), level + 1, one.field.type)) {
        return false;
      }
      found.push_back(std::move(one));
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Property& a, const Property& b) { return a.index < b.index; });
    for (Property& one : found) type.fields.push_back(std::move(one.field));
    return true;
  }

  static bool index(const JsonValue& schema, std::int64_t& out) {
    if (!schema.is_object()) return false;
    Node at;
    JsonReader reader(schema.raw, JsonReader::kDepthCeiling);
    read_fields(reader, member_names(), "JSON Schema", at.values);
    const std::string_view text = at.at(Member::connect_index).raw;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, out);
    return !text.empty() && parsed.ec == std::errc() && parsed.ptr == end;
  }

  static void parameters(const Node& at, SourceType& type) {
    if (!at.at(Member::connect_parameters).is_object()) return;
    JsonReader reader(at.at(Member::connect_parameters).raw, JsonReader::kDepthCeiling);
    FieldNames names;
    FieldValues values;
    learn_fields(reader, names, "schema's parameters", values);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const JsonValue& value = values.at(i);
      type.parameters[names.name(i)] =
          value.is_string() ? unescaped(value) : std::string(value.raw);
    }
  }

  std::string_view json_;
  std::size_t nodes_ = 0;
};

}  // namespace

std::optional<SourceType> parse_json_schema(std::string_view json) {
  return JsonSchemaParser(json).parse();
}

}  // namespace tidemark
