// Strings: into text, into uuid, and into every type that PostgreSQL reads from text.
#include <array>

#include "decode/base64.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

EncodeStatus encode_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                         EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "a string", why);
  std::size_t at = out.size();
  if (!value.escaped) {
    char* to = out.extend(4 + value.raw.size());
    store_big(to, static_cast<std::uint32_t>(value.raw.size()));
    if (!value.raw.empty()) std::memcpy(to + 4, value.raw.data(), value.raw.size());
  } else {
    at = begin_element(out);
    append_unescaped(value.raw, out);
    end_element(at, out);
  }
  if (element_payload(at, out).find('\0') != std::string_view::npos) {
    return bad(at, out, why, "U+0000 cannot be stored in text");
  }
  return plan.target.length < 0 ? EncodeStatus::ok : finish_text(plan, at, out, why);
}

// Schemaless, or of a kind that text holds by what the record says: a number keeps its digits.
EncodeStatus encode_any_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                             EncodeFailure& why) {
  if (value.is_string()) return encode_text(plan, value, out, why);
  const std::size_t at = append_text_element(value.raw, out);
  return finish_text(plan, at, out, why);
}

// Numbers go where text input takes them; objects and arrays do not go into just any type.
EncodeStatus encode_any_scalar(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                               EncodeFailure& why) {
  if (value.kind != JsonKind::number) return encode_text(plan, value, out, why);
  return encode_any_text(plan, value, out, why);
}

// As PostgreSQL's input: 32 hexadecimal digits, hyphens after any four, braces around or not.
bool append_uuid(std::string_view text, Bytes& out) {
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, text.size() - 2);
  }
  std::array<char, 32> digits{};
  std::size_t count = 0;
  bool hyphen = true;  // none may come here
  for (const char c : text) {
    if (c == '-') {
      if (hyphen || count % 4 != 0) return false;
      hyphen = true;
      continue;
    }
    if (count == digits.size()) return false;
    digits.at(count++) = c;
    hyphen = false;
  }
  if (count != digits.size() || hyphen) return false;
  return append_hex_decoded({digits.data(), digits.size()}, out);
}

EncodeStatus encode_uuid(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                         EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "a uuid", why);
  thread_local Bytes scratch;
  const std::size_t at = begin_element(out);
  if (!append_uuid(string_content(value, scratch), out)) {
    return not_of_a_string(plan, at, out, why, "not a uuid");
  }
  end_element(at, out);
  return EncodeStatus::ok;
}

// Read by PostgreSQL's own input function, behind the statement's cast.
bool is_cast_from_text(TypeKind kind) {
  switch (kind) {
    case TypeKind::xml:
    case TypeKind::hstore:
    case TypeKind::ltree:
    case TypeKind::tsvector:
    case TypeKind::inet:
    case TypeKind::cidr:
    case TypeKind::macaddr:
    case TypeKind::point:
    case TypeKind::enumeration:
    case TypeKind::range:
    case TypeKind::other:
      return true;
    default:
      return false;
  }
}

}  // namespace

EncodeFunction plan_text(Shape shape, const ValuePlan& plan) {
  const TypeKind kind = plan.target.kind;
  switch (shape) {
    case Shape::any:
      if (is_text_like(plan.target)) return encode_any_text;
      if (kind == TypeKind::uuid) return encode_uuid;
      return is_cast_from_text(kind) ? encode_any_scalar : nullptr;
    case Shape::text:
    case Shape::named_text:
    case Shape::uuid:
    case Shape::json:
      if (kind == TypeKind::uuid && (shape == Shape::text || shape == Shape::uuid)) {
        return encode_uuid;
      }
      return is_text_like(plan.target) || is_cast_from_text(kind) ? encode_text : nullptr;
    case Shape::array:
      if (!has_plain_json(plan.source)) return nullptr;
      [[fallthrough]];
    case Shape::map:
    case Shape::structure:
      // Their JSON.
      return is_text_like(plan.target) ? encode_any_text : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace tidemark
