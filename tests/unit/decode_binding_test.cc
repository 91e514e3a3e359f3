// Evolution: what the target must become before a row can be written, by policy, and that schemas
// which alternate neither flip it nor cut batches.
#include <set>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/decoding.h"

namespace tidemark::test {

namespace {

const std::string kTopic = "srv.public.t";
const std::string kId = R"({"type":"int32","optional":false,"field":"id"})";

std::string field(const std::string& name, const std::string& type, bool optional = true,
                  const std::string& more = "") {
  return R"({"type":")" + type + R"(","optional":)" + (optional ? "true" : "false") + more +
         R"(,"field":")" + name + "\"}";
}

std::string change(const std::string& fields, const std::string& after) {
  return with_schema(
      kId + (fields.empty() ? "" : "," + fields),
      R"({"before":null,"after":)" + after + R"(,"source":)" + source() + R"(,"op":"c"})");
}

std::string key() {
  return key_with_schema(kId, R"({"id":1})");
}

Decoding with_table(std::vector<Column> more = {},
                    SchemaEvolution policy = SchemaEvolution::evolve) {
  Decoding it;
  it.config.target.schema_evolution = policy;
  std::vector<Column> columns{column("id", pg_type(TypeKind::int4), true)};
  for (Column& one : more) columns.push_back(std::move(one));
  it.tables[{"public", "t"}] = table("public", "t", std::move(columns), {"id"});
  return it;
}

std::string required(const Decoding& it) {
  return it.last().layout == nullptr ? "" : text(*it.last().layout->required);
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

const char* const kDecimal =
    R"(,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"6"})";

}  // namespace

TEST_CASE("binding: evolve makes a table from the schema", "[decode][binding]") {
  Decoding it;
  const std::string fields =
      field("n", "string") + "," + field("q", "int16", false, R"(,"default":5)");
  CHECK(it.decode(kTopic, key(), change(fields, R"({"id":1,"n":null,"q":7})")) ==
        "create public.t key(id=1) row(id=1, n=null, q=7)");
  CHECK(required(it) == "id integer!, n text, q smallint! key id");
  CHECK(it.decode(kTopic, key(), change(fields, R"({"id":1,"n":null,"q":7})")) ==
        "create public.t key(id=1) row(id=1, n=null, q=7)");
  CHECK(it.slab.layouts.size() == 1);
}

TEST_CASE("binding: without a key the new table has none", "[decode][binding]") {
  Decoding it;
  CHECK(it.decode(kTopic, std::nullopt, change("", R"({"id":1})")) == "create public.t row(id=1)");
  CHECK(required(it) == "id integer!");
}

TEST_CASE("binding: none and validate do not make tables", "[decode][binding]") {
  for (const SchemaEvolution policy : {SchemaEvolution::none, SchemaEvolution::validate}) {
    Decoding it;
    it.config.target.schema_evolution = policy;
    CHECK(it.decode(kTopic, key(), change(field("n", "string"), R"({"id":1,"n":"x"})")) ==
          "bad: the table public.t does not exist");
    CHECK(
        has(it.last_bad().hint,
            R"(CREATE TABLE "public"."t" ("id" integer NOT NULL, "n" text, PRIMARY KEY ("id")))"));
    CHECK_FALSE(it.last_bad().halt);
  }
}

TEST_CASE("binding: a field without a column", "[decode][binding]") {
  const std::string value = change(field("n", "string"), R"({"id":1,"n":"x"})");
  Decoding none = with_table({}, SchemaEvolution::none);
  CHECK(none.decode(kTopic, key(), value) == "create public.t key(id=1) row(id=1)");
  CHECK(required(none) == "id integer! key id");
  Decoding validate = with_table({}, SchemaEvolution::validate);
  CHECK(validate.decode(kTopic, key(), value) == "bad: the field \"n\" has no column in public.t");
  CHECK(has(validate.last_bad().hint, R"(ALTER TABLE "public"."t" ADD COLUMN "n" text)"));
  Decoding evolve = with_table();
  CHECK(evolve.decode(kTopic, key(), value) == "create public.t key(id=1) row(id=1, n='x')");
  CHECK(required(evolve) == "id integer!, n text key id");
}

TEST_CASE("binding: an added column that must have a value needs a default", "[decode][binding]") {
  Decoding it = with_table();
  const std::string fields =
      field("a", "int32", false, R"(,"default":5)") + "," + field("b", "int32", false);
  CHECK(it.decode(kTopic, key(), change(fields, R"({"id":1,"a":6,"b":7})")) ==
        "create public.t key(id=1) row(id=1, a=6, b=7)");
  CHECK(has(required(it), "a integer! default "));
  CHECK(has(required(it), ", b integer key"));
}

TEST_CASE(
    "binding: an added column has the default that the source gave to the rows that are there",
    "[decode][binding]") {
  Decoding it = with_table();
  const std::string at = R"(,"name":"io.debezium.time.MicroTimestamp","default":)";
  CHECK(it.decode(kTopic, key(),
                  change(field("a", "int32", true, R"(,"default":5)") + "," +
                             field("now", "int64", true, at + "0") + "," +
                             field("must", "int64", false, at + "0") + "," +
                             field("then", "int64", false, at + "1000000"),
                         R"({"id":1,"a":null,"now":946684800000001,"must":946684800000002,)"
                         R"("then":946684800000003})")) ==
        "create public.t key(id=1) row(id=1, a=null, now=1, must=2, then=3)");
  CHECK(has(required(it), "a integer default '5'"));
  // The epoch stands for now() and the like.
  CHECK(
      has(required(it), "now timestamp without time zone, must timestamp without time zone, then"));
  CHECK(has(required(it), "then timestamp without time zone! default '1970-01-01 00:00:01'"));
}

TEST_CASE("binding: a column of the target's key that the source has no more is refused",
          "[decode][binding]") {
  Decoding it;
  it.tables[{"public", "t"}] = test::table(
      "public", "t",
      {column("id", pg_type(TypeKind::int4), true), column("old", pg_type(TypeKind::int4), true)},
      {"old"});
  CHECK(
      it.decode(kTopic, key(), change("", R"({"id":1})")) ==
      "bad: the primary key of public.t has the column \"old\", and the record has no such field");
  CHECK(
      has(it.last_bad().hint, R"(ALTER TABLE "public"."t" ADD PRIMARY KEY ("id"), or set key in)"));
}

TEST_CASE("binding: excluded and generated columns are not written", "[decode][binding]") {
  Column generated = column("g", pg_type(TypeKind::int4));
  generated.generated = true;
  Decoding it = with_table({generated, column("n", pg_type(TypeKind::text))});
  it.config.tables["public.t"].columns_exclude = {"n", "x"};
  CHECK(it.decode(
            kTopic, key(),
            change(field("n", "string") + "," + field("g", "int32") + "," + field("x", "string"),
                   R"({"id":1,"n":"secret","g":5,"x":"y"})")) ==
        "create public.t key(id=1) row(id=1)");
  CHECK(required(it) == "id integer!, g integer, n text key id");
  Decoding key_excluded = with_table();
  key_excluded.config.tables["public.t"].columns_exclude = {"id"};
  CHECK(has(key_excluded.decode(kTopic, key(), change("", R"({"id":1})")),
            "is in the key and in columns-exclude"));
}

TEST_CASE("binding: a target's section is found by the source's name", "[decode][binding]") {
  Decoding it;
  it.config.tables["public.t"].target = "dw.things";
  CHECK(it.decode(kTopic, key(), change("", R"({"id":1})")) ==
        "create dw.things key(id=1) row(id=1)");
  CHECK(it.last().layout->source_table == "public.t");
}

TEST_CASE("binding: wider types where the schema states them", "[decode][binding]") {
  Decoding it = with_table({column("n", pg_type(TypeKind::int2)), column("d", pg_numeric(4, 1))});
  CHECK(it.decode(kTopic, key(),
                  change(field("n", "int64") + "," + field("d", "bytes", true, kDecimal),
                         R"({"id":1,"n":5,"d":"AQ=="})")) ==
        "create public.t key(id=1) row(id=1, n=5, d=<10 bytes>)");
  CHECK(required(it) == "id integer!, n bigint, d numeric(6,2) key id");
  // A narrower schema does not narrow the column again.
  CHECK(it.decode(kTopic, key(), change(field("n", "int16"), R"({"id":1,"n":5})")) ==
        "create public.t key(id=1) row(id=1, n=5)");
  CHECK(required(it) == "id integer!, n bigint, d numeric(6,2) key id");
}

TEST_CASE("binding: a column without stated limits is widened when a value needs it",
          "[decode][binding]") {
  PgType varchar = pg_type(TypeKind::varchar);
  varchar.length = 3;
  Decoding it = with_table({column("s", varchar)});
  const auto with = [](const std::string& s) {
    return change(field("s", "string"), R"({"id":1,"s":")" + s + "\"}");
  };
  CHECK(it.decode(kTopic, key(), with("abc")) == "create public.t key(id=1) row(id=1, s='abc')");
  CHECK(required(it) == "id integer!, s character varying(3) key id");
  const Layout* const narrow = it.last().layout;
  CHECK(it.decode(kTopic, key(), with("abcd")) == "create public.t key(id=1) row(id=1, s='abcd')");
  CHECK(required(it) == "id integer!, s text key id");
  CHECK(text(*narrow->required) == "id integer!, s character varying(3) key id");
  CHECK(it.decode(kTopic, key(), with("abc")) == "create public.t key(id=1) row(id=1, s='abc')");
  CHECK(it.slab.layouts.size() == 2);
  Decoding validate = with_table({column("s", varchar)}, SchemaEvolution::validate);
  CHECK(has(validate.decode(kTopic, key(), with("abcd")),
            "column public.t.s (character varying(3)) cannot hold"));
  CHECK(has(validate.last_bad().hint, "ALTER COLUMN \"s\" TYPE text"));
}

