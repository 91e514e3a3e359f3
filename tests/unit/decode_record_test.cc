// Keys, key changes, tables without a key, and records that must be refused: each with the field,
// what to do, and never the value.
#include <map>
#include <random>
#include <string>

#include "decode/topic.h"
#include "support/catch.h"
#include "support/decoding.h"

namespace tidemark::test {

namespace {

const std::string kTopic = "srv.public.t";
const std::string kKey = R"({"id":1})";

Decoding with_table(std::vector<std::string> key = {"id"}) {
  Decoding it;
  const bool keyed = !key.empty();
  it.tables[{"public", "t"}] =
      table("public", "t",
            {column("id", pg_type(TypeKind::int4), keyed), column("v", pg_type(TypeKind::text))},
            std::move(key));
  return it;
}

std::string bad(Decoding& it, const std::optional<std::string>& key,
                const std::optional<std::string>& value) {
  const std::size_t bytes = it.slab.arena.size();
  const std::string text = it.decode(kTopic, key, value);
  if (text.rfind("bad: ", 0) != 0) return "not bad: " + text;
  if (it.last().key.length == 0 && it.slab.arena.size() != bytes) return "bytes left behind";
  CHECK_FALSE(it.last_bad().hint.empty());
  return text.substr(5);
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("record: key changes by headers", "[decode][record]") {
  Decoding it = with_table();
  const Headers to{{"__debezium.context.x", "y"}, {"__debezium.newkey", R"({"id":2})"}};
  CHECK(it.decode(kTopic, kKey, envelope("d", R"({"id":1,"v":null})", "null"), to) ==
        "remove public.t key(id=1) other(id=2)");
  CHECK(it.decode(kTopic, kKey, std::nullopt, to) == "tombstone public.t key(id=1) other(id=2)");
  CHECK(it.slab.bytes(it.last().source_position).empty());
  CHECK(it.decode(kTopic, R"({"id":2})",
                  envelope("c", "null", R"({"id":2,"v":"__debezium_unavailable_value"})"),
                  {{"__debezium.oldkey", R"({"id":1})"}}) ==
        "create public.t key(id=2) other(id=1) row(id=2, v=?)");
  CHECK(it.last().has_unavailable);
  // JsonConverter for headers, with a schema; a header that says nothing new; one without a value.
  CHECK(it.decode(kTopic, R"({"id":2})", R"({"id":2,"v":"f","__op":"c"})",
                  {{"__debezium.oldkey",
                    key_with_schema(R"({"type":"int32","optional":false,"field":"id"})", kKey)}}) ==
        "create public.t key(id=2) other(id=1) row(id=2, v='f')");
  CHECK(it.decode(kTopic, kKey, std::nullopt, {{"__debezium.newkey", kKey}}) ==
        "tombstone public.t key(id=1)");
  CHECK(it.decode(kTopic, kKey, std::nullopt,
                  {{"__debezium.newkey", std::nullopt}, {"other", "\xff"}}) ==
        "tombstone public.t key(id=1)");
  // Only the headers that belong to the kind of event count.
  CHECK(it.decode(kTopic, kKey, envelope("u", "null", R"({"id":1,"v":"x"})"), to) ==
        "update public.t key(id=1) row(id=1, v='x')");
  CHECK(it.slab.layouts.size() == 1);
}

// A topic of one partition: far from where reading began, and from any delete half.
TEST_CASE("record: creates are asked for their headers where a delete half may be",
          "[decode][record]") {
  Decoding it = with_table();
  const Headers from{{"__debezium.oldkey", R"({"id":1})"}};
  const auto create = [&](const std::string& value = "f") {
    it.slab = Slab{};
    return it.decode(kTopic, R"({"id":2})",
                     envelope("c", "null", R"({"id":2,"v":")" + value + "\"}"), from);
  };
  const std::string half = "create public.t key(id=2) other(id=1) row(id=2, v='f')";
  const auto go_far = [&] {
    for (std::uint32_t i = 0; i < Topic::kHalvesNear; ++i) REQUIRE(create() == half);
    CHECK(create() == "create public.t key(id=2) row(id=2, v='f')");
  };
  go_far();
  // One that lacks a column cannot do without the other half.
  CHECK(create("__debezium_unavailable_value") ==
        "create public.t key(id=2) other(id=1) row(id=2, v=?)");
  it.decode(kTopic, kKey, envelope("d", R"({"id":1,"v":null})", "null"),
            {{"__debezium.newkey", R"({"id":2})"}});
  go_far();
  it.decode(kTopic, kKey, std::nullopt, {{"__debezium.newkey", R"({"id":2})"}});
  go_far();
  it.decoder().note_restart();
  go_far();
  it.decoder().forget_partitions();
  go_far();
  it.partitions = 2;
  CHECK(create() == half);
}

// The old row stays, and what the new one lacks is copied from it.
TEST_CASE("record: a delete half that is not applied tells that its create half is near",
          "[decode][record]") {
  Decoding it = with_table();
  it.config.target.delete_enabled = false;
  const auto create = [&] {
    it.slab = Slab{};
    return it.decode(kTopic, R"({"id":2})", envelope("c", "null", R"({"id":2,"v":"f"})"),
                     {{"__debezium.oldkey", R"({"id":1})"}});
  };
  for (std::uint32_t i = 0; i <= Topic::kHalvesNear; ++i) create();
  CHECK(create() == "create public.t key(id=2) row(id=2, v='f')");
  it.decode(kTopic, kKey, envelope("d", R"({"id":1,"v":null})", "null"),
            {{"__debezium.newkey", R"({"id":2})"}});
  CHECK(create() == "create public.t key(id=2) other(id=1) row(id=2, v='f')");
}

TEST_CASE("record: text keys in headers hold control characters as they are", "[decode][record]") {
  Decoding it;
  it.tables[{"public", "t"}] =
      table("public", "t", {column("k", pg_type(TypeKind::text), true)}, {"k"});
  CHECK(it.decode(kTopic, R"({"k":"b"})", envelope("c", "null", R"({"k":"b"})"),
                  {{"__debezium.oldkey", "{\"k\":\"a\nq\\\"\\\\é\"}"}}) ==
        "create public.t key(k='b') other(k='a\nq\"\\é') row(k='b')");
}

TEST_CASE("record: a header that cannot be read is refused", "[decode][record]") {
  Decoding it = with_table();
  for (const char* header : {"Struct{id=1}", "{\"id\":1", "{\"other\":1}", "{}", "[1]", "5"}) {
    INFO(header);
    CHECK(has(it.decode(kTopic, kKey, std::nullopt, {{"__debezium.newkey", header}}), "bad: "));
    CHECK(has(it.last_bad().message, "__debezium.newkey"));
  }
}

TEST_CASE("record: key and row must agree", "[decode][record]") {
  Decoding it = with_table();
  CHECK(
      has(bad(it, kKey, envelope("c", "null", R"({"id":2,"v":"x"})")), "another value in the row"));
  CHECK(has(bad(it, R"({"id":null})", envelope("c", "null", R"({"id":1})")), "is null"));
  CHECK(has(bad(it, kKey, envelope("c", "null", R"({"id":null})")), "another value in the row"));
  CHECK(it.decode(kTopic, kKey, envelope("c", "null", R"({"v":"x"})")) ==
        "create public.t key(id=1) row(id=1, v='x')");
}

TEST_CASE("record: the order of a composite key is the primary key's", "[decode][record]") {
  Decoding it;
  const PgType integer = pg_type(TypeKind::int4);
  it.tables[{"public", "t"}] =
      table("public", "t", {column("a", integer, true), column("b", integer, true)}, {"a", "b"});
  CHECK(it.decode(kTopic, R"({"b":2,"a":1})", envelope("c", "null", R"({"a":1,"b":2})")) ==
        "create public.t key(a=1, b=2) row(a=1, b=2)");
  CHECK(it.decode(kTopic, R"({"a":1,"b":2})", envelope("c", "null", R"({"a":1,"b":2})")) ==
        "create public.t key(a=1, b=2) row(a=1, b=2)");
  CHECK(has(bad(it, R"({"a":1,"a":1,"b":2})", envelope("c", "null", R"({"a":1,"b":2})")), "twice"));
}

TEST_CASE("record: a table with a key needs one", "[decode][record]") {
  Decoding it = with_table();
  for (const auto& key : {std::optional<std::string>(), std::optional<std::string>("null"),
                          std::optional<std::string>("{}")}) {
    CHECK(has(bad(it, key, envelope("c", "null", R"({"id":1})")), "the record has no key"));
  }
  for (const char* key : {"", "1", "\"a\"", "[1]", "{\"id\":1", "{\"id\":1}x", "Struct{id=1}"}) {
    INFO(key);
    CHECK(has(bad(it, key, envelope("c", "null", R"({"id":1})")), "key"));
  }
  CHECK(it.decode(kTopic, R"({"id":1,"__dbz__physicalTableIdentifier":"x"})",
                  envelope("c", "null", R"({"id":1})")) == "create public.t key(id=1) row(id=1)");
}

TEST_CASE("record: rows with and without a key do not mix in one table", "[decode][record]") {
  Decoding it = with_table({});
  CHECK(it.decode(kTopic, kKey, envelope("c", "null", R"({"id":1})")) ==
        "create public.t key(id=1) row(id=1)");
  CHECK(has(bad(it, std::nullopt, envelope("c", "null", R"({"id":1})")), "the record has no key"));
}

TEST_CASE("record: many tables in one topic and in one slab", "[decode][record]") {
  Decoding it;
  it.config.target.schema_inference = true;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string name = "t" + std::to_string(i);
      CHECK(has(it.decode("all", kKey, envelope("c", "null", R"({"id":1})", name)),
                "create public." + name + " key"));
    }
  }
  CHECK(it.slab.layouts.size() == 200);
  it.slab = Slab{};
  it.decode("all", kKey, envelope("c", "null", R"({"id":1})", "t7"));
  CHECK(it.slab.layouts.size() == 1);
}

