// What --until-current knows of partitions that this process does not have.
#include "pipeline/until_current.h"

#include "support/catch.h"

using namespace tidemark;
using Partitions = std::set<StreamPartition>;

namespace {

const StreamPartition kBig{"big", Partition{0}};
const StreamPartition kSmall{"small", Partition{0}};
constexpr std::chrono::seconds kLongest{60};

OutsidePartitions::Clock::time_point at(int seconds) {
  return OutsidePartitions::Clock::time_point(std::chrono::seconds(1000 + seconds));
}

}  // namespace

TEST_CASE("partitions outside are done when they are applied", "[until-current]") {
  OutsidePartitions outside;
  CHECK(outside.state({kBig}, at(0), kLongest) == Others::busy);
  CHECK(outside.note({kBig, kSmall}, {{kBig, Offset{3}}}, at(0)));
  CHECK_FALSE(outside.note({kBig, kSmall}, {{kBig, Offset{3}}}, at(1)));
  CHECK(outside.state({kBig, kSmall}, at(2), kLongest) == Others::busy);
  CHECK(outside.state({kSmall}, at(2), kLongest) == Others::done);  // the other one is ours now
  CHECK_FALSE(outside.note({kBig, kSmall}, {}, at(62)));
  CHECK(outside.state({kBig}, at(62), kLongest) == Others::done);
}

TEST_CASE("partitions outside that move are waited for, however long", "[until-current]") {
  OutsidePartitions outside;
  for (int i = 0; i < 300; ++i) {
    const bool news = outside.note({kBig}, {{kBig, Offset{i / 50}}}, at(i));
    CHECK(news == (i == 0));
    CHECK(outside.state({kBig}, at(i), kLongest) == Others::busy);
  }
  for (int i = 300; i <= 310; ++i) outside.note({kBig}, {{kBig, Offset{5}}}, at(i));
  CHECK(outside.state({kBig}, at(310), kLongest) == Others::busy);
  outside.note({kBig}, {{kBig, Offset{5}}}, at(311));
  CHECK(outside.state({kBig}, at(311), kLongest) == Others::standing);
  REQUIRE(outside.left().size() == 1);
  CHECK(outside.left().at(kBig) == Offset{5});
}

TEST_CASE("only answers tell that partitions outside stand still, not the time without one",
          "[until-current]") {
  OutsidePartitions outside;
  outside.note({kBig}, {{kBig, Offset{3}}}, at(0));
  CHECK(outside.state({kBig}, at(500), kLongest) == Others::busy);  // we were frozen
  outside.note({kBig}, {{kBig, Offset{3}}}, at(500));
  CHECK(outside.state({kBig}, at(500), kLongest) == Others::busy);
  for (int i = 501; i < 504; ++i) outside.note({kBig}, {{kBig, Offset{3}}}, at(i));
  CHECK(outside.state({kBig}, at(504), kLongest) == Others::standing);
  CHECK(outside.state({kBig}, at(600), kLongest) == Others::busy);  // nobody has answered since
}

TEST_CASE("what was known of other partitions, or of another time, says nothing",
          "[until-current]") {
  OutsidePartitions outside;
  outside.note({kSmall}, {}, at(0));
  CHECK(outside.state({kSmall}, at(0), kLongest) == Others::done);
  CHECK(outside.state({kSmall, kBig}, at(0), kLongest) == Others::busy);
  outside.note({kBig}, {{kBig, std::nullopt}}, at(1));
  outside.note_none();  // we have it now
  CHECK(outside.state({kBig}, at(100), kLongest) == Others::busy);
  CHECK(outside.note({kBig}, {{kBig, std::nullopt}}, at(100)));
  CHECK(outside.state({kBig}, at(101), kLongest) == Others::busy);
}
