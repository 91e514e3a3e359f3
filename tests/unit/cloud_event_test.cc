// CloudEvents in structured form, as Debezium's CloudEventsConverter writes them: JSON with data in
// JSON, with a schema, and in Avro; and Avro as a whole.
#include "decode/base64.h"
#include "support/avro_bytes.h"
#include "support/catch.h"
#include "support/decoding.h"

using tidemark::TypeKind;
using tidemark::test::AvroBytes;
using tidemark::test::column;
using tidemark::test::Decoding;
using tidemark::test::table;

namespace {

const char* const kTopic = "srv.public.t";
const char* const kKey = R"({"id":1})";
const char* const kData =
    R"({"type":"record","name":"Data","namespace":"io.debezium.connector.postgresql","fields":[)"
    R"({"name":"before","type":["null",{"type":"record","name":"Value","namespace":"srv","fields":[)"
    R"({"name":"id","type":"int"},{"name":"v","type":["null","string"]}]}]},)"
    R"({"name":"after","type":["null","srv.Value"]}]})";

std::string event(const std::string& op, const std::string& data) {
  return R"({"id":"name:srv;lsn:7;txId:5;sequence:x","source":"/debezium/postgresql/srv",)"
         R"("specversion":"1.0","type":"io.debezium.connector.postgresql.DataChangeEvent",)"
         R"("time":"2023-11-14T22:13:20.123Z","datacontenttype":"application/json",)"
         R"("iodebeziumop":")" +
         op +
         R"(","iodebeziumversion":"3.6.0.Final","iodebeziumconnector":"postgresql",)"
         R"("iodebeziumname":"srv","iodebeziumtsms":"1700000000123","iodebeziumsnapshot":"false",)"
         R"("iodebeziumdb":"db","iodebeziumsequence":"[\"5\",\"7\"]","iodebeziumtsus":)"
         R"("1700000000123456","iodebeziumschema":"public","iodebeziumtable":"t",)"
         R"("iodebeziumtxId":"9","iodebeziumlsn":"7","iodebeziumxmin":null,"iodebeziumtxid":null,)"
         R"("data":)" +
         data + "}";
}

Decoding with_table() {
  Decoding it;
  it.with_registry = true;
  it.registry.add(3, kData);
  it.tables[{"public", "t"}] = table("public", "t",
                                     {column("id", tidemark::pg_type(TypeKind::int4), true),
                                      column("v", tidemark::pg_type(TypeKind::text))},
                                     {"id"});
  return it;
}

std::string avro_data() {
  return AvroBytes().null().present().number(1).present().text("x").with_id(3);
}

}  // namespace

TEST_CASE("cloud event: data in JSON", "[decode][cloudevents]") {
  Decoding it = with_table();
  const std::string row = R"({"id":1,"v":"x"})";
  CHECK(it.decode(kTopic, kKey, event("c", R"({"before":null,"after":)" + row + "}")) ==
        "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.slab.bytes(it.last().source_position) == "5/7");
  CHECK(it.last().source_time_us == 1700000000123456);
  CHECK(it.decode(kTopic, kKey, event("d", R"({"before":)" + row + R"(,"after":null})")) ==
        "remove public.t key(id=1)");
  CHECK(it.decode(kTopic, kKey, event("t", R"({"before":null,"after":null})")) ==
        "truncate public.t");
  // What comes behind it and is no event of a row is a null, like a tombstone.
  CHECK(it.decode(kTopic, kKey, std::nullopt) == "tombstone public.t key(id=1)");
  it.config.source.format = tidemark::SourceFormat::cloudevents;
  Decoding only = with_table();
  only.config.source.format = tidemark::SourceFormat::cloudevents;
  CHECK(only.decode(kTopic, kKey, event("u", R"({"before":null,"after":)" + row + "}")) ==
        "update public.t key(id=1) row(id=1, v='x')");
}

TEST_CASE("cloud event: data with a schema", "[decode][cloudevents]") {
  Decoding it = with_table();
  it.tables.clear();
  const std::string row =
      R"({"type":"struct","optional":true,"name":"srv.public.t.Value","fields":[)"
      R"({"type":"int32","optional":false,"field":"id"},)"
      R"({"type":"int64","optional":true,"name":"io.debezium.time.Timestamp","field":"v"}],"field":)";
  const std::string schema = R"({"type":"struct","optional":false,"name":)"
                             R"("io.debezium.connector.postgresql.Data","fields":[)" +
                             row + R"("before"},)" + row + R"("after"}]})";
  CHECK(it.decode(kTopic, kKey,
                  event("c", R"({"schema":)" + schema +
                                 R"(,"payload":{"before":null,"after":{"id":1,"v":null}}})")) ==
        "create public.t key(id=1) row(id=1, v=null)");
  CHECK(tidemark::test::text(*it.last().layout->required) ==
        "id integer!, v timestamp(3) without time zone key id");
}

TEST_CASE("cloud event: data in Avro", "[decode][cloudevents]") {
  Decoding it = with_table();
  const std::string json = event("c", '"' + tidemark::base64_encoded(avro_data()) + '"');
  CHECK(it.decode(kTopic, kKey, json) == "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.decode(kTopic, kKey, event("c", R"("%%")")).find("neither JSON nor base64") !=
        std::string::npos);
  CHECK(it.decode(kTopic, kKey, event("c", R"("AAAAAAk=")")).find("no such schema") !=
        std::string::npos);
  Decoding waiting = with_table();
  waiting.registry.known = false;
  CHECK(waiting.decode(kTopic, kKey, json) == "needs answer");
}

TEST_CASE("cloud event: Avro as a whole", "[decode][cloudevents]") {
  Decoding it = with_table();
  std::string fields;
  AvroBytes bytes;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"id", "i"},
           {"source", "/debezium/postgresql/srv"},
           {"specversion", "1.0"},
           {"type", "io.debezium.connector.postgresql.DataChangeEvent"},
           {"iodebeziumop", "r"},
           {"iodebeziumtsms", "1700000000123"},
           {"iodebeziumdb", "db"},
           {"iodebeziumschema", "public"},
           {"iodebeziumtable", "t"},
           {"iodebeziumlsn", "7"}}) {
    fields += R"({"name":")" + name + R"(","type":"string"},)";
    bytes.text(value);
  }
  it.registry.add(4, R"({"type":"record","name":"Any","fields":[)" + fields +
                         R"({"name":"data","type":"bytes"}]})");
  CHECK(it.decode(kTopic, kKey, bytes.text(avro_data()).with_id(4)) ==
        "snapshot public.t key(id=1) row(id=1, v='x')");
  CHECK(it.slab.bytes(it.last().source_position) == "lsn:7");
}

TEST_CASE("cloud event: without what tidemark needs", "[decode][cloudevents]") {
  Decoding it = with_table();
  CHECK(it.decode(kTopic, kKey,
                  R"({"specversion":"1.0","id":"1","source":"/s","type":"t","data":{}})")
            .find("does not say what has happened") != std::string::npos);
  CHECK(it.last_bad().halt);
  CHECK(it.last_bad().hint.find("extension.attributes.enable") != std::string::npos);
  CHECK(it.decode(kTopic, kKey, event("c", "null")).find("has no data") != std::string::npos);
  CHECK(it.decode(kTopic, kKey, event("c", R"({"before":null,"after":null})"))
            .find("no row in \"after\"") != std::string::npos);
}
