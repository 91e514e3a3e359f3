// JSON into json and jsonb, and JSON objects into hstore.
#include "decode/value_steps.h"

namespace tidemark {
namespace {

// An escaped NUL, which jsonb refuses (22P05): "\u0000" behind an even number of backslashes.
bool has_escaped_nul(std::string_view json) {
  for (std::size_t i = json.find('\\'); i != std::string_view::npos; i = json.find('\\', i + 2)) {
    if (json.substr(i + 1, 5) == "u0000") return true;
  }
  return false;
}

// What stands in out from `from` on is JSON text that jsonb takes: valid, surrogates in pairs.
const char* jsonb_fault(std::string_view json) {
  JsonReader reader(json, JsonReader::kDepthCeiling);
  JsonValue whole;
  // The reader passes over a byte order mark, jsonb does not.
  const bool marked = json.starts_with("\xef\xbb\xbf");
  if (marked || !reader.value(whole) || !reader.at_end()) return "not valid JSON";
  return has_escaped_nul(json) ? "U+0000 cannot be stored in jsonb" : nullptr;
}

EncodeStatus finish_json(const ValuePlan& plan, std::size_t at, std::size_t from, Bytes& out,
                         EncodeFailure& why) {
  const std::string_view json = out.view(from, out.size() - from);
  if (json.empty()) return bad(at, out, why, "an empty string is not JSON");
  if (json.find('\0') != std::string_view::npos) {
    return bad(at, out, why, "U+0000 cannot be stored in JSON");
  }
  if (plan.target.kind == TypeKind::jsonb) {
    if (const char* fault = jsonb_fault(json)) return bad(at, out, why, fault);
  }
  end_element(at, out);
  return EncodeStatus::ok;
}

std::size_t begin_json(const ValuePlan& plan, Bytes& out) {
  const std::size_t at = begin_element(out);
  if (plan.target.kind == TypeKind::jsonb) out.append('\1');  // jsonb_recv's version
  return at;
}

// A string whose content is JSON, as Debezium's Json.
EncodeStatus encode_json_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                              EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "a string of JSON", why);
  const std::size_t at = begin_json(plan, out);
  const std::size_t from = out.size();
  if (value.escaped) {
    append_unescaped(value.raw, out);
  } else {
    out.append(value.raw);
  }
  return finish_json(plan, at, from, out, why);
}

// The value as it stands in the record, which the reader has validated.
EncodeStatus encode_json_raw(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                             EncodeFailure& why) {
  // Of a string `raw` is the content, which need not be JSON.
  if (value.is_string()) return wrong_kind(value, "an object or an array", why);
  const std::size_t at = begin_json(plan, out);
  out.append(value.raw);
  if (plan.target.kind == TypeKind::jsonb && has_escaped_nul(value.raw)) {
    return bad(at, out, why, "U+0000 cannot be stored in jsonb");
  }
  end_element(at, out);
  return EncodeStatus::ok;
}

EncodeStatus encode_any_json(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                             EncodeFailure& why) {
  return value.is_string() ? encode_json_text(plan, value, out, why)
                           : encode_json_raw(plan, value, out, why);
}

// hstore's text form: every key and value in quotes.
void append_hstore_quoted(std::string_view text, Bytes& out) {
  out.append('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.append('\\');
    out.append(c);
  }
  out.append('"');
}

bool append_hstore_value(const JsonValue& value, Bytes& out) {
  thread_local Bytes scratch;
  if (value.is_null()) {
    out.append("NULL");
    return true;
  }
  if (value.kind == JsonKind::object || value.kind == JsonKind::array) return false;
  append_hstore_quoted(value.is_string() ? string_content(value, scratch) : value.raw, out);
  return true;
}

EncodeStatus encode_hstore_object(std::string_view json, Bytes& out, EncodeFailure& why) {
  const std::size_t at = begin_element(out);
  JsonReader reader(json, 2);
  std::string_view name;
  bool escaped = false;
  bool good = reader.enter_object();
  while (good && reader.member(name, escaped)) {
    JsonValue key;
    key.kind = JsonKind::string;
    key.raw = name;
    key.escaped = escaped;
    JsonValue value;
    if (out.size() > at + 4) out.append(", ");
    good = append_hstore_value(key, out);
    out.append("=>");
    good = good && reader.value(value) && append_hstore_value(value, out);
  }
  if (!good || reader.failed() || !reader.at_end()) {
    return bad(at, out, why, "not an object of strings, as hstore is");
  }
  end_element(at, out);
  if (element_payload(at, out).find('\0') != std::string_view::npos) {
    return bad(at, out, why, "U+0000 cannot be stored in hstore");
  }
  return EncodeStatus::ok;
}

// hstore.handling.mode json: a string that holds an object; map: the object itself.
EncodeStatus encode_hstore(const ValuePlan&, const JsonValue& value, Bytes& out,
                           EncodeFailure& why) {
  if (value.kind == JsonKind::object) return encode_hstore_object(value.raw, out, why);
  if (!value.is_string()) return wrong_kind(value, "an object of strings", why);
  thread_local Bytes scratch;
  const std::string_view text = string_content(value, scratch);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') {
    return encode_hstore_object(text, out, why);
  }
  if (text.find('\0') != std::string_view::npos) {
    return bad(out.size(), out, why, "U+0000 cannot be stored in hstore");
  }
  append_text_element(text, out);  // hstore's own text form, for PostgreSQL to check
  return EncodeStatus::ok;
}

}  // namespace

bool has_plain_json(const SourceType& source) {
  switch (source.base) {
    case ConnectType::bytes:
    case ConnectType::map:
    case ConnectType::structure:
      return false;
    case ConnectType::array:
      return source.items == nullptr || has_plain_json(*source.items);
    default:
      return source.name.empty() || source.base == ConnectType::string;
  }
}

EncodeFunction plan_json(Shape shape, const ValuePlan& plan) {
  const bool json = is_json(plan.target);
  const bool hstore = plan.target.kind == TypeKind::hstore;
  switch (shape) {
    case Shape::any:
      return json ? encode_any_json : hstore ? encode_hstore : nullptr;
    case Shape::text:
    case Shape::json:
      return json ? encode_json_text : hstore ? encode_hstore : nullptr;
    case Shape::map:
      return json ? encode_json_raw : hstore ? encode_hstore : nullptr;
    case Shape::structure:
    case Shape::point:
    case Shape::geometry:
    case Shape::circle:
    case Shape::line:
    case Shape::sparse_vector:
    case Shape::vector:
      return json ? encode_json_raw : nullptr;
    case Shape::integer:
    case Shape::real:
    case Shape::boolean:
    case Shape::array:
      return json && has_plain_json(plan.source) ? encode_any_json : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace tidemark
