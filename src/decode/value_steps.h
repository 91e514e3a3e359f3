// What the value encoders share. Every encoder first writes its value in the form that its source
// gives exactly (an int8, a numeric, a timestamp, …); then finish_<form> turns that element into
// the form of the target's column, or says why it cannot. takes_<form> tells at planning time which
// targets finish_<form> knows. So n sources and m targets cost n + m functions.
// The element begins at `at`, its length first; a failure leaves nothing behind it.
// Internal to decode/value_*; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decode/byte_runs.h"
#include "decode/value.h"

namespace tidemark {

inline std::size_t begin_element(Bytes& out) {
  const std::size_t at = out.size();
  out.extend(4);
  return at;
}
inline void end_element(std::size_t at, Bytes& out) {
  store_big(out.data() + at, static_cast<std::uint32_t>(out.size() - at - 4));
}
inline std::string_view element_payload(std::size_t at, const Bytes& out) {
  return out.view(at + 4, out.size() - at - 4);
}
template <typename T>
std::size_t append_fixed(T value, Bytes& out) {
  const std::size_t at = out.size();
  char* to = out.extend(4 + sizeof value);
  store_big(to, static_cast<std::uint32_t>(sizeof value));
  store_big(to + 4, value);
  return at;
}
inline std::size_t append_text_element(std::string_view text, Bytes& out) {
  const std::size_t at = begin_element(out);
  out.append(text);
  end_element(at, out);
  return at;
}

EncodeStatus bad(std::size_t at, Bytes& out, EncodeFailure& why, const char* reason);
EncodeStatus too_wide(std::size_t at, Bytes& out, EncodeFailure& why, PgType wider,
                      const char* reason);
// A string that does not hold what the column needs. Debezium sends integers and uuids in forms of
// their own: what the schema calls a plain string is a text at the source now, and the column has
// to become one. `bad` otherwise; a numeric may come as a string (decimal.handling.mode).
EncodeStatus not_of_a_string(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why,
                             const char* reason);
// A value of another JSON kind than `expected` names; nothing has been appended yet.
EncodeStatus wrong_kind(const JsonValue& value, const char* expected, EncodeFailure& why);

// The content of a string: a view into the record, or into `scratch` where it has escapes.
std::string_view string_content(const JsonValue& value, Bytes& scratch);
// Bytes, as they are or as base64 in a string: a view into the record or into `scratch`. No value:
// a string that is not base64, or another kind.
std::optional<std::string_view> bytes_content(const JsonValue& value, Bytes& scratch);
inline bool is_boolean(const JsonValue& value) {
  return value.kind == JsonKind::boolean_true || value.kind == JsonKind::boolean_false;
}

// text, varchar, character, citext: they take the text form of anything.
bool is_text_like(const PgType& target);
bool is_json(const PgType& target);
// Values whose JSON in the record is what they are: not bytes in base64, not days and microseconds.
bool has_plain_json(const SourceType& source);

EncodeStatus finish_boolean(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_int8(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_float8(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_numeric(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_text(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_bytea(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_date(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_time(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_timestamp(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
EncodeStatus finish_timestamptz(const ValuePlan&, std::size_t at, Bytes&, EncodeFailure&);
// The element of form `from` becomes text, for columns that are text-like.
EncodeStatus finish_as_text(const ValuePlan&, Wire from, std::size_t at, Bytes&, EncodeFailure&);

// What a value's schema says it is.
enum class Shape : std::uint8_t {
  any,  // no schema: the target's column decides, value by value
  integer,
  real,
  boolean,
  text,
  bytes,
  array,
  map,
  structure,
  decimal,
  variable_decimal,
  bits,
  date,
  time,
  timestamp,
  duration,  // numbers of ValuePlan::unit
  iso_date,
  iso_time,
  iso_timestamp,
  zoned_time,
  zoned_timestamp,
  interval,
  structured_date,
  structured_time,
  structured_timestamp,
  structured_zoned_time,
  structured_zoned_timestamp,
  structured_duration,
  json,
  uuid,
  named_text,  // strings that know what they are; named_text: xml, ltree, tsvector, enum
  point,
  geometry,
  circle,
  line,
  vector,
  sparse_vector,
};
Shape shape_of(const SourceType& source, TimeUnit& unit);
// Every schema name that means something here.
std::vector<std::string_view> semantic_names();

// Each chooses the encoder for one family of shapes, by the plan's target; nullptr: the two do not
// go together.
EncodeFunction plan_number(Shape shape, const ValuePlan& plan);
EncodeFunction plan_time(Shape shape, const ValuePlan& plan);
EncodeFunction plan_structured_time(Shape shape, const ValuePlan& plan);
EncodeFunction plan_text(Shape shape, const ValuePlan& plan);
EncodeFunction plan_json(Shape shape, const ValuePlan& plan);
EncodeFunction plan_binary(Shape shape, const ValuePlan& plan);
EncodeFunction plan_geometry(Shape shape, const ValuePlan& plan);
EncodeFunction plan_array(Shape shape, ValuePlan& plan, const ValueSettings& settings,
                          std::string& reason);

// The placeholders that a value of this source may be, for ValuePlan::unavailable; their sizes, for
// ValuePlan::unavailable_sizes.
std::vector<UnavailableForm> unavailable_forms(const SourceType& source, const PgType& target,
                                               const std::string& placeholder);
std::uint64_t sizes_of(const std::vector<UnavailableForm>& forms);
// ValuePlan::encode where there are such.
EncodeStatus encode_unless_unavailable(const ValuePlan&, const JsonValue&, Bytes&, EncodeFailure&);

}  // namespace tidemark
