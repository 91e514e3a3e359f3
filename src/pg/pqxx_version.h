// The differences between libpqxx 6.4.5 (Debian 12) and 7.10 (Debian 13), and nothing else.
// Included by pg/admin_connection.cc only: nobody else sees libpqxx.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace tidemark::pqxx_version {

// 6.4.5 reconnects silently, which would lose the session's settings; 7 never does.
inline void forbid_reconnect(pqxx::connection& connection) {
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
#else
  (void)connection;
#endif
}

inline pqxx::result run(pqxx::transaction_base& transaction, const std::string& sql,
                        const std::vector<std::string>& parameters) {
#if PQXX_VERSION_MAJOR < 7
  return transaction.exec_params(sql, pqxx::prepare::make_dynamic_params(parameters));
#else
  pqxx::params bound;
  for (const std::string& parameter : parameters) bound.append(parameter);
  return transaction.exec(sql, bound);
#endif
}

// 6.4.5 keeps the SQLSTATE from its exceptions where they are not sql_error; empty: not known.
inline std::string sqlstate_of(const std::exception& error) {
  if (const auto* sql = dynamic_cast<const pqxx::sql_error*>(&error)) {
    if (!sql->sqlstate().empty()) return sql->sqlstate();
#if PQXX_VERSION_MAJOR < 7
    if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr) return "42501";
#endif
  }
  if (dynamic_cast<const pqxx::deadlock_detected*>(&error) != nullptr) return "40P01";
  if (dynamic_cast<const pqxx::serialization_failure*>(&error) != nullptr) return "40001";
  if (dynamic_cast<const pqxx::transaction_rollback*>(&error) != nullptr) return "40000";
  if (dynamic_cast<const pqxx::too_many_connections*>(&error) != nullptr) return "53300";
  if (dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr) return "08006";
  return {};
}

}  // namespace tidemark::pqxx_version
