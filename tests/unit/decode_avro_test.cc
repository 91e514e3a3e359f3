// Whole records in the wire format of a schema registry: Avro and JSON Schema, keys and values, ids
// in front and in headers, and schemas that change, are not known yet or cannot be used.
#include <rapidjson/document.h>

#include <fstream>

#include "decode/base64.h"
#include "support/avro_bytes.h"
#include "support/catch.h"
#include "support/decoding.h"

using tidemark::SchemaGuid;
using tidemark::SchemaId;
using tidemark::SchemaLanguage;
using tidemark::SourceFormat;
using tidemark::TypeKind;
using tidemark::test::AvroBytes;
using tidemark::test::column;
using tidemark::test::Decoding;
using tidemark::test::table;

namespace {

const char* const kTopic = "srv.public.t";
const char* const kKey =
    R"({"type":"record","name":"Key","namespace":"srv.public.t","fields":[{"name":"id","type":"int"}],)"
    R"("connect.name":"srv.public.t.Key"})";

std::string envelope_schema(const std::string& more_fields = "") {
  return R"({"type":"record","name":"Envelope","namespace":"srv.public.t","fields":[)"
         R"({"name":"before","type":["null",{"type":"record","name":"Value","fields":[)"
         R"({"name":"id","type":"int"},{"name":"v","type":["null","string"],"default":null})" +
         more_fields +
         R"(],"connect.name":"srv.public.t.Value"}],"default":null},)"
         R"({"name":"after","type":["null","Value"],"default":null},)"
         R"({"name":"source","type":{"type":"record","name":"Source","namespace":"x","fields":[)"
         R"({"name":"ts_ms","type":"long"},{"name":"db","type":"string"},)"
         R"({"name":"sequence","type":["null","string"]},{"name":"schema","type":"string"},)"
         R"({"name":"table","type":"string"},{"name":"lsn","type":["null","long"]}]}},)"
         R"({"name":"op","type":"string"},{"name":"ts_ms","type":["null","long"]}],)"
         R"("connect.name":"srv.public.t.Envelope"})";
}

AvroBytes& append_row(AvroBytes& to, int id, const std::string& v) {
  return to.present().number(id).present().text(v);
}

// An envelope's bytes; an empty text: no row.
AvroBytes envelope(const std::string& op, const std::string& before, const std::string& after,
                   int id = 1) {
  AvroBytes out;
  before.empty() ? out.null() : append_row(out, id, before);
  after.empty() ? out.null() : append_row(out, id, after);
  out.number(1700000000123).text("db").present().text(R"(["5","7"])").text("public").text("t");
  out.present().number(7);
  return out.text(op).present().number(1700000000200);
}

std::string key(int id = 1) {
  return AvroBytes().number(id).with_id(1);
}

Decoding with_schemas() {
  Decoding it;
  it.with_registry = true;
  it.registry.add(1, kKey);
  it.registry.add(2, envelope_schema());
  it.tables[{"public", "t"}] = table("public", "t",
                                     {column("id", tidemark::pg_type(TypeKind::int4), true),
                                      column("v", tidemark::pg_type(TypeKind::text))},
                                     {"id"});
  return it;
}

}  // namespace

