// The type that holds all values of two: what a column may be altered to without a loss.
#include <algorithm>

#include "decode/value.h"

namespace tidemark {
namespace {

constexpr std::int32_t kNumericMax = 1000;

// Decimal digits of the integer types; 0 for all others.
std::int32_t integer_digits(TypeKind kind) {
  switch (kind) {
    case TypeKind::int2:
      return 5;
    case TypeKind::int4:
      return 10;
    case TypeKind::int8:
      return 19;
    default:
      return 0;
  }
}

bool is_string(TypeKind kind) {
  return kind == TypeKind::text || kind == TypeKind::varchar || kind == TypeKind::bpchar ||
         kind == TypeKind::citext;
}

// `whole` digits before the point and `scale` after it.
PgType numeric_holding(std::int32_t whole, std::int32_t scale) {
  const std::int32_t precision = std::max(whole + scale, 1);
  if (precision > kNumericMax || scale > kNumericMax) return pg_type(TypeKind::numeric);
  return pg_numeric(precision, scale);
}

PgType widened_numeric(const PgType& a, const PgType& b) {
  if (a.precision < 0 || b.precision < 0) return pg_type(TypeKind::numeric);
  return numeric_holding(std::max(a.precision - a.scale, b.precision - b.scale),
                         std::max(a.scale, b.scale));
}

// An integer type and numeric: every digit of the one and every digit of the other.
PgType widened_integer(TypeKind integer, const PgType& numeric) {
  if (numeric.precision < 0) return numeric;
  return numeric_holding(std::max(integer_digits(integer), numeric.precision - numeric.scale),
                         std::max(numeric.scale, 0));
}

std::optional<PgType> widened_number(const PgType& have, const PgType& need) {
  const std::int32_t have_digits = integer_digits(have.kind);
  const std::int32_t need_digits = integer_digits(need.kind);
  if (have_digits != 0 && need_digits != 0) return have_digits >= need_digits ? have : need;
  if (have_digits != 0 && need.kind == TypeKind::numeric) return widened_integer(have.kind, need);
  if (need_digits != 0 && have.kind == TypeKind::numeric) return widened_integer(need.kind, have);
  const bool have_real = have.kind == TypeKind::float4 || have.kind == TypeKind::float8;
  const bool need_real = need.kind == TypeKind::float4 || need.kind == TypeKind::float8;
  if (have_real && need_real) return pg_type(TypeKind::float8);
  // Integers that a float holds without gaps: int2 in real, int2 and int4 in double precision.
  const std::int32_t digits = have_real ? need_digits : have_digits;
  const TypeKind real = have_real ? have.kind : need.kind;
  if ((have_real || need_real) && digits != 0 && digits <= 10) {
    return pg_type(digits == 5 ? real : TypeKind::float8);
  }
  if (have.kind == TypeKind::oid && need.kind == TypeKind::int8) return need;
  if (have.kind == TypeKind::int8 && need.kind == TypeKind::oid) return have;
  return std::nullopt;
}

PgType longer(const PgType& have, const PgType& need) {
  PgType type = have;
  type.length = have.length < 0 || need.length < 0 ? -1 : std::max(have.length, need.length);
  return type;
}

std::optional<PgType> widened_string(const PgType& have, const PgType& need) {
  if (have.kind == TypeKind::citext) return have;
  if (have.kind == need.kind) return longer(have, need);
  return have.kind == TypeKind::text ? have : pg_type(TypeKind::text);
}

std::optional<PgType> widened_bits(const PgType& have, const PgType& need) {
  // Bit strings of two lengths are only held by one whose length is not fixed.
  if (have.kind == TypeKind::bit && need.kind == TypeKind::bit && have.length == need.length) {
    return have;
  }
  PgType type = longer(have, need);
  type.kind = TypeKind::varbit;
  type.name = pg_type(TypeKind::varbit).name;
  return type;
}

PgType finer(const PgType& have, const PgType& need) {
  PgType type = have;
  type.precision =
      have.precision < 0 || need.precision < 0 ? -1 : std::max(have.precision, need.precision);
  return type;
}

bool is_bits(TypeKind kind) {
  return kind == TypeKind::bit || kind == TypeKind::varbit;
}

std::optional<PgType> widened_scalar(const PgType& have, const PgType& need) {
  if (have.kind == TypeKind::numeric && need.kind == TypeKind::numeric) {
    return widened_numeric(have, need);
  }
  if (is_string(have.kind) && is_string(need.kind)) return widened_string(have, need);
  if (is_bits(have.kind) && is_bits(need.kind)) return widened_bits(have, need);
  if (have.kind == need.kind) {
    if (have.name != need.name) return std::nullopt;
    return finer(have, need);
  }
  if (have.kind == TypeKind::date && need.kind == TypeKind::timestamp) return need;
  if (have.kind == TypeKind::timestamp && need.kind == TypeKind::date) return have;
  if (auto number = widened_number(have, need)) return number;
  // Every value has a text, and the source's text of it is the same.
  if (need.kind == TypeKind::text) return need;
  if (have.kind == TypeKind::text) return have;
  return std::nullopt;
}

}  // namespace

std::optional<PgType> widened(const PgType& have, const PgType& need) {
  if (have == need) return have;
  if (have.array != need.array) return std::nullopt;
  PgType a = have;
  PgType b = need;
  a.array = b.array = false;
  std::optional<PgType> type = widened_scalar(a, b);
  if (type) type->array = have.array;
  return type;
}

}  // namespace tidemark
