// Strings and what PostgreSQL reads from them, JSON, hstore, bytes, bits, geometry, arrays, and the
// placeholder for what the source did not send.
#include <string>

#include "support/catch.h"
#include "support/encoding.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

SourceType data_type(ConnectType base, const std::string& name) {
  return source_of(base, "io.debezium.data." + name);
}

const SourceType kString = source_of(ConnectType::string);
const SourceType kBytes = source_of(ConnectType::bytes);
const SourceType kJson = data_type(ConnectType::string, "Json");
const SourceType kUuid = data_type(ConnectType::string, "Uuid");
const SourceType kPoint = data_type(ConnectType::structure, "geometry.Point");
const SourceType kGeometry = data_type(ConnectType::structure, "geometry.Geometry");
const PgType kText = pg_type(TypeKind::text);
const PgType kJsonb = pg_type(TypeKind::jsonb);
const PgType kHstore = named(TypeKind::hstore, "public.hstore");
const PgType kBytea = pg_type(TypeKind::bytea);

SourceType bits(int length) {
  return source_of(ConnectType::bytes, "io.debezium.data.Bits",
                   {{"length", std::to_string(length)}});
}

PgType arrays(TypeKind kind) {
  return pg_array_of(pg_type(kind));
}

const char* const kPlaceholder = "\"__debezium_unavailable_value\"";
const char* const kPlaceholderBase64 = "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"";

std::string ascii_codes() {
  std::string codes = "[";
  for (const char c : std::string("__debezium_unavailable_value")) {
    codes += (codes.size() > 1 ? "," : "") + std::to_string(static_cast<int>(c));
  }
  return codes + "]";
}

}  // namespace

TEST_CASE("text", "[value]") {
  CHECK(text_of(kString, kText, "\"\"").empty());
  CHECK(text_of(kString, kText, R"("line\nbreak \"q\" \\ é ☃ \u2603 \ud83d\ude00")") ==
        "line\nbreak \"q\" \\ é ☃ ☃ 😀");
  CHECK(text_of(kString, kText, R"("a\u0000b")") == "BAD");
  CHECK(encode(kString, kText, R"("a\u0000b")").reason == "U+0000 cannot be stored in text");
  CHECK(text_of(kString, kText, "1") == "BAD");
  CHECK(text_of(schemaless(), kText, "1.50") == "1.50");
  CHECK(text_of(schemaless(), kText, "true") == "true");
  CHECK(text_of(schemaless(), kText, R"({"a":1})") == R"({"a":1})");
  CHECK(text_of(data_type(ConnectType::string, "Enum"), kText, "\"ok\"") == "ok");
  CHECK(text_of(data_type(ConnectType::string, "EnumSet"), kText, "\"a,b\"") == "a,b");
  CHECK(text_of(data_type(ConnectType::string, "Ltree"), kText, "\"Top.Science\"") ==
        "Top.Science");
  CHECK(text_of(kString, named(TypeKind::enumeration, "public.mood"), "\"ok\"") == "ok");
  CHECK(text_of(kString, pg_type(TypeKind::inet), "\"192.168.1.5/24\"") == "192.168.1.5/24");
  CHECK(text_of(kString, pg_type(TypeKind::boolean), "\"t\"") == "NO PLAN");
}

TEST_CASE("lengths are counted in characters, and nothing is cut", "[value]") {
  const PgType three = sized(TypeKind::varchar, 3);
  CHECK(text_of(kString, three, "\"abc\"") == "abc");
  CHECK(text_of(kString, three, "\"h☃é\"") == "h☃é");
  CHECK(text_of(kString, three, "\"abcd\"") == "WIDEN text");
  CHECK(text_of(kString, three, "\"abc \"") == "WIDEN text");
  CHECK(text_of(kString, three, R"("\u00e9\u00e9\u00e9")") == "ééé");
  const PgType padded = sized(TypeKind::bpchar, 3);
  CHECK(text_of(kString, padded, "\"ab \"") == "ab");
  CHECK(text_of(kString, padded, "\"abc     \"") == "abc");
  CHECK(text_of(kString, padded, "\"abcd\"") == "WIDEN text");
  CHECK(text_of(kString, pg_type(TypeKind::bpchar), "\"ab  \"") == "ab  ");
}

