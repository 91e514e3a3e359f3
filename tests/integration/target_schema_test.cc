// What ensure() makes of the target's schema, and what the catalog says of it.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "integration/target_fixture.h"

using namespace tidemark;
using namespace tidemark::testing;

namespace {

PgType varchar(std::int32_t length) {
  PgType type = pg_type(TypeKind::varchar);
  type.length = length;
  return type;
}

std::string columns_of(TargetFixture& f, const std::string& table) {
  return f.ask(
      "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
      "WHERE attrelid = '" +
      f.schema + "." + table + "'::regclass AND attnum > 0 ORDER BY attnum");
}

bool ensure(TargetFixture& f, const LayoutPtr& layout) {
  f.begin();
  try {
    const bool changed = f.target->ensure(*layout);
    f.commit();
    return changed;
  } catch (...) {
    f.target->rollback();
    throw;
  }
}

std::optional<TablePtr> wait_for(Catalog& catalog, const TableName& name) {
  for (int i = 0; i < 100; ++i) {
    if (auto found = catalog.find(name)) return found;
    catalog.wait(std::chrono::milliseconds(100));
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("tables are created, columns added and widened", "[target][schema]") {
  TargetFixture f;
  const auto first = make_layout(
      {f.schema, "t"},
      {{"id", pg_type(TypeKind::int4)}, {"name", varchar(5)}, {"price", pg_numeric(6, 2)}}, {"id"});
  CHECK(ensure(f, first));
  CHECK_FALSE(ensure(f, first));
  CHECK(columns_of(f, "t") == "id,integer,t|name,character varying(5),f|price,numeric(6,2),f");
  const auto second = make_layout({f.schema, "t"},
                                  {{"id", pg_type(TypeKind::int8)},
                                   {"name", pg_type(TypeKind::text)},
                                   {"price", pg_numeric(8, 2)},
                                   {"extra", pg_type(TypeKind::jsonb)}},
                                  {"id"});
  CHECK(ensure(f, second));
  CHECK(columns_of(f, "t") == "id,bigint,t|name,text,f|price,numeric(8,2),f|extra,jsonb,f");
  // The narrower one is content with it.
  CHECK_FALSE(ensure(f, first));
  const auto known = wait_for(*f.catalog, f.name("t"));
  REQUIRE(known);
  CHECK((*known)->columns.size() == 4);
}

TEST_CASE("NOT NULL goes with what the source has dropped, and comes with a default",
          "[target][schema]") {
  TargetFixture f;
  f.run(
      "CREATE TABLE $.t (id bigint PRIMARY KEY, gone text NOT NULL, kept text NOT NULL DEFAULT 'x',"
      " loose text NOT NULL, ser serial)");
  auto layout = std::make_shared<Layout>(*make_layout(
      f.name("t"), {{"id", pg_type(TypeKind::int8)}, {"loose", pg_type(TypeKind::text)}}, {"id"}));
  Table required = *layout->required;
  required.columns.push_back({"d", pg_type(TypeKind::int4), true, "7", false, false});
  required.columns.push_back({"e", pg_type(TypeKind::int4), true, std::nullopt, false, false});
  required.columns.push_back({"f", pg_type(TypeKind::int4), false, "8", false, false});
  layout->required = std::make_shared<Table>(required);
  f.run("INSERT INTO $.t VALUES (1, 'a', 'b', 'c')");
  CHECK(ensure(f, layout));
  CHECK(columns_of(f, "t") ==
        "id,bigint,t|gone,text,f|kept,text,t|loose,text,f|ser,integer,t|d,integer,t|e,integer,f|"
        "f,integer,f");
  CHECK(f.ask("SELECT d, e, f FROM $.t") == "7,NULL,8");
}

TEST_CASE("without evolve nothing is changed, and the error shows what would do",
          "[target][schema]") {
  TargetFixture f;
  for (const SchemaEvolution evolution : {SchemaEvolution::none, SchemaEvolution::validate}) {
    f.config.target.schema_evolution = evolution;
    f.target = f.make_target();
    f.run("DROP TABLE IF EXISTS $.t");
    f.catalog->forget_all();
    const auto layout = make_layout(f.name("t"), {{"id", pg_type(TypeKind::int8)}}, {"id"});
    try {
      ensure(f, layout);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::fatal);
      CHECK(error.hint().find("CREATE TABLE IF NOT EXISTS \"" + f.schema +
                              "\".\"t\" (\"id\" bigint") != std::string::npos);
    }
    f.run("CREATE TABLE $.t (id int PRIMARY KEY)");
    f.catalog->forget_all();
    if (evolution == SchemaEvolution::none) {
      CHECK_FALSE(ensure(f, layout));
    } else {
      CHECK(kind_of_error([&] { ensure(f, layout); }) == ErrorKind::fatal);
    }
  }
}

TEST_CASE("a schema change is undone with its transaction, and made again", "[target][schema]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), {{"id", pg_type(TypeKind::int8)}}, {"id"});
  f.begin();
  CHECK(f.target->ensure(*layout));
  f.target->rollback();
  CHECK(f.ask("SELECT to_regclass('$.t')") == "NULL");
  f.begin();
  CHECK(f.target->ensure(*layout));
  f.target->savepoint();
  f.target->rollback_to_savepoint();
  CHECK_FALSE(f.target->ensure(*layout));
  f.commit();
  CHECK(f.ask("SELECT to_regclass('$.t') IS NOT NULL") == "t");
  // A statement that fails is no bad data.
  const auto bad =
      make_layout(f.name("v"), {{"id", named_type(TypeKind::other, "no_such_type")}}, {"id"});
  CHECK(kind_of_error([&] { ensure(f, bad); }) == ErrorKind::fatal);
  f.run("CREATE VIEW $.w AS SELECT 1::bigint AS id");
  const auto view = make_layout(f.name("w"), {{"id", pg_type(TypeKind::int8)}}, {"id"});
  CHECK(kind_of_error([&] { ensure(f, view); }) == ErrorKind::fatal);
}

TEST_CASE("lanes that need the same table make it once", "[target][schema]") {
  TargetFixture f;
  f.target->take({{"topic", Partition{0}}});
  std::vector<std::thread> lanes;
  std::atomic<int> made = 0;
  std::atomic<int> failed = 0;
  for (int lane = 0; lane < 4; ++lane) {
    lanes.emplace_back([&, lane] {
      try {
        const auto target = f.make_target();
        const Assignment mine = target->take({{"topic", Partition{lane}}});
        const TakenPartition& at = mine.partitions[0];
        const auto layout = make_layout(f.name("t"),
                                        {{"id", pg_type(TypeKind::int8)},
                                         {"c" + std::to_string(lane), pg_type(TypeKind::int4)}},
                                        {"id"});
        target->begin({{at.at, at.epoch, at.next, Offset{1}, 1, 0, {}, 0}});
        if (target->ensure(*layout)) ++made;
        BatchOf batch(layout);
        batch.upsert(int8(lane), row({int8(lane), int4(lane)}));
        target->write(batch.get());
        target->commit();
      } catch (const std::exception&) {
        ++failed;
      }
    });
  }
  for (std::thread& lane : lanes) lane.join();
  CHECK(failed == 0);
  CHECK(made == 4);
  CHECK(f.ask("SELECT count(*), sum(c0), sum(c3) FROM $.t") == "4,0,3");
}

TEST_CASE("a table that changed behind our back is read again", "[target][schema]") {
  TargetFixture f;
  const auto layout = make_layout(
      f.name("t"), {{"id", pg_type(TypeKind::int8)}, {"n", pg_type(TypeKind::int4)}}, {"id"});
  BatchOf batch(layout);
  batch.upsert(int8(1), row({int8(1), int4(1)}));
  f.write(batch);
  f.run("ALTER TABLE $.t DROP COLUMN n");
  std::string sqlstate;
  CHECK(kind_of_error([&] { f.write(batch); }, &sqlstate) == ErrorKind::fatal);
  CHECK(sqlstate == "42703");
  f.write(batch);
  CHECK(f.ask("SELECT * FROM $.t") == "1,1");
  f.run("DROP TABLE $.t");
  CHECK(kind_of_error([&] { f.write(batch); }) == ErrorKind::fatal);
  f.write(batch);
  CHECK(f.ask("SELECT * FROM $.t") == "1,1");
}

TEST_CASE("the catalog knows a table's columns, keys and constraints", "[target][catalog]") {
  TargetFixture f;
  f.run(
      "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;"
      "CREATE TYPE $.mood AS ENUM ('sad'); CREATE DOMAIN $.money2 AS numeric(10,-2);"
      "CREATE DOMAIN $.money3 AS $.money2 NOT NULL;"
      "CREATE TABLE $.p (a int, b text, PRIMARY KEY (b, a));"
      "CREATE TABLE $.\"T\" (\"Id\" bigint PRIMARY KEY, v varchar(7), ch char(3), bt bit(9)[],"
      " ts timestamp(3), iv interval(2), m $.mood[], d $.money3, ci public.citext,"
      " g int GENERATED ALWAYS AS (1) STORED, i int GENERATED ALWAYS AS IDENTITY,"
      " s serial, r int4range, q \"char\", dflt text NOT NULL DEFAULT lower('X'),"
      " a int, b text, UNIQUE (a, b), FOREIGN KEY (b, a) REFERENCES $.p (b, a));"
      "CREATE UNIQUE INDEX ON $.\"T\" (a) WHERE a > 0; CREATE UNIQUE INDEX ON $.\"T\" (lower(v));"
      "ALTER TABLE $.\"T\" ADD COLUMN dropped int; ALTER TABLE $.\"T\" DROP COLUMN dropped");
  const auto found = wait_for(*f.catalog, f.name("T"));
  REQUIRE(found);
  REQUIRE(*found != nullptr);
  const Table& table = **found;
  std::string columns;
  for (const Column& column : table.columns) columns += column.name + ":" + column.type.sql() + " ";
  CHECK(columns ==
        "Id:bigint v:character varying(7) ch:character(3) bt:bit(9)[] "
        "ts:timestamp(3) without time zone iv:interval(2) m:" +
            f.schema +
            ".mood[] "
            "d:numeric(10,-2) ci:public.citext g:integer i:integer s:integer r:int4range "
            "q:\"char\" dflt:text a:integer b:text ");
  CHECK(table.find("Id")->not_null);
  CHECK(table.find("g")->generated);
  CHECK(table.find("i")->identity_always);
  CHECK(table.find("i")->identity);
  CHECK_FALSE(table.find("s")->identity);
  CHECK(table.find("dflt")->default_sql == "lower('X'::text)");
  CHECK(table.find("s")->default_sql->starts_with("nextval("));
  CHECK(table.find("m")->type.kind == TypeKind::enumeration);
  CHECK(table.find("ci")->type.kind == TypeKind::citext);
  CHECK(table.find("r")->type.kind == TypeKind::range);
  CHECK(table.key == std::vector<std::string>{"Id"});
  CHECK(table.unique_keys == std::vector<std::vector<std::string>>{{"Id"}, {"a", "b"}});
  REQUIRE(table.foreign_keys.size() == 1);
  CHECK(table.foreign_keys[0].parent == f.name("p"));
  const auto parent = wait_for(*f.catalog, f.name("p"));
  CHECK((*parent)->key == std::vector<std::string>{"b", "a"});
  const auto missing = wait_for(*f.catalog, f.name("t"));
  REQUIRE(missing);
  CHECK(*missing == nullptr);
}

TEST_CASE("the catalog knows what keeps a column's type", "[target][catalog]") {
  TargetFixture f;
  f.run(
      "CREATE DOMAIN $.d AS varchar(5); CREATE TABLE $.p (id int PRIMARY KEY); "
      "CREATE TABLE $.t (id int PRIMARY KEY, n int, w int, free int DEFAULT 1, d $.d, "
      "p int REFERENCES $.p, g int GENERATED ALWAYS AS (n + 1) STORED); "
      "CREATE INDEX ON $.t (free); CREATE VIEW $.v AS SELECT w FROM $.t; "
      "CREATE TABLE $.parts (id int, x int) PARTITION BY RANGE (id); "
      "CREATE TABLE $.part PARTITION OF $.parts DEFAULT");
  const auto table = [&](const std::string& name) {
    return read_table(
        [&](const std::string& sql, const std::vector<std::string>& parameters) {
          return f.sql.query_text(sql, parameters);
        },
        f.name(name));
  };
  const auto stays = [](const TablePtr& of, const std::string& column, TypeKind kind) {
    return why_type_stays(*of->find(column), pg_type(kind), column == "id");
  };
  const TablePtr t = table("t");
  CHECK(stays(t, "free", TypeKind::text).empty());
  CHECK(stays(t, "id", TypeKind::int8).empty());
  CHECK(stays(t, "id", TypeKind::numeric) == "it is in the key");
  CHECK(stays(t, "n", TypeKind::int8) ==
        "default value for column g of table " + f.schema + ".t depends on it");
  CHECK(stays(t, "w", TypeKind::int8) == "view " + f.schema + ".v depends on it");
  CHECK(stays(t, "d", TypeKind::text) == "it is of the domain " + f.schema + ".d");
  CHECK(stays(t, "p", TypeKind::int8).empty());
  CHECK(stays(t, "p", TypeKind::numeric) == "the foreign key t_p_fkey compares it");
  CHECK(stays(table("p"), "id", TypeKind::numeric) == "the foreign key t_p_fkey compares it");
  CHECK(stays(table("parts"), "id", TypeKind::int8) == "the partition key depends on it");
  CHECK(stays(table("parts"), "x", TypeKind::int8).empty());
  CHECK(stays(table("part"), "x", TypeKind::int8) == "the parent table depends on it");
  CHECK(t->find("d")->type.length == 5);
}

TEST_CASE("the catalog asks in the background and forgets when told", "[target][catalog]") {
  TargetFixture f;
  const auto none = wait_for(*f.catalog, f.name("t"));
  REQUIRE(none);
  f.run("CREATE TABLE $.t (id int)");
  CHECK(*f.catalog->find(f.name("t")) == nullptr);
  f.catalog->forget(f.name("t"));
  CHECK_FALSE(f.catalog->find(f.name("t")));
  CHECK(*wait_for(*f.catalog, f.name("t")) != nullptr);
  CHECK(f.catalog->wait(std::chrono::milliseconds(1)));

  Catalog lost({"host=127.0.0.1 port=1 dbname=x", {}});
  CHECK_FALSE(lost.find(f.name("t")));
  CHECK_FALSE(lost.wait(std::chrono::milliseconds(250)));
  auto table = std::make_shared<Table>();
  table->name = f.name("t");
  lost.put(table);
  CHECK(*lost.find(f.name("t")) == table);
}

TEST_CASE("a catalog's end does not wait for a server that is silent", "[target][schema]") {
  // It takes connections, as a frozen server's kernel does, and says nothing.
  const int silent = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(silent, generic, size) == 0);
  REQUIRE(listen(silent, 8) == 0);
  REQUIRE(getsockname(silent, generic, &size) == 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  auto begin = std::chrono::steady_clock::now();
  {
    Catalog catalog({"host=127.0.0.1 sslmode=disable dbname=x port=" + port, {}});
    CHECK_FALSE(catalog.find({"public", "t"}));
    CHECK_FALSE(catalog.wait(std::chrono::milliseconds(300)));
    begin = std::chrono::steady_clock::now();
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
  close(silent);
}
