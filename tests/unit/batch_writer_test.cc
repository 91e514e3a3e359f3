// pipeline/batch_writer on the target in memory: what happens to records that cannot be applied.
// The names say which promise of pipeline/lane.h a test holds.
#include "pipeline/batch_writer.h"

#include "support/catch.h"
#include "support/model_target.h"

namespace tidemark::test {
namespace {

std::string element(const std::string& text) {
  char length[4];
  store_big(length, static_cast<std::uint32_t>(text.size()));
  return std::string(length, 4) + text;
}

// One table, two partitions of one topic, records added by hand.
class Bench {
 public:
  explicit Bench(OnBadRecord policy) {
    layout_ = std::make_shared<Layout>();
    layout_->target = {"public", "t"};
    layout_->source_table = "public.t";
    layout_->columns = {{"id", pg_type(TypeKind::text), Wire::text, true},
                        {"v", pg_type(TypeKind::text), Wire::text, false}};
    layout_->key = {0};
    config_.errors.on_bad_record = policy;
    target_.poison = "poison";
    writer_ = std::make_unique<BatchWriter>(
        target_, config_, [](const StreamPartition& /*at*/, Offset offset) {
          OwnedRecord record;
          record.key = "key " + std::to_string(offset.value);
          record.value = std::string("value\0", 6) + std::to_string(offset.value);
          record.headers = {{"h", std::nullopt}};
          return record;
        });
    take();
  }

  void take() {
    const Assignment taken = target_.take({{"t", Partition{0}}, {"t", Partition{1}}});
    std::vector<OwnedPartition> owned;
    for (const TakenPartition& partition : taken.partitions) {
      OwnedPartition mine;
      mine.at = partition.at;
      mine.partitions_of_stream = 2;
      mine.epoch = partition.epoch;
      mine.next = partition.next;
      owned.push_back(mine);
    }
    writer_->adopt(std::move(owned), taken.held, taken.hints);
  }

  void upsert(std::uint32_t partition, std::int64_t offset, const std::string& key,
              const std::string& value) {
    Event event;
    event.op = Op::create;
    event.partition = partition;
    event.offset = Offset{offset};
    event.layout = layout_.get();
    event.key = append(element(key));
    event.row = append(element(key) + element(value));
    slab_.events.push_back(event);
  }
  void truncate(std::uint32_t partition, std::int64_t offset) {
    Event event;
    event.op = Op::truncate;
    event.partition = partition;
    event.offset = Offset{offset};
    event.layout = layout_.get();
    slab_.events.push_back(event);
  }
  // The first half of a key change.
  void rename(std::uint32_t partition, std::int64_t offset, const std::string& from,
              const std::string& to) {
    Event event;
    event.op = Op::remove;
    event.partition = partition;
    event.offset = Offset{offset};
    event.layout = layout_.get();
    event.key = append(element(from));
    event.other_key = append(element(to));
    slab_.events.push_back(event);
  }
  Config& config() { return config_; }
  void bad(std::uint32_t partition, std::int64_t offset, bool halt) {
    Event event;
    event.op = Op::bad;
    event.partition = partition;
    event.offset = Offset{offset};
    event.bad = static_cast<std::uint32_t>(slab_.bad.size());
    slab_.bad.push_back({"public.t", "not JSON", "mend it", halt});
    slab_.events.push_back(event);
  }

  void clear() { slab_ = Slab(); }
  WriteOutcome write() {
    std::vector<EventRef> refs;
    for (const Event& event : slab_.events) refs.push_back({&slab_, &event});
    return writer_->write(refs);
  }
  [[nodiscard]] std::string value(const std::string& key) const {
    const auto rows = database_.tables.find(layout_->target);
    if (rows == database_.tables.end()) return "-";
    const auto row = rows->second.find(element(key));
    return row == rows->second.end() ? "-" : row->second.substr(element(key).size() + 4);
  }
  [[nodiscard]] std::int64_t position(int partition) const {
    const auto& next = database_.positions.at({"t", Partition{partition}}).next;
    return next ? next->value : -1;
  }

