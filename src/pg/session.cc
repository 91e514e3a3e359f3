#include "pg/session.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/log.h"

namespace tidemark {
namespace {

// More texts than this are one-off variants: all are dropped and those in use come back.
constexpr std::size_t kPreparedMax = 1000;

// Planning: the writer's statements join short arrays to tables by their keys, and are prepared
// when the table may still be empty. A plan made then must not scan the table when it has grown, so
// plans that do not use the key are priced out; where there is no index to go by,
// target/table_writer allows them for a statement. jit would be triggered by those prices.
constexpr const char* kPinned =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres';"
    "SET extra_float_digits = 1; SET client_encoding = 'UTF8';"
    "SET standard_conforming_strings = on; SET search_path = pg_catalog;"
    "SET lc_monetary = 'C'; SET bytea_output = 'hex'; SET xmloption = 'content'; SET array_nulls = "
    "on;"
    "SET quote_all_identifiers = off; SET client_min_messages = 'warning';"
    "SET default_transaction_isolation = 'read committed';"
    "SET jit = off; SET plan_cache_mode = 'force_generic_plan';"
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
    // These two only where neither the role nor the dsn's options say otherwise.
    "SELECT set_config(name, value, false) FROM (VALUES ('lock_timeout', '10s'), "
    "('idle_in_transaction_session_timeout', '60s')) AS d (name, value) "
    "WHERE current_setting(name) = '0';"
    // A backend whose client has vanished in the midst of a statement keeps its locks until TCP
    // notices, by default for hours.
    "SELECT set_config(name, value, false) FROM (VALUES ('tcp_keepalives_idle', '30'), "
    "('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'), "
    "('tcp_user_timeout', '60s')) AS d (name, value) JOIN pg_settings USING (name) "
    "WHERE source = 'default'";

constexpr const char* kPinnedAside = "SET statement_timeout = '60s'";
// For a server that is silent, where its own limit does not help.
constexpr std::chrono::seconds kAsideMost{65};

// A statement that takes longer is said in the log; then after twice that, and so on.
constexpr std::chrono::seconds kSlow{5};
// A cancelled statement's answer is waited for so long.
constexpr std::chrono::seconds kLastWord{1};
constexpr std::chrono::milliseconds kStep{100};
constexpr std::chrono::milliseconds kShort{2};

std::string field(const PGresult* result, int code) {
  const char* text = result == nullptr ? nullptr : PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

void trim(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
}

// The places that the server names, but never DETAIL: it carries row values.
std::string message_of(const PGresult* result, const std::string& sqlstate) {
  std::string text = redacted_message(sqlstate, field(result, PG_DIAG_MESSAGE_PRIMARY));
  const auto name = [&](const char* what, int code) {
    const std::string value = field(result, code);
    if (!value.empty() && text.find('"' + value + '"') == std::string::npos) {
      text += std::string(", ") + what + " \"" + value + "\"";
    }
  };
  name("table", PG_DIAG_TABLE_NAME);
  name("column", PG_DIAG_COLUMN_NAME);
  name("constraint", PG_DIAG_CONSTRAINT_NAME);
  return text;
}

// Adds the time that it lives.
class Waiting {
 public:
  explicit Waiting(std::chrono::nanoseconds& waited) : waited_(waited) {}
  ~Waiting() { waited_ += std::chrono::steady_clock::now() - begin_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  std::chrono::nanoseconds& waited_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// What a trigger or a function raises has a context, and may hold row values.
void on_notice(void* /*unused*/, const PGresult* result) {
  const bool raised = !field(result, PG_DIAG_CONTEXT).empty();
  log_event(Level::warning, "target.notice",
            raised ? "raised by a trigger or function of the target"
                   : field(result, PG_DIAG_MESSAGE_PRIMARY),
            {{"sqlstate", field(result, PG_DIAG_SQLSTATE)}});
}

}  // namespace

std::uint64_t Result::affected() const {
  const char* text = PQcmdTuples(result_.get());
  return *text == '\0' ? 0 : std::strtoull(text, nullptr, 10);
}

void Parameters::clear() {
  values_.clear();
  lengths_.clear();
  formats_.clear();
  numbers_.clear();
}

void Parameters::number(std::int64_t value) {
  numbers_.push_back(std::make_unique<std::string>(std::to_string(value)));
  text(*numbers_.back());
}

void Parameters::add(const char* at, std::size_t size, int format) {
  values_.push_back(at);
  lengths_.push_back(static_cast<int>(size));
  formats_.push_back(format);
}

// A wait for the server's answer to one statement.
struct Session::Wait {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  Clock::duration say_after = kSlow;
  Clock::time_point cancelled{};
};

Session::Session(ConnectionSettings settings, SessionUse use)
    : settings_(std::move(settings)), use_(use) {}

Session::~Session() {
  close();
}

// ---- connection
// ----------------------------------------------------------------------------------

void Session::open() {
  if (connection_ != nullptr && PQstatus(connection_) == CONNECTION_OK) return;
  close();
  connect();
  try {
    check_server();
    run(kPinned);
    if (use_ == SessionUse::aside) {
      run(kPinnedAside);
    } else {
      note_identity();
    }
  } catch (...) {
    close();
    throw;
  }
  const std::lock_guard lock(cancel_mutex_);
  cancel_handle_.reset(PQgetCancel(connection_), &PQfreeCancel);
}

void Session::close() noexcept {
  {
    const std::lock_guard lock(cancel_mutex_);
    cancel_handle_.reset();
  }
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
  prepared_.clear();
  prepared_stale_ = false;
  committing_ = false;
}

void Session::connect() {
  if (interrupted_) give_up();
  const ConnectionOptions options = connection_options(settings_);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  int timeout_seconds = 10;
  for (const auto& [key, value] : options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
    if (key == "connect_timeout") timeout_seconds = std::atoi(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(keys.data(), values.data(), 0);
  if (connection_ == nullptr) throw std::bad_alloc();
  // So that a refusal at the start carries its SQLSTATE.
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection_, &on_notice, nullptr);
  await_connection(timeout_seconds <= 0 ? 3600 : std::max(2, timeout_seconds));
  PQsetnonblocking(connection_, 1);
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
}

// In steps, so that cancel() ends it. libpq leaves connect_timeout to those who poll themselves.
void Session::await_connection(int timeout_seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_seconds);
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (PQstatus(connection_) != CONNECTION_BAD) {
    if (interrupted_ || std::chrono::steady_clock::now() > deadline) {
      close();
      throw Error(ErrorKind::retry,
                  interrupted_
                      ? "the connection attempt was cancelled"
                      : "no connection to " + conninfo_place(connection_options(settings_)) +
                            " within " + std::to_string(timeout_seconds) + " s",
                  {}, "08001");
    }
    pollfd descriptor{PQsocket(connection_), 0, 0};
    descriptor.events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (poll(&descriptor, 1, 100) <= 0) continue;
    wanted = PQconnectPoll(connection_);
    if (wanted == PGRES_POLLING_OK) return;
    if (wanted == PGRES_POLLING_FAILED) break;
  }
  fail_connect();
}

void Session::fail_connect() {
  // "FATAL:  28P01: password authentication failed…\nLOCATION: …", after what libpq puts in front.
  std::string text = PQerrorMessage(connection_);
  close();
  text = text.substr(0, text.find("\nLOCATION:"));
  trim(text);
  std::string sqlstate = "08001";
  const std::size_t at = text.find(":  ");
  if (at != std::string::npos && text.size() > at + 9 && text[at + 8] == ':') {
    sqlstate = text.substr(at + 3, 5);
    text = text.substr(at + 10);
  }
  const SqlVerdict verdict = judge_sqlstate(sqlstate);
  throw Error(verdict.kind,
              "no connection to " + conninfo_place(connection_options(settings_)) + ": " + text,
              verdict.hint, sqlstate);
}

void Session::check_server() {
  const int version = PQserverVersion(connection_);
  if (version < 150000) {
    throw Error(
        ErrorKind::fatal,
        "the target is PostgreSQL " + std::to_string(version / 10000) + ", which has no MERGE",
        "tidemark needs PostgreSQL 15 or later");
  }
  const char* encoding = PQparameterStatus(connection_, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    throw Error(ErrorKind::fatal,
                std::string("the target database's encoding is ") +
                    (encoding == nullptr ? "unknown" : encoding) + ", not UTF8",
                "create the database with ENCODING 'UTF8' TEMPLATE template0");
  }
}

// Positions and rows of one server belong together, so going on is right wherever we are led. But
// whoever runs two servers should hear of it: what one of them has got, the other has not.
void Session::note_identity() {
  std::string now;
  try {
    now = query_text(
              "SELECT system_identifier || '/' || CASE WHEN pg_is_in_recovery() THEN '' ELSE "
              "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END FROM pg_control_system()")
              .at(0)
              .at(0)
              .value_or("");
  } catch (const Error&) {
    if (connection_ == nullptr) throw;
    return;  // not everybody may ask
  }
  const std::string before = std::exchange(identity_, now);
  if (before.empty() || before == now) return;
  log_event(Level::warning, "target.changed",
            "the target is another server than before, or has been promoted: going on from the "
            "positions that it holds",
            {{"was", before},
             {"now", now},
             {"hint", "make sure that only one of them can be reached and written"}});
}

bool Session::in_transaction() const {
  return connection_ != nullptr && PQtransactionStatus(connection_) != PQTRANS_IDLE;
}

void Session::give_up() {
  close();
  throw Error(ErrorKind::retry, "the work with the target has been given up", {}, "08003");
}

void Session::require_open() {
  if (interrupted_) give_up();
  if (connection_ == nullptr) {
    throw Error(ErrorKind::retry, "the connection to the target was lost", {}, "08003");
  }
}

// ---- statements
// ----------------------------------------------------------------------------------

void Session::run(const std::string& sql) {
  require_open();
  answer(PQsendQuery(connection_, sql.c_str()));
}

// As PQexec, but in steps: the wait must end for one who stops, and a long one must be heard of.
Result Session::answer(int sent) {
  const Waiting waiting(waited_);
  if (sent != 1) fail(nullptr);
  Wait wait;
  send_all(wait);
  std::unique_ptr<PGresult, decltype(&PQclear)> last(nullptr, &PQclear);
  for (;;) {
    std::unique_ptr<PGresult, decltype(&PQclear)> next(next_result(wait), &PQclear);
    if (next == nullptr) break;
    // "Terminated by the administrator" says more than the lost connection after it.
    if (field(last.get(), PG_DIAG_SQLSTATE).empty()) last = std::move(next);
    if (PQresultStatus(last.get()) == PGRES_COPY_IN) break;
  }
  return checked(last.release());
}

PGresult* Session::next_result(Wait& wait) {
  while (PQisBusy(connection_) != 0) {
    // Its failure, and the server's reason if it gave one, are the next result.
    if (PQconsumeInput(connection_) == 0 || PQisBusy(connection_) == 0) break;
    const bool work = meanwhile_ != nullptr || first_;
    if (await(wait, POLLIN, work ? kShort : kStep) || !work) continue;
    if (first_) {
      std::exchange(first_, nullptr)();
    } else if ((*meanwhile_)()) {
      meanwhile_ = nullptr;
    }
  }
  return PQgetResult(connection_);
}

void Session::send_all(Wait& wait) {
  while (PQflush(connection_) == 1) {
    await(wait, POLLIN | POLLOUT, kStep);
    if (PQconsumeInput(connection_) == 0) return;
  }
}

bool Session::await(Wait& wait, short events, std::chrono::milliseconds longest) {
  pollfd descriptor{PQsocket(connection_), events, 0};
  const bool ready = poll(&descriptor, 1, static_cast<int>(longest.count())) != 0;
  const auto now = Wait::Clock::now();
  if (interrupted_) {
    if (wait.cancelled == Wait::Clock::time_point{}) wait.cancelled = now;
    if (now - wait.cancelled > kLastWord) abandon();
  }
  if (use_ == SessionUse::aside && now - wait.begin > kAsideMost) abandon();
  if (now - wait.begin < wait.say_after) return ready;
  log_event(
      Level::warning, "target.slow",
      committing_ ? "COMMIT takes long" : "PostgreSQL takes long over a statement, or is silent",
      {{"duration_ms",
        std::chrono::duration_cast<std::chrono::milliseconds>(now - wait.begin).count()},
       {"hint", committing_ ? "is a synchronous standby away? see synchronous_standby_names and "
                              "pg_stat_replication"
                            : "see pg_stat_activity, and whether the network drops packets"}});
  wait.say_after *= 2;
  return ready;
}

void Session::abandon() {
  const bool committing = std::exchange(committing_, false);
  close();
  throw Error(committing ? ErrorKind::in_doubt : ErrorKind::retry,
              "PostgreSQL has not answered, and is not waited for any longer", {}, "08006");
}

Result Session::execute(const std::string& sql, const Parameters& parameters, ResultFormat format) {
  require_open();
  const std::string& name = prepared(sql);
  return answer(PQsendQueryPrepared(connection_, name.c_str(), parameters.count(),
                                    parameters.values_.data(), parameters.lengths_.data(),
                                    parameters.formats_.data(), static_cast<int>(format)));
}

Result Session::query(const std::string& sql, const Parameters& parameters, ResultFormat format) {
  require_open();
  return answer(PQsendQueryParams(connection_, sql.c_str(), parameters.count(), nullptr,
                                  parameters.values_.data(), parameters.lengths_.data(),
                                  parameters.formats_.data(), static_cast<int>(format)));
}

TextRows Session::query_text(const std::string& sql, const std::vector<std::string>& parameters) {
  Parameters bound;
  for (const std::string& parameter : parameters) bound.text(parameter);
  const Result result = query(sql, bound);
  TextRows rows(static_cast<std::size_t>(result.rows()));
  for (int r = 0; r < result.rows(); ++r) {
    TextRow& row = rows[static_cast<std::size_t>(r)];
    for (int c = 0; c < result.columns(); ++c) {
      if (result.is_null(r, c)) {
        row.emplace_back(std::nullopt);
      } else {
        row.emplace_back(std::string(result.value(r, c)));
      }
    }
  }
  return rows;
}

const std::string& Session::prepared(const std::string& sql) {
  if (prepared_stale_ || prepared_.size() >= kPreparedMax) {
    run("DEALLOCATE ALL");
    prepared_.clear();
    prepared_stale_ = false;
  }
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) return found->second;
  const std::string name = "tidemark_" + std::to_string(++prepared_count_);
  answer(PQsendPrepare(connection_, name.c_str(), sql.c_str(), 0, nullptr));
  return prepared_.emplace(sql, name).first->second;
}

// ---- COPY
// ----------------------------------------------------------------------------------------

void Session::copy_begin(const std::string& sql) {
  run(sql);
}

void Session::copy_data(std::string_view bytes) {
  require_open();
  const Waiting waiting(waited_);
  Wait wait;
  int taken = 0;
  while ((taken = PQputCopyData(connection_, bytes.data(), static_cast<int>(bytes.size()))) == 0) {
    await(wait, POLLIN | POLLOUT, kStep);
  }
  if (taken != 1) {
    // The server's reason, if it still could give one, comes with the results.
    checked(PQgetResult(connection_));
    fail(nullptr);
  }
  send_all(wait);
}

std::uint64_t Session::copy_end() {
  require_open();
  const Waiting waiting(waited_);
  Wait wait;
  int taken = 0;
  while ((taken = PQputCopyEnd(connection_, nullptr)) == 0) await(wait, POLLIN | POLLOUT, kStep);
  if (taken != 1) fail(nullptr);
  send_all(wait);
  // The results, then a null pointer; an error must not leave the null behind.
  using Owned = std::unique_ptr<PGresult, decltype(&PQclear)>;
  Owned copied(next_result(wait), &PQclear);
  Owned last(nullptr, &PQclear);
  while (PGresult* more = next_result(wait)) last.reset(more);
  const std::uint64_t rows = checked(copied.release()).affected();
  if (last != nullptr) checked(last.release());
  return rows;
}

// ---- ends
// ----------------------------------------------------------------------------------------

void Session::commit() {
  require_open();
  committing_ = true;
  const Result result = answer(PQsendQuery(connection_, "COMMIT"));
  committing_ = false;
  const std::string_view tag = PQcmdStatus(result.get());
  if (tag != "COMMIT") {
    throw Error(ErrorKind::retry, "COMMIT answered " + std::string(tag), {}, "25P02");
  }
}

void Session::rollback() noexcept {
  if (connection_ == nullptr) return;
  const PGTransactionStatusType status = PQtransactionStatus(connection_);
  if (status == PQTRANS_IDLE && PQstatus(connection_) == CONNECTION_OK) return;
  if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
    try {
      run("ROLLBACK");
      return;
    } catch (const std::exception&) {  // then without the connection
    }
  }
  close();
}

void Session::cancel() noexcept {
  interrupted_ = true;
  std::shared_ptr<PGcancel> handle;
  {
    const std::lock_guard lock(cancel_mutex_);
    handle = cancel_handle_;
  }
  if (handle == nullptr) return;
  // It waits for the server, without a limit; nobody waits for it.
  std::thread([handle] {
    std::array<char, 256> why{};
    PQcancel(handle.get(), why.data(), static_cast<int>(why.size()));
  }).detach();
}

// ---- errors
// --------------------------------------------------------------------------------------

Result Session::checked(PGresult* raw) {
  Result result(raw);
  switch (PQresultStatus(raw)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_IN:
      return result;
    default:
      fail(raw);
  }
}

void Session::fail(const PGresult* result) {
  const bool committing = std::exchange(committing_, false);
  std::string sqlstate = field(result, PG_DIAG_SQLSTATE);
  // ltree's input calls a bad value a syntax error; one of a statement says where in it.
  const bool in_statement = !field(result, PG_DIAG_STATEMENT_POSITION).empty();
  if (sqlstate == "42601" && !in_statement) sqlstate = "22P02";
  std::string message;
  if (sqlstate.empty()) {
    // libpq's own words: the server said nothing.
    sqlstate = PQstatus(connection_) == CONNECTION_OK ? "XX000" : "08006";
    message = PQerrorMessage(connection_);
    message = message.substr(0, message.find('\n'));
    if (message.empty()) message = "the connection to the target was lost";
  } else {
    message = message_of(result, sqlstate);
  }
  const bool lost = PQstatus(connection_) == CONNECTION_BAD;
  if (lost && !judge_sqlstate(sqlstate).connection_gone) sqlstate = "08006";
  SqlVerdict verdict = judge_sqlstate(sqlstate, committing);
  if (sqlstate == "0A000" && message.find("cached plan") != std::string::npos) {
    verdict = judge_sqlstate("26000");
  }
  if (verdict.prepare_again) prepared_stale_ = true;
  if (verdict.connection_gone) close();
  throw Error(verdict.kind, message, verdict.hint, sqlstate,
              {field(result, PG_DIAG_COLUMN_NAME), field(result, PG_DIAG_CONSTRAINT_NAME)});
}

}  // namespace tidemark
