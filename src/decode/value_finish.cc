// From the form that a source gives exactly to the form of the target's column: numbers, booleans,
// text and bytes. Dates and times are in value_time.cc.
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "decode/base64.h"
#include "decode/numeric.h"
#include "decode/text_form.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

constexpr std::int32_t kNumericPrecisionMax = 1000;

// The element's payload in a place of its own, so that the element can be written anew.
std::string_view take_payload(std::size_t at, Bytes& out) {
  thread_local Bytes taken;
  taken.clear();
  taken.append(element_payload(at, out));
  out.truncate(at);
  return taken.view();
}

std::int64_t take_int8(std::size_t at, Bytes& out) {
  const auto value = static_cast<std::int64_t>(load_big<std::uint64_t>(out.data() + at + 4));
  out.truncate(at);
  return value;
}

PgType numeric_for(const PgType& have, const NumericShape& shape) {
  std::int32_t whole = have.precision - have.scale;
  std::int32_t scale = have.scale;
  if (!shape.zero) {
    whole = std::max(whole, shape.highest + 1);
    scale = std::max(scale, -shape.lowest);
  }
  if (whole + scale > kNumericPrecisionMax || scale > kNumericPrecisionMax) {
    return pg_type(TypeKind::numeric);
  }
  return pg_numeric(std::max(whole + scale, 1), scale);
}

// numeric(p,s): digits before 10^(p-s) and down to 10^-s.
EncodeStatus check_numeric_limits(const ValuePlan& plan, std::size_t at, Bytes& out,
                                  EncodeFailure& why) {
  const PgType& target = plan.target;
  const std::string_view payload = element_payload(at, out);
  const NumericShape shape = numeric_shape(payload);
  if (!shape.finite) {
    if (load_big<std::uint16_t>(payload.data() + 4) == kNumericNan) return EncodeStatus::ok;
    return bad(at, out, why, "infinity does not go into a numeric with a precision");
  }
  if (shape.zero ||
      (shape.highest < target.precision - target.scale && shape.lowest >= -target.scale)) {
    return EncodeStatus::ok;
  }
  return too_wide(at, out, why, numeric_for(target, shape),
                  "more digits than the column's precision and scale hold");
}

EncodeStatus numeric_into_integer(const ValuePlan& plan, std::size_t at, Bytes& out,
                                  EncodeFailure& why) {
  std::int64_t value = 0;
  if (numeric_to_int64(element_payload(at, out), value)) {
    out.truncate(at);
    append_fixed(static_cast<std::uint64_t>(value), out);
    return finish_int8(plan, at, out, why);
  }
  const bool widens = plan.target.kind != TypeKind::oid && plan.target.kind != TypeKind::boolean;
  if (!widens || !numeric_shape(element_payload(at, out)).finite) {
    return bad(at, out, why, "not an integer of the column's range");
  }
  return too_wide(at, out, why, pg_type(TypeKind::numeric),
                  "a fraction, or out of the range of the integer column");
}

// Only where the shortest text of the float is the same number.
template <typename T, typename Bits>
EncodeStatus numeric_into_real(std::size_t at, Bytes& out, EncodeFailure& why) {
  thread_local Bytes text;
  thread_local Bytes back;
  text.clear();
  back.clear();
  append_numeric_as_text(element_payload(at, out), text);
  T value = 0;
  const char* end = text.data() + text.size();
  if (!append_numeric_special(text.view(), back)) {
    if (std::from_chars(text.data(), end, value).ec != std::errc()) {
      return bad(at, out, why, "a decimal that the floating-point column cannot hold exactly");
    }
    text.clear();
    sizeof(T) == 4 ? append_float_text(static_cast<float>(value), text)
                   : append_double_text(static_cast<double>(value), text);
    if (append_numeric_text(text.view(), back) != NumericResult::ok ||
        !numeric_equal(back.view(), element_payload(at, out))) {
      return bad(at, out, why, "a decimal that the floating-point column cannot hold exactly");
    }
  } else {
    const std::uint16_t sign = load_big<std::uint16_t>(back.data() + 4);
    value = sign == kNumericNan        ? std::numeric_limits<T>::quiet_NaN()
            : sign == kNumericInfinity ? std::numeric_limits<T>::infinity()
                                       : -std::numeric_limits<T>::infinity();
  }
  out.truncate(at);
  append_fixed(std::bit_cast<Bits>(value), out);
  return EncodeStatus::ok;
}

