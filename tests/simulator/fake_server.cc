#include "simulator/fake_server.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tidemark::simulator {

namespace {

using test::ModelDatabase;

constexpr Millis kLockTimeout{10000};
constexpr Millis kIdleTimeout{60000};

std::string lock_of(const StreamPartition& at) {
  return "position " + at.display();
}

// `onto` with what `work` has made of `base`.
template <typename Key, typename Value, typename Same>
void add_changes(const std::map<Key, Value>& base, const std::map<Key, Value>& work,
                 std::map<Key, Value>& onto, const Same& same) {
  for (const auto& [key, value] : work) {
    const auto was = base.find(key);
    if (was == base.end() || !same(was->second, value)) onto.insert_or_assign(key, value);
  }
  for (const auto& [key, value] : base) {
    if (!work.contains(key)) onto.erase(key);
  }
}

std::string key_image(const std::string& key) {
  char length[4];
  store_big(length, static_cast<std::uint32_t>(key.size()));
  return std::string(length, 4) + key;
}

// The row that this one names: its key.
std::string named_by(const std::vector<std::string>& texts) {
  return texts.back().starts_with(kNames) ? texts.back().substr(1) : std::string();
}

template <typename Value>
bool equal(const Value& a, const Value& b) {
  return a == b;
}

ModelDatabase merged(const ModelDatabase& base, const ModelDatabase& work, ModelDatabase onto) {
  for (const auto& [table, rows] : work.tables) {
    const auto was = base.tables.find(table);
    const std::map<std::string, std::string> none;
    add_changes(was == base.tables.end() ? none : was->second, rows, onto.tables[table],
                equal<std::string>);
  }
  add_changes(base.positions, work.positions, onto.positions, equal<test::ModelPosition>);
  add_changes(base.key_changes, work.key_changes, onto.key_changes,
              [](const auto&, const auto&) { return true; });  // never changed, only put and taken
  const std::size_t had = base.dead_letters.size();
  const std::size_t shift = onto.dead_letters.size() - had;
  for (std::size_t i = had; i < work.dead_letters.size(); ++i) {
    onto.dead_letters.push_back(work.dead_letters[i]);
  }
  for (const std::size_t i : work.passed) onto.passed.insert(i < had ? i : i + shift);
  for (const std::size_t i : work.closed) onto.closed.insert(i < had ? i : i + shift);
  return onto;
}

}  // namespace

std::vector<std::string> texts_of(std::string_view image) {
  std::vector<std::string> out;
  for (ElementReader reader(image); !reader.done();) {
    const Element element = reader.next();
    out.push_back(element.length < 0 ? "null" : std::string(element.bytes.substr(4)));
  }
  return out;
}

// ---- the server

void FakeServer::set_away(bool away) {
  if (away_ == away) return;
  schedule_.note(away ? "PostgreSQL away" : "PostgreSQL back");
  away_ = away;
  if (away) {
    ++counts_["PostgreSQL away"];
    ++life_;
    while (!locks_.empty()) end(*locks_.begin()->second);
    left_.clear();
  }
}

FakeServer::TransactionPtr FakeServer::begin() {
  auto transaction = std::make_shared<Transaction>();
  transaction->base = committed_;
  transaction->version = version_;
  transaction->last = schedule_.time();
  return transaction;
}

void FakeServer::refresh(Transaction& transaction, ModelDatabase& work) const {
  if (transaction.version != version_) {
    work = merged(transaction.base, work, committed_);
    transaction.base = committed_;
    transaction.version = version_;
  }
  work.next_id = committed_.next_id;
}

bool FakeServer::would_deadlock(const Transaction& waiting, const Transaction& owner) const {
  const Transaction* at = &owner;
  while (at != nullptr && at != &waiting) at = at->waits_for;
  return at == &waiting;
}

