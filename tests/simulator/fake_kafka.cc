#include "simulator/fake_kafka.h"

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::simulator {

namespace {

constexpr Millis kSession{6000};
constexpr Millis kRebalance{8000};
constexpr Millis kHeartbeat{500};

std::size_t index_of(const StreamPartition& at) {
  return static_cast<std::size_t>(at.partition.value);
}

OwnedRecord owned(const SourceEvent& event) {
  OwnedRecord out;
  out.timestamp_ms = event.offset;
  out.key = event.key_bytes;
  out.value = event.value_bytes;
  for (const auto& [name, value] : event.headers) out.headers.emplace_back(name, value);
  return out;
}

}  // namespace

FakeKafka::FakeKafka(History& history, Schedule& schedule)
    : history_(history),
      schedule_(schedule),
      counts_(schedule.counts),
      sent_of_(history.logs.size(), 0) {
  for (std::vector<SourceEvent>& log : history_.logs) {
    std::int64_t offset = 0;
    for (SourceEvent& event : log) {
      // Gaps: transaction markers, aborted and compacted records.
      if (schedule.chance(0.05)) offset += 1 + static_cast<std::int64_t>(schedule.pick(3));
      event.offset = offset++;
      if (!schedule.tracing()) continue;
      schedule.note("record " + std::to_string(&log - history_.logs.data()) + ":" +
                    std::to_string(event.offset) + " " + text_of(event));
    }
  }
}

bool FakeKafka::send_next() {
  if (sent_all()) return false;
  ++sent_of_[history_.order[sent_++]];
  schedule_.wake(this);
  return true;
}

Offset FakeKafka::end(std::size_t partition) const {
  const std::size_t sent = sent_of_[partition];
  if (sent == 0) return Offset{0};
  return Offset{history_.logs[partition][sent - 1].offset + 1};
}

void FakeKafka::set_away(bool away) {
  if (away_ == away) return;
  schedule_.note(away ? "brokers away" : "brokers back");
  if (away) ++counts_["brokers away"];
  away_ = away;
  for (auto& [id, member] : members_) member.seen = schedule_.time();
  if (preparing_) prepared_until_ = schedule_.time() + kRebalance;
  schedule_.wake(this);
}

// ---- the group

std::uint64_t FakeKafka::join() {
  const std::uint64_t id = next_member_++;
  rebalance("a member joins");
  members_[id] = {schedule_.time(), true, false, {}};
  return id;
}

void FakeKafka::leave(std::uint64_t id) {
  if (members_.erase(id) != 0) rebalance("a member leaves");
}

void FakeKafka::rebalance(const char* why) {
  schedule_.note(std::string("rebalance: ") + why);
  ++counts_["rebalance"];
  if (!preparing_) prepared_until_ = schedule_.time() + kRebalance;
  preparing_ = true;
  for (auto& [id, member] : members_) {
    member.joined = member.partitions.empty() && member.joined && !member.told;
  }
  schedule_.wake(this);
}

void FakeKafka::coordinate() {
  if (away_) return;
  const Time now = schedule_.time();
  const auto late = std::erase_if(members_, [&](const auto& entry) {
    const bool gone = now - entry.second.seen > kSession ||
                      (preparing_ && !entry.second.joined && now > prepared_until_);
    if (gone) schedule_.note("member " + std::to_string(entry.first) + " is dropped");
    return gone;
  });
  if (late != 0) {
    counts_["member dropped"] += late;
    if (!preparing_) rebalance("a member is gone");
  }
  const auto joined = [](const auto& entry) { return entry.second.joined; };
  if (preparing_ && !members_.empty() && std::all_of(members_.begin(), members_.end(), joined)) {
    complete();
  }
}

void FakeKafka::complete() {
  preparing_ = false;
  std::vector<Member*> order;
  for (auto& [id, member] : members_) {
    member.partitions.clear();
    member.told = false;
    order.push_back(&member);
  }
  std::shuffle(order.begin(), order.end(), schedule_.random());
  for (std::size_t i = 0; i < history_.logs.size(); ++i) {
    order[i % order.size()]->partitions.push_back({kTopic, Partition{static_cast<int>(i)}});
  }
  schedule_.note("rebalanced: " + std::to_string(order.size()) + " members");
  schedule_.wake(this);
}

Reported FakeKafka::commit(std::uint64_t id,
                           const std::vector<std::pair<StreamPartition, Offset>>& next) {
  if (away_) return Reported::unknown;
  const auto member = members_.find(id);
  if (member == members_.end() || preparing_ || !member->second.told) return Reported::refused;
  const auto& theirs = member->second.partitions;
  for (const auto& [at, offset] : next) {
    if (std::find(theirs.begin(), theirs.end(), at) == theirs.end()) return Reported::refused;
  }
  for (const auto& [at, offset] : next) {
    if (on_commit) on_commit(at, offset);
    offsets_[at] = offset;
  }
  return Reported::taken;
}

// ---- a member

void FakeSource::subscribe() {
  kafka_.schedule_.yield();
  member_ = kafka_.join();
}

void FakeSource::rejoin() {
  kafka_.schedule_.note("joins the group anew");
  kafka_.leave(member_);
  member_ = kafka_.join();
}

PollResult FakeSource::revoked() {
  PollResult result;
  result.kind = PollKind::revoked;
  result.partitions.assign(owned_.begin(), owned_.end());
  owns_ = false;
  owned_.clear();
  fetching_.clear();
  paused_ = false;
  return result;
}

// What the group has to say; with brokers away, or before the next heartbeat, nothing.
std::optional<PollResult> FakeSource::heartbeat() {
  if (kafka_.away_) return std::nullopt;
  kafka_.coordinate();
  const auto found = kafka_.members_.find(member_);
  const bool late = owns_ && kafka_.schedule_.chance(0.6);
  if (found == kafka_.members_.end()) {
    if (late) return std::nullopt;
    member_ = kafka_.join();
    return owns_ ? std::optional(revoked()) : std::nullopt;
  }
  FakeKafka::Member& member = found->second;
  member.seen = kafka_.schedule_.time();
  if (kafka_.preparing_ && !member.joined && !late) {
    member.joined = true;
    kafka_.coordinate();
    if (owns_) return revoked();
  }
  if (kafka_.preparing_ || member.told) return std::nullopt;
  if (owns_) return revoked();  // from an assignment that it was not told the end of
  member.told = true;
  owns_ = true;
  owned_ = {member.partitions.begin(), member.partitions.end()};
  PollResult result;
  result.kind = PollKind::assigned;
  result.partitions = member.partitions;
  return result;
}

PollResult FakeSource::poll(Millis timeout) {
  Schedule& schedule = kafka_.schedule_;
  if (schedule.chance(0.3)) schedule.yield();
  if (schedule.chance(0.03)) schedule.sleep(Millis{schedule.pick(10)});
  const Time until = schedule.time() + timeout;
  while (true) {
    if (auto event = heartbeat()) return std::move(*event);
    if (auto record = fetch()) return std::move(*record);
    if (kafka_.away_ && schedule.chance(0.05)) {
      PollResult result;
      result.kind = PollKind::unreachable;
      result.message = "all brokers are down";
      return result;
    }
    if (schedule.time() >= until) break;
    schedule.wait(&kafka_, std::min(until, schedule.time() + kHeartbeat));
  }
  schedule.yield();
  return {};
}

std::optional<PollResult> FakeSource::fetch() {
  if (paused_ || kafka_.away_) return std::nullopt;
  std::vector<std::pair<const StreamPartition*, Fetching*>> open;
  for (auto& [at, fetching] : fetching_) {
    const bool more = fetching.next < kafka_.sent_of_[index_of(at)];
    if (!fetching.held && (more || !fetching.said_end)) open.emplace_back(&at, &fetching);
  }
  if (open.empty()) return std::nullopt;
  const auto [at, fetching] = open[kafka_.schedule_.pick(open.size())];
  PollResult result;
  if (fetching->next >= kafka_.sent_of_[index_of(*at)]) {
    fetching->said_end = true;
    result.kind = PollKind::caught_up;
    result.partition = *at;
    result.offset = kafka_.end(index_of(*at));
    return result;
  }
  const SourceEvent& event = kafka_.log(index_of(*at))[fetching->next++];
  fetching->said_end = false;
  if (kafka_.schedule_.tracing()) {
    kafka_.schedule_.note("is given " + at->display() + " " + std::to_string(event.offset));
  }
  result.kind = PollKind::record;
  result.record = {kTopic, at->partition, Offset{event.offset}, event.offset, {}, {}, {}};
  if (event.key_bytes) result.record.key = *event.key_bytes;
  if (event.value_bytes) result.record.value = *event.value_bytes;
  for (const auto& [name, value] : event.headers) {
    result.record.headers.push_back({name, std::string_view(value)});
  }
  return result;
}

void FakeSource::assign(
    const std::vector<std::pair<StreamPartition, std::optional<Offset>>>& from) {
  fetching_.clear();
  for (const auto& [at, offset] : from) {
    if (kafka_.schedule_.tracing()) {
      kafka_.schedule_.note("reads " + at.display() + " from " +
                            (offset ? std::to_string(offset->value) : "the beginning"));
    }
    if (!owned_.contains(at)) continue;
    Fetching& fetching = fetching_[at];
    const auto& log = kafka_.log(index_of(at));
    while (offset && fetching.next < log.size() && log[fetching.next].offset < offset->value) {
      ++fetching.next;
    }
  }
}

void FakeSource::pause() {
  if (!paused_) kafka_.schedule_.note("pauses");
  paused_ = true;
}

void FakeSource::resume() {
  if (paused_) kafka_.schedule_.note("resumes");
  paused_ = false;
}

void FakeSource::pause(const StreamPartition& partition) {
  const auto found = fetching_.find(partition);
  if (found != fetching_.end()) found->second.held = true;
}

// By the writer's thread. A request whose answer nobody waits for may get lost.
Reported FakeSource::commit(const std::vector<std::pair<StreamPartition, Offset>>& next,
                            Millis patience) {
  if (!alive_) return Reported::unknown;
  kafka_.schedule_.yield();
  if (patience.count() == 0 && kafka_.schedule_.chance(0.1)) return Reported::unknown;
  const Reported reported = kafka_.commit(member_, next);
  return patience.count() == 0 ? Reported::unknown : reported;
}

std::vector<StreamPartition> FakeSource::unreported(const std::vector<StreamPartition>& partitions,
                                                    Millis /*timeout*/) {
  std::vector<StreamPartition> out;
  if (kafka_.away_) return out;
  for (const StreamPartition& at : partitions) {
    if (!kafka_.offsets_.contains(at)) out.push_back(at);
  }
  return out;
}

std::optional<Offset> FakeSource::known_end(const StreamPartition& partition) {
  if (kafka_.schedule_.chance(0.2)) return std::nullopt;
  return kafka_.end(index_of(partition));
}

std::optional<std::int32_t> FakeSource::partitions_of(std::string_view /*topic*/) {
  if (kafka_.away_) {
    kafka_.schedule_.sleep(Millis{2000});
    return std::nullopt;
  }
  return static_cast<std::int32_t>(kafka_.history_.logs.size());
}

std::map<StreamPartition, PartitionEnds> FakeSource::ends(
    const std::vector<StreamPartition>& partitions, Millis timeout) {
  if (kafka_.away_) {
    kafka_.schedule_.sleep(timeout);
    return {};
  }
  std::map<StreamPartition, PartitionEnds> out;
  for (const StreamPartition& at : partitions) out[at] = {Offset{0}, kafka_.end(index_of(at))};
  return out;
}

std::optional<OwnedRecord> FakeSource::read(const StreamPartition& partition, Offset offset,
                                            Millis timeout) {
  kafka_.schedule_.yield();
  if (kafka_.away_) {
    kafka_.schedule_.sleep(timeout);
    throw Error(ErrorKind::retry, "the record cannot be read: the brokers are away");
  }
  for (const SourceEvent& event : kafka_.log(index_of(partition))) {
    if (event.offset == offset.value) return owned(event);
  }
  return std::nullopt;
}

void FakeSource::close(Millis /*timeout*/) {
  kafka_.leave(member_);
  fetching_.clear();
  owned_.clear();
}

}  // namespace tidemark::simulator