EncodeStatus numeric_into_money(std::size_t at, Bytes& out, EncodeFailure& why) {
  const NumericShape shape = numeric_shape(element_payload(at, out));
  if (shape.finite && (shape.zero || (shape.lowest >= -2 && shape.highest <= 16))) {
    return EncodeStatus::ok;
  }
  return bad(at, out, why, "more digits than money holds");
}

EncodeStatus int8_into_real(const ValuePlan& plan, std::int64_t value, std::size_t at, Bytes& out,
                            EncodeFailure& why) {
  // 2^53 and 2^24 are the last integers up to which there is no gap; beyond, zeros at the end help.
  const std::int32_t digits = plan.target.kind == TypeKind::float4 ? 24 : 53;
  const auto magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  if (magnitude != 0 && 64 - std::countl_zero(magnitude) - std::countr_zero(magnitude) > digits) {
    return bad(at, out, why, "an integer that the floating-point column cannot hold exactly");
  }
  if (digits == 24) {
    append_fixed(std::bit_cast<std::uint32_t>(static_cast<float>(value)), out);
  } else {
    append_fixed(std::bit_cast<std::uint64_t>(static_cast<double>(value)), out);
  }
  return EncodeStatus::ok;
}

template <typename Signed>
bool within(std::int64_t value) {
  return value >= std::numeric_limits<Signed>::min() && value <= std::numeric_limits<Signed>::max();
}

EncodeStatus integer_too_wide(std::int64_t value, std::size_t at, Bytes& out, EncodeFailure& why) {
  return too_wide(at, out, why,
                  pg_type(within<std::int32_t>(value) ? TypeKind::int4 : TypeKind::int8),
                  "out of the range of the integer column");
}

std::size_t characters(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<std::uint8_t>(c) & 0xc0U) != 0x80U ? 1 : 0;
  return count;
}

}  // namespace

EncodeStatus bad(std::size_t at, Bytes& out, EncodeFailure& why, const char* reason) {
  out.truncate(at);
  why.reason = reason;
  return EncodeStatus::bad;
}

EncodeStatus too_wide(std::size_t at, Bytes& out, EncodeFailure& why, PgType wider,
                      const char* reason) {
  out.truncate(at);
  why.reason = reason;
  why.wider = std::move(wider);
  return EncodeStatus::too_wide;
}

EncodeStatus not_of_a_string(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why,
                             const char* reason) {
  const TypeKind kind = plan.target.kind;
  const bool own_form = kind == TypeKind::int2 || kind == TypeKind::int4 ||
                        kind == TypeKind::int8 || kind == TypeKind::uuid;
  const bool plain = plan.source.base == ConnectType::string && plan.source.name.empty();
  if (!plain || !own_form) return bad(at, out, why, reason);
  return too_wide(at, out, why, pg_type(TypeKind::text), reason);
}

EncodeStatus wrong_kind(const JsonValue& value, const char* expected, EncodeFailure& why) {
  constexpr std::array<const char*, 8> kNames = {"null",     "a boolean", "a boolean", "a number",
                                                 "a string", "an array",  "an object", "bytes"};
  why.reason = std::string("expected ") + expected + ", found " +
               kNames.at(static_cast<std::size_t>(value.kind));
  return EncodeStatus::bad;
}

std::optional<std::string_view> bytes_content(const JsonValue& value, Bytes& scratch) {
  if (value.kind == JsonKind::bytes) return value.raw;
  thread_local Bytes text;
  scratch.clear();
  if (!value.is_string() || !append_base64_decoded(string_content(value, text), scratch)) {
    return std::nullopt;
  }
  return scratch.view();
}

std::string_view string_content(const JsonValue& value, Bytes& scratch) {
  if (!value.escaped) return value.raw;
  scratch.clear();
  append_unescaped(value.raw, scratch);
  return scratch.view();
}

bool is_text_like(const PgType& target) {
  return !target.array && (target.kind == TypeKind::text || target.kind == TypeKind::varchar ||
                           target.kind == TypeKind::bpchar || target.kind == TypeKind::citext);
}

bool is_json(const PgType& target) {
  return !target.array && (target.kind == TypeKind::json || target.kind == TypeKind::jsonb);
}

EncodeStatus finish_boolean(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  if (plan.target.kind == TypeKind::boolean) return EncodeStatus::ok;
  if (is_text_like(plan.target)) return finish_as_text(plan, Wire::boolean, at, out, why);
  const bool value = out.data()[at + 4] != 0;
  out.truncate(at);
  append_text_element(value ? "1" : "0", out);  // bit(1)
  return EncodeStatus::ok;
}

