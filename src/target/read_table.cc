// target/catalog.h's read_table(): one query of pg_catalog, and what its rows mean.
#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "target/catalog.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

// Rows of (what, group, number, twelve texts), so that all is seen in one snapshot:
//   column:  name; type: name, schema, SQL name, typtype, is it an array, typmod; flags; default;
//            domain; what depends on its type; foreign keys that compare it
//   foreign: constraint, parent's schema, parent's table
//   table:   kind of relation, row security, triggers, has it a deferrable exclusion constraint
//   unique:  index, column, is it the primary key, the index's name, is it checked at once
constexpr const char* kTableQuery = R"sql(
WITH RECURSIVE rel AS (
  SELECT c.oid, c.relkind, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
), att AS (
  SELECT a.* FROM pg_attribute a JOIN rel ON a.attrelid = rel.oid
  WHERE a.attnum > 0 AND NOT a.attisdropped
), typ AS (  -- domains down to what they are made of
  SELECT a.attnum, t.oid, t.typtype, t.typbasetype, t.typtypmod, a.atttypmod AS typmod
  FROM att a JOIN pg_type t ON t.oid = a.atttypid
  UNION ALL
  SELECT p.attnum, t.oid, t.typtype, t.typbasetype, t.typtypmod,
         CASE WHEN p.typmod >= 0 THEN p.typmod ELSE p.typtypmod END
  FROM typ p JOIN pg_type t ON t.oid = p.typbasetype WHERE p.typtype = 'd'
), base AS (
  SELECT p.attnum, p.typmod, t.typelem <> 0 AND t.typcategory = 'A' AS is_array,
         coalesce(e.oid, t.oid) AS oid
  FROM typ p JOIN pg_type t ON t.oid = p.oid
  LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
  WHERE p.typtype <> 'd'
), answer (what, grp, n, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11) AS (
SELECT 'table', '', 0, rel.relkind::text, row_security_active(rel.oid)::text,
       EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = rel.oid AND NOT g.tgisinternal
               AND g.tgenabled <> 'D')::text,
       EXISTS (SELECT FROM pg_constraint x WHERE x.conrelid = rel.oid AND x.contype = 'x'
               AND x.condeferrable)::text,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM rel
UNION ALL
SELECT 'column', '', a.attnum, a.attname::text, t.typname::text, tn.nspname::text,
       format_type(t.oid, NULL), t.typtype::text, b.is_array::text, b.typmod::text,
       a.attnotnull::text || ' ' || a.attgenerated::text || a.attidentity::text,
       CASE WHEN a.attidentity = '' THEN pg_get_expr(d.adbin, d.adrelid)
       ELSE format('nextval(%L::regclass)', pg_get_serial_sequence(rel.name, a.attname)) END,
       CASE WHEN own.typtype = 'd' THEN format_type(own.oid, NULL) END,
       CASE WHEN a.attinhcount > 0 THEN 'the parent table' ELSE (
         SELECT string_agg(DISTINCT u.what, ', ') FROM (
           SELECT replace(pg_describe_object(d.classid, d.objid, d.objsubid), 'rule _RETURN on ', '') AS what
           FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
             AND d.refobjsubid = a.attnum AND (d.classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass,
               'pg_policy'::regclass, 'pg_publication_rel'::regclass, 'pg_proc'::regclass)
               OR d.classid = 'pg_attrdef'::regclass AND d.objid IN (
                 SELECT o.oid FROM pg_attrdef o WHERE o.adrelid <> a.attrelid OR o.adnum <> a.attnum))
           UNION ALL SELECT 'the partition key' FROM pg_partitioned_table p
           WHERE p.partrelid = a.attrelid AND a.attnum = ANY (p.partattrs::int2[])) u) END,
       (SELECT 'the foreign key ' || string_agg(quote_ident(f.conname), ', ' ORDER BY f.conname)
        FROM pg_constraint f WHERE f.contype = 'f' AND (f.conrelid = a.attrelid AND a.attnum = ANY (f.conkey)
          OR f.confrelid = a.attrelid AND a.attnum = ANY (f.confkey)))