  ModelDatabase database_;

 private:
  Span append(const std::string& bytes) {
    const auto at = static_cast<std::uint32_t>(slab_.arena.size());
    slab_.arena.append(bytes);
    return {at, static_cast<std::uint32_t>(bytes.size())};
  }
  std::shared_ptr<Layout> layout_;
  Config config_;
  ModelTarget target_{database_};
  std::unique_ptr<BatchWriter> writer_;
  Slab slab_;
};

}  // namespace

TEST_CASE("I7 a record that cannot be applied stops its partition and no other", "[batch-writer]") {
  Bench bench(OnBadRecord::stop);
  bench.upsert(0, 0, "a", "1");
  bench.upsert(1, 0, "b", "1");
  bench.upsert(0, 1, "c", "poison");
  bench.upsert(0, 2, "a", "2");
  bench.upsert(1, 1, "b", "2");
  const WriteOutcome outcome = bench.write();
  REQUIRE(outcome.holds.size() == 1);
  CHECK(outcome.holds[0].partition == 0);
  CHECK(outcome.holds[0].offset == Offset{1});
  CHECK_FALSE(outcome.holds[0].waiting);
  CHECK(bench.value("a") == "1");
  CHECK(bench.value("b") == "2");
  CHECK(bench.position(0) == 1);
  CHECK(bench.position(1) == 2);
}

TEST_CASE("I4 a dead letter is written byte for byte with the position", "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  for (int i = 0; i < 100; ++i) bench.upsert(0, i, "k" + std::to_string(i), "1");
  bench.upsert(0, 100, "c", "poison");
  for (int i = 101; i < 200; ++i) bench.upsert(0, i, "k" + std::to_string(i), "1");
  bench.bad(0, 200, false);
  const WriteOutcome outcome = bench.write();
  CHECK(outcome.holds.empty());
  CHECK(outcome.dead_letters == 2);
  REQUIRE(bench.database_.dead_letters.size() == 2);
  const DeadLetter& data = bench.database_.dead_letters[0];
  CHECK(data.offset == Offset{100});
  CHECK(data.kind == "data");
  CHECK(data.sqlstate == "22000");
  CHECK(data.key == "key 100");
  CHECK(data.value == std::string("value\0", 6) + "100");
  REQUIRE(data.headers.size() == 1);
  CHECK_FALSE(data.headers[0].second.has_value());
  CHECK(bench.database_.dead_letters[1].kind == "decode");
  CHECK(bench.database_.dead_letters[1].hint == "mend it");
  CHECK(bench.value("k0") == "1");
  CHECK(bench.value("k199") == "1");
  CHECK(bench.value("c") == "-");
  CHECK(bench.position(0) == 201);
}

TEST_CASE("I4 later events of a key with a dead letter wait behind it", "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  bench.upsert(0, 0, "c", "1");
  bench.write();
  bench.clear();
  bench.upsert(0, 1, "c", "poison");
  bench.write();
  bench.clear();
  bench.upsert(0, 2, "c", "2");
  bench.upsert(0, 3, "d", "1");
  bench.write();
  REQUIRE(bench.database_.dead_letters.size() == 2);
  CHECK(bench.database_.dead_letters[0].kind == "data");
  CHECK(bench.database_.dead_letters[1].kind == "held");
  CHECK(bench.value("c") == "1");
  CHECK(bench.value("d") == "1");
}

TEST_CASE("I7 what must halt halts whatever the policy", "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  bench.upsert(0, 0, "a", "1");
  bench.bad(0, 1, true);
  bench.upsert(0, 2, "a", "2");
  const WriteOutcome outcome = bench.write();
  REQUIRE(outcome.holds.size() == 1);
  CHECK(bench.value("a") == "1");
  CHECK(bench.database_.dead_letters.empty());
}

TEST_CASE("I3 a writer with an old epoch changes nothing", "[batch-writer]") {
  Bench bench(OnBadRecord::stop);
  bench.database_.positions[{"t", Partition{0}}].epoch.value += 1;  // another owner has come
  bench.upsert(0, 0, "a", "1");
  try {
    bench.write();
    FAIL("not fenced");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::fenced);
  }
  CHECK(bench.value("a") == "-");
}

