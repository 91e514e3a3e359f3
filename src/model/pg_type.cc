#include "model/pg_type.h"

#include <array>
#include <utility>

namespace tidemark {
namespace {

struct KindRow {
  const char* name;  // as format_type() spells it
  Wire wire;
  const char* cast;  // type to cast to; "": assignment does; nullptr: the type's own name
};

// By the order of TypeKind. Each cast was tried on PostgreSQL 15: the text survives, and what is
// too long for the column is an error. money from numeric and oid from bigint are assignments.
constexpr std::array<KindRow, 36> kKinds = {{
    {"boolean", Wire::boolean, ""},
    {"smallint", Wire::int2, ""},
    {"integer", Wire::int4, ""},
    {"bigint", Wire::int8, ""},
    {"real", Wire::float4, ""},
    {"double precision", Wire::float8, ""},
    {"numeric", Wire::numeric, ""},
    {"money", Wire::numeric, ""},
    {"oid", Wire::int8, ""},
    {"text", Wire::text, ""},
    {"character varying", Wire::text, ""},
    {"bpchar", Wire::text, ""},
    {"citext", Wire::text, ""},
    {"bytea", Wire::bytea, ""},
    {"bit", Wire::text, "varbit"},
    {"bit varying", Wire::text, "varbit"},
    {"date", Wire::date, ""},
    {"time without time zone", Wire::time, ""},
    {"time with time zone", Wire::text, nullptr},
    {"timestamp without time zone", Wire::timestamp, ""},
    {"timestamp with time zone", Wire::timestamptz, ""},
    {"interval", Wire::text, nullptr},
    {"uuid", Wire::uuid, ""},
    {"json", Wire::text, nullptr},
    {"jsonb", Wire::jsonb, ""},
    {"xml", Wire::text, nullptr},
    {"hstore", Wire::text, nullptr},
    {"ltree", Wire::text, nullptr},
    {"tsvector", Wire::text, nullptr},
    {"inet", Wire::text, nullptr},
    {"cidr", Wire::text, nullptr},
    {"macaddr", Wire::text, nullptr},
    {"point", Wire::text, nullptr},
    {"text", Wire::text, nullptr},  // enumeration: named by the catalog
    {"text", Wire::text, nullptr},  // range: named by the catalog
    {"text", Wire::text, nullptr},  // other: named by the catalog
}};

const KindRow& row_of(TypeKind kind) {
  return kKinds.at(static_cast<std::size_t>(kind));
}

struct WireRow {
  const char* array_sql;
  std::uint32_t element_oid;
  std::uint32_t array_oid;
};

// By the order of Wire; the object ids are those of PostgreSQL's pg_type.dat.
constexpr std::array<WireRow, 15> kWires = {{
    {"boolean[]", 16, 1000},
    {"smallint[]", 21, 1005},
    {"integer[]", 23, 1007},
    {"bigint[]", 20, 1016},
    {"real[]", 700, 1021},
    {"double precision[]", 701, 1022},
    {"numeric[]", 1700, 1231},
    {"text[]", 25, 1009},
    {"bytea[]", 17, 1001},
    {"date[]", 1082, 1182},
    {"time without time zone[]", 1083, 1183},
    {"timestamp without time zone[]", 1114, 1115},
    {"timestamp with time zone[]", 1184, 1185},
    {"uuid[]", 2950, 2951},
    {"jsonb[]", 3802, 3807},
}};

const WireRow& row_of(Wire wire) {
  return kWires.at(static_cast<std::size_t>(wire));
}

bool is_time(TypeKind kind) {
  return kind == TypeKind::time || kind == TypeKind::timetz || kind == TypeKind::timestamp ||
         kind == TypeKind::timestamptz || kind == TypeKind::interval;
}

std::string parenthesized(std::int32_t number) {
  return "(" + std::to_string(number) + ")";
}

// The element's type with its limits.
std::string element_sql(const PgType& type) {
  if (is_time(type.kind) && type.precision >= 0) {
    // The precision stands after the first word: "timestamp(3) without time zone".
    const std::size_t space = type.name.find(' ');
    if (space == std::string::npos) return type.name + parenthesized(type.precision);
    return type.name.substr(0, space) + parenthesized(type.precision) + type.name.substr(space);
  }
  switch (type.kind) {
    case TypeKind::numeric:
      if (type.precision < 0) return type.name;
      return "numeric(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
    case TypeKind::varchar:
      return "character varying" + (type.length < 0 ? "" : parenthesized(type.length));
    case TypeKind::bpchar:
      // Without a length "character" is character(1); bpchar has no limit.
      return type.length < 0 ? "bpchar" : "character" + parenthesized(type.length);
    case TypeKind::bit:
      // Likewise "bit" is bit(1); the quoted name has no limit.
      return type.length < 0 ? "\"bit\"" : "bit" + parenthesized(type.length);
    case TypeKind::varbit:
      return "bit varying" + (type.length < 0 ? "" : parenthesized(type.length));
    default:
      return type.name;
  }
}

// What an array literal's elements are cast to. No lengths, and no type whose bare name has one.
std::string array_cast_element(const PgType& type) {
  switch (type.kind) {
    case TypeKind::bpchar:
      return "bpchar";
    case TypeKind::bit:
    case TypeKind::varbit:
      return "varbit";
    case TypeKind::money:
      // money's input depends on lc_monetary; numeric's does not, and is assigned to money.
      return "numeric";
    default:
      return type.name;
  }
}

}  // namespace

std::string PgType::sql() const {
  return element_sql(*this) + (array ? "[]" : "");
}

Wire PgType::wire() const {
  return array ? Wire::text : row_of(kind).wire;
}

std::string PgType::cast() const {
  if (array) return "::" + array_cast_element(*this) + "[]";
  const char* target = row_of(kind).cast;
  if (target == nullptr) return "::" + name;
  return *target == '\0' ? std::string() : std::string("::") + target;
}

PgType pg_type(TypeKind kind) {
  PgType type;
  type.kind = kind;
  type.name = row_of(kind).name;
  return type;
}

PgType pg_numeric(std::int32_t precision, std::int32_t scale) {
  PgType type = pg_type(TypeKind::numeric);
  type.precision = precision;
  type.scale = scale;
  return type;
}

PgType pg_array_of(PgType element) {
  element.array = true;
  return element;
}

std::string_view wire_array_sql(Wire wire) {
  return row_of(wire).array_sql;
}
std::uint32_t wire_element_oid(Wire wire) {
  return row_of(wire).element_oid;
}
std::uint32_t wire_array_oid(Wire wire) {
  return row_of(wire).array_oid;
}

}  // namespace tidemark
