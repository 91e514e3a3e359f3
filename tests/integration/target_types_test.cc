// Types that need care on their way in: casts, keys, generated columns, names, many columns.
#include "integration/target_fixture.h"

using namespace tidemark;
using namespace tidemark::testing;

namespace {

// The generic plans of the statements that go by the key, made while the table is empty.
std::vector<std::string> plans_of(TargetFixture& f, const Layout& layout) {
  const TablePtr actual = read_table(
      [&](const std::string& sql, const std::vector<std::string>& parameters) {
        return f.sql.query_text(sql, parameters);
      },
      layout.target);
  const TableStatements statements(layout, *actual);
  std::vector<std::string> plans;
  for (const std::string& text :
       {statements.merge({}), statements.merge({LackBase::self, true, {}}),
        statements.merge({LackBase::other, true, {}}), statements.remove(), statements.exist()}) {
    const auto parameters = std::count(text.begin(), text.end(), '$');
    std::string nulls;
    for (std::ptrdiff_t i = 0; i < parameters; ++i) nulls += i == 0 ? "NULL" : ", NULL";
    f.sql.run("PREPARE plan AS " + text);
    plans.push_back(f.ask("EXPLAIN EXECUTE plan(" + nulls + ")"));
    f.sql.run("DEALLOCATE plan");
  }
  return plans;
}

}  // namespace

TEST_CASE("arrays, enumerations, bits, json, money, citext and others through every statement",
          "[target][types]") {
  TargetFixture f;
  f.run(
      "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;"
      "CREATE TYPE $.\"Mood\" AS ENUM ('sad', 'happy');"
      "CREATE TABLE $.t (id bigint PRIMARY KEY, a int[], m $.\"Mood\", b bit(3), vb varbit(5),"
      "  j json, jb jsonb, mo money, c public.citext, i interval, o oid, ch char(3), ms money[])");
  PgType mood = named_type(TypeKind::enumeration, f.schema + ".\"Mood\"");
  PgType bit = pg_type(TypeKind::bit);
  bit.length = 3;
  PgType varbit = pg_type(TypeKind::varbit);
  varbit.length = 5;
  PgType ch = pg_type(TypeKind::bpchar);
  ch.length = 3;
  const auto layout = make_layout(f.name("t"),
                                  {{"id", pg_type(TypeKind::int8)},
                                   {"a", pg_array_of(pg_type(TypeKind::int4))},
                                   {"m", mood},
                                   {"b", bit},
                                   {"vb", varbit},
                                   {"j", pg_type(TypeKind::json)},
                                   {"jb", pg_type(TypeKind::jsonb)},
                                   {"mo", pg_type(TypeKind::money)},
                                   {"c", named_type(TypeKind::citext, "public.citext")},
                                   {"i", pg_type(TypeKind::interval)},
                                   {"o", pg_type(TypeKind::oid)},
                                   {"ch", ch},
                                   {"ms", pg_array_of(pg_type(TypeKind::money))}},
                                  {"id"});
  const std::string two = bytes(std::string("\0\1\0\0\0\0\0\0\0\2", 10));
  const auto image = [&](std::int64_t id) {
    return row({int8(id), bytes("{1,NULL,3}"), bytes("happy"), bytes("101"), bytes("10"),
                bytes("{\"b\": 1,  \"a\":2}"), bytes(std::string("\1", 1) + "{\"b\": 1,  \"a\":2}"),
                two, bytes("MiXed"), bytes("1 day 02:00:00"), int8(42), bytes("x"),
                bytes("{1.5,2}")});
  };
  const std::string expected =
      ",{1,NULL,3},happy,101,10,{\"b\": 1,  \"a\":2},{\"a\": 2, \"b\": 1},$2.00,MiXed,"
      "1 day 02:00:00,42,x  ,{$1.50,$2.00}";
  BatchOf first(layout);
  first.upsert(int8(1), image(1))
      .upsert(int8(2), row({int8(2), null(), null(), null(), null(), null(), null(), null(), null(),
                            null(), null(), null(), null()}));
  f.write(first);
  CHECK(f.ask("SELECT * FROM $.t WHERE id = 1") == "1" + expected);
  BatchOf second(layout);
  std::string kept = int8(1);
  for (int i = 0; i < 12; ++i) kept += unavailable();
  second.overlay(int8(1), kept);
  f.write(second);
  BatchOf third(layout);
  third.remove(int8(1));
  kept.replace(0, 12, int8(3));
  third.overlay_from(int8(3), kept, int8(1));
  f.write(third);
  CHECK(f.ask("SELECT * FROM $.t WHERE id <> 2") == "3" + expected);
  // Too long is an error and never cut.
  for (const auto& [column, value] : std::vector<std::pair<std::size_t, std::string>>{
           {3, "1011"}, {3, "10"}, {4, "101010"}, {11, "abcd"}}) {
    std::string bad = int8(9);
    for (std::size_t i = 1; i < 13; ++i) bad += i == column ? bytes(value) : null();
    BatchOf batch(layout);
    batch.upsert(int8(9), bad);
    CHECK(kind_of_error([&] { f.write(batch); }) == ErrorKind::data);
  }
}