TEST_CASE("I4 too many dead letters are a wrong setting: stop", "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  for (int i = 0; i < 150; ++i) bench.upsert(0, i, "k" + std::to_string(i), "poison");
  try {
    bench.write();
    FAIL("went on");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::fatal);
  }
  CHECK(bench.position(0) == -1);
  CHECK(bench.database_.dead_letters.empty());
}

TEST_CASE("the hold goes along with a changed key, also to another owner", "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  bench.upsert(0, 0, "c", "poison");
  bench.write();
  bench.clear();
  bench.rename(0, 1, "c", "d");
  bench.write();
  REQUIRE(bench.database_.dead_letters.size() == 2);
  CHECK(bench.database_.dead_letters[1].next_key == element("d"));
  bench.take();
  bench.clear();
  bench.upsert(0, 2, "d", "1");
  bench.upsert(0, 3, "e", "1");
  bench.write();
  REQUIRE(bench.database_.dead_letters.size() == 3);
  CHECK(bench.database_.dead_letters[2].kind == "held");
  CHECK(bench.value("d") == "-");
  CHECK(bench.value("e") == "1");
}

TEST_CASE("a truncate releases the keys of its table and closes their letters", "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  bench.upsert(0, 0, "c", "poison");
  bench.bad(0, 1, false);
  bench.write();
  bench.clear();
  bench.truncate(0, 2);
  bench.upsert(0, 3, "c", "1");
  bench.write();
  CHECK(bench.database_.dead_letters.size() == 2);
  CHECK(bench.database_.closed.size() == 2);
  CHECK(bench.value("c") == "1");
  bench.take();
  bench.clear();
  bench.upsert(0, 4, "c", "2");
  bench.write();
  CHECK(bench.value("c") == "2");
}

TEST_CASE("without hold-key an event that passes its key's letter says so, once",
          "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  bench.config().errors.hold_key = false;
  bench.upsert(0, 0, "c", "poison");
  bench.upsert(0, 1, "d", "poison");
  bench.write();
  bench.take();
  bench.clear();
  bench.upsert(0, 2, "c", "1");
  bench.write();
  CHECK(bench.value("c") == "1");
  CHECK(bench.database_.dead_letters.size() == 2);
  CHECK(bench.database_.passed == std::set<std::size_t>{0});
}

TEST_CASE("what is too large for the table of letters is described", "[batch-writer]") {
  Bench bench(OnBadRecord::dead_letter);
  bench.config().source.record_bytes_max = 10;
  bench.bad(0, 0, false);
  bench.write();
  REQUIRE(bench.database_.dead_letters.size() == 1);
  const DeadLetter& letter = bench.database_.dead_letters[0];
  CHECK_FALSE(letter.value.has_value());
  CHECK(letter.headers.empty());
  CHECK(letter.key == "key 0");
  CHECK(letter.not_kept.find("a key of 5 bytes, a value of 7 (XXH3-128 ") != std::string::npos);
}

TEST_CASE("I8 the number of held keys is bounded", "[batch-writer]") {
  HeldKeys keys;
  std::vector<HeldKey> many;
  for (std::size_t i = 0; i < HeldKeys::kMost; ++i) {
    many.push_back({{"t", Partition{0}}, {"public", "t"}, std::to_string(i)});
  }
  keys.adopt(many);
  keys.add({"public", "t"}, "one more");
  CHECK_THROWS_AS(keys.check_bound(), Error);
  keys.remove({"public", "t"}, "7");
  keys.committed();
  CHECK_NOTHROW(keys.check_bound());
  CHECK_FALSE(keys.contains({"public", "t"}, "7"));
  many.push_back({{"t", Partition{0}}, {"public", "t"}, "x"});
  CHECK_THROWS_AS(keys.adopt(many), Error);
}

}  // namespace tidemark::test
