#include "decode/avro_schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "decode/base64.h"
#include "decode/fields.h"
#include "decode/json.h"
#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr std::size_t kWorkBytesMax = 128U << 20;  // of text read, named types anew at every use
constexpr std::uint64_t kFixedBytesMax = 1U << 30;

const char* const kConnectDecimal = "org.apache.kafka.connect.data.Decimal";
const char* const kMapEntry = "MapEntry";
const char* const kConverterNamespace = "io.confluent.connect.avro";

// What is read of a schema in the form of an object.
enum class Attribute : std::uint8_t {
  type,
  name,
  name_space,
  fields,
  items,
  values,
  symbols,
  size,
  logical_type,
  precision,
  scale,
  default_value,  // of a field
  connect_name,
  connect_type,
  connect_parameters,
  connect_default,
  connect_internal_type,
};

const FieldNames& attribute_names() {
  static const FieldNames names = [] {
    FieldNames made;
    for (const char* name :
         {"type", "name", "namespace", "fields", "items", "values", "symbols", "size",
          "logicalType", "precision", "scale", "default", "connect.name", "connect.type",
          "connect.parameters", "connect.default", "connect.internal.type"}) {
      made.add(name);
    }
    return made;
  }();
  return names;
}

struct Primitive {
  std::string_view name;
  AvroType type;
  ConnectType base;
  std::uint64_t size_min;
};

constexpr std::array<Primitive, 8> kPrimitives = {{
    {"null", AvroType::null, ConnectType::unknown, 0},
    {"boolean", AvroType::boolean, ConnectType::boolean, 1},
    {"int", AvroType::int32, ConnectType::int32, 1},
    {"long", AvroType::int64, ConnectType::int64, 1},
    {"float", AvroType::float32, ConnectType::float32, 4},
    {"double", AvroType::float64, ConnectType::float64, 8},
    {"bytes", AvroType::bytes, ConnectType::bytes, 1},
    {"string", AvroType::string, ConnectType::string, 1},
}};

const Primitive* primitive_named(std::string_view name) {
  const auto* const found = std::find_if(kPrimitives.begin(), kPrimitives.end(),
                                         [name](const Primitive& one) { return one.name == name; });
  return found == kPrimitives.end() ? nullptr : found;
}

std::string as_json(const JsonValue& value) {
  return value.is_string() ? '"' + std::string(value.raw) + '"' : std::string(value.raw);
}

// Avro writes bytes in JSON as characters up to U+00FF, Connect in base64. No value: it is not so.
std::optional<std::string> bytes_default(const JsonValue& value) {
  if (!value.is_string()) return std::nullopt;
  std::string bytes;
  const std::string text = unescaped(value);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
      continue;
    }
    if ((byte != 0xC2 && byte != 0xC3) || i + 1 == text.size()) return std::nullopt;
    const auto low = static_cast<unsigned char>(text[++i]);
    bytes += static_cast<char>((byte & 3U) << 6U | (low & 0x3FU));
  }
  return '"' + base64_encoded(bytes) + '"';
}

std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
  return std::min(a + b, std::uint64_t{1} << 40U);
}

}  // namespace

class AvroSchemaParser {
 public:
  explicit AvroSchemaParser(AvroSchema& out) : out_(out) {}

  void reference(const std::string& text) {
    SourceType ignored;
    document(text, ignored);
    // Only its names are wanted.
    out_.nodes_.clear();
    out_.children_.clear();
    out_.symbols_.clear();
  }
  void root(std::string_view text) { out_.root_ = document(text, out_.type_); }

 private:
  // A schema in the form of an object: its attributes, and where its names live.
  struct Object {
    FieldValues values;
    std::string_view raw;
    const std::string& name_space;
    std::uint32_t level;
    [[nodiscard]] const JsonValue& at(Attribute which) const {
      return values.at(static_cast<std::size_t>(which));
    }
    [[nodiscard]] std::string text(Attribute which) const {
      const JsonValue& value = at(which);
      return value.is_string() ? unescaped(value) : std::string();
    }
  };
  struct Named {
    std::string_view raw;
    std::string name_space;  // around the definition
  };
  // The full name of a record, enum or fixed, and the namespace inside it.
  struct Name {
    std::string full;
    std::string name_space;
  };