TEST_CASE("binding: several columns too narrow in one row", "[decode][binding]") {
  PgType varchar = pg_type(TypeKind::varchar);
  varchar.length = 1;
  Decoding it = with_table({column("a", varchar), column("b", varchar), column("c", varchar)});
  CHECK(it.decode(
            kTopic, key(),
            change(field("a", "string") + "," + field("b", "string") + "," + field("c", "string"),
                   R"({"id":1,"a":"xx","b":"yy","c":"zz"})")) ==
        "create public.t key(id=1) row(id=1, a='xx', b='yy', c='zz')");
  CHECK(required(it) == "id integer!, a text, b text, c text key id");
}

TEST_CASE("binding: types that do not go together", "[decode][binding]") {
  for (const SchemaEvolution policy :
       {SchemaEvolution::none, SchemaEvolution::validate, SchemaEvolution::evolve}) {
    Decoding it = with_table({column("u", pg_type(TypeKind::uuid))}, policy);
    CHECK(has(it.decode(kTopic, key(), change(field("u", "boolean"), R"({"id":1,"u":true})")),
              "bad: column public.t.u (uuid) cannot take the field of that name (boolean)"));
  }
}

TEST_CASE("binding: NOT NULL is dropped where the source has become optional or the column is gone",
          "[decode][binding]") {
  Column with_default = column("d", pg_type(TypeKind::int4), true);
  with_default.default_sql = "0";
  Decoding it = with_table({column("o", pg_type(TypeKind::text), true),
                            column("gone", pg_type(TypeKind::text), true), with_default,
                            column("kept", pg_type(TypeKind::text), true)});
  CHECK(it.decode(kTopic, key(),
                  change(field("o", "string") + "," + field("kept", "string", false),
                         R"({"id":1,"o":null,"kept":"x"})")) ==
        "create public.t key(id=1) row(id=1, o=null, kept='x')");
  CHECK(required(it) == "id integer!, o text, gone text, d integer! default 0, kept text! key id");
  Decoding none = with_table({column("o", pg_type(TypeKind::text), true)}, SchemaEvolution::none);
  none.decode(kTopic, key(), change(field("o", "string"), R"({"id":1,"o":"x"})"));
  CHECK(required(none) == "id integer!, o text! key id");
}

