#include "decode/binding.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "decode/encoding_loss.h"
#include "decode/inference.h"
#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr std::size_t kColumnNameBytesMax = 63;

bool is_integer(const PgType& type) {
  return type.kind == TypeKind::int2 || type.kind == TypeKind::int4 || type.kind == TypeKind::int8;
}

bool is_characters(const PgType& type) {
  return type.kind == TypeKind::varchar || type.kind == TypeKind::bpchar;
}

// Both state their limits, in the same way: then the column is widened before a value needs it.
// Where the schema states none (a plain string may be a varchar(20) at the source), the column is
// left as it is until a value does not fit. A date is not: it tells from no value that the source
// has timestamps now.
bool limits_compare(const PgType& have, const PgType& need) {
  if (have.array || need.array) return false;
  if (is_integer(have) && is_integer(need)) return true;
  if (have.kind == TypeKind::float4 && need.kind == TypeKind::float8) return true;
  if (have.kind == TypeKind::date && need.kind == TypeKind::timestamp) return true;
  if (have.kind == TypeKind::numeric && need.kind == TypeKind::numeric) {
    return have.precision >= 0 && need.precision >= 0;
  }
  return is_characters(have) && is_characters(need) && have.length >= 0 && need.length >= 0;
}

// Debezium cannot state a default such as now() and states the epoch instead: for a time that is no
// default at all.
bool is_stand_in(const SourceType& type) {
  const bool time = type.name.starts_with("io.debezium.time.") ||
                    type.name.starts_with("org.apache.kafka.connect.data.Time") ||
                    type.name == "org.apache.kafka.connect.data.Date";
  if (!time || !type.default_json) return false;
  return *type.default_json == "0" || type.default_json->starts_with("\"1970-01-01") ||
         type.default_json->starts_with("\"00:00:00");
}

class Binder {
 public:
  Binder(const BindRequest& request, TargetTable& target)
      : request_(request),
        target_(target),
        evolve_(request.config->schema_evolution == SchemaEvolution::evolve),
        established_(target.is_defined()) {
    if (established_) draft_ = *target.required();
    draft_.name = target.name();
    const bool typed = request.row != nullptr && request.row->typed;
    may_create_ = evolve_ && (typed || request.config->schema_inference);
  }

  Binding run() {
    choose_key();
    if (request_.row != nullptr) {
      for (std::size_t i = 0; i < request_.row->size(); ++i) place_field(i);
    } else {
      place_all_columns();
    }
    for (const std::string& name : key_) place_key_column(name);
    if (established_ && request_.row != nullptr) check_primary_key();
    if (!established_) state_new_table();
    if (established_ && evolve_ && request_.row != nullptr && request_.row->typed) relax_dropped();
    target_.require(std::move(draft_));
    return finish();
  }

 private:
  [[nodiscard]] bool is_excluded(const std::string& name) const {
    if (request_.table_config == nullptr) return false;
    const auto& excluded = request_.table_config->columns_exclude;
    return std::find(excluded.begin(), excluded.end(), name) != excluded.end();
  }
  [[nodiscard]] bool is_metadata(const std::string& name) const {
    return request_.metadata_prefix != nullptr && !request_.metadata_prefix->empty() &&
           name.starts_with(*request_.metadata_prefix);
  }
  [[nodiscard]] bool is_key(const std::string& name) const {
    return std::find(key_.begin(), key_.end(), name) != key_.end();
  }
  [[nodiscard]] bool in_primary_key(const std::string& name) const {
    return std::find(draft_.key.begin(), draft_.key.end(), name) != draft_.key.end();
  }
  [[nodiscard]] std::string column_display(const std::string& name) const {
    return "column " + draft_.name.display() + "." + name;
  }
  Column* find(const std::string& name) {
    for (Column& column : draft_.columns) {
      if (column.name == name) return &column;
    }
    return nullptr;
  }
  const JsonValue* value_of(const FieldValues* values, std::int32_t field) const {
    if (values == nullptr || field < 0) return nullptr;
    const auto at = static_cast<std::size_t>(field);
    if (at >= values->values.size() || !values->at(at).is_present()) return nullptr;
    if (says_unavailable(values->at(at), request_.settings.unavailable_value)) return nullptr;
    return &values->at(at);
  }