  [[noreturn]] static void refuse(const std::string& what) {
    throw Refused("the record's Avro schema cannot be used: " + what,
                  "look at the schema in the registry; Debezium's converters write other ones");
  }

  std::uint32_t document(std::string_view text, SourceType& type) {
    JsonReader reader(text, AvroSchema::kDepthMax * 4);
    JsonValue whole;
    // A schema may be registered as the bare name of a type, without quotes.
    if (primitive_named(text) != nullptr) {
      whole = {JsonKind::string, false, text};
    } else if (!reader.value(whole) || !reader.at_end()) {
      refuse("it is not JSON, at byte " + std::to_string(reader.position()));
    }
    return node(whole, std::string(), 0, type);
  }

  std::uint32_t new_node(AvroType type, std::uint64_t size_min) {
    if (out_.nodes_.size() >= AvroSchema::kNodesMax) refuse("it has too many fields");
    AvroNode made;
    made.type = type;
    made.size_min = size_min;
    out_.nodes_.push_back(made);
    return static_cast<std::uint32_t>(out_.nodes_.size() - 1);
  }
  void adopt(std::uint32_t parent, std::vector<AvroChild> children) {
    out_.nodes_[parent].first = static_cast<std::uint32_t>(out_.children_.size());
    out_.nodes_[parent].count = static_cast<std::uint32_t>(children.size());
    for (AvroChild& child : children) out_.children_.push_back(std::move(child));
  }

  // Any schema; recursion is bounded by `level`.
  std::uint32_t node(const JsonValue& schema, const std::string& name_space, std::uint32_t level,
                     SourceType& type) {
    if (level > AvroSchema::kDepthMax) refuse("it is nested too deeply");
    work_ += schema.raw.size() + 1;
    if (work_ > kWorkBytesMax) refuse("it is too large");
    type.optional = false;
    if (schema.is_string()) return named(unescaped(schema), name_space, level, type);
    if (schema.kind == JsonKind::array) return choice(schema.raw, name_space, level, type);
    if (!schema.is_object()) refuse("a type is no name, object or union");
    Object object{{}, schema.raw, name_space, level};
    JsonReader reader(schema.raw, JsonReader::kDepthCeiling);
    read_fields(reader, attribute_names(), "Avro schema", object.values);
    const JsonValue& kind = object.at(Attribute::type);
    if (kind.is_object() || kind.kind == JsonKind::array) {
      return node(kind, name_space, level + 1, type);
    }
    if (!kind.is_string()) refuse("a type has no name");
    return typed(unescaped(kind), object, type);
  }

  std::uint32_t typed(const std::string& kind, const Object& object, SourceType& type) {
    if (kind == "record" || kind == "error") return record(object, type);
    if (kind == "enum") return enumeration(object, type);
    if (kind == "fixed") return fixed(object, type);
    if (kind == "array") return array(object, type);
    if (kind == "map") return map(object, type);
    const Primitive* primitive = primitive_named(kind);
    if (primitive == nullptr) return named(kind, object.name_space, object.level, type);
    const std::uint32_t made = new_node(primitive->type, primitive->size_min);
    type.base = primitive->base;
    describe_number(kind, object, type);
    if (primitive->type == AvroType::bytes) describe_decimal(object, type);
    describe(object, type, std::string());
    return made;
  }

