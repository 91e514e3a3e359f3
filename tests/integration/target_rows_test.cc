// Folded rows into tables: what is there afterwards.
#include "integration/target_fixture.h"

using namespace tidemark;
using namespace tidemark::testing;

namespace {

const std::vector<ColumnSpec> kColumns = {{"id", pg_type(TypeKind::int8)},
                                          {"name", pg_type(TypeKind::text)},
                                          {"n", pg_type(TypeKind::int4)}};

std::string full(std::int64_t id, const std::string& name, std::int32_t n) {
  return row({int8(id), bytes(name), int4(n)});
}

}  // namespace

TEST_CASE("inserts, updates and deletes go in one pass", "[target][rows]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1)).upsert(int8(2), full(2, "two", 2));
  first.upsert(int8(3), row({int8(3), null(), null()}));
  WriteCounts counts = f.write(first);
  CHECK(counts.upserted == 3);
  CHECK(counts.removed == 0);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "1,one,1|2,two,2|3,NULL,NULL");
  BatchOf second(layout);
  second.remove(int8(1)).remove(int8(99)).upsert(int8(2), full(2, "zwei", -2));
  second.upsert(int8(4), full(4, "", 4));
  counts = f.write(second);
  CHECK(counts.upserted == 2);
  CHECK(counts.removed == 1);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "2,zwei,-2|3,NULL,NULL|4,,4");
  BatchOf third(layout);
  third.remove(int8(2)).remove(int8(3));
  CHECK(f.write(third).removed == 2);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "4,,4");
}

TEST_CASE("unavailable columns keep what is stored", "[target][rows]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1)).upsert(int8(2), full(2, "two", 2));
  f.write(first);
  BatchOf second(layout);
  second.remove(int8(2));
  second.overlay(int8(1), row({int8(1), unavailable(), int4(11)}));
  second.upsert(int8(3), full(3, "three", 3));
  const WriteCounts counts = f.write(second);
  CHECK(counts.upserted == 2);
  CHECK(counts.removed == 1);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "1,one,11|3,three,3");
}

TEST_CASE("an unavailable column of a row that is not there is a data error", "[target][rows]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1));
  f.write(first);
  BatchOf self(layout);
  self.overlay(int8(5), row({int8(5), unavailable(), int4(5)}));
  BatchOf other(layout);
  other.overlay_from(int8(5), row({int8(5), unavailable(), int4(5)}), int8(4));
  BatchOf none(layout);
  none.overlay_from_nothing(int8(1), row({int8(1), unavailable(), int4(5)}));
  for (BatchOf* batch : {&self, &other, &none}) {
    try {
      f.write(*batch);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::data);
      CHECK(std::string(error.what()) == "unavailable value for a row that is not there");
      CHECK_FALSE(error.hint().empty());
    }
  }
  CHECK(f.ask("SELECT * FROM $.t") == "1,one,1");
}

TEST_CASE("absent columns keep what is stored, and take defaults in new rows", "[target][rows]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY, name text DEFAULT 'anon', n int DEFAULT 7)");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1));
  f.write(first);
  BatchOf second(layout);
  second.overlay(int8(1), row({int8(1), absent(), int4(11)}));
  second.overlay(int8(2), row({int8(2), absent(), int4(2)}));
  second.overlay(int8(3), row({int8(3), absent(), absent()}));
  f.write(second);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "1,one,11|2,anon,2|3,anon,7");
  // After a delete in the same batch there is nothing to keep.
  BatchOf third(layout);
  third.overlay_from_nothing(int8(1), row({int8(1), absent(), int4(111)}));
  third.overlay_from_nothing(int8(4), row({int8(4), absent(), absent()}));
  f.write(third);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "1,anon,111|2,anon,2|3,anon,7|4,anon,7");
  // Absent and unavailable in one row.
  BatchOf fourth(layout);
  fourth.overlay(int8(2), row({int8(2), unavailable(), absent()}));
  f.write(fourth);
  CHECK(f.ask("SELECT * FROM $.t WHERE id = 2") == "2,anon,2");
}

