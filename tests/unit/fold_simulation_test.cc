// The proof of batch/fold and pipeline/batch_writer: random histories of a source (inserts, updates
// with unavailable and absent columns, deletes, key changes, chains and swaps of them, repetitions
// after a source's restart), spread over partitions, cut into batches at random, applied by several
// lanes in random order with crashes in between. At every step the target must equal what applying
// the same prefixes one event at a time gives (I1, I5), and at the end the source's own rows, with
// no half of a key change left over. Seeds: TIDEMARK_SEED runs one, TIDEMARK_HISTORIES how many.
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pipeline/batch_writer.h"
#include "support/catch.h"
#include "support/model_target.h"

namespace tidemark::test {
namespace {

constexpr int kColumns = 4;  // key, and three that may be unavailable

LayoutPtr layout() {
  static const LayoutPtr made = [] {
    auto out = std::make_shared<Layout>();
    out->target = {"public", "t"};
    out->source_table = "public.t";
    out->columns = {{"id", pg_type(TypeKind::text), Wire::text, true},
                    {"a", pg_type(TypeKind::text), Wire::text, false},
                    {"b", pg_type(TypeKind::text), Wire::text, false},
                    {"c", pg_type(TypeKind::text), Wire::text, false}};
    out->key = {0};
    return out;
  }();
  return made;
}

std::string element(const std::string& text) {
  char length[4];
  store_big(length, static_cast<std::uint32_t>(text.size()));
  return std::string(length, 4) + text;
}
std::string mark(std::int32_t length) {
  char bytes[4];
  store_big(bytes, static_cast<std::uint32_t>(length));
  return {bytes, 4};
}

using Row = std::vector<std::string>;  // a, b, c

struct SourceEvent {
  Op op = Op::skip;
  std::string key, other_key, position;
  Row row;                   // empty where there is none
  unsigned unavailable = 0;  // bits of a, b, c
  unsigned absent = 0;
  std::int64_t time_us = 0;
};

struct History {
  int partitions = 1;
  std::vector<std::vector<SourceEvent>> logs;  // by partition
  std::map<std::string, Row> rows;             // the source's own final state
};

class SourceSimulation {
 public:
  SourceSimulation(std::mt19937_64& random, int partitions) : random_(random) {
    keys_ = 2 + pick(4);
    history_.partitions = partitions;
    history_.logs.resize(static_cast<std::size_t>(partitions));
  }

