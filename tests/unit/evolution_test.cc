// From the table that is there and the one that is required to DDL.
#include "target/evolution.h"

#include "support/catch.h"
#include "target/table_order.h"

using namespace tidemark;

namespace {

PgType varchar(std::int32_t length) {
  PgType type = pg_type(TypeKind::varchar);
  type.length = length;
  return type;
}

Column column(const std::string& name, const PgType& type, bool not_null = false,
              std::optional<std::string> default_sql = std::nullopt) {
  return {name, type, not_null, std::move(default_sql), false, false};
}

Table table(std::vector<Column> columns, std::vector<std::string> key = {"id"}) {
  Table made;
  made.name = {"s", "t"};
  made.columns = std::move(columns);
  made.key = std::move(key);
  return made;
}

std::string evolved(const Table& actual, const Table& required,
                    SchemaEvolution evolution = SchemaEvolution::evolve) {
  return ddl_text(plan_schema_change(&actual, required, evolution));
}

const Column kId = column("id", pg_type(TypeKind::int8), true);

}  // namespace

TEST_CASE("a missing table is created", "[evolution]") {
  const Table required = table({kId, column("a\"b", varchar(3), true, "'x'"),
                                column("c", pg_array_of(pg_type(TypeKind::int4)))},
                               {"id", "c"});
  const SchemaChange change = plan_schema_change(nullptr, required, SchemaEvolution::evolve);
  CHECK(
      ddl_text(change) ==
      "CREATE SCHEMA IF NOT EXISTS \"s\";\n"
      "CREATE TABLE IF NOT EXISTS \"s\".\"t\" (\"id\" bigint, \"a\"\"b\" character varying(3) NOT "
      "NULL DEFAULT 'x', \"c\" integer[], PRIMARY KEY (\"id\", \"c\")) WITH (fillfactor = 80);");
  REQUIRE(change.actions.size() == 1);
  CHECK(change.actions[0].event == "schema.table_created");
}

TEST_CASE("what is there and wide enough needs nothing", "[evolution]") {
  const Table actual = table({kId, column("a", pg_type(TypeKind::text)),
                              column("b", pg_type(TypeKind::int8)), column("x", varchar(3))});
  const Table required =
      table({kId, column("a", varchar(7)), column("b", pg_type(TypeKind::int4))});
  CHECK(plan_schema_change(&actual, required, SchemaEvolution::evolve).empty());
  // Times without a precision have six digits; an extension's type is known by its kind.
  PgType six = pg_type(TypeKind::timestamp);
  six.precision = 6;
  PgType citext = pg_type(TypeKind::citext);
  citext.name = "public.citext";
  const Table other = table({kId, column("t", six), column("c", citext)});
  CHECK(evolved(other, table({kId, column("t", pg_type(TypeKind::timestamp)),
                              column("c", pg_type(TypeKind::citext))}))
            .empty());
}

TEST_CASE("columns are added and widened in one statement", "[evolution]") {
  const Table actual = table({kId, column("a", varchar(3)), column("n", pg_type(TypeKind::int4))});
  const Table required = table({kId, column("a", varchar(7)), column("n", pg_type(TypeKind::int8)),
                                column("with", pg_type(TypeKind::int4), true, "7"),
                                column("without", pg_type(TypeKind::int4), true),
                                column("opt", varchar(2), false, "'x'")});
  CHECK(evolved(actual, required) ==
        "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"a\" TYPE character varying(7) USING "
        "\"a\"::character varying(7), ALTER COLUMN \"n\" TYPE bigint USING \"n\"::bigint, "
        "ADD COLUMN IF NOT EXISTS \"with\" integer NOT NULL DEFAULT 7, "
        "ADD COLUMN IF NOT EXISTS \"without\" integer, "
        "ADD COLUMN IF NOT EXISTS \"opt\" character varying(2) DEFAULT 'x';");
  // With `none` only what is missing counts.
  CHECK(evolved(actual, required, SchemaEvolution::none).find("ALTER COLUMN") == std::string::npos);
  CHECK(evolved(actual, required, SchemaEvolution::none).find("ADD COLUMN") != std::string::npos);
}

TEST_CASE("NOT NULL is dropped where the source no longer fills the column", "[evolution]") {
  const PgType text = pg_type(TypeKind::text);
  Table actual = table({kId, column("gone", text, true), column("gone_default", text, true, "'x'"),
                        column("loose", text, true), column("kept", text, true),
                        column("serial", pg_type(TypeKind::int8), true, "nextval('x'::regclass)")});
  const Table required = table(
      {column("id", pg_type(TypeKind::int8)), column("loose", text), column("kept", text, true)});
  CHECK(evolved(actual, required) ==
        "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"gone\" DROP NOT NULL, "
        "ALTER COLUMN \"loose\" DROP NOT NULL;");
  // A trigger may fill what the source does not.
  actual.has_triggers = true;
  CHECK(evolved(actual, required) ==
        "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"loose\" DROP NOT NULL;");
  CHECK(evolved(actual, required, SchemaEvolution::none).empty());
}

TEST_CASE("NOT NULL stays where PostgreSQL fills the column by itself", "[evolution]") {
  const PgType big = pg_type(TypeKind::int8);
  const std::string next = "nextval('x'::regclass)";
  Table actual =
      table({kId, column("always", big, true, next), column("by_default", big, true, next),
             column("serial", big, true, next), column("unfilled", big, true, next)});
  actual.columns[1].identity = actual.columns[1].identity_always = true;
  actual.columns[2].identity = true;
  const Table required =
      table({kId, column("always", big), column("by_default", big), column("serial", big)});
  // An identity column cannot take null at all; a serial one can, and must if the source has it.
  CHECK(evolved(actual, required) ==
        "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"serial\" DROP NOT NULL;");
}

TEST_CASE("what has no common type, and what is no table, is refused", "[evolution]") {
  const Table actual = table({kId, column("a", pg_type(TypeKind::bytea))});
  const Table required =
      table({kId, column("a", pg_type(TypeKind::int4)), column("b", pg_type(TypeKind::int4))});
  const SchemaChange change = plan_schema_change(&actual, required, SchemaEvolution::evolve);
  CHECK(change.ddl.empty());
  CHECK(change.refused.find("column \"a\" is bytea") != std::string::npos);
  Table view = actual;
  view.view = true;
  CHECK_FALSE(plan_schema_change(&view, required, SchemaEvolution::none).refused.empty());
}

TEST_CASE("tables are ordered by their foreign keys", "[evolution]") {
  const auto named = [](const std::string& name, const std::vector<std::string>& parents) {
    Table made;
    made.name = {"s", name};
    for (const std::string& parent : parents) made.foreign_keys.push_back({"f", {"s", parent}});
    return made;
  };
  const Table a = named("a", {"b", "elsewhere"});
  const Table b = named("b", {"c"});
  const Table c = named("c", {"c"});
  const Table d = named("d", {"d"});
  const TableOrder order = order_tables({&a, &d, &b, &c});
  CHECK(order.parents_first == std::vector<std::size_t>{3, 2, 0, 1});
  CHECK(order.related == std::vector<bool>{true, false, true, true});
  const Table x = named("x", {"y"});
  const Table y = named("y", {"x"});
  CHECK(order_tables({&x, &y}).parents_first.size() == 2);
  CHECK(order_tables({}).parents_first.empty());
}
