// Key changes whose halves wait for each other, and dead letters.
#include "integration/target_fixture.h"

using namespace tidemark;
using namespace tidemark::testing;

namespace {

const std::vector<ColumnSpec> kColumns = {{"id", pg_type(TypeKind::int8)},
                                          {"name", pg_type(TypeKind::text)},
                                          {"n", pg_type(TypeKind::int4)},
                                          {"j", pg_type(TypeKind::jsonb)},
                                          {"a", pg_array_of(pg_type(TypeKind::int4))}};

std::string jsonb(const std::string& text) {
  return bytes("\1" + text);
}

}  // namespace

namespace {

const std::string kOne = int8(1);
const std::string kTwo = int8(2);
const std::string kThree = int8(3);
const std::string kLink("\0link", 5);
const std::string kStored =
    row({int8(1), bytes("o\\n\"e'"), null(), jsonb("{\"k\": [1, null]}"), bytes("{1,NULL}")});
const std::string kPartial = row({int8(2), unavailable(), int4(5), absent(), null()});

KeyChangeLeft& leave(FoldedBatch& batch, const Layout& layout, char side,
                     const std::string& old_key, const std::string& new_key,
                     std::string_view position) {
  KeyChangeLeft& half = batch.key_changes_left.emplace_back();
  half.side = side;
  half.id = {&layout, "topic", old_key, new_key, position};
  half.partition = 3;
  return half;
}

// Six halves of every sort; `not at all` leaves nothing.
FoldedBatch example_halves(const Layout& layout) {
  FoldedBatch batch;
  KeyChangeLeft& whole = leave(batch, layout, 'd', kOne, kTwo, "whole");
  whole.has_base = true;
  whole.base = kOne;
  KeyChangeLeft& partial = leave(batch, layout, 'c', kOne, kTwo, "partial");
  partial.has_row = true;
  partial.row = kPartial;
  partial.at_key = kTwo;
  KeyChangeLeft& both = leave(batch, layout, 'd', kOne, kThree, "both");
  both.has_row = both.has_base = true;
  both.row = kPartial;
  both.base = kOne;
  both.at_key = kLink;
  KeyChangeLeft& no_base = leave(batch, layout, 'd', kThree, kOne, "no base");
  no_base.has_base = true;
  no_base.base = kThree;
  KeyChangeLeft& nothing = leave(batch, layout, 'd', kThree, kOne, "not at all");
  nothing.has_base = nothing.only_if_row = true;
  nothing.base = kThree;
  leave(batch, layout, 'c', kThree, kOne, "");
  return batch;
}

}  // namespace

TEST_CASE("halves of key changes come back as they were left", "[target][ledger]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(kOne, kStored);
  f.write(first);
  f.begin();
  f.target->write(example_halves(*layout));
  f.commit();

  f.begin();
  const std::vector<KeyChangeRow> rows =
      f.target->lock_key_changes({{layout.get(), "topic", kOne, kTwo, "whatever"},
                                  {layout.get(), "", kThree, kOne, ""},
                                  {layout.get(), "topic", kOne, kTwo, "again"},
                                  {layout.get(), "topic", kOne, kThree, ""},
                                  {layout.get(), "topic", kTwo, kThree, ""}});
  REQUIRE(rows.size() == 5);
  CHECK(rows[0].side == 'd');
  CHECK(rows[0].position == "whole");
  CHECK(rows[0].has_row);
  CHECK(rows[0].row == kStored);
  CHECK(rows[0].at_key.empty());
  CHECK(rows[0].partition == 3);
  CHECK(rows[0].old_key == kOne);
  CHECK(rows[0].new_key == kTwo);
  CHECK(rows[0].layout == layout.get());
  CHECK(rows[1].side == 'c');
  CHECK(rows[1].row == kPartial);
  CHECK(rows[1].at_key == kTwo);
  CHECK(rows[2].row ==
        row({int8(2), bytes("o\\n\"e'"), int4(5), jsonb("{\"k\": [1, null]}"), null()}));
  CHECK(rows[2].at_key == kLink);
  CHECK_FALSE(rows[3].has_row);
  CHECK(rows[3].side == 'd');
  CHECK_FALSE(rows[4].has_row);
  CHECK(rows[4].position.empty());
  f.target->rollback();
}

TEST_CASE("halves are taken by their ids, and incomplete rows are hints", "[target][ledger]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("a\".\"\"b.c"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(kOne, kStored);
  f.write(first);
  f.begin();
  f.target->write(example_halves(*layout));
  f.commit();
  f.begin();
  FoldedBatch taken;
  for (const KeyChangeRow& found :
       f.target->lock_key_changes({{layout.get(), "topic", kThree, kOne, ""}})) {
    taken.key_changes_taken.push_back(found.id);
  }
  f.target->write(taken);
  f.commit();
  CHECK(f.ask("SELECT position FROM " + f.config.target.state_schema +
              ".key_changes ORDER BY position") == "both|partial|whole");
  const Assignment assignment = f.make_target()->take({{"topic", Partition{3}}});
  REQUIRE(assignment.hints.size() == 1);
  CHECK(assignment.hints[0].at == StreamPartition{"topic", Partition{3}});
  CHECK(assignment.hints[0].table == layout->target);
  CHECK(assignment.hints[0].at_key == kTwo);
  CHECK(assignment.hints[0].position == "partial");
  CHECK(f.make_target()->take({{"topic", Partition{4}}}).hints.empty());
}

