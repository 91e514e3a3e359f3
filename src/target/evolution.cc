#include "target/evolution.h"

#include <algorithm>
#include <optional>

#include "decode/value.h"

namespace tidemark {
namespace {

bool is_key(const Table& table, const std::string& column) {
  return std::find(table.key.begin(), table.key.end(), column) != table.key.end();
}

std::string column_definition(const Column& column, bool not_null) {
  std::string text = quote_identifier(column.name) + " " + column.type.sql();
  if (not_null) text += " NOT NULL";
  if (column.default_sql) text += " DEFAULT " + *column.default_sql;
  return text;
}

// Extensions' types are told apart by their kind: one side may not know the schema.
bool same_type(const PgType& a, const PgType& b) {
  const bool named =
      a.kind == TypeKind::enumeration || a.kind == TypeKind::range || a.kind == TypeKind::other;
  const auto microseconds = [](const PgType& type) {
    return type.precision < 0 ? 6 : type.precision;
  };
  if (a.kind != b.kind || a.array != b.array || (named && a.name != b.name)) return false;
  if (a.kind == TypeKind::numeric) {
    return a.precision == b.precision && (a.precision < 0 || a.scale == b.scale);
  }
  return a.length == b.length && microseconds(a) == microseconds(b);
}

void create_table(const Table& required, SchemaChange& change) {
  std::string text = "CREATE TABLE IF NOT EXISTS " + required.name.quoted() + " (";
  for (const Column& column : required.columns) {
    if (text.back() != '(') text += ", ";
    text += column_definition(column, column.not_null && !is_key(required, column.name));
  }
  if (!required.key.empty()) {
    text += ", PRIMARY KEY (";
    for (const std::string& name : required.key) {
      if (text.back() != '(') text += ", ";
      text += quote_identifier(name);
    }
    text += ")";
  }
  change.ddl.push_back("CREATE SCHEMA IF NOT EXISTS " + quote_identifier(required.name.schema));
  text += ")";
  // Room in each page for the next version of its rows: updates of columns that no index has then
  // leave the indexes alone (HOT).
  if (!required.key.empty()) text += " WITH (fillfactor = 80)";
  change.ddl.push_back(text);
  change.actions.push_back({"schema.table_created", {}});
}

// One ALTER TABLE for all: at most one rewrite of the table.
class Alteration {
 public:
  Alteration(const Table& actual, const Table& required, SchemaChange& change)
      : actual_(actual), required_(required), change_(change) {}

  void add_column(const Column& column) {
    // Rows that are there need a value: without a default the column has to allow null.
    const bool not_null = column.not_null && column.default_sql.has_value();
    part("ADD COLUMN IF NOT EXISTS " + column_definition(column, not_null));
    change_.actions.push_back({"schema.column_added", column.name});
  }

  void widen(const Column& have, const Column& need) {
    if (same_type(have.type, need.type)) return;
    const std::optional<PgType> wider = widened(have.type, need.type);
    if (!wider) {
      refuse(have, "is " + have.type.sql() + " in the target, and the source needs " +
                       need.type.sql() + ": they have no common type");
      return;
    }
    if (same_type(*wider, have.type)) return;
    const std::string name = quote_identifier(have.name);
    part("ALTER COLUMN " + name + " TYPE " + wider->sql() + " USING " + name + "::" + wider->sql());
    change_.actions.push_back({"schema.column_widened", have.name});
  }

  void drop_not_null(const Column& have) {
    part("ALTER COLUMN " + quote_identifier(have.name) + " DROP NOT NULL");
    change_.actions.push_back({"schema.not_null_dropped", have.name});
  }

  void finish() {
    if (parts_.empty() || !change_.refused.empty()) return;
    change_.ddl.push_back("ALTER TABLE " + actual_.name.quoted() + " " + parts_);
  }

 private:
  void part(const std::string& text) {
    if (!parts_.empty()) parts_ += ", ";
    parts_ += text;
  }
  void refuse(const Column& have, const std::string& why) {
    if (change_.refused.empty()) {
      change_.refused = required_.name.display() + ": column \"" + have.name + "\" " + why;
    }
  }

  const Table& actual_;
  const Table& required_;
  SchemaChange& change_;
  std::string parts_;
};

// A column that the source does not fill must take null, unless something else fills it.
bool must_take_null(const Table& actual, const Table& required, const Column& have) {
  if (!have.not_null || is_key(actual, have.name) || is_key(required, have.name)) return false;
  if (have.identity) return false;
  const Column* need = required.find(have.name);
  if (need != nullptr) return !need->not_null;
  return !have.default_sql && !have.generated && !have.identity_always && !actual.has_triggers;
}

}  // namespace

SchemaChange plan_schema_change(const Table* actual, const Table& required,
                                SchemaEvolution evolution) {
  SchemaChange change;
  if (actual == nullptr) {
    create_table(required, change);
    return change;
  }
  if (actual->view) {
    change.refused = required.name.display() + " is not a table that MERGE can write to";
    return change;
  }
  Alteration alteration(*actual, required, change);
  for (const Column& need : required.columns) {
    const Column* have = actual->find(need.name);
    if (have == nullptr) {
      alteration.add_column(need);
    } else if (evolution != SchemaEvolution::none && !have->generated) {
      alteration.widen(*have, need);
    }
  }
  if (evolution != SchemaEvolution::none) {
    for (const Column& have : actual->columns) {
      if (must_take_null(*actual, required, have)) alteration.drop_not_null(have);
    }
  }
  alteration.finish();
  return change;
}

std::optional<SchemaRefusal> refusal_of(const SchemaChange& change, const TableName& name,
                                        bool exists, SchemaEvolution evolution) {
  if (!change.refused.empty()) {
    return SchemaRefusal{change.refused,
                         "change the target's table, or name another in its [table] section"};
  }
  if (change.ddl.empty() || evolution == SchemaEvolution::evolve) return std::nullopt;
  return SchemaRefusal{
      name.display() + (exists ? " does not hold what the source sends" : " is not in the target"),
      "set schema-evolution = evolve, or run:\n" + ddl_text(change)};
}

std::vector<std::string> statements_of(const SchemaChange& change, bool schema_exists) {
  std::vector<std::string> statements;
  for (const std::string& statement : change.ddl) {
    if (schema_exists && statement.starts_with("CREATE SCHEMA")) continue;
    statements.push_back(statement);
  }
  return statements;
}

std::string ddl_text(const SchemaChange& change) {
  std::string text;
  for (const std::string& statement : change.ddl) {
    if (!text.empty()) text += '\n';
    text += statement + ";";
  }
  return text;
}

}  // namespace tidemark