TEST_CASE("keys of types that are not their wire's", "[target][types]") {
  TargetFixture f;
  f.run(
      "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;"
      "CREATE TYPE $.mood AS ENUM ('sad', 'happy');"
      "CREATE TABLE $.ci (k public.citext PRIMARY KEY, v int);"
      "CREATE TABLE $.bp (k char(5) PRIMARY KEY, v int);"
      "CREATE TABLE $.bi (k bit(3) PRIMARY KEY, v int);"
      "CREATE TABLE $.en (k $.mood PRIMARY KEY, v int);"
      "CREATE TABLE $.oi (k oid PRIMARY KEY, v int);"
      "CREATE TABLE $.vc (k varchar(9) PRIMARY KEY, v int);"
      "CREATE DOMAIN $.positive AS numeric(8,2) CHECK (VALUE > 0);"
      "CREATE TABLE $.dn (k $.positive PRIMARY KEY, v int)");
  struct Case {
    std::string table;
    PgType type;
    std::string inserted, same, stored;
  };
  PgType bpchar = pg_type(TypeKind::bpchar);
  bpchar.length = 5;
  PgType bit = pg_type(TypeKind::bit);
  bit.length = 3;
  PgType varchar = pg_type(TypeKind::varchar);
  varchar.length = 9;
  const std::string five = bytes(std::string("\0\1\0\0\0\0\0\0\0\5", 10));
  const std::vector<Case> cases = {
      {"ci", named_type(TypeKind::citext, "public.citext"), bytes("Key"), bytes("KEY"), "KEY,2"},
      {"bp", bpchar, bytes("ab"), bytes("ab   "), "ab   ,2"},
      {"bi", bit, bytes("101"), bytes("101"), "101,2"},
      {"en", named_type(TypeKind::enumeration, f.schema + ".mood"), bytes("sad"), bytes("sad"),
       "sad,2"},
      {"oi", pg_type(TypeKind::oid), int8(4000000000), int8(4000000000), "4000000000,2"},
      {"vc", varchar, bytes("x"), bytes("x"), "x,2"},
      {"dn", pg_numeric(8, 2), five, five, "5.00,2"},
  };
  for (const Case& test : cases) {
    INFO(test.table);
    const auto layout =
        make_layout(f.name(test.table), {{"k", test.type}, {"v", pg_type(TypeKind::int4)}}, {"k"});
    for (const std::string& plan : plans_of(f, *layout)) {
      INFO(plan);
      CHECK(plan.find("Index") != std::string::npos);
      CHECK(plan.find("Seq Scan") == std::string::npos);
    }
    BatchOf first(layout);
    first.upsert(test.inserted, row({test.inserted, int4(1)}));
    f.write(first);
    BatchOf second(layout);
    second.upsert(test.same, row({test.same, int4(2)}));
    f.write(second);
    CHECK(f.ask("SELECT * FROM $." + test.table) == test.stored);
    BatchOf third(layout);
    third.remove(test.inserted);
    CHECK(f.write(third).removed == 1);
  }
}

