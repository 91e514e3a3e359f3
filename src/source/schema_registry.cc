#include "source/schema_registry.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kComplainEvery{5};
// More are not of one source's tables: forgotten and asked for again.
constexpr std::size_t kKnownMax = 65'536;
constexpr std::size_t kKnownBytesMax = 256U << 20U;

}  // namespace

SchemaRegistry::SchemaRegistry(const RegistryConfig& config, Patience patience)
    : patience_(patience), client_(config), thread_([this] { serve(); }) {}

SchemaRegistry::~SchemaRegistry() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  client_.cancel();
  asked_changed_.notify_all();
  thread_.join();
}

RegisteredSchemaPtr SchemaRegistry::find(const SchemaId& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = known_.find(id);
  unsigned tries = 0;
  if (found != known_.end()) {
    if (!found->second.until || Clock::now() < *found->second.until) return found->second.schema;
    tries = patience_.absent_tries - 1;  // it has had its time: one more try
    known_.erase(found);
  }
  if (asked_.try_emplace(id, Asked{tries, Clock::now()}).second) asked_changed_.notify_one();
  return nullptr;
}

bool SchemaRegistry::wait(milliseconds longest) {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = arrivals_;
  return arrived_.wait_for(lock, longest, [&] { return arrivals_ != before || asked_.empty(); });
}

bool SchemaRegistry::asking() const {
  const std::scoped_lock lock(mutex_);
  return !asked_.empty();
}

std::string SchemaRegistry::waiting_for() const {
  const std::scoped_lock lock(mutex_);
  if (asked_.empty() || failures_ == 0) return {};
  return "the schema registry: " + failure_.message;
}

std::optional<SchemaRegistry::Refusal> SchemaRegistry::refusal() const {
  const std::scoped_lock lock(mutex_);
  if (let_in_ || failures_ == 0 || failure_.verdict != RegistryVerdict::unauthorized) return {};
  return Refusal{"the schema registry refuses us: " + failure_.message, failure_.hint};
}

// ---- the background thread

void SchemaRegistry::serve() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = Clock::now();
    const auto next = std::min_element(
        asked_.begin(), asked_.end(),
        [](const auto& one, const auto& other) { return one.second.due < other.second.due; });
    if (next == asked_.end()) {
      asked_changed_.wait(lock);
      continue;
    }
    const auto due = std::max(next->second.due, paused_until_);
    if (due > now) {
      asked_changed_.wait_until(lock, due);
      continue;
    }
    const SchemaId id = next->first;
    lock.unlock();
    RegistryReply reply = client_.schema(id);
    lock.lock();
    if (stopping_) return;
    note(id, std::move(reply));
  }
}

void SchemaRegistry::note(const SchemaId& id, RegistryReply reply) {
  if (reply.verdict == RegistryVerdict::unauthorized || reply.verdict == RegistryVerdict::away) {
    note_failed(reply);
    return;
  }
  if (failures_ > 0) {
    log_event(Level::info, "registry.reachable", "the schema registry answers again");
  }
  failures_ = 0;
  complained_ = {};
  let_in_ = true;
  if (reply.verdict == RegistryVerdict::found) {
    note_found(id, std::move(reply));
  } else {
    note_absent(id, asked_.at(id), reply);
  }
}

void SchemaRegistry::note_found(const SchemaId& id, RegistryReply reply) {
  log_event(Level::debug, "registry.schema_read", described(id),
            {{"bytes", reply.schema.text.size()}});
  keep(id, std::move(reply.schema), std::nullopt);
}

void SchemaRegistry::note_absent(const SchemaId& id, Asked& asked, const RegistryReply& reply) {
  if (++asked.tries < patience_.absent_tries) {
    if (asked.tries == 1) {
      log_event(Level::info, "registry.schema_absent", reply.message + "; asking a few times more");
    }
    // A replica that lags needs the time: at least half of what might be waited.
    const auto bound = backoff(asked.tries);
    asked.due = Clock::now() + bound / 2 + up_to(bound / 2);
    return;
  }
  RegisteredSchema absent;
  absent.refused = reply.message;
  absent.hint = reply.hint;
  keep(id, std::move(absent), Clock::now() + patience_.absent_kept);
}

void SchemaRegistry::note_failed(const RegistryReply& reply) {
  const auto now = Clock::now();
  const bool unauthorized = reply.verdict == RegistryVerdict::unauthorized;
  const bool news = failures_ == 0 || failure_.verdict != reply.verdict;
  ++failures_;
  failure_ = reply;
  // Full jitter, so that many processes do not come together.
  paused_until_ = now + (unauthorized ? patience_.unauthorized : up_to(backoff(failures_)));
  if (!news && now - complained_ < kComplainEvery) return;
  complained_ = now;
  log_event(Level::warning, unauthorized ? "registry.unauthorized" : "registry.unreachable",
            unauthorized ? "the schema registry refuses us; trying again"
                         : "the schema registry cannot be asked; trying again",
            {{"error", reply.message}, {"hint", reply.hint}});
}

void SchemaRegistry::keep(const SchemaId& id, RegisteredSchema schema,
                          std::optional<Clock::time_point> until) {
  std::size_t bytes = schema.text.size();
  for (const std::string& text : schema.references) bytes += text.size();
  if (known_.size() >= kKnownMax || known_bytes_ + bytes > kKnownBytesMax) {
    known_.clear();
    known_bytes_ = 0;
  }
  known_bytes_ += bytes;
  known_[id] = {std::make_shared<const RegisteredSchema>(std::move(schema)), until};
  asked_.erase(id);
  ++arrivals_;
  arrived_.notify_all();
}

milliseconds SchemaRegistry::backoff(unsigned tries) const {
  constexpr unsigned kDoublingsMax = 16;
  const auto doubled = patience_.retry_min * (1U << std::min(tries, kDoublingsMax));
  return std::min<milliseconds>(doubled, patience_.retry_max);
}

milliseconds SchemaRegistry::up_to(milliseconds longest) {
  const auto most = std::max<milliseconds::rep>(1, longest.count());
  return milliseconds{std::uniform_int_distribution<milliseconds::rep>(1, most)(random_)};
}

}  // namespace tidemark