TEST_CASE("binding: two schemas that alternate come to share one layout", "[decode][binding]") {
  Decoding it;
  const std::string old_one = change(field("a", "string"), R"({"id":1,"a":"x"})");
  const std::string new_one =
      change(field("a", "string") + "," + field("b", "string"), R"({"id":1,"a":"x","b":"y"})");
  std::set<const Layout*> layouts;
  for (int round = 0; round < 20; ++round) {
    it.decode(kTopic, key(), old_one);
    layouts.insert(it.last().layout);
    it.decode(kTopic, key(), new_one);
    layouts.insert(it.last().layout);
    if (round == 5) layouts.clear();
  }
  CHECK(layouts.size() == 1);
  CHECK(it.slab.layouts.size() <= 5);
  CHECK(it.decode(kTopic, key(), old_one) == "create public.t key(id=1) row(id=1, a='x', b=-)");
  CHECK(it.decode(kTopic, key(), new_one) == "create public.t key(id=1) row(id=1, a='x', b='y')");
  CHECK(required(it) == "id integer!, a text, b text key id");
}

TEST_CASE("binding: schemas that alternate are compiled once each, up to a bound",
          "[decode][binding]") {
  Decoding it;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) {
      const std::string name = "f" + std::to_string(i);
      const std::string text = it.decode(
          kTopic, key(), change(field(name, "string"), "{\"id\":1,\"" + name + "\":\"x\"}"));
      CHECK(has(text, name + "='x'"));
    }
  }
}