  // A primitive type, or one that has been defined before.
  std::uint32_t named(const std::string& name, const std::string& name_space, std::uint32_t level,
                      SourceType& type) {
    if (const Primitive* primitive = primitive_named(name)) {
      type.base = primitive->base;
      return new_node(primitive->type, primitive->size_min);
    }
    const bool qualified = name.find('.') != std::string::npos || name_space.empty();
    const std::string full = qualified ? name : name_space + "." + name;
    const auto found = names_.find(full);
    if (found == names_.end()) refuse("the type \"" + full + "\" is not defined in it");
    if (std::find(open_.begin(), open_.end(), full) != open_.end()) {
      refuse("the type \"" + full + "\" holds itself");
    }
    const Named definition = found->second;
    return node({JsonKind::object, false, definition.raw}, definition.name_space, level + 1, type);
  }

  Name define(const Object& object) {
    Name name;
    const std::string given = object.text(Attribute::name);
    if (given.empty()) refuse("a record, enum or fixed has no name");
    const std::size_t dot = given.rfind('.');
    if (dot != std::string::npos) {
      name.full = given;
      name.name_space = given.substr(0, dot);
    } else {
      name.name_space = object.at(Attribute::name_space).is_string()
                            ? object.text(Attribute::name_space)
                            : object.name_space;
      name.full = name.name_space.empty() ? given : name.name_space + "." + given;
    }
    const auto [at, added] = names_.emplace(name.full, Named{object.raw, object.name_space});
    if (!added && at->second.raw.data() != object.raw.data()) {
      refuse("the type \"" + name.full + "\" is defined twice");
    }
    return name;
  }

  std::uint32_t record(const Object& object, SourceType& type) {
    const Name name = define(object);
    const std::uint32_t made = new_node(AvroType::record, 0);
    type.base = ConnectType::structure;
    open_.push_back(name.full);
    JsonReader reader(object.at(Attribute::fields).raw, JsonReader::kDepthCeiling);
    if (object.at(Attribute::fields).kind != JsonKind::array) refuse("a record has no fields");
    std::vector<AvroChild> children;
    FieldNames seen;
    reader.enter_array();
    while (reader.element()) {
      JsonValue entry;
      if (!reader.value(entry)) break;
      children.push_back(field(entry, name, object.level, type));
      if (seen.find(children.back().name) >= 0) {
        refuse("\"" + name.full + "\" has the field \"" + children.back().name + "\" twice");
      }
      seen.add(children.back().name);
      const std::uint64_t own = out_.nodes_[children.back().node].size_min;
      out_.nodes_[made].size_min = saturated_sum(out_.nodes_[made].size_min, own);
    }
    open_.pop_back();
    adopt(made, std::move(children));
    describe(object, type, name.full);
    return made;
  }

  AvroChild field(const JsonValue& entry, const Name& record, std::uint32_t level,
                  SourceType& type) {
    if (!entry.is_object()) refuse("a field of \"" + record.full + "\" is no object");
    Object object{{}, entry.raw, record.name_space, level};
    JsonReader reader(entry.raw, JsonReader::kDepthCeiling);
    read_fields(reader, attribute_names(), "Avro schema", object.values);
    if (!object.at(Attribute::name).is_string()) refuse("a field has no name");
    AvroChild child;
    SourceField made;
    made.name = child.name = object.text(Attribute::name);
    child.member = '"' + escaped(child.name) + "\":";
    child.node = node(object.at(Attribute::type), record.name_space, level + 1, made.type);
    refuse_null(child.node);
    add_parameters(object, made.type);
    // A union's default is the default of its type, which has it as connect.default.
    if (out_.nodes_[child.node].type != AvroType::choice) {
      set_default(object.at(Attribute::default_value), made.type);
    }
    type.fields.push_back(std::move(made));
    return child;
  }

  std::uint32_t enumeration(const Object& object, SourceType& type) {
    const Name name = define(object);
    const std::uint32_t made = new_node(AvroType::enumeration, 1);
    type.base = ConnectType::string;
    JsonReader reader(object.at(Attribute::symbols).raw, JsonReader::kDepthCeiling);
    if (object.at(Attribute::symbols).kind != JsonKind::array) refuse("an enum has no symbols");
    out_.nodes_[made].first = static_cast<std::uint32_t>(out_.symbols_.size());
    reader.enter_array();
    while (reader.element()) {
      JsonValue symbol;
      if (!reader.value(symbol) || !symbol.is_string()) refuse("a symbol is no text");
      if (out_.symbols_.size() >= AvroSchema::kNodesMax) refuse("it has too many symbols");
      out_.symbols_.push_back(unescaped(symbol));
      ++out_.nodes_[made].count;
    }
    describe(object, type, name.full);
    return made;
  }