void FakeServer::lock(Transaction& transaction, const std::string& what) {
  const Time until = schedule_.time() + kLockTimeout;
  while (true) {
    if (transaction.ended) {
      throw Error(ErrorKind::retry, "the connection was terminated", {}, "57P01");
    }
    const auto found = locks_.find(what);
    if (found == locks_.end()) {
      locks_.emplace(what, &transaction);
      transaction.locks.insert(what);
      return;
    }
    if (found->second == &transaction) return;
    ++counts_["waited for a lock"];
    if (schedule_.time() - found->second->last > kIdleTimeout) {
      ++counts_["idle transaction ended"];
      end(*found->second);
      continue;
    }
    if (would_deadlock(transaction, *found->second)) {
      ++counts_["deadlock"];
      throw Error(ErrorKind::retry, "deadlock detected", {}, "40P01");
    }
    if (schedule_.time() >= until) {
      ++counts_["lock timeout"];
      throw Error(ErrorKind::retry, "canceling statement due to lock timeout", {}, "55P03");
    }
    transaction.waits_for = found->second;
    schedule_.wait(this, until);
    transaction.waits_for = nullptr;
  }
}

void FakeServer::end(Transaction& transaction) {
  transaction.ended = true;
  for (const std::string& lock : transaction.locks) locks_.erase(lock);
  transaction.locks.clear();
  for (const auto& [name, owner] : locks_) {
    if (owner->waits_for == &transaction) owner->waits_for = nullptr;
  }
  schedule_.wake(this);
}

void FakeServer::changed() {
  ++version_;
  if (on_commit) on_commit();
}

void FakeServer::commit(Transaction& transaction, const ModelDatabase& work) {
  const std::int64_t next_id = std::max(committed_.next_id, work.next_id);
  committed_ = merged(transaction.base, work, std::move(committed_));
  committed_.next_id = next_id;
  end(transaction);
  changed();
}

void FakeServer::leave(TransactionPtr transaction, Millis after,
                       std::optional<ModelDatabase> commit) {
  left_.push_back({schedule_.time() + after, std::move(transaction), std::move(commit)});
  schedule_.wake(&left_);
}

void FakeServer::serve() {
  while (true) {
    Time next = schedule_.time() + std::chrono::hours(1);
    for (std::size_t i = 0; i < left_.size();) {
      if (left_[i].at > schedule_.time()) {
        next = std::min(next, left_[i++].at);
        continue;
      }
      const Left left = std::move(left_[i]);
      left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(i));
      if (left.commit) {
        ++counts_["commit done after its client was gone"];
        schedule_.note("a COMMIT is done after its client was gone");
        commit(*left.transaction, *left.commit);
      } else {
        end(*left.transaction);
      }
    }
    schedule_.wait(&left_, next);
  }
}

// ---- a connection

FakeTarget::~FakeTarget() {
  if (transaction_ == nullptr || transaction_->ended) return;
  ++server_.counts_[committing_ ? "killed during COMMIT" : "killed in a transaction"];
  std::optional<ModelDatabase> work;
  if (committing_ && schedule_.chance(0.5)) work = std::move(work_);
  const auto longest = static_cast<std::uint64_t>(schedule_.chance(0.2) ? 30000 : 300);
  server_.leave(std::move(transaction_), Millis{schedule_.pick(longest)}, std::move(work));
}

// The connection is gone; its backend finds that out in its own time.
void FakeTarget::lose(Millis longest) {
  life_ = 0;
  work_.reset();
  if (transaction_ == nullptr || transaction_->ended) return;
  server_.leave(std::move(transaction_),
                Millis{schedule_.pick(static_cast<std::uint64_t>(longest.count()) + 1)},
                std::nullopt);
  transaction_.reset();
}

void FakeTarget::refuse(const char* what, const std::string& sqlstate) {
  schedule_.note(std::string(what) + " fails: " + sqlstate);
  ++server_.counts_["SQLSTATE " + sqlstate];
  const std::string kind = sqlstate.substr(0, 2);
  throw Error(kind == "42" || kind == "28" ? ErrorKind::fatal : ErrorKind::retry,
              std::string("on purpose: ") + what, {}, sqlstate);
}

