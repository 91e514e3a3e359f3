#include "pg/sqlstate.h"

#include <array>
#include <string>

namespace tidemark {
namespace {

enum class Connection : bool { stays, gone };

struct Rule {
  std::string_view prefix;
  ErrorKind kind;
  Connection connection = Connection::stays;
  const char* hint = "";
};

// The first rule whose prefix fits is taken: single codes stand before their class.
constexpr std::array kRules = {
    Rule{"08", ErrorKind::retry, Connection::gone},
    Rule{"57P04", ErrorKind::fatal, Connection::gone, "the database was dropped"},
    Rule{"57P", ErrorKind::retry, Connection::gone},
    Rule{"57014", ErrorKind::retry},  // cancelled, or statement_timeout
    Rule{"25P03", ErrorKind::retry, Connection::gone},
    Rule{"25006", ErrorKind::retry, Connection::gone,
         "the server is read-only: connect to the primary (target_session_attrs=read-write)"},
    Rule{"58030", ErrorKind::retry, Connection::gone},
    Rule{"40", ErrorKind::retry},
    Rule{"55P03", ErrorKind::retry, Connection::stays,
         "another session holds a lock on the table; see pg_locks and pg_stat_activity"},
    Rule{"53100", ErrorKind::retry, Connection::stays,
         "the target's disk is full: free space on it"},
    Rule{"53300", ErrorKind::retry, Connection::gone,
         "the target has no connection left: raise max_connections or lower [batch] lanes"},
    Rule{"53", ErrorKind::retry},
    Rule{"26000", ErrorKind::retry},
    Rule{"23503", ErrorKind::waiting},
    Rule{"23001", ErrorKind::waiting},
    Rule{"23502", ErrorKind::data, Connection::stays,
         "drop NOT NULL from the column in the target, or correct the row at the source"},
    Rule{"23", ErrorKind::data, Connection::stays,
         "change the constraint, index or partitions in the target, or correct the row at the "
         "source"},
    Rule{"21000", ErrorKind::data},
    Rule{"22", ErrorKind::data},
    Rule{"44000", ErrorKind::data, Connection::stays, "the target is a view with a check option"},
    Rule{"54", ErrorKind::data, Connection::stays, "the value is beyond a limit of PostgreSQL"},
    Rule{"P0", ErrorKind::data, Connection::stays, "raised by a trigger or function of the target"},
    Rule{"28", ErrorKind::fatal, Connection::gone, "check user, password and pg_hba.conf"},
    Rule{"42501", ErrorKind::fatal, Connection::stays, "grant the privilege to tidemark's role"},
    Rule{"3D000", ErrorKind::fatal, Connection::gone, "check dbname in the dsn"},
};

}  // namespace

SqlVerdict judge_sqlstate(std::string_view sqlstate, bool committing) {
  SqlVerdict verdict;
  for (const Rule& rule : kRules) {
    if (!sqlstate.starts_with(rule.prefix)) continue;
    verdict.kind = rule.kind;
    verdict.connection_gone = rule.connection == Connection::gone;
    verdict.hint = rule.hint;
    break;
  }
  verdict.prepare_again = sqlstate == "26000" || is_catalog_error(sqlstate);
  if (committing && (verdict.connection_gone || sqlstate == "40003")) {
    verdict.kind = ErrorKind::in_doubt;
    verdict.connection_gone = true;
  }
  return verdict;
}

bool is_catalog_error(std::string_view sqlstate) {
  return sqlstate.starts_with("42") || sqlstate == "3F000";
}

std::string redacted_message(std::string_view sqlstate, std::string_view message) {
  // Our own marker (target/merge_statement.h) is no row value.
  const bool ours = message.find("\"tidemark: ") != std::string_view::npos;
  if (!sqlstate.starts_with("22") || ours) return std::string(message);
  // From the first quotation mark to the last, since a value may hold quotation marks itself.
  const std::size_t first = message.find('"');
  const std::size_t last = message.rfind('"');
  if (first == std::string_view::npos || first == last) return std::string(message);
  std::string text(message.substr(0, first));
  text += "\"…\"";
  text += message.substr(last + 1);
  return text;
}

}  // namespace tidemark
