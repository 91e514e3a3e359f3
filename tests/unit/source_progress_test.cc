// batch/source_progress: which events are repetitions.
#include "batch/source_progress.h"

#include "support/catch.h"

namespace tidemark::test {
namespace {

SourceProgress::Event at(std::string_view position, std::int64_t time_us) {
  SourceProgress::Event event;
  event.position = position;
  event.time_us = time_us;
  return event;
}

SourceProgress::Event keyless(std::string_view position, std::int64_t time_us) {
  SourceProgress::Event event = at(position, time_us);
  event.keyless = true;
  return event;
}

}  // namespace

TEST_CASE("what Debezium sends again is skipped, what comes after it is not", "[source-progress]") {
  SourceProgress progress;
  CHECK(progress.admit(at("10/11", 1)));
  CHECK(progress.admit(at("20/21", 2)));
  CHECK(progress.admit(at("20/25", 2)));
  CHECK_FALSE(progress.admit(at("10/11", 1)));
  CHECK_FALSE(progress.admit(at("20/21", 2)));
  CHECK(progress.admit(at("30/26", 3)));
}

TEST_CASE("a source set up anew counts from low positions again", "[source-progress]") {
  SourceProgress progress;
  CHECK(progress.admit(at("900/901", 50)));
  SECTION("its commits are later, so they are no repetitions") {
    CHECK(progress.admit(at("10/11", 60)));
    CHECK(progress.admit(at("10/12", 60)));
  }
  SECTION("its snapshot is never one") {
    SourceProgress::Event snapshot = at("0/5", 40);
    snapshot.snapshot = true;
    CHECK(progress.admit(snapshot));
    CHECK(progress.admit(at("6/7", 45)));
  }
}

TEST_CASE("a pair without a commit has no order against one that has it", "[source-progress]") {
  SourceProgress progress;
  CHECK(progress.admit(at("10/11", 5)));
  CHECK(progress.admit(at("0/9", 5)));
}

TEST_CASE("rows of one COPY share a position", "[source-progress]") {
  SourceProgress progress;
  for (int i = 0; i < 3; ++i) CHECK(progress.admit(keyless("10/11", 1)));
  CHECK_FALSE(progress.admit(keyless("5/6", 0)));  // a repetition begins
  for (int i = 0; i < 3; ++i) CHECK_FALSE(progress.admit(keyless("10/11", 1)));
  CHECK(progress.admit(keyless("10/11", 1)));  // a fourth row, new
}

TEST_CASE("the halves of a key change are known on a tie", "[source-progress]") {
  SourceProgress progress;
  SourceProgress::Event half = at("10/11", 1);
  half.key_change_hash = 77;
  CHECK(progress.admit(half));
  CHECK_FALSE(progress.admit(half));
  half.key_change_hash = 78;
  CHECK(progress.admit(half));
  CHECK_FALSE(progress.admit(half));
}

TEST_CASE("a tombstone belongs to the delete before it", "[source-progress]") {
  SourceProgress progress;
  SourceProgress::Event tombstone;
  tombstone.tombstone = true;
  CHECK(progress.admit(at("10/11", 1)));
  CHECK(progress.admit(tombstone));
  CHECK(progress.admit(at("20/21", 2)));
  CHECK_FALSE(progress.admit(at("10/11", 1)));
  CHECK_FALSE(progress.admit(tombstone));
}

TEST_CASE("the state survives its text form", "[source-progress]") {
  SourceProgress progress;
  SourceProgress::Event half = at("10/11", -3);
  half.key_change_hash = 4000000000U;
  CHECK(progress.admit(half));
  CHECK_FALSE(progress.admit(half));
  const std::string text = progress.text();
  CHECK(text == "10/11@-3#2~4000000000!");
  SourceProgress again(text);
  CHECK(again.text() == text);
  CHECK_FALSE(again.admit(half));
  CHECK(SourceProgress("mysql-bin.000003:154").text().empty());
}

TEST_CASE("a binary log's rows have an order, by the row in the event too", "[source-progress]") {
  SourceProgress progress;
  CHECK(progress.admit(at("7/400/0+12=0-1.1", 5000)));
  CHECK(progress.admit(at("7/400/1+12=0-1.1", 5000)));
  CHECK(progress.admit(at("8/4/0+13=0-1.1", 5000)));
  CHECK(progress.text() == "8/4/0+13=0-1.1@5000#1");
  SourceProgress restored(progress.text());
  CHECK(restored.text() == progress.text());
  CHECK_FALSE(restored.admit(at("7/400/0+12=0-1.1", 5000)));
  CHECK_FALSE(restored.admit(at("7/400/1+12=0-1.1", 5000)));
  CHECK(restored.text() == "8/4/0+13=0-1.1@5000#1!");
  CHECK(restored.admit(at("8/4/1+13=0-1.1", 5000)));
}

TEST_CASE("another server's log is not held against the first one's", "[source-progress]") {
  SourceProgress progress;
  CHECK(progress.admit(at("7/400/0+12=0-1.1", 5000)));
  SECTION("its own transactions have its number") {
    CHECK(progress.admit(at("1/4/0+13=0-2.2", 5000)));
  }
  SECTION("its predecessor's have higher numbers where they are new") {
    CHECK(progress.admit(at("1/4/0+13=0-1.1", 5000)));
  }
  SECTION("one that was seen is skipped") {
    CHECK_FALSE(progress.admit(at("1/4/0+12=0-1.1", 5000)));
  }
  SECTION("nor are snapshots, which have no server") {
    CHECK(progress.admit(at("7/300/0+0=.0", 5000)));
  }
}

TEST_CASE("both halves of a key change in a binary log are applied once", "[source-progress]") {
  SourceProgress progress;
  SourceProgress::Event gone = at("7/400/0+12=0-1.1", 5000);
  gone.key_change_hash = 5;
  SourceProgress::Event come = gone;
  come.key_change_hash = 6;
  CHECK(progress.admit(gone));
  CHECK(progress.admit(come));
  CHECK_FALSE(progress.admit(gone));
  CHECK_FALSE(progress.admit(come));
}

}  // namespace tidemark::test
