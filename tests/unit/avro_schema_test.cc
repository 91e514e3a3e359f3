// Avro schemas: the types that Connect's AvroData gives them, and what is refused.
#include "decode/avro_schema.h"

#include "decode/refused.h"
#include "support/catch.h"

using tidemark::AvroSchema;
using tidemark::ConnectType;
using tidemark::Refused;
using tidemark::SourceType;

namespace {

SourceType type_of(const std::string& text) {
  return AvroSchema(text, {}).type();
}

// The type of the one field of a record.
SourceType field_of(const std::string& schema, const std::string& more = "") {
  return type_of(R"({"type":"record","name":"R","fields":[{"name":"f","type":)" + schema + more +
                 "}]}")
      .fields.at(0)
      .type;
}

std::string refusal(const std::string& text, const std::vector<std::string>& references = {}) {
  try {
    const AvroSchema schema(text, references);
  } catch (const Refused& refused) {
    return refused.message();
  }
  return "";
}

bool refuses(const std::string& text, const std::string& why) {
  const std::string message = refusal(text);
  INFO(text << ": " << message);
  return message.find(why) != std::string::npos;
}

std::string record(const std::string& fields) {
  return R"({"type":"record","name":"R","fields":[)" + fields + "]}";
}

}  // namespace

TEST_CASE("avro schema: primitive types", "[decode][avro]") {
  CHECK(field_of(R"("boolean")").base == ConnectType::boolean);
  CHECK(field_of(R"("int")").base == ConnectType::int32);
  CHECK(field_of(R"("long")").base == ConnectType::int64);
  CHECK(field_of(R"("float")").base == ConnectType::float32);
  CHECK(field_of(R"("double")").base == ConnectType::float64);
  CHECK(field_of(R"("string")").base == ConnectType::string);
  CHECK(field_of(R"("bytes")").base == ConnectType::bytes);
  CHECK_FALSE(field_of(R"("int")").optional);
  CHECK(field_of(R"({"type":"int","connect.type":"int8"})").base == ConnectType::int8);
  CHECK(field_of(R"({"type":"int","connect.type":"int16"})").base == ConnectType::int16);
  CHECK(field_of(R"({"type":{"type":"string"}})").base == ConnectType::string);
  CHECK(type_of("string").base == ConnectType::string);
}

TEST_CASE("avro schema: optional in either order, and its default", "[decode][avro]") {
  const SourceType first = field_of(R"(["null","int"])", R"(,"default":null)");
  CHECK(first.optional);
  CHECK(first.base == ConnectType::int32);
  CHECK_FALSE(first.default_json);
  const SourceType last =
      field_of(R"([{"type":"string","connect.default":"x\ny"},"null"])", R"(,"default":"x\ny")");
  CHECK(last.optional);
  CHECK(last.default_json.value() == R"("x\ny")");
  // The default of the field, of a type that is not a union.
  CHECK(field_of(R"("int")", R"(,"default":7)").default_json.value() == "7");
  CHECK(field_of(R"({"type":"int","connect.default":5})").default_json.value() == "5");
  CHECK(field_of(R"(["int"])").base == ConnectType::int32);
  CHECK_FALSE(field_of(R"(["int"])").optional);
  // Avro has bytes as characters, Connect in base64.
  CHECK(field_of(R"("bytes")", R"(,"default":"\u0001\u00ff")").default_json.value() == R"("Af8=")");
}