  std::uint32_t fixed(const Object& object, SourceType& type) {
    const Name name = define(object);
    std::int64_t size = -1;
    if (!integer(object.at(Attribute::size), size) || size < 0 ||
        static_cast<std::uint64_t>(size) > kFixedBytesMax) {
      refuse("a fixed has no usable size");
    }
    const std::uint32_t made = new_node(AvroType::fixed, static_cast<std::uint64_t>(size));
    type.base = ConnectType::bytes;
    describe_decimal(object, type);
    describe(object, type, type.name.empty() ? name.full : std::string());
    return made;
  }

  std::uint32_t array(const Object& object, SourceType& type) {
    const std::uint32_t made = new_node(AvroType::array, 1);
    SourceType items;
    AvroChild child;
    child.node = node(object.at(Attribute::items), object.name_space, object.level + 1, items);
    refuse_null(child.node);
    if (is_entry(object.at(Attribute::items), items)) {
      const AvroNode entry = out_.nodes_[child.node];
      if (entry.count != 2 || items.fields[0].name != "key" || items.fields[1].name != "value") {
        refuse("a map's entries are no records of key and value");
      }
      out_.nodes_[made].type = AvroType::entries;
      adopt(made, {out_.child(entry, 0), out_.child(entry, 1)});
      type.base = ConnectType::map;
      type.keys = std::make_shared<const SourceType>(std::move(items.fields[0].type));
      type.items = std::make_shared<const SourceType>(std::move(items.fields[1].type));
    } else {
      adopt(made, {child});
      type.base = ConnectType::array;
      type.items = std::make_shared<const SourceType>(std::move(items));
    }
    describe(object, type, std::string());
    return made;
  }

  // Connect writes a map whose keys are no strings so.
  static bool is_entry(const JsonValue& schema, const SourceType& items) {
    if (items.base != ConnectType::structure) return false;
    if (items.name == std::string(kConverterNamespace) + "." + kMapEntry) return true;
    if (!schema.is_object()) return false;
    FieldValues values;
    JsonReader reader(schema.raw, JsonReader::kDepthCeiling);
    read_fields(reader, attribute_names(), "Avro schema", values);
    const JsonValue& mark = values.at(static_cast<std::size_t>(Attribute::connect_internal_type));
    return mark.is_string() && mark.raw == kMapEntry;
  }

  std::uint32_t map(const Object& object, SourceType& type) {
    const std::uint32_t made = new_node(AvroType::map, 1);
    SourceType values;
    AvroChild child;
    child.node = node(object.at(Attribute::values), object.name_space, object.level + 1, values);
    refuse_null(child.node);
    adopt(made, {child});
    type.base = ConnectType::map;
    SourceType keys;
    keys.base = ConnectType::string;
    keys.optional = false;
    type.keys = std::make_shared<const SourceType>(std::move(keys));
    type.items = std::make_shared<const SourceType>(std::move(values));
    describe(object, type, std::string());
    return made;
  }

  // Null and one type, in either order.
  std::uint32_t choice(std::string_view raw, const std::string& name_space, std::uint32_t level,
                       SourceType& type) {
    const std::uint32_t made = new_node(AvroType::choice, 1);
    JsonReader reader(raw, JsonReader::kDepthCeiling);
    std::vector<AvroChild> children;
    std::size_t nulls = 0;
    reader.enter_array();
    while (reader.element()) {
      JsonValue branch;
      if (!reader.value(branch) || children.size() == 2) break;
      SourceType branch_type;
      AvroChild child;
      child.node = node(branch, name_space, level + 1, branch_type);
      if (out_.nodes_[child.node].type == AvroType::null) {
        ++nulls;
      } else if (out_.nodes_[child.node].type == AvroType::choice) {
        refuse("a union in a union");
      } else {
        type = std::move(branch_type);
      }
      children.push_back(std::move(child));
    }
    const bool single = children.size() == 1 && nulls == 0;
    const bool optional = children.size() == 2 && nulls == 1;
    if ((!single && !optional) || !reader.at_end()) {
      refuse("a union of other types than null and one more, which no column of a table has");
    }
    type.optional = optional;
    adopt(made, std::move(children));
    return made;
  }

