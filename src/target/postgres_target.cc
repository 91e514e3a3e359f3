#include "target/postgres_target.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/log.h"
#include "target/table_order.h"

namespace tidemark {
namespace {

// Layouts of one table that are remembered: a stream may alternate between schemas.
constexpr std::size_t kWritersPerTable = 8;

std::string owner_name() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return std::string(host.data()) + "/" + std::to_string(getpid());
}

// As long as it lives, this work is done while an answer is waited for.
class Meanwhile {
 public:
  Meanwhile(Session& session, const std::function<bool()>& work) : session_(session) {
    session_.set_meanwhile(work ? &work : nullptr);
  }
  ~Meanwhile() { session_.set_meanwhile(nullptr); }
  Meanwhile(const Meanwhile&) = delete;
  Meanwhile& operator=(const Meanwhile&) = delete;

 private:
  Session& session_;
};

// An error of DDL is never bad data. Called while it is being handled.
[[noreturn]] void throw_ddl_error(const Error& error, const Table& required,
                                  const std::string& statement) {
  if (error.kind() == ErrorKind::retry) throw;
  throw Error(ErrorKind::fatal, required.name.display() + " cannot be changed: " + error.what(),
              "the statement was: " + statement + ";" +
                  (error.hint().empty() ? "" : " (" + error.hint() + ")"),
              error.sqlstate());
}

void log_changes(const Table& table, const SchemaChange& change) {
  const std::string ddl = ddl_text(change);
  const std::string name = table.name.display();
  for (const SchemaAction& action : change.actions) {
    log_event(Level::info, action.event, "the target's schema follows the source's",
              {{"table", name}, {"column", action.column}, {"ddl", ddl}});
  }
}

}  // namespace

ConnectionSettings connection_settings(const Config& config) {
  return {config.target.dsn, config.target.password, "tidemark", config.target.password_file};
}

PostgresTarget::PostgresTarget(const Config& config, Catalog& catalog)
    : config_(config),
      catalog_(catalog),
      session_(connection_settings(config)),
      watermarks_(config.target.state_schema, config.pipeline, owner_name()),
      dead_letters_(config.target.state_schema, config.pipeline),
      key_changes_(config.target.state_schema, config.pipeline) {}

PostgresTarget::~PostgresTarget() {
  rollback();
}

// ---- positions
// -----------------------------------------------------------------------------------

Assignment PostgresTarget::take(const std::vector<StreamPartition>& partitions) {
  rollback();
  Assignment assignment;
  if (partitions.empty()) return assignment;
  session_.open();
  watermarks_.ensure_state(session_);
  try {
    session_.run("BEGIN");
    assignment.partitions = watermarks_.take(session_, partitions);
    assignment.held = dead_letters_.held(session_, partitions);
    assignment.hints = key_changes_.hints(session_, partitions);
    session_.commit();
  } catch (const Error& error) {
    session_.rollback();
    // An epoch raised twice is as good as once.
    if (error.kind() != ErrorKind::in_doubt) throw;
    throw Error(ErrorKind::retry, error.what(), error.hint(), error.sqlstate());
  }
  return assignment;
}

void PostgresTarget::begin(const std::vector<PositionMove>& moves) {
  rollback();
  session_.open();
  try {
    session_.run("BEGIN");
    watermarks_.move(session_, moves);
  } catch (...) {
    rollback();
    throw;
  }
}

Assignment PostgresTarget::begin_letters(const std::vector<StreamPartition>& partitions) {
  rollback();
  session_.open();
  watermarks_.ensure_state(session_);
  Assignment assignment;
  try {
    session_.run("BEGIN");
    if (partitions.empty()) return assignment;
    assignment.partitions = watermarks_.take(session_, partitions);
    assignment.hints = key_changes_.hints(session_, partitions);
  } catch (...) {
    rollback();
    throw;
  }
  return assignment;
}

TextQuery PostgresTarget::text_query() {
  return [this](const std::string& sql, const std::vector<std::string>& parameters) {
    return session_.query_text(sql, parameters);
  };
}

void PostgresTarget::commit() {
  try {
    session_.commit();
  } catch (...) {
    forget_changed();
    touched_.clear();
    throw;
  }
  for (const TableName& name : touched_) catalog_.forget(name);
  for (const TablePtr& table : changed_) catalog_.put(table);
  changed_.clear();
  touched_.clear();
}

void PostgresTarget::rollback() noexcept {
  session_.rollback();
  forget_changed();
  touched_.clear();
}

