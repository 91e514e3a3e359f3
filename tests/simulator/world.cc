#include "simulator/world.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "simulator/checker.h"
#include "simulator/process.h"

namespace tidemark::simulator {

namespace {

using std::chrono::seconds;

constexpr std::uint64_t kStepsMost = 400'000;
constexpr seconds kHealed{600};  // for everything to be applied, once nothing is in the way
constexpr int kWorldGroup = 0;   // of threads that nobody kills

class World {
 public:
  explicit World(const RunOptions& options)
      : schedule_(options.seed, kStepsMost, options.trace),
        history_(make_history(schedule_.random(), choose_history())),
        kafka_(history_, schedule_),
        server_(schedule_),
        checker_(schedule_, history_, kafka_, server_, hold_key_) {
    server_.unguarded = options.unguarded;
    if (poison_) server_.poison = kPoison;
    server_.foreign_key = foreign_key_;
    // Rows that wait for each other may need a statement with all of them.
    if (!foreign_key_ && schedule_.chance(0.35)) server_.rows_most = 3 + schedule_.pick(8);
    server_.on_commit = [this] { checker_.check(); };
    kafka_.on_commit = [this](const StreamPartition& at, Offset offset) {
      checker_.check_offset(at, offset);
    };
  }

  RunResult run();

 private:
  HistoryOptions choose_history();
  Config choose_config();
  void start();
  void harm();
  void harm_process(std::size_t i);
  void choose_rates();
  void bury();
  void replace(std::size_t i, Millis after);
  void heal();
  void stop_all();
  [[nodiscard]] bool all_applied() const;
  [[nodiscard]] bool all_quiet() const;
  [[nodiscard]] std::string states_text() const;
  void check_ended(const Process& process);