TEST_CASE("a half survives a change of the table's columns", "[target][ledger]") {
  TargetFixture f;
  const auto narrow = make_layout(
      f.name("t"), {{"id", pg_type(TypeKind::int8)}, {"n", pg_type(TypeKind::int4)}}, {"id"});
  const std::string k1 = int8(1);
  const std::string k2 = int8(2);
  FoldedBatch lefts;
  const std::string image = row({int8(2), int4(77)});
  lefts.key_changes_left.push_back(
      {'c', {narrow.get(), "topic", k1, k2, ""}, 0, true, false, image, false, {}, k2});
  f.begin();
  f.target->write(lefts);
  f.commit();
  const auto wide = make_layout(f.name("t"),
                                {{"x", pg_type(TypeKind::text)},
                                 {"n", pg_type(TypeKind::numeric)},
                                 {"id", pg_type(TypeKind::int8)}},
                                {"id"});
  f.begin();
  const auto rows = f.target->lock_key_changes({{wide.get(), "topic", k1, k2, ""}});
  REQUIRE(rows.size() == 1);
  const std::string seventy_seven = bytes(std::string("\0\1\0\0\0\0\0\0\0\115", 10));
  // The column was not there when the row was left: it has its default, as for every other row.
  CHECK(rows[0].row == row({absent(), seventy_seven, int8(2)}));
  f.target->rollback();
}

TEST_CASE("the lock on a key change is held until the end of the transaction", "[target][ledger]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  const std::string k1 = int8(1);
  const std::string k2 = int8(2);
  f.begin();
  f.target->lock_key_changes({{layout.get(), "topic", k1, k2, "p"}});
  const auto other = f.make_target();
  const Assignment mine = other->take({{"topic", Partition{1}}});
  other->begin(
      {{mine.partitions[0].at, mine.partitions[0].epoch, std::nullopt, Offset{1}, 1, 0, {}, 0}});
  std::atomic<bool> through = false;
  std::thread waiter([&] {
    other->lock_key_changes({{layout.get(), "topic", k1, k2, "another position"}});
    through = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK_FALSE(through);
  f.commit();
  waiter.join();
  CHECK(through);
}

TEST_CASE("dead letters are kept byte for byte, and their keys are held", "[target][letters]") {
  TargetFixture f;
  f.next_move(*f.target);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  DeadLetter letter;
  letter.at = {"topic", Partition{0}};
  letter.offset = Offset{42};
  letter.key = all;
  letter.value = all + all;
  letter.headers = {{"plain", "value"},
                    {"none", std::nullopt},
                    {"plain", all},
                    {std::string("n\0\"\xFF", 4), ""}};
  letter.table = f.schema + ".t";
  letter.row_key = int8(7);
  letter.kind = "data";
  letter.sqlstate = "22P02";
  letter.message = std::string("bad \0 \xC3( message", 16);
  letter.hint = "hint";
  f.begin();
  f.target->dead_letter(letter);
  DeadLetter bare;
  bare.at = letter.at;
  bare.offset = Offset{43};
  bare.kind = "decode";
  f.target->dead_letter(bare);
  f.commit();
  const std::string table = f.config.target.state_schema + ".dead_letters";
  CHECK(f.ask("SELECT position, encode(key, 'hex') = '" +
              [&] {
                std::string hex;
                for (const char c : all) {
                  constexpr std::string_view kDigits = "0123456789abcdef";
                  hex += kDigits[static_cast<unsigned char>(c) >> 4U];
                  hex += kDigits[static_cast<unsigned char>(c) & 15U];
                }
                return hex;
              }() +
              "', length(value), value = key || key, kind, sqlstate, hint, "
              "headers ->> 0, headers ->> 1, decode(headers -> 2 ->> 1, 'base64') = key, headers "
              "->> 3, "
              "replayed_at FROM " +
              table + " WHERE position = '42'") ==
        "42,t,512,t,data,22P02,hint,[\"plain\", \"dmFsdWU=\"],[\"none\", null],t,"
        "[\"n\xEF\xBF\xBD\\\"\xEF\xBF\xBD\", \"\"],NULL");
  CHECK(f.ask("SELECT key, value, headers, table_name, row_key, sqlstate FROM " + table +
              " WHERE position = '43'") == "NULL,NULL,[],NULL,NULL,NULL");
  CHECK(f.ask("SELECT message FROM " + table + " WHERE position = '42'") ==
        "bad \xEF\xBF\xBD \xEF\xBF\xBD( message");
  const Assignment assignment = f.make_target()->take({letter.at});
  REQUIRE(assignment.held.size() == 1);
  CHECK(assignment.held[0].table == f.name("t"));
  CHECK(assignment.held[0].key == letter.row_key);
  f.run("UPDATE " + table + " SET replayed_at = now()");
  CHECK(f.make_target()->take({letter.at}).held.empty());
}

TEST_CASE("the shipped state.sql makes what the program makes, and again does no harm",
          "[target][ledger]") {
  TargetFixture f;
  f.next_move(*f.target);
  f.run("DROP TABLE " + f.config.target.state_schema + ".key_changes");
  const auto other = f.make_target();
  other->take({{"topic", Partition{0}}});
  CHECK(f.ask("SELECT count(*) FROM " + f.config.target.state_schema + ".pipeline_watermarks") ==
        "1");
  CHECK(f.ask("SELECT count(*) FROM " + f.config.target.state_schema + ".key_changes") == "0");
}
