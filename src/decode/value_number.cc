// Integers, floats, booleans and decimals, and what may become of them.
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "decode/base64.h"
#include "decode/numeric.h"
#include "decode/text_form.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

EncodeStatus numeric_failure(NumericResult result, const ValuePlan& plan, std::size_t at,
                             Bytes& out, EncodeFailure& why) {
  if (result == NumericResult::out_of_range) {
    return bad(at, out, why, "more digits than numeric holds");
  }
  if (plan.source.base == ConnectType::unknown) {
    why.remedy = Remedy::decimal_form;
    return bad(at, out, why,
               "not a plain decimal number; a Decimal in base64 says no scale without a schema");
  }
  return not_of_a_string(plan, at, out, why, "not a decimal number");
}

// A number or a string that holds one, by its text.
EncodeStatus encode_decimal_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                 EncodeFailure& why) {
  if (value.kind != JsonKind::number && !value.is_string()) {
    return wrong_kind(value, "a number", why);
  }
  thread_local Bytes scratch;
  const std::string_view text = value.is_string() ? string_content(value, scratch) : value.raw;
  const std::size_t at = begin_element(out);
  const NumericResult result = append_numeric_text(text, out);
  if (result != NumericResult::ok &&
      !(result == NumericResult::not_a_number && append_numeric_special(text, out))) {
    return numeric_failure(result, plan, at, out, why);
  }
  end_element(at, out);
  return finish_numeric(plan, at, out, why);
}

EncodeStatus encode_integer(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                            EncodeFailure& why) {
  std::int64_t number = 0;
  if (value.kind != JsonKind::number) return wrong_kind(value, "an integer", why);
  if (!parse_integer(value.raw, number)) return encode_decimal_text(plan, value, out, why);
  const std::size_t at = append_fixed(static_cast<std::uint64_t>(number), out);
  return finish_int8(plan, at, out, why);
}

// Schemaless, or strings of a schema, into an integer column.
EncodeStatus encode_any_integer(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                EncodeFailure& why) {
  return value.kind == JsonKind::number ? encode_integer(plan, value, out, why)
                                        : encode_decimal_text(plan, value, out, why);
}

// The column's own size, as nearly all values fit; the rest is for encode_any_integer to judge.
template <typename Signed, typename Unsigned>
EncodeStatus encode_sized(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                          EncodeFailure& why) {
  std::int64_t number = 0;
  if (value.kind == JsonKind::number && parse_integer(value.raw, number) &&
      number >= std::numeric_limits<Signed>::min() &&
      number <= std::numeric_limits<Signed>::max()) {
    append_fixed(static_cast<Unsigned>(number), out);
    return EncodeStatus::ok;
  }
  return plan.source.base == ConnectType::unknown || plan.source.base == ConnectType::string
             ? encode_any_integer(plan, value, out, why)
             : encode_integer(plan, value, out, why);
}

template <typename T>
bool parse_real(const JsonValue& value, T& number) {
  if (value.is_string()) {
    // Jackson writes what is not finite as strings.
    if (value.raw == "NaN") {
      number = std::numeric_limits<T>::quiet_NaN();
    } else if (value.raw == "Infinity") {
      number = std::numeric_limits<T>::infinity();
    } else if (value.raw == "-Infinity") {
      number = -std::numeric_limits<T>::infinity();
    } else {
      const auto parsed =
          std::from_chars(value.raw.data(), value.raw.data() + value.raw.size(), number);
      return parsed.ec == std::errc() && parsed.ptr == value.raw.data() + value.raw.size() &&
             std::isfinite(number);
    }
    return true;
  }
  // Out of range, to either side, is an error of from_chars: 1e400 is not infinity.
  return value.kind == JsonKind::number &&
         std::from_chars(value.raw.data(), value.raw.data() + value.raw.size(), number).ec ==
             std::errc();
}

EncodeStatus not_real(const JsonValue& value, std::size_t at, Bytes& out, EncodeFailure& why) {
  if (value.kind != JsonKind::number && !value.is_string()) {
    return wrong_kind(value, "a number", why);
  }
  return bad(at, out, why, "not a floating-point number, or beyond its range");
}