TEST_CASE("record: a configured key", "[decode][record]") {
  Decoding it = with_table({});
  it.config.tables["public.t"].key = {"v"};
  CHECK(it.decode(kTopic, kKey, envelope("c", "null", R"({"id":1,"v":"x"})")) ==
        "create public.t key(v='x') row(id=1, v='x')");
  CHECK(it.decode(kTopic, "not json", envelope("c", "null", R"({"id":1,"v":"x"})")) ==
        "create public.t key(v='x') row(id=1, v='x')");
  CHECK(it.decode(kTopic, kKey, envelope("d", R"({"id":1,"v":"x"})", "null")) ==
        "remove public.t key(v='x')");
  CHECK(has(bad(it, kKey, envelope("d", "null", "null")), "does not say which"));
  CHECK(has(bad(it, kKey, envelope("u", R"({"id":1,"v":"x"})", R"({"id":1,"v":"y"})")),
            "changes the configured key"));
  CHECK(it.decode(kTopic, kKey, envelope("u", R"({"id":1,"v":"x"})", R"({"id":2,"v":"x"})")) ==
        "update public.t key(v='x') row(id=2, v='x')");
  CHECK(has(bad(it, kKey, envelope("c", "null", R"({"id":1,"v":null})")), "is null"));
  CHECK(it.decode(kTopic, kKey, std::nullopt) == "skip keyless_tombstone");
  it.config.tables["public.u"].key = {"nope"};
  CHECK(it.decode(kTopic, R"({"v":"x"})", std::nullopt) == "tombstone public.t key(v='x')");
}

