// Avro's binary form: values as the encoders take them, and bytes that are not of their schema.
#include "decode/avro_reader.h"

#include <cmath>
#include <limits>

#include "decode/refused.h"
#include "support/avro_bytes.h"
#include "support/catch.h"

using tidemark::AvroReader;
using tidemark::AvroSchema;
using tidemark::AvroScratch;
using tidemark::FieldNames;
using tidemark::FieldValues;
using tidemark::JsonKind;
using tidemark::JsonValue;
using tidemark::Refused;
using tidemark::test::AvroBytes;

namespace {

const char* kind_name(JsonKind kind) {
  static constexpr const char* kNames[] = {"null",   "true",  "false",  "number",
                                           "string", "array", "object", "bytes"};
  return kNames[static_cast<std::size_t>(kind)];
}

// "number 7", or the refusal.
std::string value_of(const std::string& schema, const std::string& bytes,
                     std::uint64_t bytes_max = 4096) {
  const AvroSchema compiled(schema, {});
  AvroScratch scratch(bytes_max);
  try {
    AvroReader reader(compiled, bytes, scratch, "value");
    JsonValue value;
    reader.value(compiled.root(), value);
    reader.finish();
    AvroReader again(compiled, bytes, scratch, "value");
    again.skip(compiled.root());
    again.finish();
    return kind_name(value.kind) + (" " + std::string(value.raw));
  } catch (const Refused& refused) {
    return "refused: " + refused.message();
  }
}

// Refused with this reason, read and passed over.
bool refuses(const std::string& schema, const std::string& bytes, const std::string& why) {
  const std::string got = value_of(schema, bytes);
  INFO(schema << ": " << got);
  CHECK(got.find(why) != std::string::npos);
  const AvroSchema compiled(schema, {});
  AvroScratch scratch(4096);
  try {
    AvroReader reader(compiled, bytes, scratch, "value");
    reader.skip(compiled.root());
    reader.finish();
  } catch (const Refused& refused) {
    return refused.message().find(why) != std::string::npos;
  }
  return false;
}

const std::string kNullableInt = R"(["null","int"])";
const std::string kArray = R"({"type":"array","items":["null","int"]})";

}  // namespace

TEST_CASE("avro reader: scalars", "[decode][avro]") {
  CHECK(value_of("\"int\"", AvroBytes().number(-5).bytes()) == "number -5");
  const std::int64_t low = std::numeric_limits<std::int64_t>::min();
  CHECK(value_of("\"long\"", AvroBytes().number(low).bytes()) == "number -9223372036854775808");
  CHECK(value_of("\"long\"", AvroBytes().number(9007199254740993).bytes()) ==
        "number 9007199254740993");
  CHECK(value_of("\"boolean\"", "\1") == "true true");
  CHECK(value_of("\"boolean\"", std::string(1, '\0')) == "false false");
  CHECK(value_of("\"float\"", AvroBytes().real(0.1F).bytes()) == "number 0.1");
  CHECK(value_of("\"double\"", AvroBytes().real(0.1).bytes()) == "number 0.1");
  CHECK(value_of("\"double\"", AvroBytes().real(std::nan("")).bytes()) == "string NaN");
  CHECK(value_of("\"double\"", AvroBytes().real(-HUGE_VAL).bytes()) == "string -Infinity");
  CHECK(value_of("\"string\"", AvroBytes().text("a\"\\\n\xC3\xA4").bytes()) ==
        "string a\"\\\n\xC3\xA4");
  CHECK(value_of("\"string\"", AvroBytes().text("").bytes()) == "string ");
  CHECK(value_of("\"bytes\"", AvroBytes().text("\xFF\x01").bytes()) == "bytes \xFF\x01");
  CHECK(value_of(R"({"type":"fixed","name":"F","size":3})", "abc") == "bytes abc");
  CHECK(value_of(R"({"type":"enum","name":"E","symbols":["a","b"]})",
                 AvroBytes().number(1).bytes()) == "string b");
  CHECK(value_of(kNullableInt, AvroBytes().null().bytes()) == "null null");
  CHECK(value_of(kNullableInt, AvroBytes().present().number(1).bytes()) == "number 1");
  CHECK(value_of(R"(["int","null"])", AvroBytes().number(1).bytes()) == "null null");
}