TEST_CASE("avro: creates, updates, deletes and tombstones", "[decode][avro]") {
  Decoding it = with_schemas();
  CHECK(it.decode(kTopic, key(), envelope("c", "", "x").with_id(2)) ==
        "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.slab.bytes(it.last().source_position) == "5/7");
  CHECK(it.last().source_time_us == 1700000000123000);
  CHECK(it.decode(kTopic, key(), envelope("u", "x", "y").with_id(2)) ==
        "update public.t key(id=1) row(id=1, v='y')");
  CHECK(it.decode(kTopic, key(), envelope("d", "y", "").with_id(2)) == "remove public.t key(id=1)");
  CHECK(it.decode(kTopic, key(), std::nullopt) == "tombstone public.t key(id=1)");
}

TEST_CASE("avro: Debezium's placeholder, and a text that needs escapes in JSON", "[decode][avro]") {
  Decoding it = with_schemas();
  CHECK(it.decode(kTopic, key(), envelope("u", "", "__debezium_unavailable_value").with_id(2)) ==
        "update public.t key(id=1) row(id=1, v=?)");
  CHECK(it.decode(kTopic, key(), envelope("c", "", "a\"\\\n").with_id(2)) ==
        "create public.t key(id=1) row(id=1, v='a\"\\\n')");
  CHECK(it.decode(kTopic, key(), envelope("c", "", std::string("a\0b", 3)).with_id(2))
            .find("U+0000") != std::string::npos);
  it.config.source.unavailable_value = "g\"one";
  Decoding other = with_schemas();
  other.config.source.unavailable_value = "g\"one";
  CHECK(other.decode(kTopic, key(), envelope("u", "", "g\"one").with_id(2)) ==
        "update public.t key(id=1) row(id=1, v=?)");
}

TEST_CASE("avro: the row before, of a table without a key", "[decode][avro]") {
  Decoding it = with_schemas();
  it.tables[{"public", "t"}] = table("public", "t",
                                     {column("id", tidemark::pg_type(TypeKind::int4), true),
                                      column("v", tidemark::pg_type(TypeKind::text))},
                                     {});
  CHECK(it.decode(kTopic, std::nullopt, envelope("u", "x", "y").with_id(2)) ==
        "update public.t row(id=1, v='y') before(id=1, v='x')");
}

TEST_CASE("avro: a row of its own", "[decode][avro]") {
  Decoding it = with_schemas();
  it.registry.add(3, R"(["null",{"type":"record","name":"V","fields":[{"name":"id","type":"int"},)"
                     R"({"name":"v","type":["null","string"]},{"name":"__op","type":"string"}]}])");
  CHECK(it.decode(kTopic, key(), AvroBytes().present().number(1).null().text("u").with_id(3)) ==
        "update public.t key(id=1) row(id=1, v=null)");
  CHECK(it.decode(kTopic, key(), AvroBytes().null().with_id(3)) == "tombstone public.t key(id=1)");
}

TEST_CASE("avro: key and value each in a format of their own", "[decode][avro]") {
  Decoding it = with_schemas();
  CHECK(it.decode(kTopic, R"({"id":1})", envelope("c", "", "x").with_id(2)) ==
        "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.decode(kTopic, key(), tidemark::test::envelope("u", "null", R"({"id":1,"v":"z"})")) ==
        "update public.t key(id=1) row(id=1, v='z')");
  // The header of a key change is text.
  CHECK(it.decode(kTopic, key(), envelope("d", "x", "").with_id(2),
                  {{"__debezium.newkey", R"({"id":2})"}}) ==
        "remove public.t key(id=1) other(id=2)");
}

TEST_CASE("avro: the schema's id as a GUID and in headers", "[decode][avro]") {
  Decoding it = with_schemas();
  SchemaGuid guid;
  guid.bytes[0] = 9;
  tidemark::RegisteredSchema schema;
  schema.text = envelope_schema();
  it.registry.add(SchemaId(guid), schema);
  const std::string prefix = "\1\t" + std::string(15, '\0');
  const std::string value = envelope("c", "", "x").bytes();
  CHECK(it.decode(kTopic, key(), prefix + value) == "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.decode(
            kTopic, AvroBytes().number(1).bytes(), value,
            {{"__value_schema_id", prefix}, {"__key_schema_id", std::string("\0\0\0\0\1", 5)}}) ==
        "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.decode(kTopic, key(), value, {{"__value_schema_id", "4"}}).find("does not hold one") !=
        std::string::npos);
}

TEST_CASE("avro: schemas that change and come back", "[decode][avro]") {
  Decoding it = with_schemas();
  it.registry.add(3, envelope_schema(R"(,{"name":"n","type":["null","long"],"default":null})"));
  AvroBytes wide;
  wide.null().present().number(1).present().text("x").present().number(8);
  wide.number(0).text("db").null().text("public").text("t").null().text("u").null();
  const std::string narrow = envelope("c", "", "x").with_id(2);
  CHECK(it.decode(kTopic, key(), narrow) == "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.decode(kTopic, key(), wide.with_id(3)) ==
        "update public.t key(id=1) row(id=1, v='x', n=8)");
  CHECK(it.decode(kTopic, key(), narrow).starts_with("create public.t key(id=1) row(id=1, v='x'"));
  const int asked = it.registry.asked;
  for (int i = 0; i < 10; ++i) it.decode(kTopic, key(), i % 2 == 0 ? narrow : wide.with_id(3));
  CHECK(it.registry.asked == asked);
}

