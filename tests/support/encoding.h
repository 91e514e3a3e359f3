// One JSON value through plan_value and encode_value: what a test of values needs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "decode/text_form.h"
#include "decode/value.h"
#include "model/layout.h"

namespace tidemark::test {

inline SourceType source_of(ConnectType base, std::string name = {},
                            std::map<std::string, std::string> parameters = {}) {
  SourceType type;
  type.base = base;
  type.name = std::move(name);
  type.parameters = std::move(parameters);
  return type;
}

inline SourceType array_of(SourceType items) {
  SourceType type;
  type.base = ConnectType::array;
  type.items = std::make_shared<const SourceType>(std::move(items));
  return type;
}

inline SourceType decimal_of(int scale) {
  return source_of(ConnectType::bytes, "org.apache.kafka.connect.data.Decimal",
                   {{"scale", std::to_string(scale)}});
}

inline PgType sized(TypeKind kind, int length) {
  PgType type = pg_type(kind);
  type.length = length;
  return type;
}

inline PgType precise(TypeKind kind, int precision) {
  PgType type = pg_type(kind);
  type.precision = precision;
  return type;
}

inline PgType named(TypeKind kind, std::string name) {
  PgType type = pg_type(kind);
  type.name = std::move(name);
  return type;
}

struct Encoded {
  EncodeStatus status = EncodeStatus::bad;
  std::string reason;
  Remedy remedy = Remedy::row_or_column;
  PgType wider;
  std::string element;  // all of it, the length too
  Wire wire = Wire::text;

  // "NULL", "UNAVAILABLE", "WIDEN <type>", "BAD", "NO PLAN", or the value in PostgreSQL's text
  // form.
  [[nodiscard]] std::string text() const {
    if (status == EncodeStatus::too_wide) return "WIDEN " + wider.sql();
    if (status == EncodeStatus::bad) return element.empty() ? "BAD" : "BAD, AND SOMETHING APPENDED";
    const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(element.data()));
    if (length == kElementNull) return "NULL";
    if (length == kElementUnavailable) return "UNAVAILABLE";
    if (static_cast<std::size_t>(length) + 4 != element.size()) return "WRONG LENGTH";
    Bytes out;
    append_text_form(wire, std::string_view(element).substr(4), out);
    return std::string(out.view());
  }
};

inline Encoded encode(const SourceType& source, const PgType& target, std::string_view json,
                      const ValueSettings& settings = {}) {
  Encoded result;
  const auto plan = plan_value(source, target, settings, result.reason);
  if (!plan) {
    result.element = "NO PLAN";
    return result;
  }
  result.wire = plan->wire;
  JsonReader reader(json, 512);
  JsonValue value;
  if (!reader.value(value) || !reader.at_end()) {
    result.reason = "the test's JSON is wrong";
    return result;
  }
  Bytes out;
  out.append("before");
  EncodeFailure why;
  result.status = encode_value(*plan, value, out, why);
  result.reason = why.reason;
  result.remedy = why.remedy;
  result.wider = why.wider;
  result.element = std::string(out.view().substr(6));
  return result;
}

inline std::string text_of(const SourceType& source, const PgType& target, std::string_view json,
                           const ValueSettings& settings = {}) {
  const Encoded result = encode(source, target, json, settings);
  return result.element == "NO PLAN" ? result.element : result.text();
}

inline const SourceType& schemaless() {
  static const SourceType type;
  return type;
}

}  // namespace tidemark::test