TEST_CASE("rows that change keys take columns from where they were before the batch",
          "[target][rows]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY, name text DEFAULT 'anon', n int DEFAULT 7)");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1)).upsert(int8(2), full(2, "two", 2));
  first.upsert(int8(3), full(3, "three", 3)).upsert(int8(4), full(4, "four", 4));
  f.write(first);
  // A chain 1 -> 2 -> 3, a swap would look the same; 3 is dropped; 4 stays and changes by itself.
  BatchOf second(layout);
  second.remove(int8(1));
  second.overlay_from(int8(2), row({int8(2), unavailable(), int4(21)}), int8(1));
  second.overlay_from(int8(3), row({int8(3), unavailable(), absent()}), int8(2));
  second.overlay(int8(4), row({int8(4), unavailable(), int4(44)}));
  second.overlay_from(int8(9), row({int8(9), bytes("nine"), absent()}), int8(77));
  f.write(second);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "2,one,21|3,two,2|4,four,44|9,nine,7");
}

TEST_CASE("keys of several columns and tables of nothing but a key", "[target][rows]") {
  TargetFixture f;
  const std::vector<ColumnSpec> columns = {{"b", pg_type(TypeKind::text)},
                                           {"v", pg_type(TypeKind::int4)},
                                           {"a", pg_type(TypeKind::int4)}};
  const auto composite = make_layout(f.name("c"), columns, {"a", "b"});
  const std::string key = int4(1) + bytes("x");
  BatchOf first(composite);
  first.upsert(key, row({bytes("x"), int4(5), int4(1)}));
  first.upsert(int4(1) + bytes("y"), row({bytes("y"), int4(6), int4(1)}));
  f.write(first);
  BatchOf second(composite);
  second.remove(int4(1) + bytes("y"));
  second.overlay(key, row({bytes("x"), unavailable(), int4(1)}));
  second.overlay_from(int4(2) + bytes("x"), row({bytes("x"), unavailable(), int4(2)}), key);
  f.write(second);
  CHECK(f.ask("SELECT a, b, v FROM $.c ORDER BY 1, 2") == "1,x,5|2,x,5");

  const auto all = make_layout(
      f.name("k"), {{"a", pg_type(TypeKind::int4)}, {"b", pg_type(TypeKind::text)}}, {"a", "b"});
  BatchOf third(all);
  third.upsert(key, key).upsert(int4(2) + bytes("z"), int4(2) + bytes("z"));
  f.write(third);
  BatchOf fourth(all);
  fourth.remove(int4(2) + bytes("z")).upsert(key, key);
  f.write(fourth);
  CHECK(f.ask("SELECT * FROM $.k") == "1,x");
  f.begin();
  const std::vector<std::string> keys = {key, int4(2) + bytes("z"), key};
  CHECK(f.target->rows_exist(*all, {keys[0], keys[1], keys[2]}) ==
        std::vector<bool>{true, false, true});
  f.target->rollback();
}

TEST_CASE("tables without a key are multisets", "[target][rows]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (a int, b json, c character(4), d numeric(6,2), e point)");
  PgType bpchar = pg_type(TypeKind::bpchar);
  bpchar.length = 4;
  const auto layout = make_layout(f.name("t"),
                                  {{"a", pg_type(TypeKind::int4)},
                                   {"b", pg_type(TypeKind::json)},
                                   {"c", bpchar},
                                   {"d", pg_numeric(6, 2)},
                                   {"e", pg_type(TypeKind::point)}},
                                  {});
  // numeric 1.5: one digit before the point and one behind it, display scale 1.
  const std::string one_and_half = bytes(std::string("\0\2\0\0\0\0\0\1\0\1\23\210", 12));
  const std::string a =
      row({int4(1), bytes("{\"k\": 1}"), bytes("ab"), one_and_half, bytes("(1,2)")});
  const std::string b = row({int4(2), null(), null(), null(), null()});
  BatchOf first(layout);
  first.insert(a).insert(a).insert(a).insert(b);
  CHECK(f.write(first).upserted == 4);
  CHECK(f.ask("SELECT a, d FROM $.t ORDER BY a") == "1,1.50|1,1.50|1,1.50|2,NULL");
  BatchOf second(layout);
  second.take(a).take(a).take(b).take(b);
  CHECK(f.write(second).removed == 3);
  CHECK(f.ask("SELECT a, c FROM $.t ORDER BY a") == "1,ab  ");
  BatchOf third(layout);
  third.take(a).insert(b);
  f.write(third);
  CHECK(f.ask("SELECT a, c FROM $.t ORDER BY a") == "2,NULL");
}

