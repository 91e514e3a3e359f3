#include "simulator/process.h"

#include <algorithm>

namespace tidemark::simulator {

namespace {

TablePtr make_table() {
  Table table;
  table.name = {"public", "t"};
  for (const char* name : {"id", "a", "b", "c"}) {
    Column column;
    column.name = name;
    column.type = pg_type(TypeKind::text);
    column.not_null = column.name == "id";
    table.columns.push_back(std::move(column));
  }
  table.key = {"id"};
  table.unique_keys = {{"id"}};
  return std::make_shared<const Table>(std::move(table));
}

}  // namespace

Process::Process(int group, const Config& config, FakeKafka& kafka, FakeServer& server,
                 Schedule& schedule)
    : group_(group),
      config_(config),
      kafka_(kafka),
      server_(server),
      schedule_(schedule),
      answers_(schedule.chance(0.2) ? 0.01 : 0.3),
      claims_(std::make_shared<TableClaims>()) {
  for (unsigned i = 0; i < config_.batch.lanes; ++i) {
    lanes_.push_back(std::make_unique<Lane>(config_, i, parts()));
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const std::string name = "process " + std::to_string(group) + " lane " + std::to_string(i);
    schedule.spawn(group, name + " reader", [lane = lanes_[i].get()] { lane->read(); });
    schedule.spawn(group, name + " writer", [lane = lanes_[i].get()] { lane->write(); });
  }
}

// kill -9, where it has not ended.
Process::~Process() {
  if (!ended()) schedule_.note("kills process " + std::to_string(group_));
  alive_ = false;
  schedule_.kill(group_);
}

LaneParts Process::parts() {
  LaneParts parts;
  auto source = std::make_unique<FakeSource>(kafka_, alive_);
  parts.raw_read = [from = source.get()](const StreamPartition& at, Offset offset) {
    return from->read(at, offset, Millis{10000});
  };
  parts.source = std::move(source);
  parts.target = std::make_unique<FakeTarget>(server_);
  parts.find_table = [this](const TableName& name) { return find_table(name); };
  parts.claims = claims_;
  parts.let_in = let_in_;
  parts.wait_for_answers = [this](Millis longest) { schedule_.sleep(longest); };
  parts.missing_answers = [] { return std::string(); };
  parts.forget_tables = [this] { table_known_ = false; };
  parts.random_seed = schedule_.random()();
  return parts;
}

// As the catalog's thread answers: not at once, and between any two questions.
std::optional<TablePtr> Process::find_table(const TableName& /*name*/) {
  static const TablePtr table = make_table();
  if (!table_known_) table_known_ = schedule_.chance(answers_);
  return table_known_ ? std::optional(table) : std::nullopt;
}

void Process::stop() {
  schedule_.note("stops process " + std::to_string(group_));
  for (const auto& lane : lanes_) lane->stop();
}

bool Process::failed() const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->state().end == LaneEnd::failed; });
}

void Process::cancel() {
  for (const auto& lane : lanes_) lane->cancel();
}

void Process::leave() {
  for (const auto& lane : lanes_) lane->leave();
}

std::vector<LaneState> Process::states() const {
  std::vector<LaneState> out;
  for (const auto& lane : lanes_) out.push_back(lane->state());
  return out;
}

}  // namespace tidemark::simulator
