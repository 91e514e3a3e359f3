#include "support/connect_to_avro.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "decode/base64.h"
#include "support/avro_bytes.h"

namespace tidemark::test {

namespace {

using Json = rapidjson::Value;

const char* const kNamespace = "io.confluent.connect.avro";

struct Primitive {
  std::string_view connect;
  const char* avro;
  std::int64_t min;  // of an integer
  std::int64_t max;
};

template <typename T>
constexpr Primitive integer(std::string_view connect, const char* avro) {
  return {connect, avro, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

constexpr std::array<Primitive, 9> kPrimitives = {{
    integer<std::int8_t>("int8", "int"),
    integer<std::int16_t>("int16", "int"),
    integer<std::int32_t>("int32", "int"),
    integer<std::int64_t>("int64", "long"),
    {"float", "float", 0, 0},
    {"double", "double", 0, 0},
    {"boolean", "boolean", 0, 0},
    {"string", "string", 0, 0},
    {"bytes", "bytes", 0, 0},
}};

const Primitive* primitive(std::string_view connect) {
  const auto* const found =
      std::find_if(kPrimitives.begin(), kPrimitives.end(),
                   [connect](const Primitive& one) { return one.connect == connect; });
  return found == kPrimitives.end() ? nullptr : found;
}

// Null: it is not there, or null.
const Json* member(const Json& object, const char* name) {
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() || found->value.IsNull() ? nullptr : &found->value;
}

std::string text(const Json& value) {
  return {value.GetString(), value.GetStringLength()};
}
std::string text(const Json& object, const char* name) {
  const Json* found = member(object, name);
  return found == nullptr ? std::string() : text(*found);
}
bool is_optional(const Json& schema) {
  const Json* found = member(schema, "optional");
  return found != nullptr && found->GetBool();
}

template <typename F>
void each_member(const Json& object, F&& take) {
  // By iterator: RapidJSON's comparison of them is ambiguous to clang in a range-based for.
  const auto end = object.MemberEnd();
  for (auto it = object.MemberBegin(); it.operator->() != end.operator->(); ++it) {
    take(text(it->name), it->value);
  }
}

std::string quoted(const std::string& value) {
  return json_text(Json(value.data(), static_cast<rapidjson::SizeType>(value.size())));
}

bool has_string_keys(const Json& map) {
  const Json& keys = *member(map, "keys");
  return text(keys, "type") == "string" && !is_optional(keys);
}

std::string decoded(const Json& value) {
  Bytes out;
  if (!value.IsString() || !append_base64_decoded(text(value), out)) {
    throw NotOfSchema("not bytes in base64: " + json_text(value));
  }
  return std::string(out.view());
}

// Avro writes bytes in JSON as characters up to U+00FF.
std::string default_of(const Json& schema) {
  const Json& value = *member(schema, "default");
  if (text(schema, "type") != "bytes") return json_text(value);
  std::string latin;
  for (const char c : decoded(value)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      latin += c;
      continue;
    }
    latin += static_cast<char>(0xC0U | byte >> 6U);
    latin += static_cast<char>(0x80U | (byte & 0x3FU));
  }
  return quoted(latin);
}

class SchemaWriter {
 public:
  // With the union around it, where it is optional.
  std::string node(const Json& schema) {
    std::string inner = type(schema);
    if (!is_optional(schema)) return inner;
    return member(schema, "default") == nullptr ? R"(["null",)" + inner + "]"
                                                : "[" + inner + R"(,"null"])";
  }

 private:
  struct Name {
    std::string name_space;
    std::string last;
    [[nodiscard]] std::string full() const {
      return name_space.empty() ? last : name_space + "." + last;
    }
  };

  std::string type(const Json& schema) {
    const std::string kind = text(schema, "type");
    if (const Primitive* const known = primitive(kind)) {
      const std::string more = properties(schema);
      const std::string plain = '"' + std::string(known->avro) + '"';
      return more.empty() ? plain : R"({"type":)" + plain + more + "}";
    }
    if (kind == "array") {
      return R"({"type":"array","items":)" + node(*member(schema, "items")) + properties(schema) +
             "}";
    }
    if (kind == "map") return map(schema);
    if (kind != "struct") throw std::runtime_error("no type of Kafka Connect's: " + kind);
    return record(schema);
  }

  std::string map(const Json& schema) {
    if (has_string_keys(schema)) {
      return R"({"type":"map","values":)" + node(*member(schema, "values")) + properties(schema) +
             "}";
    }
    const std::string fields =
        field("key", *member(schema, "keys")) + "," + field("value", *member(schema, "values"));
    return R"({"type":"array","items":)" + named_record({kNamespace, "MapEntry"}, fields, "") +
           properties(schema) + "}";
  }

  std::string record(const Json& schema) {
    if (member(schema, "default") != nullptr) throw std::runtime_error("a struct's default");
    const Name name = name_of(schema);
    if (defined_.contains(name.full())) return quoted(name.full());
    std::string fields;
    for (const Json& one : member(schema, "fields")->GetArray()) {
      fields += (fields.empty() ? "" : ",") + field(text(one, "field"), one);
    }
    return named_record(name, fields, properties(schema));
  }

  std::string named_record(const Name& name, const std::string& fields, const std::string& more) {
    if (!defined_.insert(name.full()).second) return quoted(name.full());
    return R"({"type":"record","name":)" + quoted(name.last) + R"(,"namespace":)" +
           quoted(name.name_space) + R"(,"fields":[)" + fields + "]" + more + "}";
  }

  std::string field(const std::string& name, const Json& schema) {
    const std::string start = R"({"name":)" + quoted(name) + R"(,"type":)" + node(schema);
    if (member(schema, "default") != nullptr) {
      return start + R"(,"default":)" + default_of(schema) + "}";
    }
    return start + (is_optional(schema) ? R"(,"default":null})" : "}");
  }

  Name name_of(const Json& schema) {
    std::string full = text(schema, "name");
    if (full.empty()) {
      ++nameless_;
      const std::string number = nameless_ == 1 ? "" : std::to_string(nameless_);
      return {kNamespace, "ConnectDefault" + number};
    }
    const std::size_t dot = full.rfind('.');
    if (dot == std::string::npos) return {"", full};
    return {full.substr(0, dot), full.substr(dot + 1)};
  }

  static std::string logical_type(const std::string& name, const Json* parameters) {
    const std::string prefix = "org.apache.kafka.connect.data.";
    if (name == prefix + "Date") return R"(,"logicalType":"date")";
    if (name == prefix + "Time") return R"(,"logicalType":"time-millis")";
    if (name == prefix + "Timestamp") return R"(,"logicalType":"timestamp-millis")";
    if (name != prefix + "Decimal" || parameters == nullptr) return {};
    const std::string scale = text(*parameters, "scale");
    const std::string given = text(*parameters, "connect.decimal.precision");
    const std::string precision = given.empty() ? "64" : given;
    // The rest Avro's own library refuses as a logical type.
    const bool fits = scale.front() != '-' && std::stoi(scale) <= std::stoi(precision);
    return R"(,"scale":)" + scale + R"(,"precision":)" + precision +
           (fits || !given.empty() ? R"(,"logicalType":"decimal")" : "");
  }

  static std::string properties(const Json& schema) {
    std::string out;
    const auto add = [&out](const char* name, const std::string& value) {
      out += R"(,"connect.)" + std::string(name) + "\":" + value;
    };
    const std::string kind = text(schema, "type");
    const Json* const parameters = member(schema, "parameters");
    if (const Json* doc = member(schema, "doc")) add("doc", json_text(*doc));
    if (const Json* version = member(schema, "version")) add("version", json_text(*version));
    if (parameters != nullptr) add("parameters", json_text(*parameters));
    if (member(schema, "default") != nullptr) add("default", default_of(schema));
    if (const Json* name = member(schema, "name")) add("name", json_text(*name));
    if (kind == "int8" || kind == "int16") add("type", '"' + kind + '"');
    return out + logical_type(text(schema, "name"), parameters);
  }

  std::set<std::string> defined_;
  int nameless_ = 0;
};

class ValueWriter {
 public:
  void value(const Json& schema, const Json& json) {
    if (is_optional(schema)) {
      const bool null_first = member(schema, "default") == nullptr;
      out_.number(json.IsNull() == null_first ? 0 : 1);
      if (json.IsNull()) return;
    }
    const std::string kind = text(schema, "type");
    if (kind == "struct") return record(schema, json);
    if (kind == "array") return array(schema, json);
    if (kind == "map") return map(schema, json);
    scalar(kind, json);
  }
  [[nodiscard]] const std::string& bytes() const { return out_.bytes(); }

