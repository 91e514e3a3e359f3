// Positions move with the data, one owner at a time, and a lost COMMIT is settled.
#include "integration/target_fixture.h"

using namespace tidemark;
using namespace tidemark::testing;

namespace {

const std::vector<ColumnSpec> kColumns = {{"id", pg_type(TypeKind::int8)},
                                          {"name", pg_type(TypeKind::text)}};

}  // namespace

TEST_CASE("a partition never seen starts without a position, and its epoch rises", "[target]") {
  TargetFixture f;
  const StreamPartition at{"topic", Partition{3}};
  const Assignment first = f.target->take({at});
  REQUIRE(first.partitions.size() == 1);
  CHECK(first.partitions[0].at == at);
  CHECK_FALSE(first.partitions[0].next);
  CHECK_FALSE(first.partitions[0].fingerprint);
  const Assignment second = f.target->take({at});
  CHECK(second.partitions[0].epoch.value == first.partitions[0].epoch.value + 1);
}

TEST_CASE("positions come back in the order in which they were asked for", "[target]") {
  TargetFixture f;
  const std::vector<StreamPartition> at = {
      {"b", Partition{1}}, {"a", Partition{10}}, {"b", Partition{0}}, {"a", Partition{9}}};
  const Assignment taken = f.target->take(at);
  REQUIRE(taken.partitions.size() == 4);
  for (std::size_t i = 0; i < at.size(); ++i) CHECK(taken.partitions[i].at == at[i]);
}

TEST_CASE("a batch moves the position and keeps what it is told", "[target]") {
  TargetFixture f;
  PositionMove move = f.next_move(*f.target);
  move.to = Offset{4711};
  move.records = 5;
  move.source_time_us = 1700000000123456;
  move.source_position = "0/16B3748 \"x\"";
  move.fingerprint = 0xFEDCBA9876543210ULL;
  f.target->begin({move});
  f.target->commit();
  PositionMove again = move;
  again.from = move.to;
  again.to = Offset{4712};
  again.source_time_us = 0;
  again.source_position.clear();
  f.target->begin({again});
  f.target->commit();
  CHECK(f.ask("SELECT last_watermark, records_processed, source_time FROM " +
              f.config.target.state_schema + ".pipeline_watermarks") ==
        "4712,10,2023-11-14 22:13:20.123456+00");
  const Assignment taken = f.target->take({move.at});
  CHECK(taken.partitions[0].next == Offset{4712});
  CHECK(taken.partitions[0].source_position == "0/16B3748 \"x\"");
  CHECK(taken.partitions[0].fingerprint == 0xFEDCBA9876543210ULL);
}

TEST_CASE("an old owner writes nothing", "[target][fence]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf batch(layout);
  batch.upsert(int8(1), row({int8(1), bytes("one")}));
  f.write(batch);
  const auto successor = f.make_target();
  const Assignment taken = successor->take({f.taken->at});
  CHECK(taken.partitions[0].next == f.taken->next);
  BatchOf late(layout);
  late.upsert(int8(2), row({int8(2), bytes("two")}));
  CHECK(kind_of_error([&] { f.write(late); }) == ErrorKind::fenced);
  CHECK(f.ask("SELECT id FROM $.t") == "1");
  // Also if it has the right epoch and the wrong position.
  PositionMove move{f.taken->at, taken.partitions[0].epoch, Offset{77}, Offset{78}, 1, 0, {}, 0};
  CHECK(kind_of_error([&] { successor->begin({move}); }) == ErrorKind::fenced);
}

TEST_CASE("one partition of a batch lost fences all of it", "[target][fence]") {
  TargetFixture f;
  const std::vector<StreamPartition> both = {{"a", Partition{0}}, {"a", Partition{1}}};
  const Assignment mine = f.target->take(both);
  f.make_target()->take({both[1]});
  std::vector<PositionMove> moves;
  for (const TakenPartition& taken : mine.partitions) {
    moves.push_back({taken.at, taken.epoch, taken.next, Offset{9}, 1, 0, {}, 0});
  }
  CHECK(kind_of_error([&] { f.target->begin(moves); }) == ErrorKind::fenced);
  CHECK(f.ask("SELECT count(last_watermark) FROM " + f.config.target.state_schema +
              ".pipeline_watermarks") == "0");
}

