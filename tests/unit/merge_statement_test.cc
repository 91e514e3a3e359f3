// The statements as text. What they do is shown by the tests against a server.
#include "target/merge_statement.h"

#include "support/catch.h"

using namespace tidemark;

namespace {

struct Example {
  Layout layout;
  Table actual;
  Example& column(const std::string& name, const PgType& type) {
    layout.columns.push_back({name, type, type.wire(), false});
    actual.columns.push_back({name, type, false, std::nullopt, false, false});
    return *this;
  }
  Example& key(const std::vector<std::uint16_t>& columns) {
    layout.key = columns;
    for (const std::uint16_t i : columns) layout.columns[i].key = true;
    return *this;
  }
  [[nodiscard]] TableStatements statements() const { return {layout, actual}; }
};

Example example() {
  Example made;
  made.layout.target = made.actual.name = {"s", "t"};
  return made;
}

Example simple() {
  return example()
      .column("id", pg_type(TypeKind::int8))
      .column("a", pg_type(TypeKind::text))
      .column("b", pg_type(TypeKind::interval))
      .key({0});
}

}  // namespace

TEST_CASE("the plain statement", "[merge]") {
  CHECK(
      simple().statements().merge({}) ==
      "MERGE INTO \"s\".\"t\" AS t USING (SELECT unnest($1::bigint[]) AS c0, unnest($2::text[]) AS "
      "c1, unnest($3::text[])::interval AS c2, unnest($4::boolean[]) AS op) AS s ON "
      "t.\"id\" = s.c0 WHEN MATCHED AND s.op THEN DELETE WHEN MATCHED THEN UPDATE SET "
      "\"a\" = s.c1, \"b\" = s.c2 WHEN NOT MATCHED AND NOT s.op THEN INSERT (\"id\", \"a\", \"b\") "
      "VALUES (s.c0, s.c1, s.c2)");
}

TEST_CASE("unavailable columns keep what is stored, or fail", "[merge]") {
  CHECK(
      simple().statements().merge({LackBase::self, true, {}}) ==
      "MERGE INTO \"s\".\"t\" AS t USING (SELECT unnest($1::bigint[]) AS c0, unnest($2::text[]) AS "
      "c1, unnest($3::text[])::interval AS c2, unnest($4::boolean[]) AS op, unnest($5::bigint[]) "
      "AS u0) AS s ON t.\"id\" = s.c0 WHEN MATCHED AND s.op THEN DELETE WHEN MATCHED THEN UPDATE "
      "SET \"a\" = CASE WHEN (s.u0 & 2) <> 0 THEN t.\"a\" ELSE s.c1 END, \"b\" = CASE WHEN "
      "(s.u0 & 4) <> 0 THEN t.\"b\" ELSE s.c2 END WHEN NOT MATCHED AND NOT s.op AND CASE WHEN "
      "s.u0 <> 0 THEN ('tidemark: unavailable ' || s.u0::text)::integer IS NULL ELSE true END THEN "
      "INSERT (\"id\", \"a\", \"b\") VALUES (s.c0, s.c1, s.c2)");
}

TEST_CASE("absent columns are left out, or set to their defaults", "[merge]") {
  const Example made = simple();
  const std::string self = made.statements().merge({LackBase::self, false, {1}});
  CHECK(self.find("\"a\"") == std::string::npos);
  CHECK(self.find("unnest($3::boolean[]) AS op") != std::string::npos);
  const std::string none = made.statements().merge({LackBase::none, false, {1}});
  CHECK(none.find("UPDATE SET \"a\" = DEFAULT, \"b\" = s.c2") != std::string::npos);
  CHECK(none.find("INSERT (\"id\", \"b\") VALUES (s.c0, s.c2)") != std::string::npos);
}

TEST_CASE("columns taken from another key's row", "[merge]") {
  Example made = simple();
  made.actual.columns[1].default_sql = "'anon'::text";
  const std::string text = made.statements().merge({LackBase::other, true, {}});
  CHECK(text.find("CASE WHEN (s.u0 & 2) <> 0 THEN b.\"a\" WHEN (s.a0 & 2) <> 0 THEN CASE WHEN "
                  "b.\"id\" IS NOT NULL THEN b.\"a\" ELSE 'anon'::text END ELSE s.c1 END AS c1") !=
        std::string::npos);
  CHECK(text.find("LEFT JOIN \"s\".\"t\" AS b ON b.\"id\" = s.b0") != std::string::npos);
  CHECK(text.find("unnest($6::bigint[]) AS a0, unnest($7::bigint[]) AS b0") != std::string::npos);
  CHECK(text.find("WHEN MATCHED AND NOT s.lost THEN UPDATE") != std::string::npos);
}

TEST_CASE("a mask has 63 bits", "[merge]") {
  Example made = example().column("id", pg_type(TypeKind::int8));
  for (int i = 1; i < 64; ++i) made.column("c" + std::to_string(i), pg_type(TypeKind::int4));
  made.key({0});
  const TableStatements statements = made.statements();
  CHECK(statements.masks() == 2);
  const std::string text = statements.merge({LackBase::self, true, {}});
  CHECK(text.find("\"c62\" = CASE WHEN (s.u0 & 4611686018427387904) <> 0") != std::string::npos);
  CHECK(text.find("\"c63\" = CASE WHEN (s.u1 & 1) <> 0") != std::string::npos);
  CHECK(text.find("s.u0 <> 0 OR s.u1 <> 0") != std::string::npos);
}

