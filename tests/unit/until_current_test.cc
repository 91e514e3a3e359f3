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

TEST_CASE("partitions outside are done when they are applied, or others have them for long",
          "[until-current]") {
  OutsidePartitions outside;
  CHECK_FALSE(outside.done({kBig}, at(0), kLongest));
  CHECK(outside.note({kBig, kSmall}, {kBig}, at(0)));
  CHECK_FALSE(outside.note({kBig, kSmall}, {kBig}, at(1)));
  CHECK_FALSE(outside.done({kBig, kSmall}, at(60), kLongest));
  CHECK(outside.done({kBig, kSmall}, at(61), kLongest));
  CHECK_FALSE(outside.note({kBig, kSmall}, {}, at(62)));
  CHECK(outside.done({kBig}, at(62), kLongest));
}

TEST_CASE("what was known of other partitions, or of another time, says nothing",
          "[until-current]") {
  OutsidePartitions outside;
  outside.note({kSmall}, {}, at(0));
  CHECK(outside.done({kSmall}, at(0), kLongest));
  CHECK_FALSE(outside.done({kSmall, kBig}, at(0), kLongest));
  outside.note({kBig}, {kBig}, at(1));
  outside.note_none();  // we have it now
  CHECK_FALSE(outside.done({kBig}, at(100), kLongest));
  CHECK(outside.note({kBig}, {kBig}, at(100)));
  CHECK_FALSE(outside.done({kBig}, at(101), kLongest));
  CHECK(outside.done({kBig}, at(161), kLongest));
}