TEST_CASE("avro schema: logical types and Connect's names", "[decode][avro]") {
  const SourceType decimal =
      field_of(R"({"type":"bytes","logicalType":"decimal","precision":12,"scale":2})");
  CHECK(decimal.name == "org.apache.kafka.connect.data.Decimal");
  CHECK(decimal.parameters.at("scale") == "2");
  CHECK(decimal.parameters.at("connect.decimal.precision") == "12");
  const SourceType wide =
      field_of(R"({"type":"bytes","logicalType":"decimal","precision":64,"scale":0})");
  CHECK(wide.parameters.count("connect.decimal.precision") == 0);
  // A negative scale: bare properties, which Avro's library itself does not know.
  const SourceType negative =
      field_of(R"({"type":"bytes","scale":-2,"precision":64,"connect.version":1,)"
               R"("connect.parameters":{"scale":"-2"},"connect.name":)"
               R"("org.apache.kafka.connect.data.Decimal","logicalType":"decimal"})");
  CHECK(negative.parameters.at("scale") == "-2");
  const SourceType fixed = field_of(
      R"({"type":"fixed","name":"F","size":8,"logicalType":"decimal","precision":9,"scale":3})");
  CHECK(fixed.name == "org.apache.kafka.connect.data.Decimal");
  CHECK(fixed.base == ConnectType::bytes);
  CHECK(field_of(R"({"type":"fixed","name":"F","size":8})").name == "F");
  CHECK(field_of(R"({"type":"int","logicalType":"date"})").name ==
        "org.apache.kafka.connect.data.Date");
  CHECK(field_of(R"({"type":"int","logicalType":"time-millis"})").name ==
        "org.apache.kafka.connect.data.Time");
  CHECK(field_of(R"({"type":"long","logicalType":"timestamp-millis"})").name ==
        "org.apache.kafka.connect.data.Timestamp");
  // Debezium's own, which are no logical types of Avro's.
  const SourceType micro = field_of(
      R"({"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTime"})");
  CHECK(micro.name == "io.debezium.time.MicroTime");
  CHECK(field_of(R"({"type":"long","logicalType":"timestamp-micros"})").name.empty());
  const SourceType with = field_of(R"("int")", R"(,"connect.parameters":{"a":"b"})");
  CHECK(with.parameters.at("a") == "b");
}

TEST_CASE("avro schema: arrays, maps and enums", "[decode][avro]") {
  const SourceType array = field_of(R"({"type":"array","items":["null","string"]})");
  CHECK(array.base == ConnectType::array);
  CHECK(array.items->base == ConnectType::string);
  CHECK(array.items->optional);
  const SourceType map = field_of(R"({"type":"map","values":"long"})");
  CHECK(map.base == ConnectType::map);
  CHECK(map.keys->base == ConnectType::string);
  CHECK(map.items->base == ConnectType::int64);
  for (const char* const mark : {R"("name":"MapEntry","namespace":"io.confluent.connect.avro")",
                                 R"("name":"Any","connect.internal.type":"MapEntry")"}) {
    const SourceType entries = field_of(
        std::string(R"({"type":"array","items":{"type":"record",)") + mark +
        R"(,"fields":[{"name":"key","type":"int"},{"name":"value","type":["null","string"]}]}})");
    CHECK(entries.base == ConnectType::map);
    CHECK(entries.keys->base == ConnectType::int32);
    CHECK(entries.items->optional);
  }
  const SourceType symbols = field_of(R"({"type":"enum","name":"E","symbols":["a","b"]})");
  CHECK(symbols.base == ConnectType::string);
  CHECK(symbols.name == "E");
}

TEST_CASE("avro schema: named types, namespaces and references", "[decode][avro]") {
  const std::string value =
      R"({"type":"record","name":"Value","fields":[{"name":"id","type":"int"}]})";
  const SourceType both =
      type_of(R"({"type":"record","name":"Envelope","namespace":"a.b","fields":[)"
              R"({"name":"before","type":["null",)" +
              value +
              R"(]},{"name":"after","type":["null","Value"]},)"
              R"({"name":"again","type":"a.b.Value"},)"
              R"({"name":"other","type":{"type":"record","name":"c.Other","fields":[)"
              R"({"name":"x","type":{"type":"enum","name":"Inner","symbols":["q"]}}]}},)"
              R"({"name":"inner","type":"c.Inner"}]})");
  CHECK(both.name == "a.b.Envelope");
  CHECK(both.fields.at(1).type.name == "a.b.Value");
  CHECK(both.fields.at(1).type.fields.at(0).name == "id");
  CHECK(both.fields.at(1).type.optional);
  CHECK_FALSE(both.fields.at(2).type.optional);
  CHECK(both.fields.at(4).type.name == "c.Inner");
  // connect.name wins over the name that Avro needs.
  CHECK(type_of(R"({"type":"record","name":"_1","fields":[],"connect.name":"1.x"})").name == "1.x");
  // A schema that uses those registered apart.
  const std::string uses = R"({"type":"record","name":"U","fields":[{"name":"v","type":"Value"}]})";
  CHECK(AvroSchema(uses, {value}).type().fields.at(0).type.fields.size() == 1);
  CHECK(refuses(uses, "\"Value\" is not defined"));
}