TEST_CASE("a table of nothing but its key has nothing to update", "[merge]") {
  const Example made = example()
                           .column("a", pg_type(TypeKind::int4))
                           .column("b", pg_type(TypeKind::uuid))
                           .key({1, 0});
  const std::string text = made.statements().merge({});
  CHECK(text.find("UPDATE") == std::string::npos);
  CHECK(text.find("ON t.\"b\" = s.c1 AND t.\"a\" = s.c0") != std::string::npos);
  CHECK(
      made.statements().remove() ==
      "DELETE FROM \"s\".\"t\" AS t USING (SELECT unnest($1::uuid[]) AS k0, unnest($2::integer[]) "
      "AS k1) AS s WHERE t.\"b\" = s.k0 AND t.\"a\" = s.k1");
}

TEST_CASE("identity and generated columns", "[merge]") {
  Example made = simple().column("g", pg_type(TypeKind::int4));
  made.actual.columns[0].identity_always = true;
  made.actual.columns[3].generated = true;
  const std::string text = made.statements().merge({});
  CHECK(text.find("\"g\"") == std::string::npos);
  CHECK(text.find("INSERT (\"id\", \"a\", \"b\") OVERRIDING SYSTEM VALUE VALUES") !=
        std::string::npos);
  CHECK(made.statements().columns({}) == std::vector<std::uint16_t>{0, 1, 2});
}

TEST_CASE("values are compared as the column's own type", "[merge]") {
  PgType citext = pg_type(TypeKind::citext);
  citext.name = "\"my.schema\".citext";
  PgType enumeration = pg_type(TypeKind::enumeration);
  enumeration.name = "s.mood";
  CHECK(key_equality(citext, "t.k", "s.c") ==
        "t.k OPERATOR(\"my.schema\".=) s.c::\"my.schema\".citext");
  CHECK(key_equality(enumeration, "t.k", "s.c") == "t.k = s.c::s.mood");
  CHECK(key_equality(pg_type(TypeKind::int4), "t.k", "s.c") == "t.k = s.c");
  CHECK(key_equality(pg_type(TypeKind::oid), "t.k", "s.c") == "t.k = s.c::oid");
  CHECK(key_equality(pg_type(TypeKind::varchar), "t.k", "s.c") == "t.k = s.c::character varying");
  CHECK(key_equality(pg_type(TypeKind::bpchar), "t.k", "s.c") == "t.k = s.c::bpchar");
  CHECK(key_equality(pg_type(TypeKind::bit), "t.k", "s.c") == "t.k = s.c::varbit::\"bit\"");
  CHECK(key_equality(pg_array_of(pg_type(TypeKind::money)), "t.k", "s.c") ==
        "t.k = s.c::numeric[]::money[]");
  // An extension's type as the catalog knows it.
  Example made = example().column("k", pg_type(TypeKind::citext)).key({0});
  made.actual.columns[0].type = citext;
  CHECK(made.statements().merge({}).find("t.\"k\" OPERATOR(\"my.schema\".=) s.c0") !=
        std::string::npos);
  CHECK(made.statements().merge({}).find("unnest($1::text[])::\"my.schema\".citext AS c0") !=
        std::string::npos);
}

TEST_CASE("key columns are written by updates only where equal is not the same", "[merge]") {
  const auto updates_key = [](const PgType& type) {
    const Example made = example().column("k", type).column("v", pg_type(TypeKind::int4)).key({0});
    return made.statements().merge({}).find("UPDATE SET \"k\" = s.c0") != std::string::npos;
  };
  CHECK_FALSE(updates_key(pg_type(TypeKind::int8)));
  CHECK_FALSE(updates_key(pg_type(TypeKind::text)));
  CHECK(updates_key(pg_type(TypeKind::numeric)));
  CHECK(updates_key(pg_type(TypeKind::citext)));
}

TEST_CASE("tables without a key, and COPY", "[merge]") {
  PgType bits = pg_type(TypeKind::bit);
  bits.length = 3;
  const Example made = example().column("a", pg_type(TypeKind::int4)).column("b", bits);
  const TableStatements statements = made.statements();
  CHECK(statements.insert({}) ==
        "INSERT INTO \"s\".\"t\" (\"a\", \"b\") SELECT s.c0, s.c1::varbit FROM (SELECT "
        "unnest($1::integer[]) AS c0, unnest($2::text[]) AS c1) AS s");
  CHECK(
      statements.insert({0}) ==
      "INSERT INTO \"s\".\"t\" (\"b\") SELECT s.c1::varbit FROM (SELECT unnest($1::text[]) AS c1) "
      "AS s");
  const std::string take = statements.take({});
  CHECK(take.find("ROW(s.c0::integer, s.c1::varbit::bit(3))::text") != std::string::npos);
  CHECK(take.find("g.image = ROW(t.\"a\", t.\"b\")::text") != std::string::npos);
  CHECK(take.find("IS NOT DISTINCT FROM") == std::string::npos);
  CHECK(statements.remove_all() == "DELETE FROM \"s\".\"t\"");
  CHECK(statements.copy() == "COPY \"s\".\"t\" (\"a\", \"b\") FROM STDIN (FORMAT binary)");
}