TEST_CASE("truncate empties the table before the batch's rows", "[target][rows]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1)).upsert(int8(2), full(2, "two", 2));
  f.write(first);
  BatchOf second(layout);
  second.truncate().upsert(int8(2), full(2, "again", 2));
  CHECK(f.write(second).removed == 2);
  CHECK(f.ask("SELECT * FROM $.t") == "2,again,2");
}

TEST_CASE("foreign keys: parents first, then deletes children first", "[target][rows]") {
  TargetFixture f;
  f.run(
      "CREATE TABLE $.z_parent (id bigint PRIMARY KEY, name text, n int);"
      "CREATE TABLE $.a_child (id bigint PRIMARY KEY, name text, n int,"
      "  parent bigint REFERENCES $.z_parent)");
  const auto parent = make_layout(f.name("z_parent"), kColumns, {"id"});
  std::vector<ColumnSpec> columns = kColumns;
  columns.push_back({"parent", pg_type(TypeKind::int8)});
  const auto child = make_layout(f.name("a_child"), columns, {"id"});
  BatchOf first(child);
  first.upsert(int8(1), full(1, "c", 1) + int8(10)).upsert(int8(2), full(2, "c", 1) + int8(20));
  first.table(parent).upsert(int8(10), full(10, "p", 1)).upsert(int8(20), full(20, "p", 1));
  f.write(first);
  // 20 goes, and its child moves to the new 30; 10 goes with its child.
  BatchOf second(child);
  second.remove(int8(1)).upsert(int8(2), full(2, "c", 1) + int8(30));
  second.table(parent).remove(int8(10)).remove(int8(20)).upsert(int8(30), full(30, "p", 1));
  const WriteCounts counts = f.write(second);
  CHECK(counts.removed == 3);
  CHECK(f.ask("SELECT id, parent FROM $.a_child") == "2,30");
  CHECK(f.ask("SELECT id FROM $.z_parent") == "30");
  BatchOf third(child);
  third.upsert(int8(3), full(3, "c", 1) + int8(99));
  std::string sqlstate;
  CHECK(kind_of_error([&] { f.write(third); }, &sqlstate) == ErrorKind::waiting);
  CHECK(sqlstate == "23503");
  BatchOf fourth(parent);
  fourth.truncate();
  fourth.table(child).truncate();
  f.write(fourth);
  CHECK(f.ask("SELECT count(*) FROM $.z_parent") == "0");
}

TEST_CASE("many rows are merged in parts, each row once", "[target][rows]") {
  const int count = GENERATE(7, 7999, 8000, 9999, 10'000, 10'001, 18'000, 18'001, 26'500);
  const int removed = GENERATE(0, 1, 2500);
  if (removed > count) return;
  INFO(count << " rows, the first " << removed << " of them removed");
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  for (int i = 0; i < count; ++i) first.upsert(int8(i), full(i, "old", i));
  f.write(first);
  BatchOf second(layout);
  for (int i = 0; i < removed; ++i) second.remove(int8(i));
  for (int i = removed; i < count; ++i) second.upsert(int8(i), full(i, "new", -i));
  const WriteCounts counts = f.write(second);
  CHECK(counts.removed == static_cast<std::uint64_t>(removed));
  CHECK(counts.upserted == static_cast<std::uint64_t>(count - removed));
  const std::string left = std::to_string(count - removed);
  CHECK(f.ask("SELECT count(*), count(DISTINCT id) FROM $.t WHERE name = 'new' AND n = -id") ==
        left + "," + left);
  CHECK(f.ask("SELECT count(*) FROM $.t") == left);
  // 2,000 at first, then 8,000 at a time; one statement where there are few.
  if (removed == 0) {
    const int parts = count < 8000 ? 1 : 1 + (count - 2000 + 7999) / 8000;
    CHECK(f.ask("SELECT count(DISTINCT cmin::text) FROM $.t") == std::to_string(parts));
  }
}

TEST_CASE("what only the end of a statement satisfies is one statement", "[target][rows]") {
  const std::string unique =
      GENERATE("UNIQUE DEFERRABLE INITIALLY IMMEDIATE",
               "EXCLUDE USING btree (n WITH =) DEFERRABLE INITIALLY IMMEDIATE");
  INFO(unique);
  TargetFixture f;
  const bool exclude = unique.starts_with("EXCLUDE");
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY, name text, n int" +
        (exclude ? ", " + unique : " " + unique) + ")");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  constexpr int kCount = 12'000;
  BatchOf first(layout);
  for (int i = 0; i < kCount; ++i) first.upsert(int8(i), full(i, "a", i));
  f.write(first);
  BatchOf swapped(layout);
  for (int i = 0; i < kCount; ++i) swapped.upsert(int8(i), full(i, "b", kCount - 1 - i));
  f.write(swapped);
  CHECK(f.ask("SELECT count(*) FROM $.t WHERE n = 11999 - id") == std::to_string(kCount));
}

