// A PostgreSQL column type: what it is, its limits, how its values travel (Wire), and how to write
// it in SQL. Values; thread-safe by being immutable after construction. Made by target/catalog from
// pg_attribute, and by decode/type_mapping from a source's schema.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark {

enum class TypeKind : std::uint8_t {
  boolean,
  int2,
  int4,
  int8,
  float4,
  float8,
  numeric,
  money,
  oid,
  text,
  varchar,
  bpchar,
  citext,
  bytea,
  bit,
  varbit,
  date,
  time,
  timetz,
  timestamp,
  timestamptz,
  interval,
  uuid,
  json,
  jsonb,
  xml,
  hstore,
  ltree,
  tsvector,
  inet,
  cidr,
  macaddr,
  point,
  enumeration,
  range,
  other,  // anything else: travels as text and is cast to `name`
};

// The binary form in which a value travels to PostgreSQL: the element type of a parameter array.
// What has no entry here goes as text and is cast in the statement.
enum class Wire : std::uint8_t {
  boolean,
  int2,
  int4,
  int8,
  float4,
  float8,
  numeric,
  text,
  bytea,
  date,
  time,
  timestamp,
  timestamptz,
  uuid,
  jsonb,
};

struct PgType {
  TypeKind kind = TypeKind::text;
  bool array = false;         // an array of `kind`; always travels as Wire::text, an array literal
  std::string name = "text";  // SQL name without length or precision and without "[]", quoted where
                              // needed and with its schema where it is not in pg_catalog
  std::int32_t length = -1;   // varchar, bpchar: characters; bit, varbit: bits; -1: no limit
  std::int32_t precision =
      -1;  // numeric: digits in all, -1: no limit; time types: fraction digits, -1: 6
  std::int32_t scale = 0;  // numeric with a precision: digits after the point; may be negative

  bool operator==(const PgType&) const = default;

  // As in CREATE TABLE: "numeric(12,2)", "character varying(20)[]", "public.mood".
  [[nodiscard]] std::string sql() const;
  // How values travel.
  [[nodiscard]] Wire wire() const;
  // The cast after a parameter of type `wire()`, without length or precision, such as
  // "::public.mood" or "::integer[]"; empty where assignment takes the wire's type and checks its
  // length. Bits go by
  // "::varbit", whose assignment to bit(n) checks the length; an explicit cast would cut.
  [[nodiscard]] std::string cast() const;
};

// A type without limits, by its kind: pg_type(TypeKind::int8).name == "bigint".
PgType pg_type(TypeKind kind);
PgType pg_numeric(std::int32_t precision, std::int32_t scale);
PgType pg_array_of(PgType element);

// The SQL name of the wire's array, "bigint[]", for a statement's parameter list.
std::string_view wire_array_sql(Wire wire);
// The object ids of the element and of the array, for binary parameters (pg_type.dat).
std::uint32_t wire_element_oid(Wire wire);
std::uint32_t wire_array_oid(Wire wire);

}  // namespace tidemark
