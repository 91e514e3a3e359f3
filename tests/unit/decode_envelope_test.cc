// What a record is: changes of every kind, what is skipped and what is refused; the source's
// position.
#include <string>

#include "support/catch.h"
#include "support/decoding.h"

namespace tidemark::test {

namespace {

const std::string kTopic = "srv.public.t";

Decoding with_table() {
  Decoding it;
  it.tables[{"public", "t"}] = table(
      "public", "t",
      {column("id", pg_type(TypeKind::int4), true), column("v", pg_type(TypeKind::text))}, {"id"});
  return it;
}

std::string position(const std::string& source_block) {
  Decoding it = with_table();
  const std::string value =
      R"({"op":"c","before":null,"after":{"id":1},"source":)" + source_block + "}";
  const Event* event = it.feed(kTopic, R"({"id":1})", value);
  REQUIRE(event != nullptr);
  INFO(it.text(*event));
  REQUIRE(event->op == Op::create);
  return std::string(it.slab.bytes(event->source_position));
}

}  // namespace

TEST_CASE("envelope: every op", "[decode][envelope]") {
  Decoding it = with_table();
  const std::string key = R"({"id":1})";
  const std::string row = R"({"id":1,"v":"x"})";
  CHECK(it.decode(kTopic, key, envelope("r", "null", row)) ==
        "snapshot public.t key(id=1) row(id=1, v='x')");
  CHECK(it.last().source_time_us == 1700000000123456);
  CHECK(it.slab.bytes(it.last().source_position) == "5/7");
  CHECK(it.decode(kTopic, key, envelope("c", "null", row)) ==
        "create public.t key(id=1) row(id=1, v='x')");
  CHECK(it.decode(kTopic, key, envelope("u", "null", row)) ==
        "update public.t key(id=1) row(id=1, v='x')");
  CHECK(it.decode(kTopic, key, envelope("d", row, "null")) == "remove public.t key(id=1)");
  CHECK(it.decode(kTopic, key, std::nullopt) == "tombstone public.t key(id=1)");
  CHECK(it.decode(kTopic, std::nullopt, envelope("t", "null", "null")) == "truncate public.t");
  CHECK(it.decode(kTopic, key, envelope("m", "null", "null")) == "skip logical_message");
  CHECK(it.slab.layouts.size() == 1);
  CHECK(it.slab.events[0].offset.value == 0);
  CHECK(it.slab.events[1].fingerprint != it.slab.events[2].fingerprint);
}

TEST_CASE("envelope: an unknown op stops the partition", "[decode][envelope]") {
  Decoding it = with_table();
  for (const char* op : {"x", "", "cc", "C"}) {
    CHECK(it.decode(kTopic, R"({"id":1})", envelope(op, "null", R"({"id":1})")) ==
          "bad: the record has an unknown op");
    CHECK(it.last_bad().halt);
  }
}

TEST_CASE("envelope: the order of its members does not matter", "[decode][envelope]") {
  Decoding it = with_table();
  const std::string expected = "create public.t key(id=1) row(id=1, v='x')";
  const std::string after = R"("after":{"v":"x","id":1})";
  for (int round = 0; round < 2; ++round) {
    CHECK(it.decode(kTopic, R"({"id":1})",
                    "{" + after + R"(,"op":"c","source":)" + source() + "}") == expected);
    CHECK(it.decode(kTopic, R"({"id":1})",
                    R"({"source":)" + source() + R"(,"op":"c",)" + after +
                        R"(,"ts_ms":5,"extra":{"a":[1]}})") == expected);
    CHECK(it.decode(kTopic, R"( { "id" : 1 } )",
                    "\xEF\xBB\xBF { \"op\" : \"c\" , " + after + ", \"source\" : " + source() +
                        " } ") == expected);
  }
}

TEST_CASE("envelope: one topic may carry several tables", "[decode][envelope]") {
  Decoding it;
  for (const char* name : {"a", "b"}) {
    it.tables[{"public", name}] =
        table("public", name,
              {column("id", pg_type(TypeKind::int4), true), column(name, pg_type(TypeKind::text))},
              {"id"});
  }
  for (int round = 0; round < 3; ++round) {
    CHECK(it.decode("all", R"({"id":1})", envelope("c", "null", R"({"id":1,"a":"x"})", "a")) ==
          "create public.a key(id=1) row(id=1, a='x')");
    CHECK(it.decode("all", R"({"id":1})", envelope("c", "null", R"({"id":1,"b":"y"})", "b")) ==
          "create public.b key(id=1) row(id=1, b='y')");
  }
  // A tombstone belongs to the delete in front of it; without one nobody can tell.
  CHECK(it.decode("all", R"({"id":1})", envelope("d", R"({"id":1,"a":null})", "null", "a")) ==
        "remove public.a key(id=1)");
  CHECK(it.decode("all", R"({"id":1})", std::nullopt) == "tombstone public.a key(id=1)");
  CHECK(it.decode("all", R"({"id":2})", std::nullopt) == "skip excluded");
  it.partition = 1;
  CHECK(it.decode("all", R"({"id":1})", std::nullopt) == "skip excluded");
}

TEST_CASE("envelope: tombstones in three forms", "[decode][envelope]") {
  Decoding it = with_table();
  it.feed(kTopic, R"({"id":1})", envelope("c", "null", R"({"id":1})"));
  const std::string expected = "tombstone public.t key(id=1)";
  CHECK(it.decode(kTopic, R"({"id":1})", std::nullopt) == expected);
  CHECK(it.decode(kTopic, R"({"id":1})", "null") == expected);
  CHECK(it.decode(kTopic, R"({"id":1})",
                  with_schema(R"({"type":"int32","optional":false,"field":"id"})", "null")) ==
        expected);
  CHECK(it.decode(kTopic, R"({"id":1})", R"({"schema":null,"payload":null})") == expected);
  CHECK(it.decode(kTopic, std::nullopt, std::nullopt) == "skip keyless_tombstone");
  CHECK(it.decode(kTopic, "null", std::nullopt) == "skip keyless_tombstone");
}

TEST_CASE("envelope: a tombstone may be the first record of its topic", "[decode][envelope]") {
  Decoding it = with_table();
  CHECK(it.decode(kTopic, R"({"id":1})", std::nullopt) == "tombstone public.t key(id=1)");
  // What it leaves for the other half of a key change must be the whole row.
  CHECK(it.last().layout->columns.size() == 2);
  CHECK(it.decode("srv.public.unknown", R"({"id":1})", std::nullopt) == "skip excluded");
  CHECK(it.decode("nodots", R"({"id":1})", std::nullopt) == "skip excluded");
  CHECK(it.decode("srv.pg_catalog.t", R"({"id":1})", std::nullopt) == "skip excluded");
}

TEST_CASE("envelope: deletes and truncates may be switched off", "[decode][envelope]") {
  Decoding it = with_table();
  it.config.target.delete_enabled = false;
  it.config.target.truncate_enabled = false;
  CHECK(it.decode(kTopic, R"({"id":1})", envelope("d", R"({"id":1})", "null")) ==
        "skip delete_disabled");
  CHECK(it.decode(kTopic, R"({"id":1})", std::nullopt) == "skip delete_disabled");
  CHECK(it.decode(kTopic, std::nullopt, envelope("t", "null", "null")) == "skip truncate_disabled");
}

TEST_CASE("envelope: a truncate has no order across partitions", "[decode][envelope]") {
  Decoding it = with_table();
  it.partitions = 4;
  const std::string text = it.decode(kTopic, std::nullopt, envelope("t", "null", "null"));
  CHECK(text.find("there is no order") != std::string::npos);
  CHECK(it.last_bad().halt);
  CHECK(it.last_bad().hint.find("truncate = false") != std::string::npos);
  CHECK(it.last_bad().table == "public.t");
}

TEST_CASE("envelope: a truncate of a table that is not there does nothing", "[decode][envelope]") {
  Decoding it;
  CHECK(it.decode(kTopic, std::nullopt, envelope("t", "null", "null")) == "skip excluded");
}

TEST_CASE("envelope: records that say nothing about rows", "[decode][envelope]") {
  Decoding it = with_table();
  const auto named = [](const std::string& name) {
    return R"({"schema":{"type":"struct","fields":[],"name":")" + name +
           R"("},"payload":{"ts_ms":1}})";
  };
  const std::string connector = "io.debezium.connector.";
  CHECK(it.decode("__debezium-heartbeat.srv", "x", "anything") == "skip heartbeat");
  CHECK(it.decode("beat", "{}", named(connector + "common.Heartbeat")) == "skip heartbeat");
  CHECK(it.decode("beat", R"({"serverName":"srv"})", R"({"ts_ms":1})") == "skip heartbeat");
  CHECK(it.decode("tx", "{}", named(connector + "common.TransactionMetadataValue")) ==
        "skip transaction_marker");
  CHECK(it.decode("srv.transaction", R"({"id":"5"})",
                  R"({"status":"END","id":"5","event_count":1,"data_collections":[],"ts_ms":1})") ==
        "skip transaction_marker");
  CHECK(it.decode("srv", "{}", named(connector + "mysql.SchemaChangeValue")) ==
        "skip schema_change");
  CHECK(
      it.decode(
          "srv", R"({"databaseName":"d"})",
          R"({"source":{"db":"d"},"ts_ms":1,"databaseName":"d","schemaName":null,"ddl":"x","tableChanges":[]})") ==
      "skip schema_change");
  CHECK(it.decode("n", "{}", named(connector + "common.Notification")) == "skip notification");
  CHECK(it.decode(
            "n", std::nullopt,
            R"({"id":"1","type":"a","aggregate_type":"b","additional_data":{},"timestamp":1})") ==
        "skip notification");
  CHECK(it.decode("srv.message", "{}", named(connector + "postgresql.MessageValue")) ==
        "skip logical_message");
}