TEST_CASE("avro: a schema that is not known yet is waited for", "[decode][avro]") {
  Decoding it = with_schemas();
  it.registry.known = false;
  const std::string value = envelope("c", "", "x").with_id(2);
  CHECK(it.decode(kTopic, key(), value) == "needs answer");
  CHECK(it.decode(kTopic, key(), std::nullopt) == "needs answer");
  it.registry.known = true;
  CHECK(it.decode(kTopic, key(), value) == "create public.t key(id=1) row(id=1, v='x')");
}

TEST_CASE("avro: what stops a partition, and what is a bad record", "[decode][avro]") {
  const std::string value = envelope("c", "", "x").with_id(2);
  Decoding it = with_schemas();
  it.registry.add(5, "syntax = \"proto3\";", SchemaLanguage::protobuf);
  it.registry.add(6, R"({"type":"record")");
  const auto bad = [&](const std::string& record, const std::string& why) {
    const std::string got = it.decode(kTopic, key(), record);
    INFO(got);
    return got.starts_with("bad: ") && got.find(why) != std::string::npos;
  };
  CHECK(bad(AvroBytes().with_id(4), "no such schema"));
  CHECK(it.last_bad().halt);
  CHECK(bad(AvroBytes().with_id(5), "Protobuf"));
  CHECK(it.last_bad().halt);
  CHECK(bad(AvroBytes().with_id(0), "the id 0"));
  CHECK(it.last_bad().hint.find("as-confluent") != std::string::npos);
  CHECK(bad(AvroBytes().with_id(6), "not JSON"));
  CHECK(bad(std::string("\0\0\0", 3), "cut inside the id"));
  CHECK(bad(std::string("\1abc"), "cut inside the id"));
  CHECK(bad(value + "x", "behind its end"));
  CHECK(bad(value.substr(0, value.size() - 3), "ends inside"));
  CHECK_FALSE(it.last_bad().halt);
  // Its key is held, and what comes next is good.
  CHECK(it.last().key.length != 0);
  CHECK(it.decode(kTopic, key(), value) == "create public.t key(id=1) row(id=1, v='x')");
  // A key that cannot be read is a bad record, where the table needs it.
  CHECK(it.decode(kTopic, key() + "x", value).find("the record's key is not") != std::string::npos);
  CHECK(it.decode(kTopic, AvroBytes().with_id(4), value).find("no such schema") !=
        std::string::npos);
  Decoding without;
  CHECK(without.decode(kTopic, key(), value).find("registry-url is not set") != std::string::npos);
  CHECK(without.last_bad().halt);
}

TEST_CASE("avro: ids in Apicurio's headers stop the partition", "[decode][avro]") {
  Decoding it = with_schemas();
  // Without a prefix: as if it were one, in front of the id 0x02027802.
  const std::string value = envelope("c", "", "x").bytes();
  const tidemark::test::Headers of_value = {{"apicurio.value.globalId", std::string(8, '\1')}};
  CHECK(it.decode(kTopic, key(), value, of_value).find("headers of Apicurio's") !=
        std::string::npos);
  CHECK(it.last_bad().halt);
  CHECK(it.last_bad().hint.find("headers.enabled=false") != std::string::npos);
  const tidemark::test::Headers of_key = {{"apicurio.key.contentId", std::string(8, '\1')}};
  CHECK(it.decode(kTopic, AvroBytes().number(1).bytes(), envelope("c", "", "x").with_id(2), of_key)
            .find("headers of Apicurio's") != std::string::npos);
  // Beside JSON they say nothing.
  CHECK(it.decode(kTopic, R"({"id":1})", tidemark::test::envelope("c", "null", R"({"id":1})"),
                  of_value)
            .starts_with("create public.t"));
}

TEST_CASE("avro: format says what may come", "[decode][avro]") {
  const std::string avro = envelope("c", "", "x").with_id(2);
  const std::string json = tidemark::test::envelope("c", "null", R"({"id":1,"v":"x"})");
  const auto decoded = [&](SourceFormat format, const std::string& value) {
    Decoding it = with_schemas();
    it.config.source.format = format;
    return it.decode(kTopic, key(), value);
  };
  const std::string good = "create public.t key(id=1) row(id=1, v='x')";
  CHECK(decoded(SourceFormat::automatic, avro) == good);
  CHECK(decoded(SourceFormat::automatic, json) == good);
  CHECK(decoded(SourceFormat::avro, avro) == good);
  CHECK(decoded(SourceFormat::json, json) == good);
  CHECK(decoded(SourceFormat::avro, json).find("not in Avro") != std::string::npos);
  CHECK(decoded(SourceFormat::json, avro).find("format is json") != std::string::npos);
  CHECK(decoded(SourceFormat::cloudevents, avro).find("not a CloudEvent") != std::string::npos);
  CHECK(decoded(SourceFormat::cloudevents, json).find("not a CloudEvent") != std::string::npos);
}

