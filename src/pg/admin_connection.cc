#include "pg/admin_connection.h"

#include <utility>

#include "pg/pqxx_version.h"
#include "pg/session.h"
#include "pg/sqlstate.h"

namespace tidemark {
namespace {

// What a query here may depend on; the data path's settings are pg/session's.
constexpr const char* kPinned =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres';"
    "SET extra_float_digits = 1; SET standard_conforming_strings = on;"
    "SET search_path = pg_catalog; SET quote_all_identifiers = off;"
    "SET client_min_messages = 'warning'; SET lock_timeout = '10s'; SET statement_timeout = '60s'";

[[noreturn]] void rethrow(const std::exception& error) {
  const std::string sqlstate = pqxx_version::sqlstate_of(error);
  std::string text = error.what();
  // The first line: DETAIL and CONTEXT follow, and may hold row values.
  text = text.substr(0, text.find('\n'));
  if (text.starts_with("ERROR:  ")) text = text.substr(8);
  // A failure that libpqxx does not classify is the connection's.
  const SqlVerdict verdict = judge_sqlstate(sqlstate.empty() ? "08006" : sqlstate);
  throw Error(verdict.kind, redacted_message(sqlstate, text), verdict.hint, sqlstate);
}

}  // namespace

struct AdminConnection::State {
  explicit State(const std::string& conninfo) : connection(conninfo) {}
  pqxx::connection connection;
};

AdminConnection::AdminConnection(ConnectionSettings settings) : settings_(std::move(settings)) {}

AdminConnection::~AdminConnection() = default;

void AdminConnection::close() noexcept {
  state_.reset();
}

void AdminConnection::open() {
  if (state_ != nullptr) return;
  try {
    state_ = std::make_unique<State>(conninfo_string(connection_options(settings_)));
    pqxx_version::forbid_reconnect(state_->connection);
    pqxx::nontransaction transaction(state_->connection);
    transaction.exec(kPinned);
  } catch (const pqxx::broken_connection&) {
    close();
    // libpqxx does not say why; libpq does, and throws it. If it gets through, all is well again.
    Session(settings_).open();
    throw Error(ErrorKind::retry, "the connection to the target was lost at its start", {},
                "08006");
  }
}

TextRows AdminConnection::query(const std::string& sql,
                                const std::vector<std::string>& parameters) {
  try {
    open();
    pqxx::nontransaction transaction(state_->connection);
    const pqxx::result result = pqxx_version::run(transaction, sql, parameters);
    TextRows rows;
    for (const auto& from : result) {
      TextRow& row = rows.emplace_back();
      for (const auto& field : from) {
        if (field.is_null()) {
          row.emplace_back(std::nullopt);
        } else {
          row.emplace_back(std::string(field.c_str(), field.size()));
        }
      }
    }
    return rows;
  } catch (const Error&) {
    close();
    throw;
  } catch (const std::exception& error) {
    // Cheaper than to know which failures leave it usable.
    close();
    rethrow(error);
  }
}

}  // namespace tidemark
