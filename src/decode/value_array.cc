// Arrays, as array literals: PostgreSQL's text form, which the statement casts. Each element goes
// through its own plan and then into the text form of its type.
#include <algorithm>
#include <memory>

#include "decode/text_form.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

bool is_null_word(std::string_view text) {
  return text.size() == 4 && (text[0] | 0x20) == 'n' && (text[1] | 0x20) == 'u' &&
         (text[2] | 0x20) == 'l' && (text[3] | 0x20) == 'l';
}

// As array_out quotes: the empty string, NULL as a word, and what means something in a literal.
bool needs_quotes(std::string_view text) {
  if (text.empty() || is_null_word(text)) return true;
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
      case '{':
      case '}':
      case ',':
      case ' ':
      case '\t':
      case '\n':
      case '\r':
      case '\v':
      case '\f':
        return true;
      default:
        break;
    }
  }
  return false;
}

void append_array_element(std::string_view text, Bytes& out) {
  if (!needs_quotes(text)) {
    out.append(text);
    return;
  }
  out.append('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.append('\\');
    out.append(c);
  }
  out.append('"');
}

// "[Ljava.lang.String;@69f4e1e0": what Debezium sends for the elements of text[][].
bool names_java_array(std::string_view text) {
  if (!text.starts_with('[')) return false;
  text.remove_prefix(std::min(text.find_first_not_of('['), text.size()));
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at + 1 == text.size()) return false;
  const std::string_view type = text.substr(0, at);
  const bool object = type.starts_with('L') && type.ends_with(';');
  const bool primitive =
      type.size() == 1 && std::string_view("BCDFIJSZ").find(type[0]) != std::string_view::npos;
  return (object || primitive) &&
         text.find_first_not_of("0123456789abcdef", at + 1) == std::string_view::npos;
}

EncodeStatus element_failed(EncodeStatus status, std::size_t at, Bytes& out, EncodeFailure& why) {
  out.truncate(at);
  why.reason = "in an array: " + why.reason;
  if (status == EncodeStatus::too_wide) why.wider.array = true;
  return status;
}

// One element, its text form into out by way of two scratch buffers. Arrays do not nest here, so
// the buffers are in use once at a time.
EncodeStatus append_element(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                            EncodeFailure& why) {
  thread_local Bytes element;
  thread_local Bytes text;
  if (value.is_null()) {
    out.append("NULL");
    return EncodeStatus::ok;
  }
  if (value.is_string() && names_java_array(value.raw)) {
    why.reason = "the name of a Java object, as Debezium sends arrays of more than one dimension";
    return EncodeStatus::bad;
  }
  element.clear();
  const EncodeStatus status = plan.encode(plan, value, element, why);
  if (status != EncodeStatus::ok) return status;
  const std::string_view payload = element_payload(0, element);
  if (plan.wire == Wire::text) {
    append_array_element(payload, out);
    return status;
  }
  text.clear();
  append_text_form(plan.wire, payload, text);
  append_array_element(text.view(), out);
  return status;
}

EncodeStatus encode_array(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                          EncodeFailure& why) {
  if (value.kind != JsonKind::array) return wrong_kind(value, "an array", why);
  const std::size_t at = begin_element(out);
  out.append('{');
  // The record has been validated, depth too; elements bound their own.
  JsonReader reader(value.raw, JsonReader::kDepthCeiling);
  reader.enter_array();
  while (reader.element()) {
    if (out.size() > at + 5) out.append(',');
    JsonValue item;
    if (!reader.value(item)) break;
    if (item.kind == JsonKind::array && plan.element->source.base == ConnectType::unknown) {
      return bad(at, out, why,
                 "an array of more than one dimension, which Debezium does not carry");
    }
    const EncodeStatus status = append_element(*plan.element, item, out, why);
    if (status != EncodeStatus::ok) return element_failed(status, at, out, why);
  }
  if (reader.failed()) return bad(at, out, why, "not a JSON array");
  out.append('}');
  end_element(at, out);
  return EncodeStatus::ok;
}

}  // namespace

EncodeFunction plan_array(Shape shape, ValuePlan& plan, const ValueSettings& settings,
                          std::string& reason) {
  if (shape != Shape::array && shape != Shape::vector && shape != Shape::any) return nullptr;
  SourceType items;
  if (shape != Shape::any && plan.source.items != nullptr) items = *plan.source.items;
  if (items.base == ConnectType::array) {
    reason = "arrays of more than one dimension do not come through Debezium";
    return nullptr;
  }
  PgType scalar = plan.target;
  scalar.array = false;
  std::optional<ValuePlan> element = plan_value(items, scalar, settings, reason);
  if (!element) return nullptr;
  // A placeholder is an array of its own form, never one element among others.
  if (element->present != nullptr) element->encode = element->present;
  element->unavailable.clear();
  plan.element = std::make_shared<const ValuePlan>(*std::move(element));
  return encode_array;
}

}  // namespace tidemark