TEST_CASE("record: tables without a key", "[decode][record]") {
  Decoding it = with_table({});
  CHECK(it.decode(kTopic, std::nullopt, envelope("d", R"({"id":1,"v":"x"})", "null")) ==
        "remove public.t before(id=1, v='x')");
  CHECK(it.decode(kTopic, std::nullopt, envelope("c", "null", R"({"id":1,"v":"x"})")) ==
        "create public.t row(id=1, v='x')");
  CHECK(it.decode(kTopic, std::nullopt,
                  envelope("u", R"({"id":1,"v":"x"})", R"({"id":1,"v":"y"})")) ==
        "update public.t row(id=1, v='y') before(id=1, v='x')");
  CHECK(it.decode(kTopic, std::nullopt,
                  envelope("u", R"({"id":1,"v":"x"})",
                           R"({"id":2,"v":"__debezium_unavailable_value"})")) ==
        "update public.t row(id=2, v='x') before(id=1, v='x')");
  CHECK_FALSE(it.last().has_unavailable);
  for (const char* op : {"u", "d"}) {
    CHECK(has(bad(it, std::nullopt, envelope(op, "null", R"({"id":1,"v":"y"})")),
              "before the change"));
    CHECK(has(it.last_bad().hint, "REPLICA IDENTITY FULL"));
  }
  CHECK(it.decode(kTopic, std::nullopt, std::nullopt) == "skip keyless_tombstone");
  CHECK(it.decode(kTopic, std::nullopt, envelope("t", "null", "null")) == "truncate public.t");
  CHECK(it.slab.layouts.size() == 1);
}