TEST_CASE("generated and identity columns", "[target][types]") {
  TargetFixture f;
  f.run(
      "CREATE TABLE $.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int,"
      " twice int GENERATED ALWAYS AS (n * 2) STORED, s bigint GENERATED BY DEFAULT AS IDENTITY)");
  const auto layout = make_layout(f.name("t"),
                                  {{"id", pg_type(TypeKind::int8)},
                                   {"n", pg_type(TypeKind::int4)},
                                   {"twice", pg_type(TypeKind::int4)},
                                   {"s", pg_type(TypeKind::int8)}},
                                  {"id"});
  BatchOf first(layout);
  first.upsert(int8(7), row({int8(7), int4(3), int4(99), int8(50)}));
  first.overlay(int8(8), row({int8(8), int4(4), absent(), absent()}));
  f.write(first);
  BatchOf second(layout);
  second.upsert(int8(7), row({int8(7), int4(5), null(), int8(51)}));
  second.overlay_from(int8(9), row({int8(9), int4(6), absent(), absent()}), int8(1000));
  f.write(second);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "7,5,10,51|8,4,8,1|9,6,12,2");
}

TEST_CASE("null and columns that PostgreSQL fills", "[target][types]") {
  TargetFixture f;
  f.run(
      "CREATE TABLE $.t (id bigint PRIMARY KEY,"
      " s bigserial, i bigint GENERATED BY DEFAULT AS IDENTITY)");
  const auto layout = make_layout(f.name("t"),
                                  {{"id", pg_type(TypeKind::int8)},
                                   {"s", pg_type(TypeKind::int8)},
                                   {"i", pg_type(TypeKind::int8)}},
                                  {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), row({int8(1), null(), int8(5)}));
  f.write(first);
  CHECK(f.ask("SELECT * FROM $.t") == "1,NULL,5");
  BatchOf second(layout);
  second.upsert(int8(2), row({int8(2), int8(6), null()}));
  std::string sqlstate;
  CHECK(kind_of_error([&] { f.write(second); }, &sqlstate) == ErrorKind::data);
  CHECK(sqlstate == "23502");
}

TEST_CASE("the columns whose values the server refuses are found", "[target][types]") {
  TargetFixture f;
  f.run(
      "CREATE DOMAIN $.small AS int CHECK (value < 10); CREATE DOMAIN $.some AS $.small NOT NULL; "
      "CREATE TABLE $.t (id bigint PRIMARY KEY, i inet, m money, a int[], v varchar, n $.some, "
      "CONSTRAINT pair CHECK (id > 0 AND v <> 'x'))");
  const auto layout = make_layout(f.name("t"),
                                  {{"id", pg_type(TypeKind::int8)},
                                   {"i", pg_type(TypeKind::inet)},
                                   {"m", pg_type(TypeKind::money)},
                                   {"a", pg_array_of(pg_type(TypeKind::int4))},
                                   {"v", pg_type(TypeKind::varchar)},
                                   {"n", pg_type(TypeKind::int4)}},
                                  {"id"});
  using Columns = std::vector<std::uint16_t>;
  const auto refused = [&](const std::string& image, const Error& error) {
    f.begin();
    f.target->ensure(*layout);
    Columns columns = f.target->refused_columns(*layout, image, error);
    // The transaction goes on.
    const Columns again = f.target->refused_columns(*layout, image, error);
    f.target->rollback();
    CHECK(columns == again);
    return columns;
  };
  const std::string id = int8(1);
  const Error of_value(ErrorKind::data, "", {}, "22P02");
  CHECK(refused(id + bytes("no address") + null() + null() + null() + int4(1), of_value) ==
        Columns{1});
  CHECK(refused(id + unavailable() + null() + bytes("{x}") + absent() + absent(), of_value) ==
        Columns{3});
  const std::string good = id + bytes("10.0.0.1") + null() + bytes("{1}") + bytes("abc");
  CHECK(refused(good + int4(1), of_value).empty());
  CHECK(refused(good + int4(11), Error(ErrorKind::data, "", {}, "23514", {"", "small_check"})) ==
        Columns{5});
  CHECK(refused(good + null(), Error(ErrorKind::data, "", {}, "23502")) == Columns{5});
  CHECK(refused(good + int4(1), Error(ErrorKind::data, "", {}, "23514", {"", "pair"})) ==
        Columns{0, 4});
  CHECK(refused(good + int4(1), Error(ErrorKind::data, "", {}, "23502", {"m", ""})) == Columns{2});
}