TEST_CASE("avro schema: what is refused, and why", "[decode][avro]") {
  CHECK(refuses("", "not JSON"));
  CHECK(refuses(R"({"type":"record")", "not JSON"));
  CHECK(refuses("7", "no name, object or union"));
  CHECK(refuses(R"({"name":"x"})", "a type has no name"));
  CHECK(refuses(R"("nonsense")", "\"nonsense\" is not defined"));
  CHECK(refuses(R"({"type":"record","name":"R"})", "no fields"));
  CHECK(refuses(R"({"type":"record","fields":[]})", "has no name"));
  CHECK(refuses(record("7"), "no object"));
  CHECK(refuses(record(R"({"type":"int"})"), "a field has no name"));
  CHECK(refuses(record(R"({"name":"a"})"), "no name, object or union"));
  CHECK(refuses(record(R"({"name":"a","type":"int"},{"name":"a","type":"int"})"), "twice"));
  CHECK(refuses(record(R"({"name":"a","type":["null","R"]})"), "holds itself"));
  CHECK(refuses(record(R"({"name":"a","type":"null"})"), "null as a type"));
  CHECK(refuses(record(R"({"name":"a","type":["int","string"]})"), "a union"));
  CHECK(refuses(record(R"({"name":"a","type":["null","int","string"]})"), "a union"));
  CHECK(refuses(record(R"({"name":"a","type":["null","null"]})"), "a union"));
  CHECK(refuses(record(R"({"name":"a","type":[]})"), "a union"));
  CHECK(refuses(record(R"({"name":"a","type":[["null","int"]]})"), "a union in a union"));
  CHECK(refuses(R"({"type":"array","items":"null"})", "null as a type"));
  CHECK(refuses(R"({"type":"array"})", "no name, object or union"));
  CHECK(refuses(R"({"type":"map"})", "no name, object or union"));
  CHECK(refuses(R"({"type":"fixed","name":"F","size":-1})", "no usable size"));
  CHECK(refuses(R"({"type":"fixed","name":"F","size":99999999999})", "no usable size"));
  CHECK(refuses(R"({"type":"enum","name":"E"})", "no symbols"));
  CHECK(refuses(R"({"type":"enum","name":"E","symbols":[1]})", "a symbol is no text"));
  const std::string one = R"({"type":"enum","name":"E","symbols":["a"]})";
  const std::string other = R"({"type":"enum","name":"E","symbols":["b"]})";
  CHECK(refuses(record(R"({"name":"a","type":)" + one + R"(},{"name":"b","type":)" + other + "}"),
                "defined twice"));
  CHECK(refuses(R"({"type":"array","items":{"type":"record","name":"io.confluent.connect.avro.)"
                R"(MapEntry","fields":[{"name":"k","type":"int"}]}})",
                "key and value"));
}

TEST_CASE("avro schema: bounded in depth and size", "[decode][avro]") {
  std::string deep = R"("int")";
  for (int i = 0; i < 65; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  CHECK(refuses(deep, "nested too deeply"));
  // Each record holds the one before twice: 2^40 fields in 40 definitions.
  std::vector<std::string> definitions = {
      R"({"type":"record","name":"R0","fields":[{"name":"a","type":"int"}]})"};
  for (int i = 1; i < 40; ++i) {
    const std::string before = R"("R)" + std::to_string(i - 1) + "\"";
    definitions.push_back(R"({"type":"record","name":"R)" + std::to_string(i) +
                          R"(","fields":[{"name":"a","type":)" + before +
                          R"(},{"name":"b","type":)" + before + "}]}");
  }
  CHECK(refusal(R"("R39")", definitions).find("too many fields") != std::string::npos);
}
