#include "target/merge_statement.h"

#include <algorithm>

namespace tidemark {
namespace {

using std::to_string;

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

std::string value_name(std::size_t i) {
  return "c" + to_string(i);
}

std::string parameter(std::size_t number, std::string_view array_type) {
  return "unnest($" + to_string(number) + "::" + std::string(array_type) + ")";
}

// "(s.u0 & 4) <> 0": is column i marked in the masks that begin with `letter`?
std::string mask_bit(char letter, std::size_t i) {
  return std::string("(s.") + letter + to_string(i / 63) + " & " + to_string(1LL << (i % 63)) +
         ") <> 0";
}

// Fails when it is evaluated, and only then: the server would compute a constant while it plans.
std::string raise(const std::string& mask) {
  return "('" + std::string(kLostMarker) + "' || " + mask + "::text)::integer IS NULL";
}

bool contains(const std::vector<std::uint16_t>& columns, std::size_t i) {
  return std::binary_search(columns.begin(), columns.end(), static_cast<std::uint16_t>(i));
}

// Equal values that are not the same: a key column of such a type is written by updates too.
bool equal_is_not_same(const PgType& type) {
  if (type.array) return true;
  switch (type.kind) {
    case TypeKind::numeric:
    case TypeKind::float4:
    case TypeKind::float8:
    case TypeKind::citext:
    case TypeKind::interval:
    case TypeKind::jsonb:
    case TypeKind::hstore:
    case TypeKind::range:
    case TypeKind::other:
      return true;
    default:
      return false;
  }
}

// "public" of `public.citext` and "\"my schema\"" of `"my schema".citext`; empty in pg_catalog.
std::string schema_of(const std::string& type_name) {
  bool quoted = false;
  std::size_t dot = std::string::npos;
  for (std::size_t i = 0; i < type_name.size(); ++i) {
    if (type_name[i] == '"') quoted = !quoted;
    if (type_name[i] == '.' && !quoted) dot = i;
  }
  return dot == std::string::npos ? std::string() : type_name.substr(0, dot);
}

// search_path is pg_catalog alone, and an extension's type brings its own operator.
std::string equals_operator(const PgType& type) {
  const bool own = type.kind == TypeKind::citext || type.kind == TypeKind::hstore ||
                   type.kind == TypeKind::ltree || type.kind == TypeKind::other;
  const std::string schema = own && !type.array ? schema_of(type.name) : std::string();
  return schema.empty() ? " = " : " OPERATOR(" + schema + ".=) ";
}

// The name without limits, where "character" and "bit" alone would mean a length of one.
std::string unlimited_name(const PgType& type) {
  std::string name = type.name;
  if (type.kind == TypeKind::bpchar) name = "bpchar";
  if (type.kind == TypeKind::bit) name = "\"bit\"";
  return name + (type.array ? "[]" : "");
}

}  // namespace

bool key_has_unique_index(const Layout& layout, const Table& actual) {
  return std::any_of(actual.unique_keys.begin(), actual.unique_keys.end(), [&](const auto& unique) {
    return std::all_of(unique.begin(), unique.end(), [&](const std::string& name) {
      return std::any_of(layout.key.begin(), layout.key.end(),
                         [&](std::uint16_t i) { return layout.columns[i].name == name; });
    });
  });
}

std::string exact_type_expression(const PgType& type, const std::string& source) {
  const std::string cast = type.cast();
  const std::string exact = "::" + unlimited_name(type);
  if (cast == exact) return source + cast;
  std::string wire(wire_array_sql(type.wire()));
  wire.resize(wire.size() - 2);
  if (cast.empty() && exact == "::" + wire) return source;
  return source + cast + exact;
}

std::string key_equality(const PgType& type, const std::string& stored, const std::string& value) {
  return stored + equals_operator(type) + exact_type_expression(type, value);
}

TableStatements::TableStatements(const Layout& layout, const Table& actual) : layout_(layout) {
  for (const LayoutColumn& column : layout.columns) {
    Facts& facts = facts_.emplace_back();
    facts.type = column.type;
    const Column* found = actual.find(column.name);
    if (found == nullptr) continue;
    // An extension's type needs its schema, which the source's schema does not know.
    if (found->type.kind == column.type.kind) facts.type.name = found->type.name;
    facts.domain = found->domain;
    facts.generated = found->generated;
    facts.identity_always = found->identity_always;
    if (found->default_sql) facts.default_sql = *found->default_sql;
  }
}

std::vector<std::uint16_t> TableStatements::columns(const MergeVariant& variant) const {
  std::vector<std::uint16_t> sent;
  for (std::size_t i = 0; i < layout_.columns.size(); ++i) {
    if (facts_[i].generated && !column(i).key) continue;
    if (contains(variant.absent, i)) continue;
    sent.push_back(static_cast<std::uint16_t>(i));
  }
  return sent;
}

// ---- pieces
// --------------------------------------------------------------------------------------

std::string TableStatements::stored(std::string_view alias, std::size_t i) const {
  return std::string(alias) + "." + quote_identifier(column(i).name);
}

// `t."id" = s.k0 AND …`, for the key's columns in the source named by `prefix` and their place.
std::string TableStatements::key_match(std::string_view alias, std::string_view prefix) const {
  std::vector<std::string> parts;
  for (std::size_t k = 0; k < layout_.key.size(); ++k) {
    const std::size_t i = layout_.key[k];
    const PgType& key_type = type(i);
    const bool by_column = prefix == "c";
    const std::string value = "s." + std::string(prefix) + to_string(by_column ? i : k);
    // In merge()'s source the columns are of the exact type already.
    parts.push_back(by_column ? stored(alias, i) + equals_operator(key_type) + value
                              : key_equality(key_type, stored(alias, i), value));
  }
  return joined(parts, " AND ");
}

// The key's arrays alone, named k0, k1, ….
std::string TableStatements::key_source() const {
  std::vector<std::string> parts;
  for (std::size_t k = 0; k < layout_.key.size(); ++k) {
    parts.push_back(parameter(k + 1, wire_array_sql(column(layout_.key[k]).wire)) + " AS k" +
                    to_string(k));
  }
  return "(SELECT " + joined(parts, ", ") + ") AS s";
}

std::string TableStatements::arrays(const MergeVariant& variant) const {
  std::vector<std::string> parts;
  std::size_t number = 0;
  for (const std::uint16_t i : columns(variant)) {
    const std::string array = parameter(++number, wire_array_sql(column(i).wire));
    // Exact types where a CASE or a comparison needs them; else assignment checks the limits.
    const bool exact = column(i).key || variant.unavailable || variant.base == LackBase::other;
    parts.push_back((exact ? exact_type_expression(type(i), array) : array + type(i).cast()) +
                    " AS " + value_name(i));
  }
  parts.push_back(parameter(++number, "boolean[]") + " AS op");
  const auto add_masks = [&](const char* letter) {
    for (std::size_t m = 0; m < masks(); ++m) {
      parts.push_back(parameter(++number, "bigint[]") + " AS " + letter + to_string(m));
    }
  };
  const bool other = variant.base == LackBase::other;
  if (variant.unavailable || other) add_masks("u");
  if (other) {
    add_masks("a");
    for (std::size_t k = 0; k < layout_.key.size(); ++k) {
      parts.push_back(parameter(++number, wire_array_sql(column(layout_.key[k]).wire)) + " AS b" +
                      to_string(k));
    }
  }
  return "SELECT " + joined(parts, ", ");
}

std::string TableStatements::any_mask() const {
  std::vector<std::string> parts;
  for (std::size_t m = 0; m < masks(); ++m) parts.push_back("s.u" + to_string(m) + " <> 0");
  return joined(parts, " OR ");
}

std::string TableStatements::source(const MergeVariant& variant) const {
  const std::string text = arrays(variant);
  return variant.base == LackBase::other ? based_source(text) : text;
}

// The rows with their lacking columns taken from the base, read in the statement that may delete
// it.
std::string TableStatements::based_source(const std::string& arrays) const {
  std::vector<std::string> parts;
  const std::string found = stored("b", layout_.key.front()) + " IS NOT NULL";
  for (const std::uint16_t i : columns({LackBase::other, true, {}})) {
    const std::string value = "s." + value_name(i);
    if (column(i).key) {
      parts.push_back(value);
      continue;
    }
    const std::string base = stored("b", i);
    std::string text = "CASE WHEN " + mask_bit('u', i) + " THEN " + base;
    text += " WHEN " + mask_bit('a', i) + " THEN CASE WHEN " + found;
    text += " THEN " + base + " ELSE " + facts_[i].default_sql;
    text += " END ELSE " + value + " END AS " + value_name(i);
    parts.push_back(text);
  }
  parts.emplace_back("s.op");
  parts.push_back("CASE WHEN (" + any_mask() + ") AND NOT (" + found + ") THEN " + raise("s.u0") +
                  " ELSE false END AS lost");
  return "SELECT " + joined(parts, ", ") + " FROM (" + arrays + ") AS s LEFT JOIN " +
         layout_.target.quoted() + " AS b ON " + key_match("b", "b");
}

std::string TableStatements::overriding() const {
  for (const Facts& facts : facts_) {
    if (facts.identity_always) return " OVERRIDING SYSTEM VALUE";
  }
  return {};
}

// ---- MERGE
// ---------------------------------------------------------------------------------------

std::string TableStatements::new_value(const MergeVariant& variant, std::size_t i) const {
  std::string value = "s." + value_name(i);
  if (!variant.unavailable || variant.base == LackBase::other || column(i).key) return value;
  return "CASE WHEN " + mask_bit('u', i) + " THEN " + stored("t", i) + " ELSE " + value + " END";
}

bool TableStatements::equal_keys_are_same() const {
  return std::none_of(layout_.key.begin(), layout_.key.end(),
                      [&](std::uint16_t i) { return equal_is_not_same(type(i)); });
}

std::string TableStatements::update_arm(const MergeVariant& variant) const {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < layout_.columns.size(); ++i) {
    if (facts_[i].generated || facts_[i].identity_always) continue;
    if (column(i).key && !equal_is_not_same(type(i))) continue;
    const std::string name = quote_identifier(column(i).name);
    if (!contains(variant.absent, i)) {
      parts.push_back(name + " = " + new_value(variant, i));
    } else if (variant.base == LackBase::none) {
      parts.push_back(name + " = DEFAULT");
    }
  }
  // All columns are the key's: a row that is there is as it should be.
  if (parts.empty()) return {};
  const char* guard = variant.base == LackBase::other ? " AND NOT s.lost" : "";
  return std::string(" WHEN MATCHED") + guard + " THEN UPDATE SET " + joined(parts, ", ");
}