TEST_CASE("avro reader: arrays, maps and records become JSON", "[decode][avro]") {
  CHECK(value_of(kArray, AvroBytes().number(2).null().present().number(7).number(0).bytes()) ==
        "array [null,7]");
  CHECK(value_of(kArray, AvroBytes().number(0).bytes()) == "array []");
  // A block with its size, and two blocks.
  CHECK(value_of(kArray, AvroBytes()
                             .number(-1)
                             .number(2)
                             .present()
                             .number(7)
                             .number(1)
                             .null()
                             .number(0)
                             .bytes()) == "array [7,null]");
  CHECK(value_of(R"({"type":"map","values":"double"})",
                 AvroBytes().number(1).text("k\"").real(std::nan("")).number(0).bytes()) ==
        R"(object {"k\"":"NaN"})");
  CHECK(value_of(R"({"type":"array","items":{"type":"record","name":"M","connect.internal.type":)"
                 R"("MapEntry","fields":[{"name":"key","type":"int"},{"name":"value","type":)"
                 R"("string"}]}})",
                 AvroBytes().number(2).number(1).text("a").number(2).text("b").number(0).bytes()) ==
        R"(array [[1,"a"],[2,"b"]])");
  CHECK(value_of(R"({"type":"record","name":"R","fields":[{"name":"scale","type":"int"},)"
                 R"({"name":"value","type":"bytes"},{"name":"b","type":"boolean"}]})",
                 AvroBytes().number(4).text("\x01\x8A\xF7").raw("\1").bytes()) ==
        R"(object {"scale":4,"value":"AYr3","b":true})");
  CHECK(value_of(R"({"type":"array","items":"string"})",
                 AvroBytes().number(1).text("\x01\t\xC3\xA4").number(0).bytes()) ==
        "array [\"\\u0001\\t\xC3\xA4\"]");
}

TEST_CASE("avro reader: a record into places", "[decode][avro]") {
  const AvroSchema schema(R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},)"
                          R"({"name":"x","type":"string"},{"name":"b","type":"int"}]})",
                          {});
  const std::string bytes = AvroBytes().number(1).text("x").number(2).bytes();
  AvroScratch scratch(100);
  FieldNames names;
  names.add("b");
  names.add("c");
  names.add("a");
  FieldValues values;
  AvroReader reader(schema, bytes, scratch, "value");
  reader.read_fields(schema.root(), names, values);
  reader.finish();
  CHECK(values.at(0).raw == "2");
  CHECK_FALSE(values.at(1).is_present());
  CHECK(values.at(2).raw == "1");
  CHECK(values.unknown == "x");
  AvroReader again(schema, bytes, scratch, "value");
  again.learn_fields(schema.root(), names, values);
  CHECK(names.size() == 4);
  CHECK(values.at(3).raw == "x");
  CHECK(values.unknown.empty());
}