TEST_CASE("envelope: what needs more than the record says so", "[decode][envelope]") {
  Decoding it = with_table();
  CHECK(it.decode(kTopic, "1", std::string("\0\0\0\0\1abc", 8)).find("registry-url") !=
        std::string::npos);
  CHECK(
      it.decode(kTopic, "1", R"({"specversion":"1.0","id":"1","source":"/s","type":"t","data":{}})")
          .find("CloudEvent") != std::string::npos);
}

TEST_CASE("envelope: positions of the source", "[decode][envelope]") {
  const std::string table = R"("db":"d","schema":"public","table":"t")";
  CHECK(position("{" + table + R"(,"lsn":24,"sequence":"[\"23\",\"24\"]"})") == "23/24");
  CHECK(position("{" + table + R"(,"lsn":24,"sequence":"[null,\"24\"]"})") == "0/24");
  CHECK(position("{" + table + R"(,"sequence":"[ \"23\" , \"24\" ]","lsn":24})") == "23/24");
  CHECK(position("{" + table + R"(,"lsn":24})") == "lsn:24");
  CHECK(position("{" + table + R"(,"lsn":24,"sequence":null})") == "lsn:24");
  CHECK(position("{" + table + R"(,"lsn":24,"sequence":"garbage"})") == "lsn:24");
  CHECK(position("{" + table + R"(,"lsn":null,"sequence":"[\"23\",null]"})").empty());
  CHECK(position("{" + table + "}").empty());
  CHECK(position(R"({"db":"public","table":"t","file":"bin.000003","pos":154,"row":2})") ==
        "bin.000003:154:2");
  const std::string row = R"(,"file":"bin.000017","pos":154,"row":2,"server_id":9)";
  CHECK(position("{" + table + row + R"(,"gtid":null})") == "17/154/2+0=.9");
  CHECK(position("{" + table + row + R"(,"gtid":"0-9-451"})") == "17/154/2+451=0-9.9");
  CHECK(position("{" + table + row + R"(,"gtid":"3E11FA47-71CA-11E1-9E33-C80AA9429562:023"})") ==
        "17/154/2+23=3E11FA47-71CA-11E1-9E33-C80AA9429562.9");
  CHECK(position("{" + table + row + R"(,"gtid":"a@b:23"})") == "bin.000017:154:2");
  CHECK(position("{" + table + row + R"(,"snapshot":"incremental"})").empty());
  CHECK(position("{" + table +
                 R"(,"change_lsn":"0a:0b:01","commit_lsn":"0a:0c:02","event_serial_no":1})") ==
        "0a:0c:02:0a:0b:01:1");
  CHECK(position("{" + table + R"(,"change_lsn":null,"commit_lsn":null,"event_serial_no":null})")
            .empty());
  CHECK(position("{" + table + R"(,"scn":"12","commit_scn":"13","txId":"ab","txSeq":4})") ==
        "13:12:ab:4");
}

TEST_CASE("envelope: MySQL's database is its schema", "[decode][envelope]") {
  Decoding it;
  it.tables[{"inventory", "t"}] =
      table("inventory", "t", {column("id", pg_type(TypeKind::int4), true)}, {"id"});
  CHECK(
      it.decode(
          "srv.inventory.t", R"({"id":1})",
          R"({"before":null,"after":{"id":1},"source":{"db":"inventory","table":"t"},"op":"c"})") ==
      "create inventory.t key(id=1) row(id=1)");
  CHECK(it.last().layout->source_table == "inventory.t");
}

TEST_CASE("envelope: flattened rows", "[decode][envelope]") {
  Decoding it = with_table();
  const auto row = [](const std::string& rest) { return R"({"id":1,"v":"x")" + rest + "}"; };
  const std::string key = R"({"id":1})";
  const std::string image = " public.t key(id=1) row(id=1, v='x')";
  CHECK(it.decode(kTopic, key, row("")) == "create" + image);
  CHECK(it.decode(kTopic, key, row(R"(,"__op":"r","__deleted":"false")")) == "snapshot" + image);
  CHECK(it.decode(kTopic, key, row(R"(,"__op":"u","__table":"t","__unknown":{"a":1})")) ==
        "update" + image);
  CHECK(it.decode(kTopic, key, row(R"(,"__op":"c","__lsn":77,"__source_ts_ms":1700)")) ==
        "create" + image);
  CHECK(it.last().source_time_us == 1700000);
  CHECK(it.slab.bytes(it.last().source_position) == "lsn:77");
  CHECK(it.decode(kTopic, key, row(R"(,"__deleted":"true","__op":"d")")) ==
        "remove public.t key(id=1)");
  CHECK(it.decode(kTopic, key, row(R"(,"__deleted":true)")) == "remove public.t key(id=1)");
  CHECK(it.decode(kTopic, key, std::nullopt) == "tombstone public.t key(id=1)");
  CHECK(it.decode(kTopic, key, "null") == "tombstone public.t key(id=1)");
  CHECK(it.decode(kTopic, key, row(R"(,"__op":"z")")) ==
        "bad: the record has an unknown op in its metadata");
  CHECK(it.last_bad().halt);
  CHECK(it.slab.layouts.size() == 1);
}

TEST_CASE("envelope: a flattened row may have columns named as an envelope's members",
          "[decode][envelope]") {
  Decoding it;
  const PgType text = pg_type(TypeKind::text);
  it.tables[{"public", "t"}] = table(
      "public", "t",
      {column("id", pg_type(TypeKind::int4), true), column("op", text), column("source", text)},
      {"id"});
  CHECK(it.decode(kTopic, R"({"id":1})", R"({"id":1,"op":"c","source":"shop"})") ==
        "create public.t key(id=1) row(id=1, op='c', source='shop')");
  CHECK(it.decode(kTopic, R"({"id":1})", R"({"id":1,"op":"t","source":null})") ==
        "create public.t key(id=1) row(id=1, op='t', source=null)");
  // A logical message passes the transform unchanged.
  CHECK(it.decode(kTopic, "null", R"({"op":"m","source":{"table":""},"message":{}})") ==
        "skip logical_message");
  CHECK(it.decode("nodots", R"({"id":1})", R"({"id":1})").find("names no table") !=
        std::string::npos);
}

TEST_CASE("envelope: flattened rows with a schema", "[decode][envelope]") {
  Decoding it;
  const std::string schema =
      R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},)"
      R"({"type":"string","optional":true,"field":"op"},{"type":"string","optional":true,"field":"__deleted"}],)"
      R"("optional":false,"name":"srv.public.t.Value"},"payload":)";
  const std::string key =
      key_with_schema(R"({"type":"int32","optional":false,"field":"id"})", R"({"id":1})");
  CHECK(it.decode(kTopic, key, schema + R"({"id":1,"op":"x","__deleted":"false"}})") ==
        "create public.t key(id=1) row(id=1, op='x')");
  CHECK(text(*it.last().layout->required) == "id integer!, op text key id");
  CHECK(it.decode(kTopic, key, schema + R"({"id":1,"op":null,"__deleted":"true"}})") ==
        "remove public.t key(id=1)");
  CHECK(it.decode(kTopic, key, schema + "null}") == "tombstone public.t key(id=1)");
}

}  // namespace tidemark::test