void PostgresTarget::note(const StreamPartition& at, Epoch epoch, const std::string& state,
                          const std::string& reason) {
  session_.open();
  watermarks_.note(session_, at, epoch, state, reason);
}

CommitFate PostgresTarget::settle(const std::vector<PositionMove>& moves) {
  rollback();
  session_.open();
  try {
    session_.run("BEGIN");
    const CommitFate fate = watermarks_.settle(session_, moves);
    session_.rollback();
    return fate;
  } catch (...) {
    rollback();
    throw;
  }
}

void PostgresTarget::cancel() noexcept {
  session_.cancel();
}

void PostgresTarget::savepoint() {
  session_.run("SAVEPOINT tidemark");
}

void PostgresTarget::rollback_to_savepoint() {
  session_.run("ROLLBACK TO SAVEPOINT tidemark; RELEASE SAVEPOINT tidemark");
  forget_changed();
}

void PostgresTarget::release_savepoint() {
  session_.run("RELEASE SAVEPOINT tidemark");
}

// ---- tables
// --------------------------------------------------------------------------------------

TableWriter* PostgresTarget::known_writer(const Layout& layout) {
  const auto found = writers_.find(layout.target);
  if (found == writers_.end()) return nullptr;
  for (const auto& writer : found->second) {
    if (writer->serves(layout)) return writer.get();
  }
  return nullptr;
}

TableWriter& PostgresTarget::add_writer(const Layout& layout, const TablePtr& actual) {
  Writers& writers = writers_[layout.target];
  if (writers.size() >= kWritersPerTable) writers.erase(writers.begin());
  if (!layout.keyless() && !key_has_unique_index(layout, *actual)) {
    log_event(Level::warning, "table.no_unique_index",
              "no unique index serves the key: every batch scans the table, and two writers could "
              "store a key twice",
              {{"table", layout.target.display()}});
  }
  return *writers.emplace_back(std::make_unique<TableWriter>(layout, actual));
}

TableWriter& PostgresTarget::writer_of(const Layout& layout) {
  if (TableWriter* writer = known_writer(layout)) return *writer;
  ensure(layout);
  return *known_writer(layout);
}

TablePtr PostgresTarget::read_now(const TableName& name) {
  return read_table(text_query(), name);
}

bool PostgresTarget::ensure(const Layout& layout) {
  if (known_writer(layout) != nullptr) return false;
  const std::optional<TablePtr> cached = catalog_.find(layout.target);
  if (cached && *cached != nullptr &&
      (layout.required == nullptr ||
       plan_schema_change(cached->get(), *layout.required, config_.target.schema_evolution)
           .empty())) {
    add_writer(layout, *cached);
    return false;
  }
  return change_schema(layout);
}

// By the session, not by a connection beside it: what this transaction has changed must be seen.
bool PostgresTarget::change_schema(const Layout& layout) {
  session_.run("SELECT pg_advisory_xact_lock(hashtext('tidemark ddl'))");
  TablePtr actual = read_now(layout.target);
  SchemaChange change;
  if (layout.required != nullptr) {
    change = plan_schema_change(actual.get(), *layout.required, config_.target.schema_evolution);
  } else if (actual == nullptr) {
    change.refused = layout.target.display() + " is not in the target";
  }
  if (const auto refusal =
          refusal_of(change, layout.target, actual != nullptr, config_.target.schema_evolution)) {
    throw Error(ErrorKind::fatal, refusal->message, refusal->hint);
  }
  const bool changes = !change.ddl.empty();
  if (changes) {
    execute_ddl(*layout.required, change);
    writers_.erase(layout.target);
    actual = read_now(layout.target);
    log_changes(*layout.required, change);
  }
  touched_.insert(layout.target);
  changed_.push_back(actual);
  add_writer(layout, actual);
  return changes;
}

void PostgresTarget::execute_ddl(const Table& required, const SchemaChange& change) {
  allow_extension_types(required);
  const bool schema_exists =
      !session_.query_text("SELECT FROM pg_namespace WHERE nspname = $1", {required.name.schema})
           .empty();
  for (const std::string& statement : statements_of(change, schema_exists)) {
    try {
      session_.run(statement);
    } catch (const Error& error) {
      throw_ddl_error(error, required, statement);
    }
  }
  session_.run("SET LOCAL search_path = pg_catalog");
}