void FakeTarget::check_connection(const char* what) {
  if (cancelled_) {
    lose(Millis{0});
    refuse(what, "57014");
  }
  const bool terminated = transaction_ != nullptr && transaction_->ended;
  if (server_.away_ || life_ != server_.life_ || terminated) {
    lose(Millis{0});
    refuse(what, "08006");
  }
}

void FakeTarget::connect() {
  if (life_ == server_.life_ && !server_.away_) return;
  schedule_.sleep(Millis{1 + schedule_.pick(5)});
  if (server_.away_) refuse("connect", "08001");
  if (schedule_.chance(server_.rates.password)) refuse("connect", "28P01");
  life_ = server_.life_;
}

void FakeTarget::statement(const char* what) {
  schedule_.chance(0.6) ? schedule_.sleep(Millis{schedule_.pick(4)}) : schedule_.yield();
  if (schedule_.chance(server_.rates.frozen)) {
    ++server_.counts_["frozen in a transaction"];
    schedule_.note(std::string("is frozen before ") + what);
    schedule_.freeze(Millis{schedule_.pick(schedule_.chance(0.3) ? 90000 : 20000)});
  }
  if (schedule_.chance(server_.rates.slow)) {
    ++server_.counts_["slow answer"];
    schedule_.sleep(
        Millis{schedule_.pick(static_cast<std::uint64_t>(server_.rates.slow_most.count()))});
  }
  if (transaction_ != nullptr && schedule_.time() - transaction_->last > kIdleTimeout &&
      !transaction_->ended) {
    ++server_.counts_["idle transaction ended"];
    server_.end(*transaction_);
  }
  check_connection(what);
  if (schedule_.chance(server_.rates.lost)) {
    lose(schedule_.chance(0.1) ? Millis{20000} : Millis{500});
    refuse(what, "08006");
  }
  if (schedule_.chance(server_.rates.refused)) {
    static constexpr std::array kStates = {"40001", "40P01", "53100", "55P03", "57014", "25006"};
    refuse(what, kStates[schedule_.pick(kStates.size())]);
  }
  if (schedule_.chance(server_.rates.catalog)) refuse(what, "42P01");
  if (transaction_ == nullptr) return;
  transaction_->last = schedule_.time();
  if (work_) server_.refresh(*transaction_, *work_);
}

void FakeTarget::start(const char* what) {
  rollback();
  connect();
  transaction_ = server_.begin();
  statement(what);
}

void FakeTarget::lock(const std::string& what) {
  server_.lock(*transaction_, what);
}

void FakeTarget::rollback() noexcept {
  work_.reset();
  committing_ = false;
  if (transaction_ != nullptr && !transaction_->ended) server_.end(*transaction_);
  transaction_.reset();
}

// ---- positions

Assignment FakeTarget::take(const std::vector<StreamPartition>& partitions) {
  if (partitions.empty()) return {};
  start("take");
  try {
    std::vector<StreamPartition> order = partitions;
    std::sort(order.begin(), order.end());
    for (const StreamPartition& at : order) lock(lock_of(at));
    statement("raise the epochs");
  } catch (const Error&) {
    rollback();
    throw;
  }
  Assignment taken = ModelTarget::take(partitions);
  rollback();
  schedule_.note("takes " + std::to_string(partitions.size()) + " partitions");
  server_.changed();
  if (schedule_.chance(server_.rates.doubt)) {
    lose(Millis{0});
    refuse("answer to take", "08006");
  }
  return taken;
}