TEST_CASE("a part that fails undoes those before it, and the transaction goes on",
          "[target][rows]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY, name text, n int CHECK (n <> 17777))");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  for (int i = 0; i < 20'000; ++i) first.upsert(int8(i), full(i, "old", 0));
  f.write(first);
  BatchOf bad(layout);
  for (int i = 0; i < 20'000; ++i) bad.upsert(int8(i), full(i, "bad", i));
  BatchOf good(layout);
  for (int i = 0; i < 9'000; ++i) good.upsert(int8(i), full(i, "good", i));
  f.begin();
  f.target->savepoint();
  CHECK(kind_of_error([&] { f.target->write(bad.get()); }) == ErrorKind::data);
  f.target->rollback_to_savepoint();
  f.target->write(good.get());
  f.commit();
  CHECK(f.ask("SELECT name, count(*), sum(n) FROM $.t GROUP BY name ORDER BY name") ==
        "good,9000,40495500|old,11000,0");
}

TEST_CASE("a second unique key: what a delete frees may be taken, a swap is the caller's",
          "[target][rows]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY, name text UNIQUE, n int)");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "a", 1)).upsert(int8(2), full(2, "b", 2));
  first.upsert(int8(3), full(3, "c", 3));
  f.write(first);
  BatchOf second(layout);
  second.remove(int8(3)).upsert(int8(0), full(0, "c", 0));
  f.write(second);
  BatchOf overlay(layout);
  overlay.remove(int8(0)).overlay(int8(2), row({int8(2), bytes("c"), unavailable()}));
  f.write(overlay);
  BatchOf swap(layout);
  swap.upsert(int8(1), full(1, "c", 1)).upsert(int8(2), full(2, "a", 2));
  std::string sqlstate;
  CHECK(kind_of_error([&] { f.write(swap); }, &sqlstate) == ErrorKind::data);
  CHECK(sqlstate == "23505");
  // In order, under a savepoint, as the writer does it.
  f.begin();
  for (const std::string& image : {full(1, "tmp", 1), full(2, "a", 2), full(1, "c", 1)}) {
    BatchOf one(layout);
    one.upsert(image.substr(0, 12), image);
    f.target->savepoint();
    f.target->write(one.get());
    f.target->release_savepoint();
  }
  BatchOf bad(layout);
  bad.upsert(int8(5), full(5, "a", 5));
  f.target->savepoint();
  CHECK(kind_of_error([&] { f.target->write(bad.get()); }) == ErrorKind::data);
  f.target->rollback_to_savepoint();
  f.commit();
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "1,c,1|2,a,2");
}

namespace {

// Rows that COPY brings have the transaction of its savepoint, not that of the batch.
constexpr const char* kWriters = "SELECT count(DISTINCT xmin::text) FROM $.t WHERE id >= 1000";

// `count` rows that are not expected to be there, from key 1000 on.
void add_born(BatchOf& batch, int count, const std::string& name) {
  std::vector<RowChange>& rows = batch.get().tables.back().rows;
  for (int id = 1000; id < 1000 + count; ++id) {
    RowChange& change = rows.emplace_back();
    change.key = batch.keep(int8(id));
    change.row = batch.keep(full(id, name, 1));
    change.born = true;
  }
}

}  // namespace

TEST_CASE("new rows are copied, beside what MERGE does", "[target][copy]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1)).upsert(int8(2), full(2, "two", 2));
  f.write(first);
  BatchOf second(layout);
  second.remove(int8(1)).upsert(int8(2), full(2, "zwei", 2));
  add_born(second, 300, "new");
  const WriteCounts counts = f.write(second);
  CHECK(counts.upserted == 301);
  CHECK(counts.removed == 1);
  CHECK(f.ask("SELECT id, name, n FROM $.t WHERE id < 1000") == "2,zwei,2");
  CHECK(f.ask("SELECT count(*), min(id), max(id), min(name) FROM $.t WHERE id >= 1000") ==
        "300,1000,1299,new");
  CHECK(f.ask("SELECT (SELECT xmin FROM $.t WHERE id = 2) = (SELECT xmin FROM $.t WHERE id = "
              "1000)") == "f");
}