  History run(int operations, bool repetitions) {
    for (int i = 0; i < operations; ++i) {
      ++lsn_;
      switch (pick(10)) {
        case 0:
        case 1:
          insert();
          break;
        case 2:
        case 3:
        case 4:
          update();
          break;
        case 5:
          remove();
          break;
        default:
          rename();
          break;
      }
      if (repetitions && pick(12) == 0) repeat();
    }
    return history_;
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  std::string any_key() { return std::string(1, static_cast<char>('A' + pick(keys_))); }
  std::string value() { return "v" + std::to_string(++values_); }

  void emit(SourceEvent event) {
    event.time_us = static_cast<std::int64_t>(lsn_);
    const auto partition =
        std::hash<std::string>{}(event.key) % static_cast<std::size_t>(history_.partitions);
    all_.push_back({lsn_, partition, event});
    history_.logs[partition].push_back(std::move(event));
  }
  // Debezium was stopped: what it had sent since its last stored position comes again, in order.
  void repeat() {
    const std::uint64_t from = lsn_ - pick(6);
    for (const Sent& sent : all_) {
      if (sent.lsn >= from) history_.logs[sent.partition].push_back(sent.event);
    }
  }

  void insert() {
    const std::string key = any_key();
    if (history_.rows.contains(key)) return;
    const Row row{value(), value(), value()};
    history_.rows[key] = row;
    emit({Op::create, key, {}, position(), row});
  }
  void update() {
    const std::string key = any_key();
    if (!history_.rows.contains(key)) return;
    Row& row = history_.rows[key];
    const Lacks lacks = change(row);
    emit({Op::update, key, {}, position(), row, lacks.unavailable, lacks.absent});
  }
  void remove() {
    const std::string key = any_key();
    if (history_.rows.erase(key) == 0) return;
    emit({Op::remove, key, {}, position(), {}});
    emit({Op::tombstone, key, {}, {}, {}});
  }
  void rename() {
    const std::string from = any_key();
    const std::string to = any_key();
    if (!history_.rows.contains(from) || history_.rows.contains(to)) return;
    Row row = history_.rows[from];
    const Lacks lacks = change(row);
    history_.rows.erase(from);
    history_.rows[to] = row;
    emit({Op::remove, from, to, position(), {}});
    emit({Op::tombstone, from, to, {}, {}});
    emit({Op::create, to, from, position(), row, lacks.unavailable, lacks.absent});
  }
  struct Lacks {
    unsigned unavailable = 0;
    unsigned absent = 0;
  };
  // Some columns get new values; of the others some are unavailable in the event, or not in it.
  Lacks change(Row& row) {
    Lacks lacks;
    for (unsigned i = 0; i < row.size(); ++i) {
      if (pick(2) == 0) {
        row[i] = value();
      } else if (pick(3) != 0) {
        (pick(2) == 0 ? lacks.unavailable : lacks.absent) |= 1U << i;
      }
    }
    return lacks;
  }
  std::string position() const { return "0/" + std::to_string(lsn_); }

  std::mt19937_64& random_;
  History history_;
  struct Sent {
    std::uint64_t lsn = 0;
    std::size_t partition = 0;
    SourceEvent event;
  };
  std::vector<Sent> all_;
  std::uint64_t keys_ = 0;  // few keys: the same change of keys happens again and again
  std::uint64_t lsn_ = 100;
  std::uint64_t values_ = 0;
};

Span append(Slab& slab, const std::string& bytes) {
  const auto at = static_cast<std::uint32_t>(slab.arena.size());
  slab.arena.append(bytes);
  return {at, static_cast<std::uint32_t>(bytes.size())};
}

void add_event(Slab& slab, const SourceEvent& from, std::uint32_t partition, std::int64_t offset) {
  Event event;
  event.op = from.op;
  event.partition = partition;
  event.offset = Offset{offset};
  event.layout = layout().get();
  event.source_time_us = from.time_us;
  event.key = append(slab, element(from.key));
  if (!from.other_key.empty()) event.other_key = append(slab, element(from.other_key));
  if (!from.position.empty()) event.source_position = append(slab, from.position);
  if (!from.row.empty()) {
    std::string row = element(from.key);
    for (unsigned i = 0; i + 1 < kColumns; ++i) {
      const unsigned bit = 1U << i;
      row += (from.unavailable & bit) != 0 ? mark(kElementUnavailable)
             : (from.absent & bit) != 0    ? mark(kElementAbsent)
                                           : element(from.row[i]);
    }
    event.row = append(slab, row);
    event.has_unavailable = from.unavailable != 0;
    event.has_absent = from.absent != 0;
  }
  slab.events.push_back(event);
}

// A lane: some partitions, a writer, and how far it has come.
class LaneSimulation {
 public:
  LaneSimulation(ModelDatabase& database, const History& history, std::vector<int> partitions)
      : target_(database),
        history_(history),
        mine_(std::move(partitions)),
        writer_(target_, config_, [](const StreamPartition&, Offset) { return std::nullopt; }) {
    take();
  }

  void take() {
    std::vector<StreamPartition> at;
    for (const int p : mine_) at.push_back({"t", Partition{p}});
    Assignment assignment = target_.take(at);
    std::vector<OwnedPartition> owned;
    next_.clear();
    for (auto& taken : assignment.partitions) {
      OwnedPartition partition;
      partition.at = taken.at;
      partition.partitions_of_stream = history_.partitions;
      partition.epoch = taken.epoch;
      partition.next = taken.next;
      partition.source_position = taken.source_position;
      owned.push_back(partition);
      next_.push_back(taken.next ? taken.next->value : 0);
    }
    writer_.adopt(std::move(owned), {}, std::move(assignment.hints));
  }

  // Up to `events` of the next ones, from its partitions in random order. False: nothing left.
  bool step(std::mt19937_64& random, std::size_t events) {
    Slab slab;
    while (slab.events.size() < events) {
      std::vector<std::uint32_t> open;
      for (std::uint32_t i = 0; i < mine_.size(); ++i) {
        if (next_[i] < static_cast<std::int64_t>(log(i).size())) open.push_back(i);
      }
      if (open.empty()) break;
      const std::uint32_t i = open[random() % open.size()];
      add_event(slab, log(i)[static_cast<std::size_t>(next_[i])], i, next_[i]);
      ++next_[i];
    }
    if (slab.events.empty()) return false;
    std::vector<EventRef> refs;
    for (const Event& event : slab.events) refs.push_back({&slab, &event});
    const WriteOutcome outcome = writer_.write(refs);
    if (!outcome.holds.empty()) {
      const PartitionHold& hold = outcome.holds.front();
      throw Error(ErrorKind::data,
                  hold.message + " at offset " + std::to_string(hold.offset.value));
    }
    return true;
  }
  [[nodiscard]] const std::vector<SourceEvent>& log(std::uint32_t i) const {
    return history_.logs[static_cast<std::size_t>(mine_[i])];
  }