  void refuse_null(std::uint32_t made) const {
    if (out_.nodes_[made].type == AvroType::null) refuse("null as a type of its own");
  }

  static bool integer(const JsonValue& value, std::int64_t& number) {
    const char* const end = value.raw.data() + value.raw.size();
    if (value.kind != JsonKind::number) return false;
    const auto parsed = std::from_chars(value.raw.data(), end, number);
    return parsed.ec == std::errc() && parsed.ptr == end;
  }

  static void describe_number(const std::string& kind, const Object& object, SourceType& type) {
    const std::string logical = object.text(Attribute::logical_type);
    if (kind == "int" && logical == "date") type.name = "org.apache.kafka.connect.data.Date";
    if (kind == "int" && logical == "time-millis") {
      type.name = "org.apache.kafka.connect.data.Time";
    }
    if (kind == "long" && logical == "timestamp-millis") {
      type.name = "org.apache.kafka.connect.data.Timestamp";
    }
    if (kind != "int" || !logical.empty()) return;
    const std::string connect = object.text(Attribute::connect_type);
    if (connect == "int8") type.base = ConnectType::int8;
    if (connect == "int16") type.base = ConnectType::int16;
  }

  // AvroData's own rule: a scale that is not there is 0; a precision of 64 says nothing.
  static void describe_decimal(const Object& object, SourceType& type) {
    if (object.text(Attribute::logical_type) != "decimal") return;
    std::int64_t scale = 0;
    std::int64_t precision = 0;
    integer(object.at(Attribute::scale), scale);
    type.name = kConnectDecimal;
    type.parameters["scale"] = std::to_string(scale);
    if (integer(object.at(Attribute::precision), precision) && precision != 64) {
      type.parameters["connect.decimal.precision"] = std::to_string(precision);
    }
  }

  static void describe(const Object& object, SourceType& type, const std::string& full_name) {
    add_parameters(object, type);
    const std::string given = object.text(Attribute::connect_name);
    const std::string name = given.empty() ? full_name : given;
    const std::string unnamed = std::string(kConverterNamespace) + ".ConnectDefault";
    if (!name.empty() && !name.starts_with(unnamed)) type.name = name;
    set_default(object.at(Attribute::connect_default), type);
  }

  static void add_parameters(const Object& object, SourceType& type) {
    const JsonValue& whole = object.at(Attribute::connect_parameters);
    if (!whole.is_object()) return;
    JsonReader reader(whole.raw, JsonReader::kDepthCeiling);
    FieldNames names;
    FieldValues values;
    learn_fields(reader, names, "schema's parameters", values);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const JsonValue& value = values.at(i);
      type.parameters[names.name(i)] =
          value.is_string() ? unescaped(value) : std::string(value.raw);
    }
  }

  static void set_default(const JsonValue& value, SourceType& type) {
    if (!value.is_present() || value.is_null()) return;
    if (type.base == ConnectType::bytes) {
      type.default_json = bytes_default(value);
    } else {
      type.default_json = as_json(value);
    }
  }

  AvroSchema& out_;
  std::map<std::string, Named> names_;
  std::vector<std::string> open_;  // the records that the node at hand stands in
  std::size_t work_ = 0;
};

AvroSchema::AvroSchema(std::string_view text, const std::vector<std::string>& references) {
  AvroSchemaParser parser(*this);
  for (const std::string& one : references) parser.reference(one);
  parser.root(text);
}

}  // namespace tidemark