EncodeStatus encode_float8(const ValuePlan&, const JsonValue& value, Bytes& out,
                           EncodeFailure& why) {
  double number = 0;
  if (!parse_real(value, number)) return not_real(value, out.size(), out, why);
  append_fixed(std::bit_cast<std::uint64_t>(number), out);
  return EncodeStatus::ok;
}

// A float of the source, as it is; into a double its exact value, as a cast does.
EncodeStatus encode_float4_source(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                  EncodeFailure& why) {
  float number = 0;
  if (!parse_real(value, number)) return not_real(value, out.size(), out, why);
  if (plan.target.kind == TypeKind::float4) {
    append_fixed(std::bit_cast<std::uint32_t>(number), out);
    return EncodeStatus::ok;
  }
  if (is_text_like(plan.target)) {
    const std::size_t at = append_fixed(std::bit_cast<std::uint32_t>(number), out);
    return finish_as_text(plan, Wire::float4, at, out, why);
  }
  append_fixed(std::bit_cast<std::uint64_t>(static_cast<double>(number)), out);
  return EncodeStatus::ok;
}

EncodeStatus encode_float8_source(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                  EncodeFailure& why) {
  double number = 0;
  if (!parse_real(value, number)) return not_real(value, out.size(), out, why);
  const std::size_t at = append_fixed(std::bit_cast<std::uint64_t>(number), out);
  return finish_float8(plan, at, out, why);
}

std::size_t significant_digits(std::string_view text) {
  std::size_t digits = 0;
  std::size_t zeros = 0;
  for (const char c : text) {
    if (c == 'e' || c == 'E') break;
    if (c < '0' || c > '9' || (digits == 0 && c == '0')) continue;
    zeros = c == '0' ? zeros + 1 : 0;
    ++digits;
  }
  return digits - zeros;
}

// Without a schema nothing says that a number was a float at the source. Nine digits are all that a
// float's text ever has; a longer number must be a float exactly.
EncodeStatus encode_any_float4(const ValuePlan&, const JsonValue& value, Bytes& out,
                               EncodeFailure& why) {
  double exact = 0;
  if (!parse_real(value, exact)) return not_real(value, out.size(), out, why);
  float number = 0;
  const bool held = parse_real(value, number);
  const bool same = std::isnan(exact) || static_cast<double>(number) == exact;
  if (!held || (!same && significant_digits(value.raw) > 9)) {
    return too_wide(out.size(), out, why, pg_type(TypeKind::float8), "more digits than real holds");
  }
  append_fixed(std::bit_cast<std::uint32_t>(number), out);
  return EncodeStatus::ok;
}

EncodeStatus encode_boolean(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                            EncodeFailure& why) {
  if (!is_boolean(value)) return wrong_kind(value, "a boolean", why);
  const std::size_t at = begin_element(out);
  out.append(value.kind == JsonKind::boolean_true ? '\1' : '\0');
  end_element(at, out);
  return plan.target.kind == TypeKind::boolean ? EncodeStatus::ok
                                               : finish_boolean(plan, at, out, why);
}

EncodeStatus encode_any_boolean(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                EncodeFailure& why) {
  return value.kind == JsonKind::number ? encode_integer(plan, value, out, why)
                                        : encode_boolean(plan, value, out, why);
}

EncodeStatus append_unscaled(const JsonValue& value, std::int32_t scale, const ValuePlan& plan,
                             Bytes& out, EncodeFailure& why) {
  thread_local Bytes scratch;
  const std::size_t at = begin_element(out);
  const std::optional<std::string_view> unscaled = bytes_content(value, scratch);
  if (!unscaled) return bad(at, out, why, "a Decimal that is not base64");
  const NumericResult result = append_numeric_unscaled(*unscaled, scale, out);
  if (result != NumericResult::ok) return numeric_failure(result, plan, at, out, why);
  end_element(at, out);
  return finish_numeric(plan, at, out, why);
}

// Connect's Decimal; with the converter's decimal.format=NUMERIC it is a number.
EncodeStatus encode_decimal(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                            EncodeFailure& why) {
  if (value.is_string() || value.kind == JsonKind::bytes) {
    return append_unscaled(value, plan.scale, plan, out, why);
  }
  if (value.kind != JsonKind::number) return wrong_kind(value, "a Decimal", why);
  return encode_decimal_text(plan, value, out, why);
}

