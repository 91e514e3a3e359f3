#include "app/check_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "pg/admin_connection.h"
#include "target/catalog.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

constexpr const char* kServerQuery =
    "SELECT current_setting('server_version_num'), current_setting('server_version'), "
    "current_user, current_database(), pg_is_in_recovery(), current_setting('server_encoding'), "
    "current_setting('transaction_read_only'), "
    "has_database_privilege(current_database(), 'CREATE')";

// No row: there is no such schema.
constexpr const char* kSchemaQuery =
    "SELECT has_schema_privilege(n.oid, 'USAGE'), has_schema_privilege(n.oid, 'CREATE') "
    "FROM pg_namespace n WHERE n.nspname = $1";

constexpr const char* kPrivilegeQuery =
    "SELECT has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'), "
    "has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE'), "
    "pg_has_role(c.relowner, 'USAGE') "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

bool is_true(const std::optional<std::string>& field) {
  return field == "t";
}

struct SchemaAccess {
  bool exists = false;
  bool usage = false;
  bool create = false;
};

class TargetCheck {
 public:
  TargetCheck(const Config& config, CheckReport& report)
      : config_(config),
        report_(report),
        connection_({config.target.dsn, config.target.password, "tidemark check"}) {}

  void run(const std::vector<TopicTable>& tables) {
    check_server();
    check_state();
    check_tables(tables);
  }

 private:
  void check_server();
  void check_state();
  void check_tables(const std::vector<TopicTable>& tables);
  void check_table(const TopicTable& table, const Table& actual);
  void check_shape(const TopicTable& table, const Table& actual);
  void check_columns(const TopicTable& table, const Table& actual);
  void check_key(const TopicTable& table, const Table& actual);
  void report_no_usage(const std::string& schema);
  void check_missing(const TopicTable& table);
  bool check_privileges(const std::string& group, const TableName& name, bool& owned);
  SchemaAccess access(const std::string& schema);

  const Config& config_;
  CheckReport& report_;
  AdminConnection connection_;
  std::string user_;
  bool may_create_schemas_ = false;
  std::map<std::string, SchemaAccess> schemas_;
  std::set<std::string> complained_;  // schemas
};

void TargetCheck::check_server() {
  constexpr int kVersionMin = 150000;  // MERGE
  const TextRow row = connection_.query(kServerQuery).at(0);
  int version = 0;
  std::from_chars(row[0]->data(), row[0]->data() + row[0]->size(), version);
  user_ = *row[2];
  may_create_schemas_ = is_true(row[7]);
  const std::string text = fmt::format("PostgreSQL {} as {} in {}",
                                       row[1]->substr(0, row[1]->find(' ')), user_, *row[3]);
  if (version < kVersionMin) {
    report_.fail("Target", "version", text + ": it has no MERGE", "PostgreSQL 15 or newer");
  } else {
    report_.pass("Target", "reachable", text + " (MERGE ok)");
  }
  if (is_true(row[4])) {
    report_.fail("Target", "replica", "the server is a replica: nothing can be written",
                 "name the primary in the dsn, or several hosts with "
                 "target_session_attrs=read-write");
  } else if (row[6] == "on") {
    report_.fail("Target", "read-only", "transactions are read-only by default here",
                 fmt::format("ALTER ROLE {} SET default_transaction_read_only = off;",
                             quote_identifier(user_)));
  }
  if (row[5] != "UTF8") {
    report_.fail("Target", "encoding", "the database's encoding is " + *row[5] + ", not UTF8",
                 "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0;");
  }
}

SchemaAccess TargetCheck::access(const std::string& schema) {
  const auto known = schemas_.find(schema);
  if (known != schemas_.end()) return known->second;
  const TextRows rows = connection_.query(kSchemaQuery, {schema});
  SchemaAccess access;
  if (!rows.empty()) access = {true, is_true(rows[0][0]), is_true(rows[0][1])};
  schemas_.emplace(schema, access);
  return access;
}

