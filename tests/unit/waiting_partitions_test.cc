// Partitions that wait for the rows of others: what is tried, when, and what gives way.
#include "pipeline/waiting_partitions.h"

#include "batch/source_order.h"
#include "model/layout.h"
#include "support/catch.h"

namespace tidemark {
namespace {

// Events of several partitions in one slab; each is named by its partition and offset.
class Stream {
 public:
  Stream() { slab_.events.reserve(1000); }

  EventRef add(std::uint32_t partition, std::int64_t offset, const std::string& position,
               std::int64_t time_us = 0, const Layout* layout = nullptr) {
    Event event;
    event.layout = layout;
    event.op = Op::update;
    event.partition = partition;
    event.offset = Offset{offset};
    event.source_time_us = time_us;
    const std::size_t begin = slab_.arena.size();
    slab_.arena.append(position);
    event.source_position = {static_cast<std::uint32_t>(begin),
                             static_cast<std::uint32_t>(position.size())};
    slab_.events.push_back(event);
    return {&slab_, &slab_.events.back()};
  }

 private:
  Slab slab_;
};

std::string names(const std::vector<EventRef>& events) {
  std::string out;
  for (const EventRef& ref : events) {
    out += (out.empty() ? "" : " ") + std::to_string(ref.event->partition) + ":" +
           std::to_string(ref.event->offset.value);
  }
  return out;
}

const Clock::time_point kStart{};
constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

Clock::time_point after_ms(int time) {
  return kStart + std::chrono::milliseconds{time};
}

TEST_CASE("source order is that of the positions, and keeps each partition's own",
          "[source-order]") {
  Stream stream;
  const std::vector<EventRef> events = {stream.add(0, 1, "10/11"), stream.add(0, 2, "30/31"),
                                        stream.add(0, 3, ""),      stream.add(1, 1, "20/21"),
                                        stream.add(1, 2, "20/5"),  stream.add(1, 3, "40/41")};
  // 0:3 is a tombstone: it stays behind its delete. 1:2 is below 1:1, which it must not overtake.
  CHECK(names(in_source_order(events)) == "0:1 1:1 1:2 0:2 0:3 1:3");
}

TEST_CASE("source order is that of commit times where a position has none", "[source-order]") {
  Stream stream;
  const std::vector<EventRef> events = {stream.add(0, 1, "binlog.000001:4:0", 1000),
                                        stream.add(0, 2, "binlog.000001:9:0", 3000),
                                        stream.add(1, 1, "9/9", 2000)};
  CHECK(names(in_source_order(events)) == "0:1 1:1 0:2");
}

TEST_CASE("what waits is tried together, and each time with more", "[waiting]") {
  Stream stream;
  WaitingPartitions waiting;
  std::vector<EventRef> batch;
  for (int i = 0; i < 6; ++i) {
    batch.push_back(stream.add(0, i, std::to_string(10 * i) + "/0"));
    batch.push_back(stream.add(1, i, std::to_string(10 * i + 5) + "/0"));
  }
  CHECK(waiting.hold(0, Offset{2}, batch, after_ms(0)) == 1);
  CHECK(waiting.hold(1, Offset{1}, batch, after_ms(0)) == 1);
  CHECK(waiting.due(2, kNoLimit, after_ms(0)).empty());  // not yet
  CHECK(names(waiting.due(2, kNoLimit, after_ms(120))) == "1:1 0:2 1:2 0:3");
  const EventRef late = stream.add(0, 6, "60/0");
  CHECK(waiting.keep(late));
  CHECK_FALSE(waiting.keep(stream.add(2, 0, "1/0")));
  CHECK(waiting.hold(0, Offset{2}, waiting.due(2, kNoLimit, after_ms(120)), after_ms(120)) == 2);
  CHECK(waiting.hold(1, Offset{1}, {}, after_ms(120)) == 2);
  CHECK(names(waiting.due(2, kNoLimit, after_ms(340))) == "1:1 0:2 1:2 0:3 1:3 0:4 1:4 0:5");
  // One has come further: its patience begins anew, and what is in is forgotten.
  CHECK(waiting.hold(0, Offset{5}, {}, after_ms(340)) == 1);
  waiting.settle(1, Offset{6}, false);
  CHECK_FALSE(waiting.contains(1));
  CHECK(names(waiting.due(10, kNoLimit, after_ms(460))) == "0:5 0:6");
  waiting.settle(0, Offset{5}, true);
  CHECK(waiting.empty());
}

TEST_CASE("what the target does not take for its size is put off, and less is due then",
          "[waiting]") {
  Stream stream;
  WaitingPartitions waiting;
  std::vector<EventRef> batch;
  for (int i = 0; i < 8; ++i) batch.push_back(stream.add(0, i, std::to_string(10 * i) + "/0"));
  for (int i = 0; i < 3; ++i) waiting.hold(0, Offset{0}, batch, after_ms(0));
  CHECK(waiting.due(1, kNoLimit, after_ms(5000)).size() == 8);
  waiting.put_off(after_ms(5000));
  CHECK(waiting.due(1, 4, after_ms(5000)).empty());  // new rows come in between
  CHECK(waiting.due(1, 4, after_ms(9000)).size() == 4);
}

TEST_CASE("what waits behind another layout does not keep new rows out", "[waiting]") {
  Layout before;
  Layout after;
  before.target = after.target = {"public", "child"};
  Stream stream;
  WaitingPartitions waiting;
  const std::vector<EventRef> batch = {stream.add(0, 1, "1/0", 0, &before),
                                       stream.add(1, 1, "2/0", 0, &after)};
  waiting.hold(0, Offset{1}, batch, after_ms(0));
  waiting.hold(1, Offset{1}, batch, after_ms(0));
  const auto tried = waiting.due(10, kNoLimit, after_ms(120));
  CHECK(names(tried) == "0:1");
  waiting.hold(0, Offset{1}, tried, after_ms(120));
  // Not at once again: between two tries the writer takes what has come in the meantime.
  CHECK(waiting.due(10, kNoLimit, after_ms(121)).empty());
  CHECK(waiting.next_due() == after_ms(220));
  CHECK(names(waiting.due(10, kNoLimit, after_ms(330))) == "0:1");
}

TEST_CASE("what is tried in vain up to another layout has to be read again", "[waiting]") {
  Layout before;
  Layout after;
  before.target = after.target = {"public", "child"};
  Stream stream;
  WaitingPartitions waiting;
  const std::vector<EventRef> batch = {stream.add(0, 1, "1/0", 0, &before),
                                       stream.add(0, 2, "2/0", 0, &after)};
  waiting.hold(0, Offset{1}, batch, after_ms(0));
  for (int tries = 2; tries <= 4; ++tries) {
    CHECK_FALSE(waiting.split());  // what it waits for may come
    CHECK(names(waiting.due(10, kNoLimit, after_ms(1000 * tries))) == "0:1");
    waiting.hold(0, Offset{1}, {}, after_ms(1000 * tries));
  }
  CHECK(waiting.split());
  CHECK(waiting.park(after_ms(5000)) == 0U);
  CHECK_FALSE(waiting.split());
}

TEST_CASE("what fills the buffer while it waits gives way, and comes again whole", "[waiting]") {
  Stream stream;
  WaitingPartitions waiting;
  std::vector<EventRef> batch = {stream.add(0, 1, "1/0"), stream.add(1, 1, "2/0"),
                                 stream.add(1, 2, "3/0")};
  waiting.hold(0, Offset{1}, batch, after_ms(0));
  waiting.hold(1, Offset{1}, batch, after_ms(0));
  REQUIRE(waiting.park(after_ms(0)) == 1U);  // it has most
  CHECK(waiting.contains(1));
  CHECK(waiting.slabs().size() == 1);
  CHECK(waiting.keep(stream.add(1, 3, "4/0")));  // dropped: it will be read again
  CHECK(waiting.unpark(after_ms(0)).empty());
  CHECK(waiting.unpark(after_ms(520)) == std::vector<std::uint32_t>{1});
  CHECK(waiting.unpark(after_ms(520)).empty());  // asked once
  CHECK(waiting.keep(stream.add(1, 4, "5/0")));  // still from before
  waiting.restarted(1);
  CHECK_FALSE(waiting.keep(stream.add(1, 1, "2/0")));
  CHECK(names(waiting.due(10, kNoLimit, after_ms(520))) == "0:1");
}

}  // namespace
}  // namespace tidemark