void FakeTarget::begin(const std::vector<PositionMove>& moves) {
  start("begin");
  try {
    for (const PositionMove& move : moves) lock(lock_of(move.at));
    work_ = server_.committed_;
    transaction_->base = server_.committed_;
    transaction_->version = server_.version_;
    for (const PositionMove& move : moves) {
      test::ModelPosition& position = work_->positions[move.at];
      const bool ours = position.epoch == move.epoch && position.next == move.from;
      if (!ours && position.epoch == move.epoch) {
        schedule_.fail("I3: a writer does not know what it has written to " + move.at.display());
      }
      if (!ours && !server_.unguarded.fence) {
        ++server_.counts_["fenced"];
        schedule_.note("fenced at " + move.at.display());
        throw Error(ErrorKind::fenced, "fenced at " + move.at.display());
      }
      position.next = move.to;
      if (!move.source_position.empty()) position.source_position = move.source_position;
      position.fingerprint.reset();
      if (move.fingerprint != 0) position.fingerprint = move.fingerprint;
      schedule_.note("moves " + move.at.display() + " to " + std::to_string(move.to.value));
    }
    if (server_.unguarded.atomic) {
      server_.committed_.positions = work_->positions;
      server_.changed();
    }
  } catch (const Error&) {
    rollback();
    throw;
  }
}

CommitFate FakeTarget::settle(const std::vector<PositionMove>& moves) {
  start("settle");
  try {
    for (const PositionMove& move : moves) {
      if (!server_.unguarded.doubt_lock) lock(lock_of(move.at));
    }
  } catch (const Error&) {
    rollback();
    throw;
  }
  rollback();
  std::size_t before = 0;
  std::size_t after = 0;
  for (const PositionMove& move : moves) {
    const test::ModelPosition& position = server_.committed_.positions[move.at];
    if (position.epoch != move.epoch) break;
    after += position.next == move.to ? 1U : 0U;
    before += position.next == move.from ? 1U : 0U;
  }
  if (after == moves.size()) {
    ++server_.counts_["doubt: done"];
    return CommitFate::committed;
  }
  if (before == moves.size()) {
    ++server_.counts_["doubt: not done"];
    return CommitFate::rolled_back;
  }
  ++server_.counts_["doubt: fenced"];
  throw Error(ErrorKind::fenced, "another owner has taken over a partition of a batch in doubt");
}

void FakeTarget::commit() {
  statement("commit");
  committing_ = true;
  schedule_.sleep(Millis{schedule_.pick(4)});
  if (transaction_->ended || life_ != server_.life_) {
    committing_ = false;
    lose(Millis{0});
    throw Error(ErrorKind::in_doubt, "the connection was lost during COMMIT", {}, "08006");
  }
  if (schedule_.chance(server_.rates.doubt)) {
    ++server_.counts_["in doubt"];
    committing_ = false;
    const std::uint64_t fate = schedule_.pick(3);
    schedule_.note("COMMIT in doubt, fate " + std::to_string(fate));
    if (fate == 0) {
      server_.commit(*transaction_, *work_);
    } else if (fate == 1) {
      const Millis late{schedule_.pick(3000)};
      server_.leave(std::move(transaction_), late, std::move(*work_));
      transaction_.reset();
    }
    lose(Millis{3000});
    throw Error(ErrorKind::in_doubt, "the connection was lost during COMMIT", {}, "08006");
  }
  schedule_.note("commits");
  server_.commit(*transaction_, *work_);
  committing_ = false;
  work_.reset();
  transaction_.reset();
  schedule_.sleep(Millis{schedule_.pick(3)});  // its answer is on the way
}

void FakeTarget::note(const StreamPartition& /*at*/, Epoch /*epoch*/, const std::string& state,
                      const std::string& reason) {
  connect();
  statement("note");
  schedule_.note("notes " + state + ": " + reason);
}

// ---- rows

bool FakeTarget::ensure(const Layout& /*layout*/) {
  statement("ensure");
  return false;
}

void FakeTarget::savepoint() {
  statement("savepoint");
  ModelTarget::savepoint();
  savepoint_base_ = transaction_->base;
  savepoint_version_ = transaction_->version;
}

void FakeTarget::rollback_to_savepoint() {
  check_connection("rollback to savepoint");
  ModelTarget::rollback_to_savepoint();
  transaction_->base = savepoint_base_;
  transaction_->version = savepoint_version_;
  server_.refresh(*transaction_, *work_);
}

