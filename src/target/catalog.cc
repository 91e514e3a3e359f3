#include "target/catalog.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "base/log.h"
#include "pg/admin_connection.h"
#include "tidemark/error.h"

namespace tidemark {

namespace {

constexpr std::chrono::milliseconds kRetryMin{100};
constexpr std::chrono::milliseconds kRetryMax{5000};
constexpr std::chrono::seconds kComplainEvery{5};

}  // namespace

TextQuery text_query(AdminConnection& connection) {
  return [&connection](const std::string& sql, const std::vector<std::string>& parameters) {
    return connection.query(sql, parameters);
  };
}

Catalog::Catalog(ConnectionSettings settings)
    : session_(std::move(settings), SessionUse::aside), thread_([this] { serve(); }) {}

Catalog::~Catalog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_changed_.notify_all();
  session_.cancel();
  thread_.join();
}

std::optional<TablePtr> Catalog::find(const TableName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(name);
  if (found != known_.end()) return found->second;
  if (asked_.insert(name).second) asked_changed_.notify_one();
  return std::nullopt;
}

bool Catalog::wait(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = arrivals_;
  return arrived_.wait_for(lock, longest, [&] { return arrivals_ != before || asked_.empty(); });
}

void Catalog::forget(const TableName& name) {
  const std::lock_guard lock(mutex_);
  known_.erase(name);
  ++changes_;
}

void Catalog::forget_all() {
  const std::lock_guard lock(mutex_);
  known_.clear();
  ++changes_;
}

void Catalog::put(const TablePtr& table) {
  if (table == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    known_[table->name] = table;
    asked_.erase(table->name);
    ++changes_;
    ++arrivals_;
  }
  arrived_.notify_all();
}

// ---- the background thread
// -----------------------------------------------------------------------

void Catalog::serve() {
  const TextQuery query = [&](const std::string& sql, const std::vector<std::string>& parameters) {
    session_.open();
    return session_.query_text(sql, parameters);
  };
  std::chrono::milliseconds pause = kRetryMin;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (asked_.empty()) {
      asked_changed_.wait(lock);
      continue;
    }
    const std::vector<TableName> names(asked_.begin(), asked_.end());
    lock.unlock();
    const bool answered = read_round(names, query);
    lock.lock();
    if (answered) {
      pause = kRetryMin;
    } else {
      asked_changed_.wait_for(lock, pause, [&] { return stopping_; });
      pause = std::min(pause * 2, kRetryMax);
    }
  }
}

// False: the target could not be asked.
bool Catalog::read_round(const std::vector<TableName>& names, const TextQuery& query) {
  for (const TableName& name : names) {
    std::uint64_t changes = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return true;
      changes = changes_;
    }
    TablePtr table;
    try {
      table = read_table(query, name);
    } catch (const Error& error) {
      session_.close();
      note_unreachable(error.what());
      return false;
    }
    {
      const std::lock_guard lock(mutex_);
      // Something was forgotten or put meanwhile: perhaps this one, so it stays asked for.
      if (changes != changes_) continue;
      if (asked_.erase(name) != 0) known_[name] = table;
      ++arrivals_;
    }
    arrived_.notify_all();
  }
  return true;
}

void Catalog::note_unreachable(const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (complained_.time_since_epoch().count() != 0 && now - complained_ < kComplainEvery) return;
  complained_ = now;
  log_event(Level::warning, "catalog.unreachable",
            "the target's catalog cannot be read; trying again", {{"error", message}});
}

}  // namespace tidemark