  void choose_key();
  void place_field(std::size_t i);
  void place_all_columns();
  void place_key_column(const std::string& name);
  bool add_column(const std::string& name, const SourceType* type, const JsonValue* value);
  void make_column(const std::string& name, const SourceType* type, const PgType& pg_type);
  ValuePlan plan(Column& column, const SourceType* type);
  void relax_dropped();
  void check_primary_key() const;
  void state_new_table();
  [[noreturn]] void refuse_no_column(const std::string& name, const SourceType* type,
                                     const JsonValue* value);
  const SourceType* type_in_row(const std::string& name) const;
  const SourceType* type_in_key(const std::string& name) const;
  Binding finish();

  const BindRequest& request_;
  TargetTable& target_;
  const bool evolve_;
  const bool established_;  // the table is there, or a record before has asked for it
  bool may_create_ = false;
  Table draft_;
  std::vector<std::string> key_;
  std::vector<KeySource> key_sources_;
  std::map<std::string, ColumnSource> placed_;
  std::vector<std::uint32_t> unplaced_;
};

void Binder::choose_key() {
  const bool configured = request_.table_config != nullptr && !request_.table_config->key.empty();
  if (configured) {
    key_ = request_.table_config->key;
  } else if (request_.record_key != nullptr) {
    for (std::size_t i = 0; i < request_.record_key->size(); ++i) {
      const std::string& name = request_.record_key->names.name(i);
      // Debezium's topic router adds the table's own name to the key.
      if (!is_metadata(name) && !name.starts_with("__dbz__")) key_.push_back(name);
    }
  } else if (request_.row == nullptr) {
    key_ = draft_.key;
    if (key_.empty() && target_.current() != nullptr) {
      const Layout& current = *target_.current();
      for (const std::uint16_t column : current.key) key_.push_back(current.columns[column].name);
    }
  }
  // One order for all lanes and processes: key images travel between them.
  if (std::is_permutation(key_.begin(), key_.end(), draft_.key.begin(), draft_.key.end())) {
    key_ = draft_.key;
  }
  for (const std::string& name : key_) {
    if (!is_excluded(name)) continue;
    throw Refused(column_display(name) + " is in the key and in columns-exclude",
                  "take it out of columns-exclude");
  }
  const bool keyed_before = target_.current() != nullptr && !target_.current()->keyless();
  if (key_.empty() && (!draft_.key.empty() || keyed_before)) {
    throw Refused(
        "the record has no key, and the table " + draft_.name.display() + " has one",
        "set message.key.columns at the source, or key in [table." + request_.source_table + "]");
  }
}

const SourceType* Binder::type_in_row(const std::string& name) const {
  if (request_.row == nullptr) return nullptr;
  const std::int32_t field = request_.row->names.find(name);
  return field < 0 ? nullptr : request_.row->type(static_cast<std::size_t>(field));
}

const SourceType* Binder::type_in_key(const std::string& name) const {
  if (request_.record_key == nullptr) return nullptr;
  const std::int32_t field = request_.record_key->names.find(name);
  return field < 0 ? nullptr : request_.record_key->type(static_cast<std::size_t>(field));
}

void Binder::place_field(std::size_t i) {
  const std::string& name = request_.row->names.name(i);
  if (is_excluded(name) || is_metadata(name)) return;
  const SourceType* type = request_.row->type(i);
  if (type == nullptr) type = type_in_key(name);
  const auto field = static_cast<std::int32_t>(i);
  Column* column = find(name);
  if (column == nullptr) {
    const JsonValue* value = value_of(request_.row_values, field);
    if (value == nullptr && is_key(name)) {
      const std::int32_t key_field =
          request_.record_key == nullptr ? -1 : request_.record_key->names.find(name);
      value = value_of(request_.key_values, key_field);
    }
    if (!add_column(name, type, value)) {
      if (type == nullptr && evolve_) unplaced_.push_back(static_cast<std::uint32_t>(i));
      return;
    }
    column = &draft_.columns.back();
  }
  if (column->generated) return;
  placed_[name] = ColumnSource{field, plan(*column, type)};
}

void Binder::place_all_columns() {
  for (const Column& column : draft_.columns) {
    if (!column.generated && !is_excluded(column.name)) placed_[column.name] = ColumnSource{};
  }
}

