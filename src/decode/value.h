// One value of a record into one element of a PostgreSQL binary array: the heart of decoding.
// plan_value() decides once per column how; encode_value() does it, without allocation in the good
// case. Exact always: what the target's column cannot hold as it is, is never rounded or cut.
// Source of the encodings: Debezium's documentation and code, see docs/formats.md.
// Plans are constants after planning; encode_value is thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "decode/json.h"
#include "model/pg_type.h"
#include "model/source_type.h"
#include "tidemark/config.h"

namespace tidemark {

enum class TimeUnit : std::uint8_t { ms, us, ns };

struct ValueSettings {
  std::string unavailable_value = "__debezium_unavailable_value";
  std::optional<TimeUnitMode> time_unit;  // schemaless times; not set: their numbers are refused
  // Strings into bytea. Not set: base64 where there is no schema; with one, base64 or hexadecimal,
  // whichever it can be, and a value that can be both is refused.
  std::optional<BinaryText> binary_text;
};

struct ValuePlan;
enum class EncodeStatus : std::uint8_t {
  ok,           // an element was appended: a value or null
  unavailable,  // Debezium's placeholder: kElementUnavailable was appended
  too_wide,     // the column would have to be widened to `wider`; nothing was appended
  bad,          // cannot be held, or is not of its type; nothing was appended
};

// What the user can do about a value that was not taken.
enum class Remedy : std::uint8_t {
  row_or_column,  // nothing but to correct one of them
  time_unit,      // [table.…] time-unit
  interval_form,  // settings of the connector, as are those that follow
  decimal_form,
};

// Why a value was not taken. Messages never contain the value.
struct EncodeFailure {
  std::string reason;
  PgType wider;  // for too_wide
  Remedy remedy = Remedy::row_or_column;
};

using EncodeFunction = EncodeStatus (*)(const ValuePlan&, const JsonValue&, Bytes&, EncodeFailure&);

// A placeholder as it stands in a record: a value of this kind with this text.
struct UnavailableForm {
  JsonKind kind = JsonKind::string;
  std::string raw;
  std::string plain;  // of a string: without escapes
};

struct ValuePlan {
  EncodeFunction encode = nullptr;
  EncodeFunction present = nullptr;  // where there are placeholders to compare with, `encode` only
                                     // does that and leaves the rest to this
  SourceType source;                 // base unknown: schemaless
  PgType target;
  Wire wire = Wire::text;
  std::int32_t scale = 0;        // Decimal's scale, or the length of Bits; 0: not known
  TimeUnit unit = TimeUnit::us;  // of times that come as numbers
  Remedy no_unit =
      Remedy::row_or_column;  // another one: the unit is not known, and this would help
  std::optional<BinaryText> binary_text;
  std::vector<UnavailableForm> unavailable;
  std::uint64_t unavailable_sizes = 0;  // bit n: a form that is no array or object has n bytes, or
                                        // as many more as 64 goes into
  std::shared_ptr<const ValuePlan> element;  // of arrays
};

// The PostgreSQL type that tidemark creates for a source type, with its length, precision and scale
// where the schema has them (Debezium's propagated source column type is preferred where present);
// `loss` is set to the named loss that the source's encoding has already made, if any.
PgType default_pg_type(const SourceType& source, std::string* loss = nullptr);

// How to move values of `source` into a column of type `target`; no plan: `reason` says why they do
// not go together (a struct into an integer, say).
std::optional<ValuePlan> plan_value(const SourceType& source, const PgType& target,
                                    const ValueSettings& settings, std::string& reason);

// A value without a schema that is Debezium's placeholder in any of its forms: it says nothing of
// the column's type.
bool says_unavailable(const JsonValue& value, const std::string& placeholder);

// The type that holds all values of both, for schema evolution: never narrower than `have`.
// No value: they have no common type. For example int4 and int8: int8; varchar(20) and text: text;
// numeric(10,2) and numeric(12,4): numeric(12,4) keeping 8 digits before the point.
std::optional<PgType> widened(const PgType& have, const PgType& need);

// A schema's default as an SQL expression for the column, where there is one ("'x'::text").
std::optional<std::string> default_sql(const SourceType& source, const PgType& target,
                                       const ValueSettings& settings);

inline EncodeStatus encode_value(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                 EncodeFailure& why) {
  if (value.is_null()) {
    out.append_big(static_cast<std::uint32_t>(-1));
    return EncodeStatus::ok;
  }
  return plan.encode(plan, value, out, why);
}

}  // namespace tidemark