TEST_CASE("binding: two topics may share a table of the target, by its name", "[decode][binding]") {
  Decoding it;
  it.config.tables["public.t"].target = "dw.all";
  const std::string row = R"({"id":1})";
  CHECK(it.decode("a", key(), change("", row)) == "create dw.all key(id=1) row(id=1)");
  CHECK(it.decode("b", key(), change("", row)) == "create dw.all key(id=1) row(id=1)");
  CHECK(it.slab.layouts.size() == 1);
}

TEST_CASE("binding: without a schema the target's columns decide", "[decode][binding]") {
  Decoding it =
      with_table({column("n", pg_type(TypeKind::int8)), column("s", pg_type(TypeKind::text)),
                  column("extra", pg_type(TypeKind::text))});
  const std::string plain = R"({"id":1})";
  CHECK(it.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"s":"x"})")) ==
        "create public.t key(id=1) row(id=1, s='x')");
  CHECK(it.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"n":9007199254740993})")) ==
        "create public.t key(id=1) row(id=1, n=9007199254740993, s=-)");
  CHECK(it.decode(kTopic, plain, envelope("c", "null", R"({"s":"y","n":2,"id":1})")) ==
        "create public.t key(id=1) row(id=1, n=2, s='y')");
  CHECK(it.slab.layouts.size() == 2);
  CHECK(required(it) == "id integer!, n bigint, s text, extra text key id");
}

TEST_CASE("binding: without a schema a missing table or column is not guessed at",
          "[decode][binding]") {
  Decoding it;
  const std::string plain = R"({"id":1})";
  CHECK(it.decode(kTopic, plain,
                  envelope("c", "null", R"({"id":1,"s":"x","b":true,"j":{"a":1},"n":null})")) ==
        "bad: the table public.t does not exist");
  CHECK(has(it.last_bad().hint,
            R"(CREATE TABLE "public"."t" ("id" numeric NOT NULL, "s" text, "b" boolean, )"
            R"("j" jsonb, "n" text, PRIMARY KEY ("id")))"));
  Decoding column_missing = with_table();
  CHECK(column_missing.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"s":null})")) ==
        "create public.t key(id=1) row(id=1)");
  CHECK(column_missing.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"s":5})")) ==
        "bad: the field \"s\" has no column in public.t");
  CHECK(has(column_missing.last_bad().hint, R"(ADD COLUMN "s" numeric)"));
  Decoding none = with_table({}, SchemaEvolution::none);
  CHECK(none.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"s":5})")) ==
        "create public.t key(id=1) row(id=1)");
}