void FakeTarget::release_savepoint() {
  statement("release savepoint");
}

std::vector<KeyChangeRow> FakeTarget::lock_key_changes(const std::vector<KeyChangeId>& ids) {
  if (ids.empty()) return {};
  std::set<std::string> locks;
  for (const KeyChangeId& id : ids) {
    locks.insert("key change " + std::string(id.old_key) + "/" + std::string(id.new_key));
  }
  statement("lock key changes");
  for (const std::string& name : locks) lock(name);
  statement("read key changes");
  return ModelTarget::lock_key_changes(ids);
}

std::vector<KeyChangeHint> FakeTarget::waiting_rows(
    const std::vector<StreamPartition>& partitions) {
  statement("waiting rows");
  return ModelTarget::waiting_rows(partitions);
}

std::vector<bool> FakeTarget::rows_exist(const Layout& layout,
                                         const std::vector<std::string_view>& keys) {
  statement("rows exist");
  return ModelTarget::rows_exist(layout, keys);
}

WriteCounts FakeTarget::write(const FoldedBatch& batch) {
  statement("write");
  for (const FoldedTable& table : batch.tables) {
    for (const RowChange& row : table.rows) lock("row " + std::string(row.key));
  }
  check_connection("write");
  std::size_t rows = 0;
  for (const FoldedTable& table : batch.tables) rows += table.rows.size();
  if (server_.rows_most != 0 && rows > server_.rows_most) {
    ++server_.counts_["statement timeouts"];
    throw Error(ErrorKind::retry, "canceling statement due to statement timeout", {}, "57014");
  }
  server_.refresh(*transaction_, *work_);
  WriteCounts counts;
  try {
    counts = ModelTarget::write(batch);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::data) ++server_.counts_["data refused"];
    server_.committed_.next_id = std::max(server_.committed_.next_id, work_->next_id);
    throw;
  }
  server_.committed_.next_id = std::max(server_.committed_.next_id, work_->next_id);
  if (!server_.foreign_key) return counts;
  for (const FoldedTable& table : batch.tables) check_foreign_key(table);
  return counts;
}

// When all rows are in; the rows that are named are locked while it is looked for them.
void FakeTarget::check_foreign_key(const FoldedTable& table) {
  const auto refuse_row = [&](const std::string& key, const std::string& named) {
    ++server_.counts_["foreign key refused"];
    throw Error(ErrorKind::waiting, "row " + key + " names " + named + ", which is not there", {},
                "23503");
  };
  std::set<std::string> removed;
  for (const RowChange& row : table.rows) {
    if (row.remove) {
      removed.insert(texts_of(row.key).front());
      continue;
    }
    const auto stored = work_->tables[table.layout->target].find(std::string(row.key));
    const std::string named = named_by(texts_of(stored->second));
    if (named.empty()) continue;
    lock("row " + key_image(named));
    server_.refresh(*transaction_, *work_);
    if (!work_->tables[table.layout->target].contains(key_image(named))) {
      refuse_row(texts_of(row.key).front(), named);
    }
  }
  for (const auto& [key, image] : work_->tables[table.layout->target]) {
    const std::vector<std::string> texts = texts_of(image);
    if (removed.contains(named_by(texts))) refuse_row(texts.front(), named_by(texts));
  }
}

void FakeTarget::dead_letter(const DeadLetter& letter) {
  statement("dead letter");
  ++server_.counts_["dead letter: " + letter.kind];
  schedule_.note("dead letter, " + letter.kind + ": " + letter.at.display() + " " +
                 std::to_string(letter.offset.value));
  ModelTarget::dead_letter(letter);
}

void FakeTarget::pass_letters(const TableName& table, std::string_view key) {
  statement("pass letters");
  ModelTarget::pass_letters(table, key);
}

void FakeTarget::close_letters(const Layout& layout, const std::string& stream) {
  statement("close letters");
  ModelTarget::close_letters(layout, stream);
}

}  // namespace tidemark::simulator