TEST_CASE("uuids", "[value]") {
  const PgType uuid = pg_type(TypeKind::uuid);
  const std::string text = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
  CHECK(text_of(kUuid, uuid, "\"" + text + "\"") == text);
  CHECK(text_of(kString, uuid, "\"{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}\"") == text);
  CHECK(text_of(schemaless(), uuid, "\"a0eebc999c0b4ef8bb6d6bb9bd380a11\"") == text);
  CHECK(text_of(kUuid, kText, "\"" + text + "\"") == text);
  for (const char* wrong :
       {"\"\"", "\"a0eebc99\"", "\"g0eebc999c0b4ef8bb6d6bb9bd380a11\"",
        "\"a-0eebc999c0b4ef8bb6d6bb9bd380a11\"", "1", "\"a0eebc99--9c0b4ef8bb6d6bb9bd380a11\""}) {
    CHECK(text_of(kUuid, uuid, wrong) == "BAD");
  }
  CHECK(text_of(kBytes, uuid, "\"oO68mZwLTvi7bWu5vTgKEQ==\"") == text);
  CHECK(text_of(kBytes, uuid, "\"oO68\"") == "BAD");
}

TEST_CASE("a string where the schema has a struct does not become jsonb", "[value]") {
  CHECK(text_of(source_of(ConnectType::structure), kJsonb, R"("not JSON")") == "BAD");
  CHECK(text_of(source_of(ConnectType::map), kJsonb, R"("7")") == "BAD");
  CHECK(text_of(source_of(ConnectType::structure), kJsonb, R"({"a":7})") == R"({"a":7})");
}