  Schedule schedule_;
  Counts& counts_ = schedule_.counts;
  bool poison_ = false;
  bool foreign_key_ = false;
  bool hold_key_ = true;
  History history_;
  FakeKafka kafka_;
  FakeServer server_;
  Checker checker_;
  std::vector<std::unique_ptr<Process>> processes_;  // null: between two
  std::vector<Time> due_;                            // of the next process there
  int next_group_ = 1;
  bool healed_ = false;
};

HistoryOptions World::choose_history() {
  HistoryOptions out;
  out.partitions = 1 + static_cast<int>(schedule_.pick(4));
  out.operations = 5 + static_cast<int>(schedule_.pick(schedule_.chance(0.3) ? 250 : 80));
  out.keys = 2 + static_cast<int>(schedule_.pick(7));
  const std::uint64_t kind = schedule_.pick(10);
  poison_ = kind < 3;
  foreign_key_ = kind >= 3 && kind <= 5;
  hold_key_ = schedule_.chance(0.7);
  out.poison = poison_;
  out.foreign_key = foreign_key_;
  out.renames = !poison_ && !foreign_key_ && schedule_.chance(0.9);
  // Without, the repetition of a dead letter may be applied: the oracle could not tell.
  out.repetitions = hold_key_ && schedule_.chance(0.6);
  return out;
}

Config World::choose_config() {
  Config config;
  config.pipeline = "simulated";
  config.source.topics = {kTopic};
  config.batch.rows_max =
      static_cast<std::uint32_t>(1 + schedule_.pick(schedule_.chance(0.5) ? 8 : 100));
  config.batch.bytes_max = schedule_.chance(0.3) ? 200 : 1U << 20;
  config.batch.delay_max = Millis{schedule_.pick(200)};
  config.batch.lanes = schedule_.chance(0.3) && !(healed_ && foreign_key_) ? 2 : 1;
  // Smaller ones than can be set are full all the time; a wait may then have no end.
  const bool tiny = !healed_ && schedule_.chance(foreign_key_ ? 0.7 : 0.4);
  config.batch.buffer_bytes_max = tiny ? 500 + schedule_.pick(4'000) : 1U << 20;
  config.errors.dead_letter_rate_max = 1;
  config.errors.hold_key = hold_key_;
  config.errors.on_bad_record =
      healed_ || schedule_.chance(0.7) ? OnBadRecord::dead_letter : OnBadRecord::stop;
  return config;
}

// ---- the course of things

RunResult World::run() {
  RunResult result;
  try {
    start();
    while (!kafka_.sent_all() || schedule_.chance(0.9)) {
      schedule_.sleep(Millis{10 + schedule_.pick(schedule_.chance(0.3) ? 5000 : 400)});
      bury();
      harm();
    }
    heal();
    checker_.check_end(poison_);
  } catch (const Failure& failure) {
    result.failure = failure.what();
  }
  result.trace = schedule_.trace();
  result.steps = schedule_.steps();
  result.ms = schedule_.ms();
  processes_.clear();
  result.counts = std::move(counts_);
  return result;
}

void World::start() {
  schedule_.spawn(kWorldGroup, "PostgreSQL", [this] { server_.serve(); });
  schedule_.spawn(kWorldGroup, "Debezium", [this] {
    const std::uint64_t pause = 1 + schedule_.pick(300);
    while (kafka_.send_next()) {
      if (schedule_.chance(0.3)) schedule_.sleep(Millis{schedule_.pick(pause)});
    }
  });
  processes_.resize(1 + schedule_.pick(3));
  due_.resize(processes_.size());
  for (std::size_t i = 0; i < processes_.size(); ++i)
    due_[i] = schedule_.time() + Millis{schedule_.pick(2000)};
  choose_rates();
}

// What has ended is taken away, what is due is started.
void World::bury() {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    auto& process = processes_[i];
    if (process != nullptr && !process->ended() && process->failed()) process->stop();
    if (process != nullptr && process->ended()) {
      process->leave();
      check_ended(*process);
      replace(i, Millis{schedule_.pick(3000)});
    }
    if (process == nullptr && schedule_.time() >= due_[i]) {
      process =
          std::make_unique<Process>(next_group_++, choose_config(), kafka_, server_, schedule_);
    }
  }
}

void World::replace(std::size_t i, Millis after) {
  processes_[i].reset();
  due_[i] = schedule_.time() + after;
}

void World::choose_rates() {
  FaultRates& rates = server_.rates;
  const auto some = [&](double most) {
    return schedule_.chance(0.5) ? 0 : most * static_cast<double>(schedule_.pick(100)) / 100;
  };
  rates.lost = some(0.05);
  rates.refused = some(0.1);
  rates.doubt = some(0.4);
  rates.slow = some(0.1);
  rates.catalog = some(0.003);
  rates.password = some(0.2);
  rates.frozen = some(0.02);
  rates.slow_most = Millis{schedule_.chance(0.1) ? 30000 : 1000};
}

void World::harm() {
  switch (schedule_.pick(18)) {
    case 0:
      kafka_.set_away(true);
      break;
    case 1:
      server_.set_away(true);
      break;
    case 2:
    case 3:
      kafka_.set_away(false);
      server_.set_away(false);
      break;
    case 4:
      choose_rates();
      break;
    case 5:
      kafka_.rebalance("on purpose");
      break;
    default:
      harm_process(schedule_.pick(processes_.size()));
  }
}

void World::harm_process(std::size_t i) {
  auto& process = processes_[i];
  if (process == nullptr) return;
  switch (schedule_.pick(6)) {
    case 0:
    case 1:
      ++counts_["kill -9"];
      replace(i, Millis{schedule_.pick(3000)});
      break;
    case 2:
      ++counts_["SIGTERM"];
      process->stop();
      break;
    case 3:
      ++counts_["frozen"];
      schedule_.note("freezes process " + std::to_string(process->group()));
      schedule_.freeze(
          process->group(),
          schedule_.time() + Millis{schedule_.pick(schedule_.chance(0.5) ? 500 : 90000)});
      break;
    default:
      break;
  }
}

void World::heal() {
  schedule_.note("everything heals");
  healed_ = true;
  kafka_.set_away(false);
  server_.set_away(false);
  server_.rates = FaultRates();
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    const auto& process = processes_[i];
    if (process == nullptr) continue;
    // Zombies wake up beside their successors, or are gone with all others.
    if (schedule_.chance(0.5) && !poison_ && !foreign_key_) {
      schedule_.freeze(process->group(), schedule_.time());
    } else {
      replace(i, Millis{0});
    }
  }
  // Partitions of two processes, or lanes, that wait for each other's rows do so for ever.
  if (foreign_key_) processes_.resize(1);
  const Time until = schedule_.time() + kHealed;
  while (!all_applied()) {
    if (schedule_.time() > until) schedule_.fail("not everything was applied in time");
    schedule_.sleep(Millis{200});
    bury();
  }
  while (!all_quiet()) {
    if (schedule_.time() > until) {
      schedule_.fail("all is applied, and a lane does not know it:" + states_text());
    }
    schedule_.sleep(Millis{200});
    bury();
  }
  stop_all();
}

void World::stop_all() {
  for (const auto& process : processes_) {
    if (process != nullptr) process->stop();
  }
  const auto running = [](const auto& process) { return process != nullptr && !process->ended(); };
  const Time until = schedule_.time() + seconds{60};
  while (std::any_of(processes_.begin(), processes_.end(), running)) {
    if (schedule_.time() > until) schedule_.fail("a process that was asked to stop goes on");
    schedule_.sleep(Millis{100});
  }
}

bool World::all_applied() const {
  for (std::size_t i = 0; i < history_.logs.size(); ++i) {
    if (kafka_.end(i) == Offset{0}) continue;
    const auto position =
        server_.committed().positions.find({kTopic, Partition{static_cast<int>(i)}});
    if (position == server_.committed().positions.end()) return false;
    if (position->second.next != kafka_.end(i)) return false;
  }
  return true;
}

// What `--until-current` waits for; and nothing is kept that is done with.
bool World::all_quiet() const {
  std::size_t reached = 0;
  for (const auto& process : processes_) {
    if (process == nullptr) return false;
    for (const LaneState& state : process->states()) {
      if (!state.assigned || state.buffer_bytes != 0) return false;
      for (const PartitionProgress& partition : state.partitions)
        reached += partition.reached() ? 1U : 0U;
    }
  }
  return reached == history_.logs.size();
}

std::string World::states_text() const {
  std::string out;
  for (const auto& process : processes_) {
    if (process == nullptr) continue;
    for (const LaneState& state : process->states()) {
      out += " process " + std::to_string(process->group()) +
             (state.assigned ? " assigned" : " not assigned") + " buffer " +
             std::to_string(state.buffer_bytes) + " waiting for '" + state.waiting_for + "'";
      for (const PartitionProgress& partition : state.partitions) {
        out += " " + partition.at.display() + (partition.reached() ? " reached" : " not reached") +
               (partition.stopped ? " stopped: " + partition.stop_reason : "");
      }
    }
  }
  return out;
}

// A lane that fails does so for what was done to it.
void World::check_ended(const Process& process) {
  for (const LaneState& state : process.states()) {
    if (state.end == LaneEnd::failed && state.error.find("on purpose") == std::string::npos) {
      schedule_.fail("a lane has failed: " + state.error);
    }
    if (state.end == LaneEnd::failed) ++counts_["lane failed"];
    if (state.last_report != Reported::taken) continue;
    ++counts_["last report taken"];
    for (const PartitionProgress& partition : state.partitions) {
      if (!partition.committed) continue;
      // A successor may have gone on since.
      if (kafka_.group_offsets().at(partition.at) < *partition.committed) {
        schedule_.fail("I2: the position was not reported: " + partition.at.display());
      }
    }
  }
}

}  // namespace

RunResult run(const RunOptions& options) {
  return World(options).run();
}

}  // namespace tidemark::simulator