 private:
  static void require(bool holds, const std::string& kind, const Json& json) {
    if (!holds) throw NotOfSchema("no " + kind + ": " + json_text(json));
  }

  void scalar(const std::string& kind, const Json& json) {
    if (kind == "boolean") {
      require(json.IsBool(), kind, json);
      out_.raw(json.GetBool() ? std::string_view("\1", 1) : std::string_view("\0", 1));
    } else if (kind == "string") {
      require(json.IsString(), kind, json);
      out_.text(text(json));
    } else if (kind == "bytes") {
      out_.text(decoded(json));
    } else if (kind == "float") {
      out_.real(real<float>(kind, json));
    } else if (kind == "double") {
      out_.real(real<double>(kind, json));
    } else {
      const Primitive& known = *primitive(kind);
      require(json.IsInt64() && json.GetInt64() >= known.min && json.GetInt64() <= known.max, kind,
              json);
      out_.number(json.GetInt64());
    }
  }

  // Whether the number's text can have been what is read as `value`: the shortest, or all digits.
  template <typename T>
  static bool has_text(T number, double value) {
    std::array<char, 64> room{};
    std::to_chars(room.data(), room.data() + room.size() - 1, number);
    if (std::strtod(room.data(), nullptr) == value) return true;
    std::snprintf(room.data(), room.size(), "%.*g", std::numeric_limits<T>::max_digits10,
                  static_cast<double>(number));
    return std::strtod(room.data(), nullptr) == value;
  }