TEST_CASE("binding: a column whose type stays is refused the value, and the row before is not",
          "[decode][binding]") {
  Column n = column("n", pg_type(TypeKind::int4));
  n.used_by = "view public.v";
  Decoding it = with_table({n});
  const std::string fields = field("n", "int64");
  CHECK(it.decode(kTopic, key(), change(fields, R"({"id":1,"n":7})")) ==
        "create public.t key(id=1) row(id=1, n=7)");
  CHECK(required(it) == "id integer!, n integer key id");
  CHECK(
      it.decode(kTopic, key(), change(fields, R"({"id":1,"n":1099511627776})")) ==
      "bad: column public.t.n (integer) cannot hold the record's value (int64): out of the range "
      "of the integer column; the column's type is not changed, since view public.v depends on it");
  CHECK(has(it.last_bad().hint, "while tidemark is stopped"));
  CHECK(it.decode(kTopic, key(), change(field("n", "string"), R"({"id":1,"n":"x"})")) ==
        "bad: column public.t.n (integer) cannot hold the record's value (string): not a decimal "
        "number; the column's type is not changed, since view public.v depends on it");
}

TEST_CASE("binding: a layout knows the types that a column has had at the source",
          "[decode][binding]") {
  Decoding it = with_table({column("n", pg_type(TypeKind::text))});
  const std::string propagated =
      R"(,"parameters":{"__debezium.source.column.type":"VARCHAR","__debezium.source.column.length":"9"})";
  it.decode(kTopic, key(), change(field("n", "string", true, propagated), R"({"id":1,"n":"x"})"));
  REQUIRE(it.last().layout->columns.size() == 2);
  CHECK(it.last().layout->seen->of("id") == "int32");
  CHECK(it.last().layout->seen->of("n") == "string, varchar(9) at the source");
  const Layout* const first = it.last().layout;
  // Schemas that alternate share a layout, and do not flip it.
  it.decode(kTopic, key(), change(field("n", "int32"), R"({"id":1,"n":1})"));
  CHECK(it.last().layout == first);
  CHECK(first->seen->of("n") == "string, varchar(9) at the source or int32");
  CHECK(first->seen->of("none").empty());
  // Nor does a delete that comes first, of which no column is known.
  Decoding fresh = with_table({column("n", pg_type(TypeKind::text))});
  fresh.decode(kTopic, R"({"id":1})", envelope("d", R"({"id":1,"n":null})", "null"));
  const Layout* const of_delete = fresh.last().layout;
  fresh.decode(kTopic, R"({"id":1})", envelope("c", "null", R"({"id":1,"n":"x"})"));
  CHECK(fresh.last().layout == of_delete);
}

TEST_CASE("binding: a changed key moves the whole row", "[decode][binding]") {
  Column made = column("made", pg_type(TypeKind::int4));
  made.generated = true;
  const auto columns = [](const Decoding& it) {
    std::string names;
    for (const LayoutColumn& one : it.last().layout->columns) names += one.name + " ";
    return names;
  };
  const Headers to = {{"__debezium.newkey", R"({"id":2})"}};
  const Headers from = {{"__debezium.oldkey", R"({"id":1})"}};
  for (const bool tombstone_first : {false, true}) {
    Decoding it = with_table(
        {column("a", pg_type(TypeKind::text)), column("mine", pg_type(TypeKind::text)), made});
    it.decode(kTopic, R"({"id":1})", envelope("c", "null", R"({"id":1,"a":"x"})"));
    CHECK(columns(it) == "id a ");
    if (tombstone_first) {
      it.decode(kTopic, R"({"id":1})", std::nullopt, to);
    } else {
      it.decode(kTopic, R"({"id":1})", envelope("d", R"({"id":1})", "null"), to);
    }
    CHECK(columns(it) == "id a mine ");
    const Layout* const layout = it.last().layout;
    CHECK(it.decode(kTopic, R"({"id":2})", envelope("c", "null", R"({"id":2,"a":"y"})"), from) ==
          "create public.t key(id=2) other(id=1) row(id=2, a='y', mine=-)");
    CHECK(it.last().layout == layout);
    it.decode(kTopic, R"({"id":3})", envelope("c", "null", R"({"id":3,"a":"y"})"));
    CHECK(it.last().layout == layout);
  }
  // A delete whose row has not been seen leaves all of it, too.
  Decoding fresh = with_table({column("a", pg_type(TypeKind::text))});
  fresh.decode(kTopic, R"({"id":1})", envelope("d", R"({"id":1})", "null"), to);
  CHECK(columns(fresh) == "id a ");
}