// {"scale":4,"value":"AYr3"}
EncodeStatus encode_variable_decimal(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                     EncodeFailure& why) {
  if (value.kind != JsonKind::object) return wrong_kind(value, "a VariableScaleDecimal", why);
  JsonReader reader(value.raw, 2);
  std::string_view name;
  bool escaped = false;
  JsonValue scale_value;
  JsonValue unscaled;
  reader.enter_object();
  while (reader.member(name, escaped)) {
    JsonValue member;
    if (!reader.value(member)) break;
    if (name == "scale") scale_value = member;
    if (name == "value") unscaled = member;
  }
  std::int64_t scale = 0;
  if (reader.failed() || !unscaled.is_string() || scale_value.kind != JsonKind::number ||
      !parse_integer(scale_value.raw, scale) || scale < -1000000 || scale > 1000000) {
    return bad(out.size(), out, why, "not a VariableScaleDecimal");
  }
  return append_unscaled(unscaled, static_cast<std::int32_t>(scale), plan, out, why);
}

EncodeStatus encode_any_numeric(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                EncodeFailure& why) {
  return value.kind == JsonKind::object ? encode_variable_decimal(plan, value, out, why)
                                        : encode_decimal_text(plan, value, out, why);
}

bool is_integer(TypeKind kind) {
  return kind == TypeKind::int2 || kind == TypeKind::int4 || kind == TypeKind::int8 ||
         kind == TypeKind::oid;
}

bool is_exact_number(TypeKind kind) {
  return is_integer(kind) || kind == TypeKind::numeric || kind == TypeKind::money;
}

bool is_real(TypeKind kind) {
  return kind == TypeKind::float4 || kind == TypeKind::float8;
}

EncodeFunction sized_integer(TypeKind kind) {
  if (kind == TypeKind::int2) return encode_sized<std::int16_t, std::uint16_t>;
  if (kind == TypeKind::int4) return encode_sized<std::int32_t, std::uint32_t>;
  if (kind == TypeKind::int8) return encode_sized<std::int64_t, std::uint64_t>;
  return nullptr;
}

// Strings and schemaless values: the column decides what they are read as.
EncodeFunction plan_any_number(Shape shape, TypeKind kind) {
  if (const EncodeFunction sized = sized_integer(kind)) return sized;
  if (kind == TypeKind::oid) return encode_any_integer;
  if (kind == TypeKind::numeric || kind == TypeKind::money) return encode_any_numeric;
  if (kind == TypeKind::float8) return encode_float8;
  if (kind == TypeKind::float4) return encode_any_float4;
  return kind == TypeKind::boolean && shape == Shape::any ? encode_any_boolean : nullptr;
}

bool holds_one_bit(const PgType& target) {
  return (target.kind == TypeKind::bit || target.kind == TypeKind::varbit) &&
         (target.length == 1 || target.length < 0 || target.kind == TypeKind::varbit);
}

}  // namespace

EncodeFunction plan_number(Shape shape, const ValuePlan& plan) {
  const TypeKind kind = plan.target.kind;
  const bool text = is_text_like(plan.target);
  switch (shape) {
    case Shape::any:
    case Shape::text:
      return plan_any_number(shape, kind);
    case Shape::integer:
      if (const EncodeFunction sized = sized_integer(kind)) return sized;
      return is_exact_number(kind) || is_real(kind) || kind == TypeKind::boolean || text
                 ? encode_integer
                 : nullptr;
    case Shape::real:
      // The record's own digits are what an exact column takes.
      if (is_exact_number(kind)) return encode_decimal_text;
      if (!is_real(kind) && !text) return nullptr;
      if (plan.source.base == ConnectType::float32) return encode_float4_source;
      return kind == TypeKind::float8 ? encode_float8 : encode_float8_source;
    case Shape::boolean:
      return kind == TypeKind::boolean || text || holds_one_bit(plan.target) ? encode_boolean
                                                                             : nullptr;
    case Shape::decimal:
      return is_exact_number(kind) || is_real(kind) || text ? encode_decimal : nullptr;
    case Shape::variable_decimal:
      return is_exact_number(kind) || is_real(kind) || text ? encode_variable_decimal : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace tidemark