TEST_CASE("json and jsonb", "[value]") {
  CHECK(text_of(kJson, kJsonb, R"("{\"a\": 1.50}")") == R"({"a": 1.50})");
  CHECK(encode(kJson, kJsonb, "\"1\"").element == std::string("\0\0\0\2\1"
                                                              "1",
                                                              6));
  CHECK(text_of(kJson, pg_type(TypeKind::json), R"("{\"a\": 1,  \"b\":[1,2]}")") ==
        R"({"a": 1,  "b":[1,2]})");
  CHECK(text_of(kJson, kJsonb, "\"null\"") == "null");
  CHECK(text_of(kJson, kJsonb, "null") == "NULL");
  CHECK(text_of(kJson, kJsonb, "\"\"") == "BAD");
  CHECK(text_of(kJson, pg_type(TypeKind::json), "\"\"") == "BAD");
  CHECK(text_of(kJson, kJsonb, "\"{\"") == "BAD");
  CHECK(text_of(kJson, kJsonb, R"("\"\\u0000\"")") == "BAD");
  CHECK(text_of(kJson, kJsonb, R"("\"\\\\u0000\"")") == R"("\\u0000")");
  CHECK(text_of(kJson, pg_type(TypeKind::json), R"("\"\\u0000\"")") == R"("\u0000")");
  CHECK(text_of(kJson, kJsonb, R"("\"\\ud800\"")") == "BAD");
  CHECK(text_of(kJson, kJsonb, R"("\"\\ud83d\\ude00\"")") == R"("\ud83d\ude00")");
  CHECK(text_of(kJson, kText, R"("{\"a\":1}")") == R"({"a":1})");
  CHECK(text_of(kJson, pg_type(TypeKind::int4), "\"1\"") == "NO PLAN");
  CHECK(text_of(schemaless(), kJsonb, R"({"a":[1,"x"]})") == R"({"a":[1,"x"]})");
  CHECK(text_of(schemaless(), kJsonb, "1e2") == "1e2");
  CHECK(text_of(schemaless(), kJsonb, "true") == "true");
  CHECK(text_of(schemaless(), kJsonb, R"(["\u0000"])") == "BAD");
  CHECK(text_of(source_of(ConnectType::map), kJsonb, R"({"a":"b"})") == R"({"a":"b"})");
  CHECK(text_of(source_of(ConnectType::structure), kJsonb, R"({"a":1})") == R"({"a":1})");
  CHECK(text_of(array_of(source_of(ConnectType::int32)), kJsonb, "[1,2]") == "[1,2]");
  CHECK(text_of(array_of(kBytes), kJsonb, "[\"AA==\"]") == "NO PLAN");
}

TEST_CASE("hstore from JSON and from maps", "[value]") {
  const std::string expected = R"("a"=>"1", "b"=>NULL, "c d"=>"e\"f")";
  CHECK(text_of(kJson, kHstore, R"("{\"a\":\"1\",\"b\":null,\"c d\":\"e\\\"f\"}")") == expected);
  CHECK(text_of(source_of(ConnectType::map), kHstore, R"({"a":"1","b":null,"c d":"e\"f"})") ==
        expected);
  CHECK(text_of(schemaless(), kHstore, R"({"a":"1","b":null,"c d":"e\"f"})") == expected);
  CHECK(text_of(schemaless(), kHstore, R"("\"a\"=>\"1\"")") == R"("a"=>"1")");
  CHECK(text_of(schemaless(), kHstore, "{}").empty());
  CHECK(text_of(schemaless(), kHstore, R"({"a":{}})") == "BAD");
  CHECK(text_of(schemaless(), kHstore, R"({"a":"\u0000"})") == "BAD");
  CHECK(text_of(schemaless(), kHstore, R"("{\"a\":")") == "BAD");
}

TEST_CASE("bytes in every mode", "[value]") {
  CHECK(text_of(kBytes, kBytea, "\"AQID\"") == "\\x010203");
  CHECK(text_of(kBytes, kBytea, "\"AP8Q\"") == "\\x00ff10");
  CHECK(text_of(kBytes, kBytea, "\"\"") == "\\x");
  CHECK(text_of(kBytes, kBytea, "\"AP8=\"") == "\\x00ff");
  CHECK(text_of(kBytes, kBytea, R"("\u0041P8\u003d")") == "\\x00ff");
  for (const char* wrong : {"\"AP8\"", "\"AP9=\"", "\"A===\"", "\"AP8=AP8=\"", "\"!!!!\"", "1"}) {
    CHECK(text_of(kBytes, kBytea, wrong) == "BAD");
  }
  CHECK(text_of(kBytes, kText, "\"AQID\"") == "NO PLAN");
  CHECK(text_of(kString, kBytea, "\"_-8=\"") == "\\xffef");
  CHECK(text_of(kString, kBytea, "\"010203\"") == "\\x010203");
  CHECK(text_of(kString, kBytea, "\"01020304\"") == "BAD");  // both, and nothing tells
  ValueSettings settings;
  settings.binary_text = BinaryText::hex;
  CHECK(text_of(kString, kBytea, "\"01020304\"", settings) == "\\x01020304");
  CHECK(text_of(kString, kBytea, kPlaceholder, settings) == "UNAVAILABLE");
  CHECK(text_of(kString, kBytea, "\"5f5f6465\"", settings) == "\\x5f5f6465");
  settings.binary_text = BinaryText::base64;
  CHECK(text_of(kString, kBytea, "\"0000\"", settings) == "\\xd34d34");
  CHECK(text_of(schemaless(), kBytea, "\"AQID\"") == "\\x010203");
}

TEST_CASE("bits begin with the lowest byte", "[value]") {
  CHECK(text_of(bits(7), sized(TypeKind::bit, 7), "\"QA==\"") == "1000000");
  CHECK(text_of(bits(64), sized(TypeKind::bit, 64), "\"AAAAAAAAAIA=\"") ==
        "1" + std::string(63, '0'));
  CHECK(text_of(bits(2), sized(TypeKind::bit, 2), "\"\"") == "00");
  CHECK(text_of(bits(24), sized(TypeKind::bit, 24), "\"AQID\"") == "000000110000001000000001");
  CHECK(text_of(bits(10), sized(TypeKind::varbit, 10), "\"DQ==\"") == "1101");
  CHECK(text_of(bits(10), sized(TypeKind::varbit, 3), "\"DQ==\"") == "WIDEN bit varying");
  CHECK(text_of(bits(10), sized(TypeKind::bit, 10), "\"DQ==\"") == "0000001101");
  CHECK(text_of(bits(10), sized(TypeKind::bit, 11), "\"DQ==\"") == "NO PLAN");
  CHECK(text_of(bits(3), sized(TypeKind::bit, 3), "\"DQ==\"") == "BAD");
  CHECK(text_of(bits(1), pg_type(TypeKind::boolean), "\"AQ==\"") == "true");
  CHECK(text_of(bits(4), kText, "\"DQ==\"") == "1101");
  CHECK(text_of(schemaless(), sized(TypeKind::bit, 7), "\"QA==\"") == "1000000");
  CHECK(text_of(schemaless(), sized(TypeKind::bit, 1), "true") == "1");
  CHECK(text_of(schemaless(), sized(TypeKind::bit, 7), "true") == "BAD");
  CHECK(text_of(schemaless(), sized(TypeKind::varbit, 10), "\"DQ==\"") == "1101");
}

TEST_CASE("points, geometries and vectors", "[value]") {
  const char* point = R"({"x":1.5,"y":-2.0,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAADA","srid":null})";
  const PgType geometry = named(TypeKind::other, "public.geometry");
  const PgType vector = named(TypeKind::other, "public.vector");
  CHECK(text_of(kPoint, pg_type(TypeKind::point), point) == "(1.5,-2.0)");
  CHECK(text_of(schemaless(), pg_type(TypeKind::point), point) == "(1.5,-2.0)");
  CHECK(text_of(kPoint, pg_type(TypeKind::point), R"({"x":"NaN","y":1})") == "(NaN,1)");
  CHECK(text_of(kPoint, pg_type(TypeKind::point), R"({"x":"1,2","y":1})") == "BAD");
  CHECK(text_of(kPoint, pg_type(TypeKind::point), R"({"x":1})") == "BAD");
  CHECK(text_of(kPoint, geometry, point) == "0101000000000000000000f83f00000000000000c0");
  CHECK(text_of(kGeometry, kBytea, R"({"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAADA","srid":4326})") ==
        "\\x0101000020e6100000000000000000f83f00000000000000c0");
  CHECK(text_of(kGeometry, geometry,
                R"({"wkb":"AQEAACDmEAAAAAAAAAAA+D8AAAAAAAAAwA==","srid":4326})") ==
        "0101000020e6100000000000000000f83f00000000000000c0");
  CHECK(text_of(kGeometry, geometry, R"({"wkb":"AQE=","srid":4326})") == "BAD");
  CHECK(text_of(data_type(ConnectType::structure, "geometry.Circle"),
                named(TypeKind::other, "circle"),
                R"({"center":{"x":1,"y":2},"radius":3.5})") == "<(1,2),3.5>");
  CHECK(text_of(data_type(ConnectType::structure, "geometry.Line"), named(TypeKind::other, "line"),
                R"({"a":1,"b":-1,"c":0})") == "{1,-1,0}");
  SourceType dense = array_of(source_of(ConnectType::float64));
  dense.name = "io.debezium.data.DoubleVector";
  CHECK(text_of(dense, vector, "[1.0,2.5]") == "[1.0,2.5]");
  CHECK(text_of(dense, arrays(TypeKind::float8), "[1.0,2.5]") == "{1,2.5}");
  const SourceType sparse = data_type(ConnectType::structure, "SparseDoubleVector");
  CHECK(text_of(sparse, named(TypeKind::other, "sparsevec"),
                R"({"dimensions":5,"vector":[[1,0.5],[3,2]]})") == "{1:0.5,3:2}/5");
  CHECK(text_of(sparse, kText, R"({"dimensions":5,"vector":{"1":0.5}})") == "{1:0.5}/5");
  CHECK(text_of(sparse, kText, R"({"dimensions":5,"vector":[[1]]})") == "BAD");
}

TEST_CASE("arrays", "[value]") {
  const SourceType ints = array_of(source_of(ConnectType::int32));
  CHECK(text_of(ints, arrays(TypeKind::int4), "[1,null,-3]") == "{1,NULL,-3}");
  CHECK(text_of(ints, arrays(TypeKind::int4), "[]") == "{}");
  CHECK(text_of(ints, arrays(TypeKind::int4), "null") == "NULL");
  CHECK(text_of(ints, arrays(TypeKind::int2), "[40000]") == "WIDEN integer[]");
  CHECK(text_of(ints, arrays(TypeKind::int4), "[[1]]") == "BAD");
  CHECK(text_of(array_of(ints), arrays(TypeKind::int4), "[[1]]") == "NO PLAN");
  CHECK(text_of(array_of(kString), arrays(TypeKind::text), R"(["NULL",null,"a,b",""])") ==
        R"({"NULL",NULL,"a,b",""})");
  CHECK(text_of(array_of(kString), arrays(TypeKind::text), R"(["q\"uote","\\","{}"," ","null"])") ==
        R"({"q\"uote","\\","{}"," ","null"})");
  CHECK(text_of(array_of(decimal_of(2)), pg_array_of(pg_numeric(10, 2)), R"(["bg==","AOE="])") ==
        "{1.10,2.25}");
  CHECK(text_of(array_of(decimal_of(2)), pg_array_of(pg_numeric(2, 1)), R"(["bg=="])") == "{1.10}");
  CHECK(text_of(array_of(decimal_of(2)), pg_array_of(pg_numeric(2, 1)), R"(["AOE="])") ==
        "WIDEN numeric(3,2)[]");
  const SourceType dates = array_of(source_of(ConnectType::int32, "io.debezium.time.Date"));
  CHECK(text_of(dates, arrays(TypeKind::date), "[17424,null,-735160]") ==
        "{2017-09-15,NULL,\"0044-03-15 BC\"}");
  const SourceType stamps =
      array_of(source_of(ConnectType::int64, "io.debezium.time.MicroTimestamp"));
  CHECK(text_of(stamps, arrays(TypeKind::timestamp), "[1505483490123456]") ==
        "{\"2017-09-15 13:51:30.123456\"}");
  CHECK(text_of(array_of(kBytes), arrays(TypeKind::bytea), R"(["AP8="])") == R"({"\\x00ff"})");
  CHECK(text_of(array_of(kJson), arrays(TypeKind::jsonb), R"(["{\"a\": 1}"])") ==
        R"({"{\"a\": 1}"})");
  CHECK(text_of(array_of(source_of(ConnectType::boolean)), arrays(TypeKind::boolean),
                "[true,false,null]") == "{true,false,NULL}");
  CHECK(text_of(array_of(source_of(ConnectType::float64)), arrays(TypeKind::float8),
                R"([0.1,1.0E300,"NaN"])") == "{0.1,1e+300,NaN}");
  CHECK(text_of(schemaless(), arrays(TypeKind::uuid),
                R"(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])") ==
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}");
  CHECK(text_of(schemaless(), arrays(TypeKind::timestamptz),
                R"(["2017-09-15T11:51:30.123456Z"])") == "{\"2017-09-15 11:51:30.123456+00\"}");
  CHECK(text_of(schemaless(), arrays(TypeKind::text), "[[\"a\"]]") == "BAD");
  CHECK(text_of(schemaless(), arrays(TypeKind::text), "\"{}\"") == "BAD");
  CHECK(text_of(array_of(kString), arrays(TypeKind::text), R"(["\u0000"])") == "BAD");
}

TEST_CASE("the placeholder in every form", "[value]") {
  CHECK(text_of(kString, kText, kPlaceholder) == "UNAVAILABLE");
  CHECK(text_of(kString, pg_type(TypeKind::numeric), kPlaceholder) == "UNAVAILABLE");
  CHECK(text_of(kJson, kJsonb, kPlaceholder) == "UNAVAILABLE");
  CHECK(text_of(data_type(ConnectType::string, "Xml"), pg_type(TypeKind::xml), kPlaceholder) ==
        "UNAVAILABLE");
  CHECK(text_of(kBytes, kBytea, kPlaceholderBase64) == "UNAVAILABLE");
  CHECK(text_of(kString, kBytea, kPlaceholder) == "UNAVAILABLE");
  CHECK(text_of(kString, kBytea, kPlaceholderBase64) == "UNAVAILABLE");
  CHECK(text_of(schemaless(), kText, kPlaceholder) == "UNAVAILABLE");
  CHECK(text_of(schemaless(), kBytea, kPlaceholderBase64) == "UNAVAILABLE");
  // A column of text may have been inferred for bytes.
  CHECK(text_of(schemaless(), kText, kPlaceholderBase64) == "UNAVAILABLE");
  CHECK(text_of(kString, kText, kPlaceholderBase64) != "UNAVAILABLE");  // somebody's own base64
  CHECK(text_of(kJson, kJsonb,
                R"("{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}")") ==
        "UNAVAILABLE");
  CHECK(text_of(source_of(ConnectType::map), kHstore,
                R"({"__debezium_unavailable_value": "__debezium_unavailable_value"})") ==
        "UNAVAILABLE");
  const std::string in_array = "[" + std::string(kPlaceholder) + "]";
  CHECK(text_of(array_of(kString), arrays(TypeKind::text), in_array) == "UNAVAILABLE");
  CHECK(text_of(array_of(kJson), arrays(TypeKind::jsonb), in_array) == "UNAVAILABLE");
  CHECK(text_of(schemaless(), arrays(TypeKind::varchar), in_array) == "UNAVAILABLE");
  CHECK(text_of(array_of(kBytes), arrays(TypeKind::bytea),
                "[" + std::string(kPlaceholderBase64) + "]") == "UNAVAILABLE");
  CHECK(text_of(array_of(source_of(ConnectType::int32)), arrays(TypeKind::int4), ascii_codes()) ==
        "UNAVAILABLE");
  CHECK(text_of(schemaless(), arrays(TypeKind::date), ascii_codes()) == "UNAVAILABLE");
  CHECK(text_of(array_of(kUuid), arrays(TypeKind::uuid),
                R"([ "b68a35a7-17ad-35b3-af2a-ae46edb4545a" ])") == "UNAVAILABLE");
  CHECK(text_of(array_of(kString), arrays(TypeKind::text),
                R"(["a","__debezium_unavailable_value"])") == "{a,__debezium_unavailable_value}");
  ValueSettings settings;
  settings.unavailable_value = "gone";
  CHECK(text_of(kString, kText, "\"gone\"", settings) == "UNAVAILABLE");
  CHECK(text_of(kString, kText, kPlaceholder, settings) == "__debezium_unavailable_value");
  CHECK(text_of(array_of(kUuid), arrays(TypeKind::uuid),
                R"(["6e0f6cd5-5d4c-3bd3-b6ae-4de4b2a9a2fe"])",
                settings) == "{6e0f6cd5-5d4c-3bd3-b6ae-4de4b2a9a2fe}");
  SourceType declared =
      source_of(ConnectType::int64, {}, {{"__debezium.unavailable.value.placeholder", "-77"}});
  CHECK(text_of(declared, pg_type(TypeKind::int8), "-77") == "UNAVAILABLE");
  CHECK(text_of(declared, pg_type(TypeKind::int8), "77") == "77");
}