FROM rel CROSS JOIN att a JOIN base b ON b.attnum = a.attnum JOIN pg_type t ON t.oid = b.oid
JOIN pg_type own ON own.oid = a.atttypid
JOIN pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT 'unique', (NOT i.indisprimary)::text || i.indexrelid, k.n, i.indexrelid::text, a.attname::text, i.indisprimary::text,
       c.relname::text, i.indimmediate::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM rel JOIN pg_index i ON i.indrelid = rel.oid JOIN pg_class c ON c.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
JOIN att a ON a.attnum = k.attnum
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND k.n <= i.indnkeyatts
UNION ALL
SELECT 'foreign', '', 0, f.conname::text, pn.nspname::text, p.relname::text,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM rel JOIN pg_constraint f ON f.conrelid = rel.oid AND f.contype = 'f'
JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE f.conparentid = 0 OR NOT EXISTS (
  SELECT FROM pg_constraint q WHERE q.oid = f.conparentid AND q.conrelid = f.conrelid)
)
SELECT * FROM answer ORDER BY what, grp COLLATE "C", n, f0
)sql";

constexpr std::size_t kWhat = 0;
constexpr std::size_t kFirst = 3;

const std::string& text(const TextRow& row, std::size_t i) {
  static const std::string none;
  return row[kFirst + i] ? *row[kFirst + i] : none;
}

struct NamedKind {
  std::string_view name;
  TypeKind kind;
};

// pg_type.typname of what tidemark knows by kind.
constexpr std::array kKindNames = {
    NamedKind{"bool", TypeKind::boolean},
    NamedKind{"int2", TypeKind::int2},
    NamedKind{"int4", TypeKind::int4},
    NamedKind{"int8", TypeKind::int8},
    NamedKind{"float4", TypeKind::float4},
    NamedKind{"float8", TypeKind::float8},
    NamedKind{"numeric", TypeKind::numeric},
    NamedKind{"money", TypeKind::money},
    NamedKind{"oid", TypeKind::oid},
    NamedKind{"text", TypeKind::text},
    NamedKind{"varchar", TypeKind::varchar},
    NamedKind{"bpchar", TypeKind::bpchar},
    NamedKind{"bytea", TypeKind::bytea},
    NamedKind{"bit", TypeKind::bit},
    NamedKind{"varbit", TypeKind::varbit},
    NamedKind{"date", TypeKind::date},
    NamedKind{"time", TypeKind::time},
    NamedKind{"timetz", TypeKind::timetz},
    NamedKind{"timestamp", TypeKind::timestamp},
    NamedKind{"timestamptz", TypeKind::timestamptz},
    NamedKind{"interval", TypeKind::interval},
    NamedKind{"uuid", TypeKind::uuid},
    NamedKind{"json", TypeKind::json},
    NamedKind{"jsonb", TypeKind::jsonb},
    NamedKind{"xml", TypeKind::xml},
    NamedKind{"tsvector", TypeKind::tsvector},
    NamedKind{"inet", TypeKind::inet},
    NamedKind{"cidr", TypeKind::cidr},
    NamedKind{"macaddr", TypeKind::macaddr},
    NamedKind{"point", TypeKind::point},
};
constexpr std::array kExtensionNames = {
    NamedKind{"citext", TypeKind::citext},
    NamedKind{"hstore", TypeKind::hstore},
    NamedKind{"ltree", TypeKind::ltree},
};

TypeKind kind_of(const std::string& name, bool built_in, const std::string& typtype) {
  if (built_in) {
    for (const NamedKind& named : kKindNames) {
      if (named.name == name) return named.kind;
    }
  } else {
    for (const NamedKind& named : kExtensionNames) {
      if (named.name == name) return named.kind;
    }
  }
  if (typtype == "e") return TypeKind::enumeration;
  if (typtype == "r") return TypeKind::range;
  return TypeKind::other;
}