EncodeStatus finish_int8(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  if (is_text_like(plan.target)) return finish_as_text(plan, Wire::int8, at, out, why);
  const std::int64_t value = take_int8(at, out);
  switch (plan.target.kind) {
    case TypeKind::int2:
      if (!within<std::int16_t>(value)) return integer_too_wide(value, at, out, why);
      append_fixed(static_cast<std::uint16_t>(value), out);
      return EncodeStatus::ok;
    case TypeKind::int4:
      if (!within<std::int32_t>(value)) return integer_too_wide(value, at, out, why);
      append_fixed(static_cast<std::uint32_t>(value), out);
      return EncodeStatus::ok;
    case TypeKind::oid:
      if (!within<std::uint32_t>(value)) return bad(at, out, why, "out of the range of oid");
      [[fallthrough]];
    case TypeKind::int8:
      append_fixed(static_cast<std::uint64_t>(value), out);
      return EncodeStatus::ok;
    case TypeKind::float4:
    case TypeKind::float8:
      return int8_into_real(plan, value, at, out, why);
    case TypeKind::boolean:
      if (value != 0 && value != 1) return bad(at, out, why, "neither 0 nor 1 for a boolean");
      append_text_element(value == 1 ? std::string_view("\1", 1) : std::string_view("\0", 1), out);
      return EncodeStatus::ok;
    default: {
      begin_element(out);
      const auto magnitude = static_cast<std::uint64_t>(value);
      append_numeric_small(value < 0, value < 0 ? 0 - magnitude : magnitude, 0, out);
      end_element(at, out);
      return finish_numeric(plan, at, out, why);
    }
  }
}

EncodeStatus finish_float8(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  if (is_text_like(plan.target)) return finish_as_text(plan, Wire::float8, at, out, why);
  if (plan.target.kind == TypeKind::float8) return EncodeStatus::ok;
  const double value = std::bit_cast<double>(load_big<std::uint64_t>(out.data() + at + 4));
  const auto narrow = static_cast<float>(value);
  if (!std::isnan(value) && static_cast<double>(narrow) != value) {
    return too_wide(at, out, why, pg_type(TypeKind::float8), "more digits than real holds");
  }
  out.truncate(at);
  append_fixed(std::bit_cast<std::uint32_t>(narrow), out);
  return EncodeStatus::ok;
}

EncodeStatus finish_numeric(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  switch (plan.target.kind) {
    case TypeKind::numeric:
      return plan.target.precision < 0 ? EncodeStatus::ok
                                       : check_numeric_limits(plan, at, out, why);
    case TypeKind::money:
      return numeric_into_money(at, out, why);
    case TypeKind::float4:
      return numeric_into_real<float, std::uint32_t>(at, out, why);
    case TypeKind::float8:
      return numeric_into_real<double, std::uint64_t>(at, out, why);
    case TypeKind::int2:
    case TypeKind::int4:
    case TypeKind::int8:
    case TypeKind::oid:
    case TypeKind::boolean:
      return numeric_into_integer(plan, at, out, why);
    default:
      return finish_as_text(plan, Wire::numeric, at, out, why);
  }
}

EncodeStatus finish_as_text(const ValuePlan& plan, Wire from, std::size_t at, Bytes& out,
                            EncodeFailure& why) {
  const std::string_view payload = take_payload(at, out);
  begin_element(out);
  append_text_form(from, payload, out);
  end_element(at, out);
  return finish_text(plan, at, out, why);
}

EncodeStatus finish_text(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  if (plan.target.length < 0) return EncodeStatus::ok;
  const auto length = static_cast<std::size_t>(plan.target.length);
  if (plan.target.kind == TypeKind::bpchar) {
    // Spaces at the end mean nothing in character(n): without them equal values are equal bytes.
    while (out.size() > at + 4 && out.data()[out.size() - 1] == ' ') out.truncate(out.size() - 1);
    end_element(at, out);
  }
  const std::string_view text = element_payload(at, out);
  if (text.size() <= length || characters(text) <= length) return EncodeStatus::ok;
  return too_wide(at, out, why, pg_type(TypeKind::text), "more characters than the column holds");
}

EncodeStatus finish_bytea(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  if (plan.target.kind == TypeKind::uuid && element_payload(at, out).size() != 16) {
    return bad(at, out, why, "a uuid has 16 bytes");
  }
  return EncodeStatus::ok;
}

}  // namespace tidemark