  // Only what has this text as the type's own: another one the source cannot have had.
  template <typename T>
  static T real(const std::string& kind, const Json& json) {
    for (const auto& [name, number] :
         {std::pair<std::string_view, T>{"NaN", std::numeric_limits<T>::quiet_NaN()},
          {"Infinity", std::numeric_limits<T>::infinity()},
          {"-Infinity", -std::numeric_limits<T>::infinity()}}) {
      if (json.IsString() && text(json) == name) return number;
    }
    require(json.IsNumber(), kind, json);
    const auto number = static_cast<T>(json.GetDouble());
    require(has_text(number, json.GetDouble()), kind, json);
    require(!json.IsInt64() || static_cast<long double>(json.GetInt64()) ==
                                   static_cast<long double>(json.GetDouble()),
            kind, json);
    return number;
  }

  void array(const Json& schema, const Json& json) {
    require(json.IsArray(), "array", json);
    if (!json.Empty()) out_.number(json.Size());
    for (const Json& one : json.GetArray()) value(*member(schema, "items"), one);
    out_.number(0);
  }

  // {"key":value,…}, or [[key,value],…] where the keys are no strings.
  void map(const Json& schema, const Json& json) {
    const Json& values = *member(schema, "values");
    if (!has_string_keys(schema)) {
      require(json.IsArray(), "map", json);
      if (!json.Empty()) out_.number(json.Size());
      for (const Json& one : json.GetArray()) {
        require(one.IsArray() && one.Size() == 2, "map", json);
        value(*member(schema, "keys"), one[0]);
        value(values, one[1]);
      }
    } else {
      require(json.IsObject(), "map", json);
      if (json.MemberCount() > 0) out_.number(json.MemberCount());
      each_member(json, [&](const std::string& name, const Json& one) {
        out_.text(name);
        value(values, one);
      });
    }
    out_.number(0);
  }

  void record(const Json& schema, const Json& json) {
    require(json.IsObject(), "struct", json);
    static const Json kNull;
    std::size_t used = 0;
    for (const Json& field : member(schema, "fields")->GetArray()) {
      const auto found = json.FindMember(text(field, "field").c_str());
      const bool there = found != json.MemberEnd();
      used += there ? 1 : 0;
      value(field, there ? found->value : kNull);
    }
    require(used == json.MemberCount(), "struct of those members only", json);
  }

  AvroBytes out_;
};

}  // namespace

rapidjson::Document parse_json(const std::string& text) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  if (json.HasParseError()) throw NotOfSchema("not JSON: " + text);
  return json;
}

std::string json_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer out;
  rapidjson::Writer<rapidjson::StringBuffer> writer(out);
  value.Accept(writer);
  return {out.GetString(), out.GetSize()};
}

ConnectToAvro::ConnectToAvro(const rapidjson::Value& connect_schema) {
  schema_.CopyFrom(connect_schema, schema_.GetAllocator());
  avro_schema_ = SchemaWriter().node(schema_);
}

std::string ConnectToAvro::encode(const rapidjson::Value& value) const {
  ValueWriter writer;
  writer.value(schema_, value);
  return writer.bytes();
}

}  // namespace tidemark::test