TEST_CASE("binding: what a schemaless number counts is said by the table's section or refused",
          "[decode][binding]") {
  Decoding it;
  it.tables[{"public", "t"}] = table("public", "t",
                                     {test::column("id", pg_type(TypeKind::int4), true),
                                      test::column("at", pg_type(TypeKind::timestamp)),
                                      test::column("n", pg_type(TypeKind::numeric))},
                                     {"id"});
  const std::string plain = R"({"id":1})";
  const std::string counted = envelope("c", "null", R"({"id":1,"at":1000})");
  CHECK(it.decode(kTopic, plain, counted) ==
        "bad: column public.t.at (timestamp without time zone) cannot hold the record's value "
        "(without a schema): without a schema a number does not say whether it counts milli-, "
        "micro- or nanoseconds");
  CHECK(has(it.last_bad().hint, "set time-unit in [table.public.t]: us, ms or ns"));
  CHECK(has(it.last_bad().hint, "time-unit = us"));
  // The next failure has its own remedy, and a Decimal's is the source's setting.
  it.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"at":"x"})"));
  CHECK(it.last_bad().hint == "correct the row at the source, or the column's type in the target");
  it.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"n":"AP//////////"})"));
  CHECK(has(it.last_bad().hint, "bigint.unsigned.handling.mode=long"));
  CHECK(has(it.last_bad().hint, "decimal.handling.mode=string"));
  Decoding told;
  told.tables = it.tables;
  told.config.tables["public.t"].time_unit = TimeUnitMode::ms;
  CHECK(has(told.decode(kTopic, plain, counted), "create public.t key(id=1) row(id=1, at="));
}

TEST_CASE("binding: schema-inference makes them from the values", "[decode][binding]") {
  Decoding it;
  it.config.target.schema_inference = true;
  const std::string plain = R"({"id":1})";
  CHECK(it.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"s":"x","n":null})")) ==
        "create public.t key(id=<10 bytes>) row(id=<10 bytes>, s='x')");
  CHECK(required(it) == "id numeric!, s text key id");
  CHECK(it.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"s":"x","n":false})")) ==
        "create public.t key(id=<10 bytes>) row(id=<10 bytes>, s='x', n=false)");
  CHECK(required(it) == "id numeric!, s text, n boolean key id");
  CHECK(it.decode(kTopic, plain, envelope("c", "null", R"({"id":1,"s":"x","n":null})")) ==
        "create public.t key(id=<10 bytes>) row(id=<10 bytes>, s='x', n=null)");
}

// The placeholder as an array of its characters' codes.
const std::string kNameAsCodes = [] {
  std::string codes;
  for (const char letter : std::string("__debezium_unavailable_value")) {
    codes += (codes.empty() ? "[" : ",") + std::to_string(static_cast<int>(letter));
  }
  return codes + "]";
}();

TEST_CASE("binding: a placeholder says nothing of a column's type", "[decode][binding]") {
  const std::vector<std::string> placeholders = {
      R"("__debezium_unavailable_value")",
      R"("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==")",
      R"(["__debezium_unavailable_value"])",
      kNameAsCodes,
      R"({"__debezium_unavailable_value":"__debezium_unavailable_value"})",
  };
  for (const std::string& placeholder : placeholders) {
    INFO(placeholder);
    Decoding it;
    it.config.target.schema_inference = true;
    const auto update = [&](const std::string& v) {
      return it.decode(kTopic, R"({"id":1})",
                       envelope("u", "null", R"({"id":1,"v":)" + v + R"(,"n":true})"));
    };
    CHECK(update(placeholder) == "update public.t key(id=<10 bytes>) row(id=<10 bytes>, n=true)");
    CHECK(required(it) == "id numeric!, n boolean key id");
    const std::string value = placeholder.front() == '"' ? R"("real")" : "[1]";
    update(value);
    CHECK(required(it).find(placeholder.front() == '"' ? "v text" : "v jsonb") !=
          std::string::npos);
    const std::string again = update(placeholder);
    CHECK(again.find("v=?") != std::string::npos);
  }
}