// pg_attribute.atttypmod, by type (format_type.c).
void apply_typmod(PgType& type, std::int32_t typmod) {
  if (typmod < 0) return;
  switch (type.kind) {
    case TypeKind::varchar:
    case TypeKind::bpchar:
      type.length = typmod - 4;
      break;
    case TypeKind::bit:
    case TypeKind::varbit:
      type.length = typmod;
      break;
    case TypeKind::numeric:
      type.precision = ((typmod - 4) >> 16) & 0xFFFF;
      type.scale = (((typmod - 4) & 0x7FF) ^ 1024) - 1024;
      break;
    case TypeKind::time:
    case TypeKind::timetz:
    case TypeKind::timestamp:
    case TypeKind::timestamptz:
      type.precision = typmod;
      break;
    case TypeKind::interval:
      if ((typmod & 0xFFFF) != 0xFFFF) type.precision = typmod & 0xFFFF;
      break;
    default:
      break;
  }
}

PgType type_of(const TextRow& row) {
  const bool built_in = text(row, 2) == "pg_catalog";
  const TypeKind kind = kind_of(text(row, 1), built_in, text(row, 4));
  PgType type = pg_type(kind);
  const bool by_kind = built_in && kind != TypeKind::enumeration && kind != TypeKind::range &&
                       kind != TypeKind::other;
  // format_type() under search_path = pg_catalog: quoted, and with its schema.
  if (!by_kind) type.name = text(row, 3);
  type.array = text(row, 5) == "true";
  apply_typmod(type, std::atoi(text(row, 6).c_str()));
  return type;
}

void add_column(Table& table, const TextRow& row) {
  Column column;
  column.name = text(row, 0);
  column.type = type_of(row);
  // "true s", "false a": NOT NULL, then generated (s) or identity (a, d).
  const std::string& flags = text(row, 7);
  column.not_null = flags.starts_with("true");
  const std::string_view tail = std::string_view(flags).substr(flags.find(' ') + 1);
  column.generated = tail == "s" || tail == "v";
  column.identity_always = tail == "a";
  column.identity = column.identity_always || tail == "d";
  if (!column.generated && row[kFirst + 8]) column.default_sql = row[kFirst + 8];
  column.domain = text(row, 9);
  column.used_by = text(row, 10);
  column.compared_by = text(row, 11);
  table.columns.push_back(std::move(column));
}

}  // namespace

TablePtr read_table(const TextQuery& query, const TableName& name) {
  const TextRows rows = query(kTableQuery, {name.schema, name.table});
  if (rows.empty()) return nullptr;
  auto table = std::make_shared<Table>();
  table->name = name;
  std::string index;
  for (const TextRow& row : rows) {
    const std::string& what = *row[kWhat];
    if (what == "column") {
      add_column(*table, row);
    } else if (what == "foreign") {
      table->foreign_keys.push_back({text(row, 0), {text(row, 1), text(row, 2)}});
    } else if (what == "table") {
      const std::string& kind = text(row, 0);
      table->partitioned = kind == "p";
      table->view = kind == "v" || kind == "m" || kind == "f";
      table->has_row_security = text(row, 1) == "true";
      table->has_triggers = text(row, 2) == "true";
      if (text(row, 3) == "true") table->has_deferrable_unique_keys = true;
    } else if (what == "unique") {
      if (text(row, 0) != index) table->unique_keys.emplace_back();
      index = text(row, 0);
      table->unique_keys.back().push_back(text(row, 1));
      if (text(row, 4) != "true") table->has_deferrable_unique_keys = true;
      if (text(row, 2) != "true") continue;
      table->key.push_back(text(row, 1));
      table->key_constraint = text(row, 3);
    }
  }
  return table;
}

}  // namespace tidemark