void Binder::place_key_column(const std::string& name) {
  KeySource source;
  if (request_.record_key != nullptr) source.key_field = request_.record_key->names.find(name);
  if (request_.row != nullptr) source.row_field = request_.row->names.find(name);
  if (request_.row != nullptr && source.key_field < 0 && source.row_field < 0) {
    throw Refused("the key column \"" + name + "\" is neither in the record's key nor in its row",
                  "correct key in [table." + request_.source_table + "]");
  }
  const SourceType* type = type_in_key(name);
  if (type == nullptr) type = type_in_row(name);
  Column* column = find(name);
  if (column == nullptr) {
    const JsonValue* value = value_of(request_.key_values, source.key_field);
    if (!add_column(name, type, value)) refuse_no_column(name, type, value);
    column = &draft_.columns.back();
  }
  if (column->generated) {
    throw Refused(column_display(name) + " is in the key, but the target generates it",
                  "set key in [table." + request_.source_table + "]");
  }
  source.key_plan = plan(*column, type);
  placed_.try_emplace(name);
  key_sources_.push_back(std::move(source));
}

// A column that is not there. False: the field is left out.
bool Binder::add_column(const std::string& name, const SourceType* type, const JsonValue* value) {
  if (!established_ || (evolve_ && (type != nullptr || request_.config->schema_inference))) {
    std::optional<PgType> pg_type;
    if (type != nullptr) pg_type = default_pg_type(*type);
    if (type == nullptr && value != nullptr) pg_type = inferred_type(*value);
    // For a table that is only shown to the user, any type is better than none.
    if (!pg_type && !may_create_) pg_type = tidemark::pg_type(TypeKind::text);
    if (pg_type) make_column(name, type, *pg_type);
    return pg_type.has_value();
  }
  if (request_.config->schema_evolution == SchemaEvolution::none) return false;
  if (evolve_ && (value == nullptr || value->is_null())) return false;
  refuse_no_column(name, type, value);
}

void Binder::refuse_no_column(const std::string& name, const SourceType* type,
                              const JsonValue* value) {
  PgType guess = tidemark::pg_type(TypeKind::text);
  if (type != nullptr) {
    guess = default_pg_type(*type);
  } else if (value != nullptr && inferred_type(*value)) {
    guess = *inferred_type(*value);
  }
  throw Refused("the field \"" + name + "\" has no column in " + draft_.name.display(),
                "ALTER TABLE " + draft_.name.quoted() + " ADD COLUMN " + quote_identifier(name) +
                    " " + guess.sql() + ", or add it to columns-exclude in [table." +
                    request_.source_table + "]" +
                    (type == nullptr && evolve_ ? ", or set schema-inference = true" : ""));
}

void Binder::make_column(const std::string& name, const SourceType* type, const PgType& pg_type) {
  if (name.empty() || name.size() > kColumnNameBytesMax || name.find('\0') != std::string::npos) {
    throw Refused("the field \"" + name +
                      "\" cannot be the name of a column: PostgreSQL takes 1 to " +
                      std::to_string(kColumnNameBytesMax) + " bytes",
                  "add it to columns-exclude in [table." + request_.source_table + "]");
  }
  Column column;
  column.name = name;
  column.type = pg_type;
  column.not_null = established_ ? type != nullptr && !type->optional
                                 : is_key(name) || (type != nullptr && !type->optional);
  if (established_ && type != nullptr && !is_stand_in(*type)) {
    // The rows that are there already have it at the source, and no event says so.
    column.default_sql = default_sql(*type, pg_type, request_.settings);
  }
  if (established_ && !column.default_sql) column.not_null = false;
  draft_.columns.push_back(std::move(column));
}

