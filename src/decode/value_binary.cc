// Bytes in base64 and hexadecimal, and bit strings.
#include <cstring>

#include "decode/base64.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

EncodeStatus encode_bytes(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                          EncodeFailure& why) {
  if (value.kind == JsonKind::bytes) {
    return finish_bytea(plan, append_text_element(value.raw, out), out, why);
  }
  if (value.is_object() && plan.source.base == ConnectType::unknown) {  // a geometry's
    return plan_geometry(Shape::geometry, plan)(plan, value, out, why);
  }
  if (!value.is_string()) return wrong_kind(value, "bytes in base64", why);
  thread_local Bytes scratch;
  const std::size_t at = begin_element(out);
  if (!append_base64_decoded(string_content(value, scratch), out)) {
    return bad(at, out, why, "not base64; binary.handling.mode=bytes at the source is understood");
  }
  end_element(at, out);
  return finish_bytea(plan, at, out, why);
}

EncodeStatus encode_hex(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                        EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "bytes in hexadecimal", why);
  thread_local Bytes scratch;
  const std::size_t at = begin_element(out);
  if (!append_hex_decoded(string_content(value, scratch), out)) {
    return bad(at, out, why, "not hexadecimal");
  }
  end_element(at, out);
  return finish_bytea(plan, at, out, why);
}

// Strings that a schema calls strings: binary.handling.mode is base64, base64-url-safe or hex, and
// nothing says which. Digits and a to f in fours are the only texts that could be both.
EncodeStatus encode_bytes_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                               EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "bytes as a string", why);
  thread_local Bytes scratch;
  const std::string_view text = string_content(value, scratch);
  const bool hex = text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (hex && !text.empty() && text.size() % 4 == 0) {
    return bad(out.size(), out, why, "hexadecimal or base64: nothing tells; set binary-text");
  }
  return hex ? encode_hex(plan, value, out, why) : encode_bytes(plan, value, out, why);
}

bool bit_of(std::string_view bytes, std::size_t i) {
  if (i / 8 >= bytes.size()) return false;
  const std::uint32_t byte = static_cast<std::uint8_t>(bytes[i / 8]);
  return (byte >> (i % 8) & 1U) != 0;
}

std::size_t significant_bits(std::string_view bytes) {
  std::size_t count = bytes.size() * 8;
  while (count > 0 && !bit_of(bytes, count - 1)) --count;
  return count;
}

// How many bits are written: the source's length, the column's, or what the value needs. Leading
// zeros of a varbit are lost at the source, its length is only a maximum.
std::size_t bits_wanted(const ValuePlan& plan, std::size_t significant) {
  if (plan.target.kind == TypeKind::varbit) return significant == 0 ? 1 : significant;
  if (plan.scale > 0) return static_cast<std::size_t>(plan.scale);
  if (plan.target.kind == TypeKind::bit && plan.target.length > 0) {
    return static_cast<std::size_t>(plan.target.length);
  }
  return significant == 0 ? 1 : significant;
}

// io.debezium.data.Bits: the lowest byte first, zero bytes at the end left out.
EncodeStatus encode_bits(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                         EncodeFailure& why) {
  if (!value.is_string() && value.kind != JsonKind::bytes) {
    return wrong_kind(value, "bits in base64", why);
  }
  thread_local Bytes scratch;
  const std::size_t at = out.size();
  const std::optional<std::string_view> bytes = bytes_content(value, scratch);
  if (!bytes) return bad(at, out, why, "not base64");
  const std::size_t significant = significant_bits(*bytes);
  if (plan.target.kind == TypeKind::boolean) {
    if (significant > 1) return bad(at, out, why, "more than one bit for a boolean");
    append_text_element(significant == 1 ? std::string_view("\1", 1) : std::string_view("\0", 1),
                        out);
    return EncodeStatus::ok;
  }
  const std::size_t count = bits_wanted(plan, significant);
  if (significant > count) return bad(at, out, why, "more bits than the bit string has");
  begin_element(out);
  char* to = out.extend(count);
  for (std::size_t i = count; i-- > 0;) *to++ = bit_of(*bytes, i) ? '1' : '0';
  end_element(at, out);
  if (is_text_like(plan.target)) return finish_text(plan, at, out, why);
  if (plan.target.length >= 0 && count > static_cast<std::size_t>(plan.target.length)) {
    return too_wide(at, out, why, pg_type(TypeKind::varbit), "more bits than the column holds");
  }
  return EncodeStatus::ok;
}

// Schemaless: bit(1) comes as a boolean.
EncodeStatus encode_any_bits(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                             EncodeFailure& why) {
  if (!is_boolean(value)) return encode_bits(plan, value, out, why);
  if (plan.target.kind == TypeKind::bit && plan.target.length > 1) {
    return wrong_kind(value, "bits in base64", why);
  }
  append_text_element(value.kind == JsonKind::boolean_true ? "1" : "0", out);
  return EncodeStatus::ok;
}

EncodeFunction plan_bits(const ValuePlan& plan) {
  const PgType& target = plan.target;
  if (is_text_like(target)) return encode_bits;
  if (target.kind == TypeKind::boolean) return plan.scale <= 1 ? encode_bits : nullptr;
  if (target.kind == TypeKind::varbit) return encode_bits;
  // A bit string of another length is another value.
  const bool same = plan.scale == 0 || target.length < 0 || plan.scale == target.length;
  return target.kind == TypeKind::bit && same ? encode_bits : nullptr;
}

EncodeFunction plan_bytes_text(Shape shape, const ValuePlan& plan) {
  if (plan.binary_text == BinaryText::hex) return encode_hex;
  // Of base64, either alphabet is read: no text is valid in both with two meanings.
  if (plan.binary_text || shape == Shape::any) return encode_bytes;
  return encode_bytes_text;
}

}  // namespace

EncodeFunction plan_binary(Shape shape, const ValuePlan& plan) {
  const TypeKind kind = plan.target.kind;
  switch (shape) {
    case Shape::any:
      if (kind == TypeKind::bit || kind == TypeKind::varbit) return encode_any_bits;
      [[fallthrough]];
    case Shape::text:
      return kind == TypeKind::bytea ? plan_bytes_text(shape, plan) : nullptr;
    case Shape::bytes:
      return kind == TypeKind::bytea || kind == TypeKind::uuid ? encode_bytes : nullptr;
    case Shape::bits:
      return plan_bits(plan);
    default:
      return nullptr;
  }
}

}  // namespace tidemark