std::string TableStatements::insert_arm(const MergeVariant& variant) const {
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const std::uint16_t i : columns(variant)) {
    if (facts_[i].generated) continue;
    names.push_back(quote_identifier(column(i).name));
    values.push_back("s." + value_name(i));
  }
  std::string guard;
  if (variant.base == LackBase::other) {
    guard = " AND NOT s.lost";
  } else if (variant.unavailable) {
    guard = " AND CASE WHEN " + any_mask() + " THEN " + raise("s.u0") + " ELSE true END";
  }
  return " WHEN NOT MATCHED AND NOT s.op" + guard + " THEN INSERT (" + joined(names, ", ") + ")" +
         overriding() + " VALUES (" + joined(values, ", ") + ")";
}

std::string TableStatements::merge(const MergeVariant& variant) const {
  return "MERGE INTO " + layout_.target.quoted() + " AS t USING (" + source(variant) +
         ") AS s ON " + key_match("t", "c") + " WHEN MATCHED AND s.op THEN DELETE" +
         update_arm(variant) + insert_arm(variant);
}

std::string TableStatements::remove() const {
  return "DELETE FROM " + layout_.target.quoted() + " AS t USING " + key_source() + " WHERE " +
         key_match("t", "k");
}

std::string TableStatements::hold(std::size_t i) const {
  const std::string& domain = facts_[i].domain;
  return "SELECT " + exact_type_expression(facts_[i].type, "v") +
         (domain.empty() ? "" : "::" + domain) +
         " FROM unnest($1::" + std::string(wire_array_sql(column(i).wire)) + ") AS x(v)";
}