void TargetCheck::check_state() {
  constexpr std::array<const char*, 3> kTables = {"pipeline_watermarks", "dead_letters",
                                                  "key_changes"};
  const std::string& schema = config_.target.state_schema;
  const SchemaAccess there = access(schema);
  const std::string owner_hint = fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {};",
                                             quote_identifier(schema), quote_identifier(user_));
  if (!there.exists) {
    if (may_create_schemas_) {
      report_.pass("Target", "state", "schema " + schema + " will be made");
    } else {
      report_.fail("Target", "state", "there is no schema " + schema + ", and no right to make it",
                   fmt::format("CREATE SCHEMA {} AUTHORIZATION {};", quote_identifier(schema),
                               quote_identifier(user_)));
    }
    return;
  }
  if (!there.usage) {
    report_.fail("Target", "state", "no USAGE on schema " + schema, owner_hint);
    return;
  }
  bool good = true;
  bool missing = false;
  for (const char* const name : kTables) {
    bool owned = false;
    if (connection_.query(kPrivilegeQuery, {schema, name}).empty()) {
      missing = true;
    } else {
      good = check_privileges("Target", {schema, name}, owned) && good;
    }
  }
  if (missing && !there.create) {
    report_.fail("Target", "state",
                 "tables are missing in schema " + schema + ", and there is no right to make them",
                 owner_hint);
  } else if (good) {
    report_.pass("Target", "state",
                 "schema " + schema + (missing ? ": its tables will be made" : ""));
  }
}

// False: it has reported what is missing.
bool TargetCheck::check_privileges(const std::string& group, const TableName& name, bool& owned) {
  constexpr std::array<const char*, 4> kNames = {"SELECT", "INSERT", "UPDATE", "DELETE"};
  const TextRow row = connection_.query(kPrivilegeQuery, {name.schema, name.table}).at(0);
  owned = is_true(row[4]);
  std::string missing;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!is_true(row[i])) missing += (missing.empty() ? "" : ", ") + std::string(kNames[i]);
  }
  if (missing.empty()) return true;
  report_.fail(
      group, "privilege", "no " + missing + " on " + name.display(),
      fmt::format("GRANT {} ON {} TO {};", missing, name.quoted(), quote_identifier(user_)));
  return false;
}

void TargetCheck::check_tables(const std::vector<TopicTable>& tables) {
  const auto query = [this](const std::string& sql, const std::vector<std::string>& parameters) {
    return connection_.query(sql, parameters);
  };
  std::size_t there = 0;
  std::set<TableName> seen;  // two topics with one table are reported elsewhere
  for (const TopicTable& table : tables) {
    if (!seen.insert(table.target).second) continue;
    const SchemaAccess schema = access(table.target.schema);
    if (schema.exists && !schema.usage) {
      report_no_usage(table.target.schema);
      continue;
    }
    const TablePtr actual = read_table(query, table.target);
    if (actual == nullptr) {
      check_missing(table);
    } else {
      ++there;
      check_table(table, *actual);
    }
  }
  if (!seen.empty()) {
    report_.pass(
        "Tables", "tables",
        fmt::format("{} by records or the topics' names, {} of them there", seen.size(), there));
  }
}

void TargetCheck::check_table(const TopicTable& table, const Table& actual) {
  if (actual.view) {
    report_.fail("Tables", "kind", actual.name.display() + " is a view or a foreign table",
                 "name a table as its target in [table." + table.source + "]");
    return;
  }
  bool owned = false;
  check_privileges("Tables", actual.name, owned);
  if (!owned && config_.target.schema_evolution == SchemaEvolution::evolve) {
    report_.warn("Tables", "owner",
                 user_ + " does not own " + actual.name.display() + ": it cannot add columns to it",
                 fmt::format("ALTER TABLE {} OWNER TO {};  or schema-evolution = validate",
                             actual.name.quoted(), quote_identifier(user_)));
  }
  check_shape(table, actual);
  check_key(table, actual);
}

void TargetCheck::check_shape(const TopicTable& table, const Table& actual) {
  if (actual.has_triggers) {
    report_.warn("Tables", "triggers",
                 actual.name.display() + " has triggers: they run for every row that is applied",
                 "disable them, or make sure that they do no harm when a change is applied again "
                 "after a retry");
  }
  if (actual.has_row_security) {
    report_.warn("Tables", "row security",
                 actual.name.display() + " has row security in force: rows that " + user_ +
                     " may not see are taken for missing",
                 fmt::format("ALTER ROLE {} BYPASSRLS;", quote_identifier(user_)));
  }
  check_columns(table, actual);
}