TEST_CASE("a row that was to be new and is there is merged, with all beside it", "[target][copy]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1200), full(1200, "old", 1));
  f.write(first);
  for (const char* name : {"again", "and again"}) {
    BatchOf batch(layout);
    add_born(batch, 300, name);
    CHECK(f.write(batch).upserted == 300);
    CHECK(f.ask("SELECT count(*), min(name), max(name) FROM $.t") ==
          "300," + std::string(name) + "," + name);
    CHECK(f.ask(kWriters) == "1");
  }
}

TEST_CASE("a copied row may take a second unique key that is freed beside it", "[target][copy]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY, name text, n int UNIQUE)");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1000)).upsert(int8(2), full(2, "two", 1001));
  f.write(first);
  BatchOf second(layout);
  second.remove(int8(1)).upsert(int8(2), full(2, "two", 7));
  add_born(second, 300, "new");
  std::vector<RowChange>& rows = second.get().tables.back().rows;
  for (std::size_t i = 2; i < rows.size(); ++i) {
    const auto id = static_cast<std::int32_t>(1000 + i - 2);
    rows[i].row = second.keep(full(id, "new", id));
  }
  f.write(second);
  CHECK(f.ask("SELECT count(*), min(n), max(n) FROM $.t WHERE id >= 1000") == "300,1000,1299");
}

TEST_CASE("a table that refers to itself gets new rows and updates at once", "[target][copy]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY, name text, n bigint REFERENCES $.t)");
  const std::vector<ColumnSpec> columns = {{"id", pg_type(TypeKind::int8)},
                                           {"name", pg_type(TypeKind::text)},
                                           {"n", pg_type(TypeKind::int8)}};
  const auto layout = make_layout(f.name("t"), columns, {"id"});
  const auto image = [](std::int64_t id, std::int64_t parent) {
    return row({int8(id), bytes("x"), int8(parent)});
  };
  BatchOf first(layout);
  first.upsert(int8(1), image(1, 1));
  f.write(first);
  BatchOf second(layout);
  second.upsert(int8(1), image(1, 1299));
  add_born(second, 300, "new");
  std::vector<RowChange>& rows = second.get().tables.back().rows;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    rows[i].row = second.keep(image(static_cast<std::int64_t>(1000 + i - 1), 1));
  }
  f.write(second);
  CHECK(f.ask("SELECT n FROM $.t WHERE id = 1") == "1299");
  CHECK(f.ask("SELECT count(*) FROM $.t") == "301");
}

TEST_CASE("a key that is checked at the end only is never copied into", "[target][copy]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, name text, n int)");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  for (const char* name : {"once", "twice"}) {
    BatchOf batch(layout);
    add_born(batch, 300, name);
    f.write(batch);
    CHECK(f.ask("SELECT count(*), min(name) FROM $.t") == "300," + std::string(name));
  }
}

TEST_CASE("a table without a unique index on the key is written too", "[target][rows]") {
  TargetFixture f;
  f.run("CREATE TABLE $.t (id bigint, name text, n int)");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1)).born();
  f.write(first);
  f.write(first);
  BatchOf second(layout);
  second.remove(int8(1)).upsert(int8(2), full(2, "two", 2));
  f.write(second);
  CHECK(f.ask("SELECT * FROM $.t") == "2,two,2");
}

TEST_CASE("partitioned tables: a key change across partitions", "[target][rows]") {
  TargetFixture f;
  f.run(
      "CREATE TABLE $.t (id bigint PRIMARY KEY, name text, n int) PARTITION BY RANGE (id);"
      "CREATE TABLE $.t1 PARTITION OF $.t FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE $.t2 PARTITION OF $.t FOR VALUES FROM (10) TO (20)");
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), full(1, "one", 1)).upsert(int8(11), full(11, "eleven", 1));
  f.write(first);
  BatchOf second(layout);
  second.remove(int8(1)).overlay_from(int8(12), row({int8(12), unavailable(), int4(2)}), int8(1));
  f.write(second);
  CHECK(f.ask("SELECT * FROM $.t ORDER BY id") == "11,eleven,1|12,one,2");
  BatchOf third(layout);
  third.upsert(int8(50), full(50, "none", 1));
  CHECK(kind_of_error([&] { f.write(third); }) == ErrorKind::data);
}