ValuePlan Binder::plan(Column& column, const SourceType* type) {
  const SourceType source = type != nullptr ? *type : SourceType{};
  std::string reason;
  const bool may_widen = evolve_ && type != nullptr && established_;
  const bool in_key = is_key(column.name) || in_primary_key(column.name);
  if (may_widen && limits_compare(column.type, default_pg_type(source))) {
    const PgType wider = widened(column.type, default_pg_type(source)).value_or(column.type);
    if (why_type_stays(column, wider, in_key).empty()) column.type = wider;
  }
  std::optional<ValuePlan> plan = plan_value(source, column.type, request_.settings, reason);
  if (!plan && may_widen) {
    const auto wider = widened(column.type, default_pg_type(source));
    const std::string stays = wider ? why_type_stays(column, *wider, in_key) : std::string();
    if (!stays.empty()) {
      reason += "; the column's type is not changed, since " + stays;
    } else if (wider) {
      plan = plan_value(source, *wider, request_.settings, reason);
      if (plan) column.type = *wider;
    }
  }
  if (!plan) {
    throw Refused(column_display(column.name) + " (" + column.type.sql() +
                      ") cannot take the field of that name (" + describe(source) + "): " + reason,
                  "change the column's type to " + default_pg_type(source).sql() +
                      ", or add it to columns-exclude in [table." + request_.source_table + "]");
  }
  if (may_widen && source.optional && !in_key) column.not_null = false;
  return std::move(*plan);
}

// A column that the source does not have (any more) must take rows without a value for it.
void Binder::relax_dropped() {
  for (Column& column : draft_.columns) {
    const bool fills_itself =
        column.default_sql.has_value() || column.generated || column.identity_always;
    if (fills_itself || placed_.contains(column.name) || in_primary_key(column.name)) continue;
    column.not_null = false;
  }
}

// The source has another key now, and what was the key is gone from its rows.
void Binder::check_primary_key() const {
  for (const std::string& name : draft_.key) {
    if (placed_.contains(name)) continue;
    const Column* const column = draft_.find(name);
    if (column == nullptr || column->default_sql || column->generated || column->identity_always) {
      continue;
    }
    throw Refused(
        "the primary key of " + draft_.name.display() + " has the column \"" + name +
            "\", and the record has no such field",
        change_key_sql(draft_, key_) + ", or set key in [table." + request_.source_table + "]");
  }
}

void Binder::state_new_table() {
  draft_.key = key_;
  if (draft_.columns.empty()) {
    throw Refused("the record has no column for a table " + draft_.name.display());
  }
  if (may_create_) return;
  throw Refused("the table " + draft_.name.display() + " does not exist",
                create_table_sql(draft_) +
                    (evolve_ ? ", with types as they fit, or set schema-inference = true"
                             : ", or set schema-evolution = evolve"));
}

Binding Binder::finish() {
  Binding out;
  std::set<std::string> columns;
  for (const auto& [name, source] : placed_) {
    columns.insert(name);
    if (source.field >= 0) target_.seen().note(name, describe(source.plan.source));
  }
  for (std::size_t i = 0; i < key_sources_.size(); ++i) {
    if (key_sources_[i].row_field >= 0) continue;
    target_.seen().note(key_[i], describe(key_sources_[i].key_plan.source));
  }
  out.layout = target_.layout(columns, key_, request_.source_table);
  for (const LayoutColumn& column : out.layout->columns) {
    const auto found = placed_.find(column.name);
    out.columns.push_back(found == placed_.end() ? ColumnSource{} : std::move(found->second));
  }
  out.key_from_record = !key_sources_.empty();
  for (std::size_t i = 0; i < key_sources_.size(); ++i) {
    key_sources_[i].column = out.layout->key.at(i);
    out.key_from_record = out.key_from_record && key_sources_[i].key_field >= 0;
  }
  out.key = std::move(key_sources_);
  out.unplaced = std::move(unplaced_);
  out.row = request_.row;
  out.record_key = request_.record_key;
  out.row_fields = request_.row == nullptr ? 0 : request_.row->size();
  out.key_fields = request_.record_key == nullptr ? 0 : request_.record_key->size();
  out.version = target_.version();
  return out;
}

}  // namespace

std::string describe(const SourceType& type) {
  static constexpr const char* kNames[] = {
      "without a schema", "int8",   "int16", "int32", "int64", "float", "double",
      "boolean",          "string", "bytes", "array", "map",   "struct"};
  const char* base = kNames[static_cast<std::size_t>(type.base)];
  const std::string column = propagated_type(type);
  return (type.name.empty() ? base : type.name) + (column.empty() ? "" : ", " + column);
}

Binding bind(const BindRequest& request, TargetTable& target) {
  return Binder(request, target).run();
}

}  // namespace tidemark