// A source's schema names citext, hstore and ltree without the schema that the extension is in.
void PostgresTarget::allow_extension_types(const Table& required) {
  const bool needed =
      std::any_of(required.columns.begin(), required.columns.end(), [](const auto& c) {
        return c.type.kind == TypeKind::citext || c.type.kind == TypeKind::hstore ||
               c.type.kind == TypeKind::ltree;
      });
  if (!needed) return;
  std::string path = "pg_catalog";
  for (const TextRow& row : session_.query_text(
           "SELECT DISTINCT n.nspname FROM pg_extension e JOIN pg_namespace n "
           "ON n.oid = e.extnamespace WHERE e.extname IN ('citext', 'hstore', 'ltree')")) {
    path += ", " + quote_identifier(row.at(0).value_or(""));
  }
  session_.run("SET LOCAL search_path = " + path);
}

// The transaction that changed these is undone, or may be.
void PostgresTarget::forget_changed() noexcept {
  for (const TablePtr& table : changed_) {
    if (table != nullptr) writers_.erase(table->name);
  }
  changed_.clear();
}

// ---- rows
// ----------------------------------------------------------------------------------------

std::vector<KeyChangeRow> PostgresTarget::lock_key_changes(const std::vector<KeyChangeId>& ids) {
  return key_changes_.lock(session_, ids);
}

std::vector<KeyChangeHint> PostgresTarget::waiting_rows(
    const std::vector<StreamPartition>& partitions) {
  return key_changes_.hints(session_, partitions);
}

std::vector<bool> PostgresTarget::rows_exist(const Layout& layout,
                                             const std::vector<std::string_view>& keys) {
  if (keys.empty()) return {};
  return writer_of(layout).rows_exist(tools(), keys);
}

WriteCounts PostgresTarget::write(const FoldedBatch& batch) {
  WriteCounts counts;
  const Meanwhile meanwhile(session_, meanwhile_);
  try {
    key_changes_.take(session_, batch.key_changes_taken);
    for (const KeyChangeLeft& left : batch.key_changes_left) key_changes_.leave(session_, left);
    write_tables(batch, counts);
  } catch (const Error& error) {
    forget_after(error);
    throw;
  }
  return counts;
}

std::vector<std::uint16_t> PostgresTarget::refused_columns(const Layout& layout,
                                                           std::string_view row,
                                                           const Error& error) {
  return writer_of(layout).refused_columns(tools(), row, error);
}

void PostgresTarget::write_tables(const FoldedBatch& batch, WriteCounts& counts) {
  std::vector<TableWriter*> writers;
  std::vector<const Table*> tables;
  for (const FoldedTable& table : batch.tables) writers.push_back(&writer_of(*table.layout));
  for (const TableWriter* writer : writers) tables.push_back(&writer->actual());
  const TableOrder order = order_tables(tables);
  // What the target may check later, it checks when the batch's rows are in, not at COMMIT: there
  // nobody could tell which partition has to wait.
  const bool has_foreign_keys = std::any_of(tables.begin(), tables.end(), [](const Table* table) {
    return !table->foreign_keys.empty();
  });
  if (has_foreign_keys) session_.run("SET CONSTRAINTS ALL DEFERRED");
  const auto add = [&](const WriteCounts& more) {
    counts.upserted += more.upserted;
    counts.removed += more.removed;
  };
  for (auto i = order.parents_first.rbegin(); i != order.parents_first.rend(); ++i) {
    if (batch.tables[*i].truncate) add(writers[*i]->remove_all(session_));
  }
  for (const std::size_t i : order.parents_first) {
    const WritePass pass = order.related[i] ? WritePass::upserts : WritePass::everything;
    add(writers[i]->write(tools(), batch.tables[i], pass));
  }
  for (auto i = order.parents_first.rbegin(); i != order.parents_first.rend(); ++i) {
    if (!order.related[*i]) continue;
    add(writers[*i]->write(tools(), batch.tables[*i], WritePass::removes));
  }
  if (has_foreign_keys) session_.run("SET CONSTRAINTS ALL IMMEDIATE");
}

void PostgresTarget::dead_letter(const DeadLetter& letter) {
  dead_letters_.add(session_, letter);
}

void PostgresTarget::pass_letters(const TableName& table, std::string_view key) {
  dead_letters_.pass(session_, table, key);
}

void PostgresTarget::close_letters(const Layout& layout, const std::string& stream) {
  dead_letters_.close(session_, layout, stream);
}

// A table is not as it was believed to be: the caller may try once more, with the catalog as it is.
void PostgresTarget::forget_after(const Error& error) {
  if (!is_catalog_error(error.sqlstate())) return;
  for (const auto& [name, writers] : writers_) catalog_.forget(name);
  writers_.clear();
}

}  // namespace tidemark