TEST_CASE("avro reader: bytes that are not of their schema", "[decode][avro]") {
  CHECK(refuses("\"int\"", "", "ends inside a number"));
  CHECK(refuses("\"int\"", "\x80", "ends inside a number"));
  CHECK(refuses("\"int\"", AvroBytes().number(1LL << 31).bytes(), "more than 32 bits"));
  CHECK(refuses("\"long\"", std::string(9, '\xFF') + '\x02', "more than 64 bits"));
  CHECK(refuses("\"long\"", std::string(11, '\x80'), "more than 64 bits"));
  CHECK(refuses("\"int\"", AvroBytes().number(1).raw("x").bytes(), "behind its end"));
  CHECK(refuses("\"boolean\"", "\2", "neither 0 nor 1"));
  CHECK(refuses("\"double\"", "1234567", "ends inside a value"));
  CHECK(refuses("\"string\"", AvroBytes().number(5).raw("abcd").bytes(), "ends inside a value"));
  CHECK(refuses("\"string\"", AvroBytes().number(-1).bytes(), "negative length"));
  CHECK(refuses("\"bytes\"", AvroBytes().number(1LL << 62).bytes(), "ends inside a value"));
  CHECK(refuses("\"string\"", AvroBytes().text("\xC0\x80").bytes(), "not UTF-8"));
  CHECK(refuses("\"string\"", AvroBytes().text(std::string(20, 'a') + "\xED\xA0\x80").bytes(),
                "not UTF-8"));
  CHECK(refuses(R"({"type":"fixed","name":"F","size":3})", "ab", "ends inside a value"));
  const std::string symbols = R"({"type":"enum","name":"E","symbols":["a"]})";
  CHECK(refuses(symbols, AvroBytes().number(1).bytes(), "symbol that is not there"));
  CHECK(refuses(symbols, AvroBytes().number(-1).bytes(), "symbol that is not there"));
  CHECK(refuses(kNullableInt, AvroBytes().number(2).bytes(), "branch that is not there"));
  CHECK(refuses(kNullableInt, AvroBytes().number(-1).bytes(), "branch that is not there"));
}

TEST_CASE("avro reader: counts that lie", "[decode][avro]") {
  CHECK(refuses(kArray, AvroBytes().number(3).null().null().bytes(), "more elements than bytes"));
  CHECK(refuses(kArray, AvroBytes().number(1LL << 60).bytes(), "more elements than bytes"));
  const std::int64_t low = std::numeric_limits<std::int64_t>::min();
  CHECK(refuses(kArray, AvroBytes().number(low).number(0).bytes(), "more elements than bytes"));
  CHECK(refuses(kArray, AvroBytes().number(-1).number(-1).bytes(), "a block that has no end"));
  CHECK(refuses(kArray, AvroBytes().number(-1).number(9).null().number(0).bytes(),
                "a block that has no end"));
  CHECK(refuses(kArray, AvroBytes().number(-1).number(2).null().number(0).bytes(),
                "another size than it says"));
  CHECK(refuses(kArray, AvroBytes().number(1).null().bytes(), "ends inside a number"));
  CHECK(refuses(R"({"type":"map","values":"int"})", AvroBytes().number(2).raw("\2a").bytes(),
                "more elements than bytes"));
  // Elements without bytes: no loop over 2^60 of them, in one block or in many.
  const std::string empties =
      R"({"type":"array","items":{"type":"record","name":"E","fields":[]}})";
  CHECK(value_of(empties, AvroBytes().number(2).number(0).bytes()) == "array [{},{}]");
  CHECK(refuses(empties, AvroBytes().number(1LL << 60).number(0).bytes(), "without bytes"));
  AvroBytes many;
  for (int i = 0; i < 70; ++i) many.number(1000);
  CHECK(value_of(empties, many.number(0).bytes(), 1U << 20U).find("without bytes") !=
        std::string::npos);
}

TEST_CASE("avro reader: what becomes JSON is bounded", "[decode][avro]") {
  // A byte an element, and a hundred of text.
  const std::string symbols = R"({"type":"array","items":{"type":"enum","name":"E","symbols":[")" +
                              std::string(100, 'x') + R"("]}})";
  AvroBytes bytes;
  bytes.number(60);
  for (int i = 0; i < 60; ++i) bytes.number(0);
  bytes.number(0);
  CHECK(value_of(symbols, bytes.bytes(), 100000).size() == 6 + 60 * 103 + 1);
  CHECK(value_of(symbols, bytes.bytes(), 4096).find("more than 4096 bytes as JSON") !=
        std::string::npos);
}