TEST_CASE("record: flattened rows of tables without a key", "[decode][record]") {
  Decoding it = with_table({});
  CHECK(it.decode(kTopic, std::nullopt, R"({"id":1,"v":"x","__op":"c"})") ==
        "create public.t row(id=1, v='x')");
  CHECK(it.decode(kTopic, std::nullopt, R"({"id":1,"v":"x","__op":"d","__deleted":"true"})") ==
        "remove public.t before(id=1, v='x')");
  CHECK(has(bad(it, std::nullopt, R"({"id":1,"v":"x","__op":"u"})"), "before the change"));
  CHECK(has(bad(it, std::nullopt, R"({"id":1,"v":"x"})"), "does not say whether it is new"));
}

TEST_CASE("record: a member that is missing is not a null", "[decode][record]") {
  Decoding it = with_table();
  CHECK(it.decode(kTopic, kKey, envelope("u", "null", R"({"id":1,"v":null})")) ==
        "update public.t key(id=1) row(id=1, v=null)");
  CHECK_FALSE(it.last().has_absent);
  CHECK(it.decode(kTopic, kKey, envelope("u", "null", R"({"id":1})")) ==
        "update public.t key(id=1) row(id=1, v=-)");
  CHECK(it.last().has_absent);
}

TEST_CASE("record: bad values", "[decode][record]") {
  Decoding it = with_table();
  const std::string good = envelope("c", "null", R"({"id":1,"v":"secret"})");
  REQUIRE(it.decode(kTopic, kKey, good) == "create public.t key(id=1) row(id=1, v='secret')");
  CHECK(has(bad(it, kKey, ""), "empty"));
  CHECK(has(bad(it, kKey, good + "x"), "goes on behind its end"));
  CHECK(has(bad(it, kKey, good + good), "goes on behind its end"));
  for (std::size_t cut = 1; cut < good.size(); cut += 7) {
    CHECK(has(bad(it, kKey, good.substr(0, good.size() - cut)), "is not JSON"));
  }
  CHECK(has(bad(it, kKey, "[1]"), "not an object"));
  CHECK(has(bad(it, kKey, "\"text\""), "not an object"));
  CHECK(has(bad(it, kKey, envelope("c", "null", "null")), "no row in \"after\""));
  CHECK(has(bad(it, kKey, envelope("c", "null", R"("{\"_id\":1}")")), "no row in \"after\""));
  CHECK(has(bad(it, kKey, envelope("c", "null", R"({"id":1,"id":1})")), "\"id\" is there twice"));
  CHECK(has(bad(it, kKey, R"({"op":"c","op":"d",)" + good.substr(1)), "\"op\" is there twice"));
  CHECK(has(bad(it, kKey, envelope("c", "null", "{\"id\":1,\"v\":\"\xff\"}")), "not UTF-8"));
  CHECK(has(bad(it, kKey, envelope("c", "null", R"({"id":1,"v":"\ud800"})")), "surrogate"));
  CHECK(has(bad(it, kKey, R"({"op":"c","after":{"id":1},"source":{}})"), "names no table"));
  CHECK(has(bad(it, kKey,
                envelope("c", "null",
                         "{\"id\":1,\"v\":" + std::string(600, '[') + std::string(600, ']') + "}")),
            "nested too deeply"));
  // The decoder goes on as if nothing had been.
  CHECK(it.decode(kTopic, kKey, good) == "create public.t key(id=1) row(id=1, v='secret')");
  CHECK(it.slab.layouts.size() == 1);
}

TEST_CASE("record: Apicurio's JSON with the id of a schema stops, and is no row",
          "[decode][record]") {
  Decoding it = with_table();
  const std::string value = envelope("c", "null", R"({"id":1,"v":"x"})");
  const std::string key = R"({"schemaId":10,"payload":{"id":1}})";
  CHECK(has(bad(it, key, R"({"schemaId":11,"payload":)" + value + "}"), "ExtJsonConverter"));
  CHECK(it.last_bad().halt);
  CHECK(has(bad(it, key, value), "ExtJsonConverter"));
  CHECK(has(it.last_bad().hint, "AvroConverter"));
  // A flattened row may have such columns.
  Decoding columns;
  columns.tables[{"public", "t"}] = table("public", "t",
                                          {column("schemaId", pg_type(TypeKind::int4), true),
                                           column("payload", pg_type(TypeKind::text))},
                                          {"schemaId"});
  CHECK(columns.decode(kTopic, R"({"schemaId":11})", R"({"schemaId":11,"payload":"x"})") ==
        "create public.t key(schemaId=11) row(schemaId=11, payload='x')");
}

TEST_CASE("record: a message names the column and not the value", "[decode][record]") {
  Decoding it = with_table();
  it.config.target.schema_evolution = SchemaEvolution::validate;
  const std::string text =
      bad(it, R"({"id":99999999999})", envelope("c", "null", R"({"id":99999999999})"));
  CHECK(has(text, "column public.t.id (integer)"));
  CHECK_FALSE(has(text + it.last_bad().hint, "99999999999"));
  CHECK(it.last_bad().table == "public.t");
  CHECK(it.last().layout == nullptr);
}

TEST_CASE("record: a value that cannot be read leaves its key", "[decode][record]") {
  Decoding it = with_table();
  it.config.target.delete_enabled = false;  // of no interest: it is no delete
  const std::string one("\0\0\0\4\0\0\0\1", 8);
  const auto key_of = [&](const std::optional<std::string>& key, const std::string& value) {
    bad(it, key, value);
    const Event& event = it.last();
    if (event.layout == nullptr) return std::string("none");
    CHECK(event.row.length + event.before.length + event.source_position.length == 0);
    CHECK(it.last_bad().table == "public.t");
    return std::string(it.slab.bytes(event.key));
  };
  // Before any other record has come, by the topic's name.
  CHECK(key_of(kKey, "") == one);
  REQUIRE(it.decode(kTopic, kKey, envelope("c", "null", R"({"id":1,"v":"x"})")) ==
          "create public.t key(id=1) row(id=1, v='x')");
  const std::string good = envelope("u", "null", R"({"id":1,"v":"x"})");
  for (std::size_t cut = 1; cut < good.size(); cut += 11) {
    CHECK(key_of(kKey, good.substr(0, good.size() - cut)) == one);
  }
  CHECK(key_of(kKey, "{\"\xff\"") == one);
  // Where the key is bad too, or says nothing, or there is no such table.
  CHECK(key_of("{", "{") == "none");
  CHECK(key_of(R"({"id":"x"})", "{") == "none");
  CHECK(key_of(std::nullopt, "{") == "none");
  bad(it, kKey, R"({"op":"x"})");
  CHECK(it.decode("srv.public.other", kKey, "{").rfind("bad: ", 0) == 0);
  CHECK(it.last().layout == nullptr);
}

TEST_CASE("record: a bad row keeps its key, so that the key can be held", "[decode][record]") {
  Decoding it;
  it.tables[{"public", "t"}] = table(
      "public", "t",
      {column("id", pg_type(TypeKind::int4), true), column("d", pg_type(TypeKind::date))}, {"id"});
  CHECK(has(bad(it, kKey, envelope("c", "null", R"({"id":1,"d":"not a date"})")),
            "column public.t.d (date)"));
  REQUIRE(it.last().layout != nullptr);
  CHECK(it.slab.bytes(it.last().key) == std::string_view("\0\0\0\4\0\0\0\1", 8));
  CHECK(it.last().row.length == 0);
}

TEST_CASE("record: size and depth have limits", "[decode][record]") {
  Decoding it = with_table();
  it.config.source.record_bytes_max = 200;
  it.config.source.record_depth_max = 4;
  CHECK(has(bad(it, kKey, envelope("c", "null", R"({"id":1})")), "record-max-bytes is 200"));
  CHECK(has(bad(it, kKey, R"({"after":[[[[1]]]]})"), "nested too deeply"));
}

TEST_CASE("record: many different fields, tables and keys do not make it grow for ever",
          "[decode][record]") {
  Decoding it = with_table();
  it.config.target.schema_evolution = SchemaEvolution::none;
  std::string row = R"({"id":1)";
  for (int i = 0; i < 5000; ++i) row += ",\"f" + std::to_string(i) + "\":1";
  CHECK(has(bad(it, kKey, envelope("c", "null", row + "}")), "different fields"));
  CHECK(it.decode(kTopic, kKey, envelope("c", "null", R"({"id":1})")) ==
        "create public.t key(id=1) row(id=1)");
  for (int i = 0; i < 500; ++i) {
    const std::string name = "k" + std::to_string(i);
    it.decode(kTopic, "{\"id\":1,\"" + name + "\":1}", envelope("c", "null", R"({"id":1})"));
  }
  for (int i = 0; i < 500; ++i) {
    std::string block = source();
    block.insert(1, "\"x" + std::to_string(i) + "\":1,");
    CHECK(it.decode(kTopic, kKey, R"({"op":"c","after":{"id":1},"source":)" + block + "}") ==
          "create public.t key(id=1) row(id=1)");
  }
}

TEST_CASE("record: the catalog may not be known yet", "[decode][record]") {
  Decoding it = with_table();
  it.catalog_known = false;
  const std::string value = envelope("c", "null", R"({"id":1,"v":"x"})");
  CHECK(it.decode(kTopic, kKey, value) == "needs answer");
  CHECK(it.decode(kTopic, kKey, std::nullopt) == "needs answer");
  CHECK(it.decode(kTopic, std::nullopt, envelope("t", "null", "null")) == "needs answer");
  it.catalog_known = true;
  CHECK(it.decode(kTopic, kKey, value) == "create public.t key(id=1) row(id=1, v='x')");
  it.decoder().forget_tables();
  it.catalog_known = false;
  CHECK(it.decode(kTopic, kKey, value) == "needs answer");
  it.catalog_known = true;
  it.decoder().forget_partitions();
  CHECK(it.decode(kTopic, kKey, value) == "create public.t key(id=1) row(id=1, v='x')");
}

// I8: whatever the bytes, one event, nothing thrown, nothing left behind by a bad one.
TEST_CASE("record: mutated records", "[decode][record]") {
  const std::string row = R"({"id":1,"v":"x\u00e9"})";
  const std::string fields =
      R"({"type":"int32","optional":false,"field":"id"},{"type":"string","optional":true,"field":"v"})";
  const std::string payload = envelope("u", row, row);
  const std::vector<std::string> values = {
      payload, with_schema(fields, payload),
      R"({"id":1,"v":"x","__op":"u","__deleted":"false","__lsn":5})"};
  const std::vector<std::string> keys = {
      kKey, key_with_schema(R"({"type":"int32","optional":false,"field":"id"})", kKey)};
  const std::string alphabet = "{}[]\",:\\nul0123456789.-+eE \xc3\xa9\x01";
  std::mt19937 random(4711);
  const auto pick = [&random](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const auto mutate = [&](std::string text) {
    for (std::size_t edits = pick(4); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = pick(text.size());
      switch (pick(4)) {
        case 0:
          text.erase(at, 1 + pick(20));
          break;
        case 1:
          text.insert(at, 1, alphabet[pick(alphabet.size())]);
          break;
        case 2:
          text[at] = alphabet[pick(alphabet.size())];
          break;
        default:
          text.insert(at, text.substr(pick(text.size()), 1 + pick(40)));
          break;
      }
    }
    return text;
  };
  Decoding it = with_table();
  it.config.tables["public.t"].target = "public.t";  // both topics have envelopes of it
  std::map<Op, int> seen;
  for (int i = 0; i < 30000; ++i) {
    if (i % 1000 == 0) it.slab = Slab{};
    const std::string topic = i % 3 == 2 ? "srv.public.flat" : kTopic;
    const std::string header = mutate(kKey);
    const Event* event =
        it.feed(topic, mutate(keys[pick(keys.size())]), mutate(values[pick(values.size())]),
                {{"__debezium.newkey", header}, {"__debezium.oldkey", header}});
    REQUIRE(event != nullptr);
    ++seen[event->op];
    if (event->op != Op::bad && event->op != Op::skip) {
      REQUIRE_FALSE(it.text(*event).empty());
      REQUIRE(it.text(*event).find("more bytes") == std::string::npos);
    }
  }
  CHECK(seen[Op::update] > 1000);
  CHECK(seen[Op::bad] > 3000);
}

}  // namespace tidemark::test
