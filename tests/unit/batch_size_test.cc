#include "pipeline/batch_size.h"

#include "support/catch.h"

using std::chrono::milliseconds;
using tidemark::BatchSize;

namespace {

// Quick batches, until there are as many rows as usual.
BatchSize grown(std::size_t rows_max) {
  BatchSize size(rows_max);
  while (size.rows() < 50'000) size.note(size.rows(), milliseconds(100));
  return size;
}

}  // namespace

TEST_CASE("a lane begins with small batches", "[batch]") {
  BatchSize size(200'000);
  CHECK(size.rows() == 8'000);
  size.note(8'000, milliseconds(20));
  CHECK(size.rows() == 16'000);
  size.note(16'000, milliseconds(40));
  size.note(32'000, milliseconds(80));
  CHECK(size.rows() == 50'000);
  CHECK(BatchSize(1'000).rows() == 1'000);
}

TEST_CASE("a slow target gets larger batches, and a quick one those of the beginning", "[batch]") {
  BatchSize size = grown(200'000);
  CHECK(size.rows() == 50'000);
  size.note(50'000, milliseconds(300));  // 6 us a row
  CHECK(size.rows() == 50'000);
  size.note(50'000, milliseconds(700));  // 14 us
  CHECK(size.rows() == 100'000);
  size.note(100'000, milliseconds(2000));
  size.note(200'000, milliseconds(3000));
  CHECK(size.rows() == 200'000);
  size.note(1, milliseconds(1));  // a small one says nothing
  CHECK(size.rows() == 200'000);
  size.note(200'000, milliseconds(800));
  size.note(100'000, milliseconds(400));
  size.note(50'000, milliseconds(200));
  CHECK(size.rows() == 50'000);
}

TEST_CASE("no batch is to take long", "[batch]") {
  BatchSize size = grown(200'000);
  size.note(50'000, milliseconds(3000));  // slow, but twice as many would take too long
  CHECK(size.rows() == 50'000);
  size.note(50'000, milliseconds(10'000));
  CHECK(size.rows() == 25'000);
  size.note(25'000, milliseconds(6'000));
  CHECK(size.rows() == 12'500);
  for (int i = 0; i < 9; ++i) size.note(size.rows(), milliseconds(6'000));
  CHECK(size.rows() == BatchSize::kRowsLeast);
  for (int i = 0; i < 9; ++i) size.note(size.rows(), milliseconds(100));
  CHECK(size.rows() == 50'000);
  size.note(50'000, milliseconds(1000));  // 20 us
  CHECK(size.rows() == 200'000);
}

TEST_CASE("a batch that its bytes bound tells of its time, too", "[batch]") {
  BatchSize size = grown(200'000);
  size.note(13'000, milliseconds(30'000));
  CHECK(size.rows() == 6'500);
}

TEST_CASE("what the target refuses for its size is not tried again soon", "[batch]") {
  BatchSize size = grown(200'000);
  size.note_refused(50'000);
  CHECK(size.rows() == 25'000);
  size.note(25'000, milliseconds(1000));
  CHECK(size.rows() == 25'000);
  size.note_refused(1);
  CHECK(size.rows() == 1);
  for (unsigned i = 0; i < 20 * BatchSize::kForgetAfter; ++i) {
    size.note(size.rows(), milliseconds(1));
  }
  CHECK(size.rows() == 50'000);
}

TEST_CASE("what waits may be more than max-rows, and is bounded when it is refused", "[batch]") {
  BatchSize size(4000);
  CHECK(size.limit() > 1'000'000);
  size.note_refused(20'000);
  CHECK(size.limit() == 10'000);
  CHECK(size.rows() == 4000);
  size.note_refused(10'000);
  CHECK(size.limit() == 5000);
  size.note_refused(5000);
  CHECK(size.limit() == 2500);
  CHECK(size.rows() == 2500);
  for (unsigned i = 0; i < 20 * BatchSize::kForgetAfter; ++i) {
    size.note(size.rows(), milliseconds(1));
  }
  CHECK(size.limit() > 1'000'000);
  CHECK(size.rows() == 4000);
}

TEST_CASE("no batch is larger than max-rows", "[batch]") {
  BatchSize size(500);
  CHECK(size.rows() == 500);
  size.note(500, milliseconds(1000));
  CHECK(size.rows() == 500);
  size.note(500, milliseconds(1));
  CHECK(size.rows() == 500);
}