TEST_CASE("a connection lost during COMMIT is in doubt, and the position settles it",
          "[target][settle]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf first(layout);
  first.upsert(int8(1), row({int8(1), bytes("one")}));
  f.write(first);

  const PositionMove move = f.next_move(*f.target);
  f.target->begin({move});
  f.run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (SELECT pid FROM "
      "pg_locks WHERE relation = '" +
      f.config.target.state_schema + ".pipeline_watermarks'::regclass)");
  CHECK(kind_of_error([&] { f.target->commit(); }) == ErrorKind::in_doubt);
  CHECK(f.target->settle({move}) == CommitFate::rolled_back);

  // The same, but the batch did get in.
  f.begin();
  f.commit();
  CHECK(f.target->settle({move}) == CommitFate::committed);

  f.make_target()->take({move.at});
  CHECK(kind_of_error([&] { f.target->settle({move}); }) == ErrorKind::fenced);
}

TEST_CASE("settling waits for the transaction that is in doubt", "[target][settle]") {
  TargetFixture f;
  const PositionMove move = f.next_move(*f.target);
  f.target->begin({move});  // and has not ended: its locks are held
  const auto other = f.make_target();
  std::thread finish([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    f.target->commit();
  });
  const CommitFate fate = other->settle({move});
  finish.join();
  CHECK(fate == CommitFate::committed);
}

TEST_CASE("a lost connection is a retry, and the next begin makes it anew", "[target]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf batch(layout);
  batch.upsert(int8(1), row({int8(1), bytes("one")}));
  f.begin();
  f.run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark' "
      "AND state = 'idle in transaction'");
  CHECK(kind_of_error([&] { f.target->ensure(*layout); }) == ErrorKind::retry);
  f.write(batch);
  CHECK(f.ask("SELECT * FROM $.t") == "1,one");
}

TEST_CASE("cancel ends a wait, and what would come after it", "[target]") {
  TargetFixture f;
  const auto layout = make_layout(f.name("t"), kColumns, {"id"});
  BatchOf batch(layout);
  batch.upsert(int8(1), row({int8(1), bytes("one")}));
  f.write(batch);
  f.run("BEGIN; LOCK TABLE $.t");
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    f.target->cancel();
  });
  std::string sqlstate;
  CHECK(kind_of_error([&] { f.write(batch); }, &sqlstate) == ErrorKind::retry);
  canceller.join();
  CHECK(sqlstate == "57014");
  f.run("ROLLBACK");
  CHECK(kind_of_error([&] { f.write(batch); }) == ErrorKind::retry);
}

TEST_CASE("a server forgets clients that have vanished within two minutes", "[target]") {
  Session session({test_dsn(), {}});
  session.open();
  CHECK(session.query_text("SHOW tcp_keepalives_idle").at(0).at(0) == "30");
  CHECK(session.query_text("SHOW tcp_user_timeout").at(0).at(0) == "60000");
  Session chosen({test_dsn() + " options='-c tcp_keepalives_idle=77'", {}});
  chosen.open();
  CHECK(chosen.query_text("SHOW tcp_keepalives_idle").at(0).at(0) == "77");
}

TEST_CASE("a server that cannot be reached or does not let us in says which", "[target]") {
  Session nowhere({"host=127.0.0.1 port=1 dbname=x", {}});
  CHECK(kind_of_error([&] { nowhere.open(); }) == ErrorKind::retry);
  Session no_database({test_dsn() + " dbname=tidemark_no_such_database", {}});
  std::string sqlstate;
  CHECK(kind_of_error([&] { no_database.open(); }, &sqlstate) == ErrorKind::fatal);
  CHECK(sqlstate == "3D000");
  Session no_dsn({"host", "secret"});
  CHECK(kind_of_error([&] { no_dsn.open(); }) == ErrorKind::fatal);
}