TEST_CASE("avro: JSON behind the id of a JSON Schema", "[decode][avro]") {
  Decoding it = with_schemas();
  it.tables.clear();
  const std::string row =
      R"({"type":"object","title":"srv.public.t.Value","properties":{)"
      R"("d":{"connect.index":1,"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int32",)"
      R"("title":"io.debezium.time.Date","connect.version":1}]},)"
      R"("id":{"connect.index":0,"type":"integer","connect.type":"int16"}}})";
  it.registry.add(
      7,
      R"({"type":"object","title":"srv.public.t.Envelope","properties":{)"
      R"("before":{"connect.index":0,"oneOf":[{"type":"null"},)" +
          row + R"(]},"after":{"connect.index":1,"oneOf":[{"type":"null"},)" + row +
          R"(]},"source":{"connect.index":2,"type":"object","title":"S","properties":{}},)"
          R"("op":{"connect.index":3,"type":"string"}}})",
      SchemaLanguage::json_schema);
  const std::string value = tidemark::test::envelope("c", "null", R"({"id":1,"d":17424})");
  CHECK(it.decode(kTopic, key(), AvroBytes().raw(value).with_id(7)) ==
        "create public.t key(id=1) row(id=1, d=<4 bytes>)");
  CHECK(tidemark::test::text(*it.last().layout->required) == "id smallint!, d date key id");
  // Not made from a Connect schema: as records without a schema.
  Decoding schemaless = with_schemas();
  schemaless.registry.add(8, R"({"type":"object","additionalProperties":true})",
                          SchemaLanguage::json_schema);
  const std::string plain = tidemark::test::envelope("c", "null", R"({"id":1,"v":"x"})");
  CHECK(schemaless.decode(kTopic, key(), AvroBytes().raw(plain).with_id(8)) ==
        "create public.t key(id=1) row(id=1, v='x')");
}

namespace {

std::optional<std::string> bytes_of(const rapidjson::Value& value) {
  if (value.IsNull()) return std::nullopt;
  if (value.IsString()) return std::string(value.GetString(), value.GetStringLength());
  tidemark::Bytes bytes;
  tidemark::append_base64_decoded(value["base64"].GetString(), bytes);
  return std::string(bytes.view());
}

// The events of a captured stream that are rows, by table, with the tables that they need.
std::map<std::string, std::vector<std::string>> rows_of(const std::string& fixture) {
  const std::string folder = std::string(TIDEMARK_TEST_DATA) + "/fixtures/" + fixture;
  Decoding it;
  it.with_registry = true;
  if (fixture.ends_with("avro")) it.registry.read(folder + "/registry.json");
  std::ifstream in(folder + "/events.ndjson");
  std::map<std::string, std::vector<std::string>> out;
  for (std::string line; std::getline(in, line);) {
    rapidjson::Document json;
    json.Parse(line.c_str());
    tidemark::test::Headers headers;
    for (const auto& one : json["headers"].GetArray()) {
      headers.emplace_back(one[0].GetString(), bytes_of(one[1]));
    }
    const std::string text = it.decode(json["topic"].GetString(), bytes_of(json["key"]),
                                       bytes_of(json["value"]), headers);
    const tidemark::Layout* layout = it.last().layout;
    if (text.starts_with("skip")) continue;
    out[layout == nullptr ? "none" : layout->source_table].push_back(
        text + (layout == nullptr ? "" : " " + tidemark::test::text(*layout->required)));
  }
  return out;
}

}  // namespace

TEST_CASE("avro: the same rows as from JSON, from Debezium's own records", "[decode][avro]") {
  const auto avro = rows_of("pg-changes-avro");
  CHECK(avro.size() == 8);
  CHECK(avro.count("none") == 0);
  CHECK(avro == rows_of("pg-changes"));
}