 private:
  Config config_;
  ModelTarget target_;
  const History& history_;
  std::vector<int> mine_;
  BatchWriter writer_;
  std::vector<std::int64_t> next_;
};

std::map<std::string, std::string> expected_rows(const History& history) {
  std::map<std::string, std::string> out;
  for (const auto& [key, row] : history.rows) {
    std::string image = element(key);
    for (const auto& text : row) image += element(text);
    out[element(key)] = image;
  }
  return out;
}

// The same prefixes, one event a transaction, one partition after the other.
ModelDatabase one_at_a_time(const History& history, const ModelDatabase& reached) {
  History prefix = history;
  for (int p = 0; p < history.partitions; ++p) {
    const auto at = reached.positions.find({"t", Partition{p}});
    const auto size = at != reached.positions.end() && at->second.next ? at->second.next->value : 0;
    prefix.logs[static_cast<std::size_t>(p)].resize(static_cast<std::size_t>(size));
  }
  ModelDatabase fresh;
  std::mt19937_64 random(1);
  for (int p = 0; p < history.partitions; ++p) {
    LaneSimulation lane(fresh, prefix, {p});
    while (lane.step(random, 1)) {
    }
  }
  return fresh;
}

// For a failing seed: what the history was.
void print(const History& history) {
  for (std::size_t p = 0; p < history.logs.size(); ++p) {
    for (const SourceEvent& event : history.logs[p]) {
      UNSCOPED_INFO("partition " << p << " op " << static_cast<int>(event.op) << " " << event.key
                                 << (event.other_key.empty() ? "" : " other " + event.other_key)
                                 << " at " << event.position << " lacks " << event.unavailable
                                 << " and " << event.absent);
    }
  }
}

struct Verdict {
  bool equal = true;
  std::string what;
  std::uint64_t born = 0;  // rows that were rightly taken for new
};

Verdict run_history(std::uint64_t seed, bool repetitions) {
  std::mt19937_64 random(seed);
  const int partitions = 1 + static_cast<int>(random() % 4);
  SourceSimulation source(random, partitions);
  const History history = source.run(4 + static_cast<int>(random() % 24), repetitions);
  ModelDatabase database;
  const int lane_count = 1 + static_cast<int>(random() % static_cast<unsigned>(partitions));
  std::vector<std::vector<int>> shares(static_cast<std::size_t>(lane_count));
  for (int p = 0; p < partitions; ++p) {
    shares[static_cast<std::size_t>(p % lane_count)].push_back(p);
  }
  std::vector<std::unique_ptr<LaneSimulation>> lanes;
  for (auto& share : shares) {
    lanes.push_back(std::make_unique<LaneSimulation>(database, history, share));
  }
  std::vector<bool> done(lanes.size(), false);
  try {
    while (std::find(done.begin(), done.end(), false) != done.end()) {
      const std::size_t i = random() % lanes.size();
      if (random() % 8 == 0) lanes[i]->take();  // a crash: everything in memory is gone
      done[i] = !lanes[i]->step(random, 1 + random() % 12);
      if (random() % 4 != 0) continue;
      if (one_at_a_time(history, database).tables != database.tables) {
        return {false, "a batch differs from one event at a time"};
      }
    }
  } catch (const Error& error) {
    return {false, std::string("error: ") + error.what()};
  }
  if (database.tables[layout()->target] != expected_rows(history)) return {false, "rows differ"};
  if (!database.key_changes.empty()) return {false, "key_changes is not empty"};
  if (database.born_twice != 0 && !repetitions) return {false, "a new row was there"};
  return {true, {}, database.born};
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void run_histories(std::uint64_t first, std::uint64_t count, bool repetitions) {
  std::uint64_t born = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Verdict verdict = run_history(seed, repetitions);
    born += verdict.born;
    if (verdict.equal) {
      SUCCEED();
      continue;
    }
    std::mt19937_64 random(seed);
    const int partitions = 1 + static_cast<int>(random() % 4);
    print(
        SourceSimulation(random, partitions).run(4 + static_cast<int>(random() % 24), repetitions));
    FAIL("TIDEMARK_SEED=" << seed << " TIDEMARK_HISTORIES=1 tidemark_tests [fold-simulation]: "
                          << verdict.what);
  }
  CHECK(born > count);
}

}  // namespace

TEST_CASE("I5 random histories with key changes equal the source", "[fold-simulation]") {
  run_histories(from_environment("TIDEMARK_SEED", 1), from_environment("TIDEMARK_HISTORIES", 4000),
                false);
}

TEST_CASE("I5 random histories with repetitions equal the source", "[fold-simulation][repeat]") {
  run_histories(from_environment("TIDEMARK_SEED", 1), from_environment("TIDEMARK_HISTORIES", 2000),
                true);
}

}  // namespace tidemark::test