TEST_CASE("rows without a key that lack columns", "[target][types]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (a bigint, b text DEFAULT 'made', c bigserial)");
  const auto layout = make_layout(f.name("t"),
                                  {{"a", pg_type(TypeKind::int8)},
                                   {"b", pg_type(TypeKind::text)},
                                   {"c", pg_type(TypeKind::int8)}},
                                  {});
  BatchOf first(layout);
  first.insert(row({int8(1), absent(), absent()}))
      .insert(row({int8(1), bytes("x"), absent()}))
      .insert(row({int8(2), null(), absent()}))
      .insert(row({int8(2), absent(), int8(9)}));
  f.write(first);
  CHECK(f.ask("SELECT a, b FROM $.t ORDER BY a, b") == "1,made|1,x|2,made|2,NULL");
  CHECK(f.ask("SELECT a FROM $.t WHERE c = 9") == "2");
  // What a row lacks does not tell it from others: one of those that are equal otherwise goes.
  BatchOf second(layout);
  second.take(row({int8(2), null(), absent()})).take(row({int8(1), absent(), absent()}));
  CHECK(f.write(second).removed == 2);
  CHECK(f.ask("SELECT count(*), min(a), max(a) FROM $.t") == "2,1,2");
  CHECK(f.ask("SELECT count(*) FROM $.t WHERE a = 2 AND b IS NULL") == "0");
}

TEST_CASE("names are quoted wherever they stand", "[target][types]") {
  TargetFixture f;
  const std::string hostile = "a\"; DROP TABLE x; --'\\ $1 \xC3\xBC";
  f.config.target.state_schema = f.schema + "_state\"; x '$1";
  f.target = f.make_target();
  const auto layout = make_layout({f.schema, "T " + hostile},
                                  {{"id " + hostile, pg_type(TypeKind::int8)},
                                   {hostile, pg_type(TypeKind::text)},
                                   {"select", pg_type(TypeKind::int4)}},
                                  {"id " + hostile});
  BatchOf first(layout);
  first.upsert(int8(1), row({int8(1), bytes(hostile), int4(1)}));
  f.write(first);
  BatchOf second(layout);
  second.overlay(int8(1), row({int8(1), unavailable(), int4(2)}));
  second.overlay_from(int8(2), row({int8(2), unavailable(), absent()}), int8(1));
  f.write(second);
  const std::string table = layout->target.quoted();
  CHECK(f.ask("SELECT * FROM " + table + " ORDER BY 1") ==
        "1," + hostile + ",2|2," + hostile + ",1");
  const auto keyless = make_layout({f.schema, hostile}, {{hostile, pg_type(TypeKind::text)}}, {});
  BatchOf third(keyless);
  third.insert(bytes("x")).insert(bytes("y"));
  f.write(third);
  BatchOf fourth(keyless);
  fourth.take(bytes("x"));
  f.write(fourth);
  CHECK(f.ask("SELECT * FROM " + keyless->target.quoted()) == "y");
  f.sql.run("DROP SCHEMA " + quote_identifier(f.config.target.state_schema) + " CASCADE");
  f.config.target.state_schema = f.schema + "_state";
}

TEST_CASE("more columns than a mask has bits", "[target][types]") {
  TargetFixture f;
  std::vector<ColumnSpec> columns = {{"id", pg_type(TypeKind::int8)}};
  std::string image = int8(1);
  for (int i = 1; i <= 150; ++i) {
    columns.push_back({"c" + std::to_string(i), pg_type(TypeKind::int4)});
    image += int4(i);
  }
  const auto layout = make_layout(f.name("t"), columns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), image);
  f.write(first);
  std::string partial = int8(1);
  std::string moved = int8(2);
  for (int i = 1; i <= 150; ++i) {
    partial += i % 2 == 0 ? unavailable() : int4(1000 + i);
    moved += i % 3 == 0 ? unavailable() : i % 3 == 1 ? absent() : int4(5000 + i);
  }
  BatchOf second(layout);
  second.overlay(int8(1), partial).overlay_from(int8(2), moved, int8(1));
  f.write(second);
  CHECK(f.ask("SELECT c1, c2, c62, c63, c64, c125, c126, c127, c150 FROM $.t ORDER BY id") ==
        "1001,2,62,1063,64,1125,126,1127,150|1,5002,5062,63,64,5125,126,127,150");
}