TEST_CASE("binding: key and value may differ in having a schema", "[decode][binding]") {
  Decoding it;
  CHECK(it.decode(kTopic, R"({"id":1})", change(field("v", "string"), R"({"id":1,"v":"x"})")) ==
        "create public.t key(id=1) row(id=1, v='x')");
  CHECK(required(it) == "id integer!, v text key id");
  Decoding other = with_table();
  CHECK(other.decode(kTopic, key(), envelope("c", "null", R"({"id":1})")) ==
        "create public.t key(id=1) row(id=1)");
}

TEST_CASE("binding: a key column that the row does not have", "[decode][binding]") {
  Decoding it;
  const std::string two =
      key_with_schema(kId + "," + field("k", "string", false), R"({"id":1,"k":"x"})");
  CHECK(it.decode(kTopic, two, change("", R"({"id":1})")) ==
        "create public.t key(id=1, k='x') row(id=1, k='x')");
  CHECK(required(it) == "id integer!, k text! key id k");
}

TEST_CASE("binding: the catalog read anew is merged with what is still needed",
          "[decode][binding]") {
  Decoding it = with_table();
  it.decode(kTopic, key(), change(field("n", "string"), R"({"id":1,"n":"x"})"));
  CHECK(required(it) == "id integer!, n text key id");
  it.decoder().forget_tables();
  PgType varchar = pg_type(TypeKind::varchar);
  varchar.length = 9;
  it.tables[{"public", "t"}] = table(
      "public", "t", {column("id", pg_type(TypeKind::int8), true), column("n", varchar)}, {"id"});
  CHECK(it.decode(kTopic, key(), change(field("n", "string"), R"({"id":1,"n":"x"})")) ==
        "create public.t key(id=1) row(id=1, n='x')");
  CHECK(required(it) == "id bigint!, n character varying(9) key id");
}

// An envelope whose row has a field twice.
const char* const kTwiceNamed =
    R"({"type":"struct","name":"x.Envelope","fields":[{"type":"struct","field":"after","fields":[)"
    R"({"type":"int8","field":"a"},{"type":"int8","field":"a"}]},{"type":"string","field":"op"}]})";

TEST_CASE("binding: a schema that is none", "[decode][binding]") {
  Decoding it;
  for (const char* schema :
       {R"({"type":"struct","fields":[{"field":"a"}]})", R"({"type":"nope"})", R"({"fields":[]})",
        R"({"type":"struct","fields":{}})", R"({"type":"struct","fields":[1]})", kTwiceNamed}) {
    INFO(schema);
    CHECK(has(it.decode(kTopic, key(),
                        std::string(R"({"schema":)") + schema + R"(,"payload":{"op":"c"}})"),
              "bad: the record's schema"));
  }
  std::string deep = R"({"type":"int8"})";
  for (int i = 0; i < 80; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  CHECK(has(it.decode(kTopic, key(), R"({"schema":)" + deep + R"(,"payload":[1]})"),
            "nested too deeply"));
  CHECK(has(it.decode(kTopic, key(), change("", R"({"id":1,"x":2})")),
            "\"x\" of the row is not in the record's schema"));
  CHECK(has(it.decode(kTopic, key(), change("", R"({"id":1})") + " x"), "goes on behind its end"));
  CHECK(has(it.decode(kTopic, key(), R"({"payload":{"op":"c"},"schema":{"type":"string"}} )"),
            "no struct"));
}

TEST_CASE("binding: the payload may stand before its schema", "[decode][binding]") {
  Decoding it;
  const std::string usual = change("", R"({"id":1})");
  const std::size_t comma = usual.find(R"(,"payload":)");
  const std::string turned = "{" + usual.substr(comma + 1, usual.size() - comma - 2) + "," +
                             usual.substr(1, comma - 1) + "}";
  CHECK(it.decode(kTopic, key(), turned) == "create public.t key(id=1) row(id=1)");
}

}  // namespace tidemark::test