std::string TableStatements::exist() const {
  return "SELECT EXISTS (SELECT FROM " + layout_.target.quoted() + " AS t WHERE " +
         key_match("t", "k") + ") FROM " + key_source();
}

// Not TRUNCATE: an older snapshot would see the table empty before the position moved (I1).
std::string TableStatements::remove_all() const {
  return "DELETE FROM " + layout_.target.quoted();
}

// ---- tables without a key, and COPY
// --------------------------------------------------------------

std::string TableStatements::insert(const std::vector<std::uint16_t>& absent) const {
  std::vector<std::string> names;
  std::vector<std::string> arrays;
  std::vector<std::string> values;
  for (const std::uint16_t i : columns({LackBase::self, false, absent})) {
    names.push_back(quote_identifier(column(i).name));
    arrays.push_back(parameter(arrays.size() + 1, wire_array_sql(column(i).wire)) + " AS " +
                     value_name(i));
    values.push_back("s." + value_name(i) + type(i).cast());
  }
  return "INSERT INTO " + layout_.target.quoted() + " (" + joined(names, ", ") + ")" +
         overriding() + " SELECT " + joined(values, ", ") + " FROM (SELECT " +
         joined(arrays, ", ") + ") AS s";
}

// By the text of the rows, since json, xml and point have no "=": the given values are brought to
// the columns' own types with their limits, so that equal rows have equal text. Of equal stored
// rows as many are taken as were given.
std::string TableStatements::take(const std::vector<std::uint16_t>& absent) const {
  std::vector<std::string> arrays;
  std::vector<std::string> given;
  std::vector<std::string> have;
  for (const std::uint16_t i : columns({LackBase::self, false, absent})) {
    arrays.push_back(parameter(arrays.size() + 1, wire_array_sql(column(i).wire)) + " AS " +
                     value_name(i));
    given.push_back("s." + value_name(i) + type(i).cast() + "::" + type(i).sql());
    have.push_back(stored("t", i));
  }
  const std::string table = layout_.target.quoted();
  return "WITH given AS (SELECT image, count(*) AS n FROM (SELECT ROW(" + joined(given, ", ") +
         ")::text AS image FROM (SELECT " + joined(arrays, ", ") +
         ") AS s) AS g GROUP BY image), victim AS (SELECT place, part FROM (SELECT t.ctid AS "
         "place, "
         "t.tableoid AS part, g.n, row_number() OVER (PARTITION BY g.image) AS i FROM " +
         table + " AS t JOIN given AS g ON g.image = ROW(" + joined(have, ", ") +
         ")::text) AS v WHERE i <= n) DELETE FROM " + table +
         " AS t WHERE t.ctid = ANY (ARRAY(SELECT place FROM victim)) AND (t.tableoid, t.ctid) IN "
         "(SELECT part, place FROM victim)";
}

std::string TableStatements::copy() const {
  std::vector<std::string> names;
  for (const LayoutColumn& column : layout_.columns) names.push_back(quote_identifier(column.name));
  return "COPY " + layout_.target.quoted() + " (" + joined(names, ", ") +
         ") FROM STDIN (FORMAT binary)";
}

}  // namespace tidemark