// Those that the source fills, as far as its records have told.
void TargetCheck::check_columns(const TopicTable& table, const Table& actual) {
  for (const Column& column : actual.columns) {
    const bool sent =
        std::find(table.columns.begin(), table.columns.end(), column.name) != table.columns.end();
    if (table.from_records && !sent) continue;
    const std::string name = actual.name.display() + "." + column.name;
    if (column.generated) {
      report_.warn("Tables", "generated",
                   name + " is generated: the source's values for it are not written",
                   "nothing, if both sides compute the same");
    }
    if (column.identity_always) {
      report_.warn("Tables", "identity",
                   name +
                       " is GENERATED ALWAYS AS IDENTITY: the source's values are written all "
                       "the same (OVERRIDING SYSTEM VALUE), and its sequence stays behind them",
                   "nothing, if nobody else inserts rows there");
    }
  }
}

// The same rule as the writer's: a unique index on some of the key's columns will do.
void TargetCheck::check_key(const TopicTable& table, const Table& actual) {
  const auto configured = config_.tables.find(table.source);
  const std::vector<std::string> key =
      configured == config_.tables.end() || configured->second.key.empty() ? table.key
                                                                           : configured->second.key;
  if (table.from_records && key.empty()) return;  // the source has none either
  const auto serves = [&key](const std::vector<std::string>& unique) {
    return key.empty() || std::all_of(unique.begin(), unique.end(), [&](const std::string& name) {
             return std::find(key.begin(), key.end(), name) != key.end();
           });
  };
  const auto& uniques = actual.unique_keys;
  if (std::any_of(uniques.begin(), uniques.end(), serves)) return;
  if (key.empty()) {
    report_.warn("Tables", "key",
                 actual.name.display() +
                     " has no primary key and no unique index: every batch "
                     "scans the table",
                 fmt::format("ALTER TABLE {} ADD PRIMARY KEY (…);  unless the source has none "
                             "either",
                             actual.name.quoted()));
    return;
  }
  std::string columns;
  for (const std::string& name : key)
    columns += (columns.empty() ? "" : ", ") + quote_identifier(name);
  report_.warn("Tables", "key",
               fmt::format("{} has no unique index for its key ({}): every batch scans the table",
                           actual.name.display(), columns),
               fmt::format("CREATE UNIQUE INDEX ON {} ({});", actual.name.quoted(), columns));
}

void TargetCheck::report_no_usage(const std::string& schema) {
  if (!complained_.insert(schema).second) return;
  report_.fail("Tables", "privilege", "no USAGE on schema " + schema,
               fmt::format("GRANT USAGE ON SCHEMA {} TO {};", quote_identifier(schema),
                           quote_identifier(user_)));
}

void TargetCheck::check_missing(const TopicTable& table) {
  const TableName& name = table.target;
  if (config_.target.schema_evolution != SchemaEvolution::evolve) {
    report_.warn(
        "Tables", "missing",
        "there is no table " + name.display() + ", to which the name of " + table.topic + " leads",
        "make it, or set schema-evolution = evolve");
    return;
  }
  const SchemaAccess schema = access(name.schema);
  if (schema.exists ? schema.create : may_create_schemas_) return;
  if (!complained_.insert(name.schema).second) return;
  if (schema.exists) {
    report_.fail("Tables", "privilege", "no right to make tables in schema " + name.schema,
                 fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {};",
                             quote_identifier(name.schema), quote_identifier(user_)));
  } else {
    report_.fail("Tables", "privilege",
                 "there is no schema " + name.schema + ", and no right to make it",
                 fmt::format("CREATE SCHEMA {} AUTHORIZATION {};", quote_identifier(name.schema),
                             quote_identifier(user_)));
  }
}

bool is_unreachable(const Error& error) {
  return error.kind() == ErrorKind::retry || error.kind() == ErrorKind::in_doubt;
}

}  // namespace

void check_target(const Config& config, const std::vector<TopicTable>& tables,
                  CheckReport& report) {
  try {
    TargetCheck(config, report).run(tables);
  } catch (const Error& error) {
    if (is_unreachable(error)) {
      report.fail_unreachable("Target", error.what(), error.hint());
    } else {
      report.fail("Target", error.sqlstate().empty() ? "refused" : error.sqlstate(), error.what(),
                  error.hint());
    }
  }
}

}  // namespace tidemark
