// The type that tidemark creates for a source's: the exact one where PostgreSQL has it without an
// extension, text or bytes where it has not. And a schema's default as SQL.
#include <array>
#include <charconv>

#include "decode/text_form.h"
#include "decode/value_steps.h"
#include "tidemark/types.h"

namespace tidemark {
namespace {

constexpr std::int32_t kVarcharMax = 10485760;
constexpr std::int32_t kBitsMax = 83886080;
constexpr std::int32_t kNumericMax = 1000;

std::optional<std::int32_t> number_parameter(const SourceType& source, const char* name) {
  const auto found = source.parameters.find(name);
  if (found == source.parameters.end()) return std::nullopt;
  std::int32_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

// What column.propagate.source.type adds to the schema.
struct SourceColumn {
  std::string type;  // upper case, as the source's driver names it
  std::int32_t length = -1;
  std::int32_t scale = 0;
};

SourceColumn source_column(const SourceType& source) {
  SourceColumn column;
  const auto found = source.parameters.find("__debezium.source.column.type");
  if (found == source.parameters.end()) return column;
  for (const char c : found->second) {
    column.type += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  column.length = number_parameter(source, "__debezium.source.column.length").value_or(-1);
  column.scale = number_parameter(source, "__debezium.source.column.scale").value_or(0);
  return column;
}

PgType with_length(TypeKind kind, std::int32_t length) {
  PgType type = pg_type(kind);
  type.length = length;
  return type;
}

PgType with_precision(TypeKind kind, std::int32_t precision) {
  PgType type = pg_type(kind);
  if (precision >= 0 && precision < 6) type.precision = precision;
  return type;
}

PgType named(TypeKind kind, std::string name) {
  PgType type = pg_type(kind);
  type.name = std::move(name);
  return type;
}

PgType numeric_of(std::optional<std::int32_t> precision, std::int32_t scale) {
  if (!precision || *precision < 1 || *precision > kNumericMax || scale < -kNumericMax ||
      scale > kNumericMax) {
    return pg_type(TypeKind::numeric);
  }
  return pg_numeric(*precision, scale);
}

std::string lower_case(const std::string& upper) {
  std::string lower;
  for (const char c : upper) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

// Names that PostgreSQL has itself and that its connector sends as plain strings.
PgType text_type(const SourceColumn& column) {
  struct Row {
    std::string_view name;
    TypeKind kind;
  };
  constexpr std::array<Row, 19> kRows = {{{"INET", TypeKind::inet},
                                          {"CIDR", TypeKind::cidr},
                                          {"MACADDR", TypeKind::macaddr},
                                          {"MACADDR8", TypeKind::other},
                                          {"MONEY", TypeKind::money},
                                          {"UUID", TypeKind::uuid},
                                          {"XML", TypeKind::xml},
                                          {"INT4RANGE", TypeKind::range},
                                          {"INT8RANGE", TypeKind::range},
                                          {"NUMRANGE", TypeKind::range},
                                          {"TSRANGE", TypeKind::range},
                                          {"TSTZRANGE", TypeKind::range},
                                          {"DATERANGE", TypeKind::range},
                                          {"INT4MULTIRANGE", TypeKind::range},
                                          {"INT8MULTIRANGE", TypeKind::range},
                                          {"NUMMULTIRANGE", TypeKind::range},
                                          {"TSMULTIRANGE", TypeKind::range},
                                          {"TSTZMULTIRANGE", TypeKind::range},
                                          {"DATEMULTIRANGE", TypeKind::range}}};
  const bool sized = column.length > 0 && column.length <= kVarcharMax;
  if (sized && column.type == "BPCHAR") return with_length(TypeKind::bpchar, column.length);
  if (sized && (column.type == "VARCHAR" || column.type == "CHAR")) {
    return with_length(TypeKind::varchar, column.length);
  }
  if (column.type == "NUMERIC" || column.type == "DECIMAL") {  // decimal.handling.mode=string
    return numeric_of(column.length, column.scale);
  }
  for (const Row& row : kRows) {
    if (row.name == column.type) {
      const bool by_name = row.kind == TypeKind::range || row.kind == TypeKind::other;
      return by_name ? named(row.kind, lower_case(column.type)) : pg_type(row.kind);
    }
  }
  return pg_type(TypeKind::text);
}

PgType bits_type(const SourceType& source, const SourceColumn& column, std::string& loss) {
  const std::int32_t length = number_parameter(source, "length").value_or(-1);
  const bool sized = length > 0 && length <= kBitsMax;
  if (column.type == "VARBIT" || !sized) {
    loss = "the leading zeros of a bit varying are not sent";
    return with_length(TypeKind::varbit, sized ? length : -1);
  }
  if (column.type != "BIT") loss = "a bit varying cannot be told from a bit, nor its leading zeros";
  return with_length(TypeKind::bit, length);
}

PgType number_type(Shape shape, const SourceType& source, const SourceColumn& column,
                   std::string& loss) {
  switch (shape) {
    case Shape::decimal:
      if (column.type == "MONEY") return pg_type(TypeKind::money);
      return numeric_of(number_parameter(source, "connect.decimal.precision"),
                        number_parameter(source, "scale").value_or(0));
    case Shape::variable_decimal:
      return pg_type(TypeKind::numeric);
    case Shape::real:
      if (column.type == "NUMERIC" || column.type == "DECIMAL" || column.type == "MONEY") {
        loss = "decimal.handling.mode=double has rounded to a double; precise keeps all digits";
      }
      return pg_type(source.base == ConnectType::float32 ? TypeKind::float4 : TypeKind::float8);
    case Shape::boolean:
      return pg_type(TypeKind::boolean);
    default:
      break;
  }
  if (source.base == ConnectType::int64) {
    if (column.type.starts_with("BIGINT UNSIGNED")) {
      loss =
          "from 2^63 on the source has wrapped around to negative numbers; "
          "bigint.unsigned.handling.mode=precise keeps them";
    }
    return pg_type(column.type == "OID" ? TypeKind::oid : TypeKind::int8);
  }
  return pg_type(source.base == ConnectType::int32 ? TypeKind::int4 : TypeKind::int2);
}

PgType time_type(Shape shape, TimeUnit unit, const SourceType& source, std::string& loss) {
  if (unit == TimeUnit::ns) {
    loss = "nanoseconds are cut to microseconds";
    if (shape == Shape::timestamp) loss += "; before 1677-09-21 and after 2262-04-11 null is sent";
  }
  if (source.name.starts_with("org.apache.kafka.connect.data.") && unit == TimeUnit::ms) {
    loss = "time.precision.mode=connect has cut the time to milliseconds";
  }
  const std::int32_t digits = unit == TimeUnit::ms ? 3 : -1;
  const std::int32_t stated = number_parameter(source, "io.debezium.time.precision").value_or(-1);
  if (stated > 6) loss = "digits of a second after the sixth are cut";
  switch (shape) {
    case Shape::time:
      return with_precision(TypeKind::time, digits);
    case Shape::timestamp:
      return with_precision(TypeKind::timestamp, digits);
    case Shape::iso_time:
      if (loss.empty()) loss = "24:00:00 is sent as 00:00:00";
      [[fallthrough]];
    case Shape::structured_time:
      return with_precision(TypeKind::time, stated);
    case Shape::iso_timestamp:
    case Shape::structured_timestamp:
      return with_precision(TypeKind::timestamp, stated);
    case Shape::zoned_time:
      loss =
          "the offset is not sent: the time is that of UTC, and before Debezium 3.7 24:00:00 is "
          "00:00:00";
      [[fallthrough]];
    case Shape::structured_zoned_time:
      return with_precision(TypeKind::timetz, stated);
    case Shape::zoned_timestamp:
    case Shape::structured_zoned_timestamp:
      return with_precision(TypeKind::timestamptz, stated);
    case Shape::duration:
      loss = "months and days have become microseconds; interval.handling.mode=string keeps them";
      return pg_type(TypeKind::interval);
    case Shape::interval:
    case Shape::structured_duration:
      return pg_type(TypeKind::interval);
    default:
      return pg_type(TypeKind::date);
  }
}

PgType array_type(const SourceType& source, std::string& loss) {
  const SourceType items = source.items ? *source.items : SourceType{};
  if (items.base == ConnectType::unknown || items.base == ConnectType::array ||
      items.base == ConnectType::map) {
    if (items.base == ConnectType::array) loss = "an array of arrays is kept as JSON";
    return pg_type(TypeKind::jsonb);
  }
  const PgType element = default_pg_type(items, &loss);
  if (element.kind == TypeKind::time) loss = "times in arrays are cut to milliseconds";
  return element.array ? pg_type(TypeKind::jsonb) : pg_array_of(element);
}

PgType named_text_type(const SourceType& source) {
  if (source.name == "io.debezium.data.Xml") return pg_type(TypeKind::xml);
  if (source.name == "io.debezium.data.Tsvector") return pg_type(TypeKind::tsvector);
  return pg_type(TypeKind::text);  // ltree needs an extension, enum a type of its own
}

// The EWKB, because PostGIS may not be there; PostgreSQL's own types where the schema has their
// name.
PgType geometry_type(const SourceColumn& column, std::string& loss) {
  if (column.type == "POLYGON") loss = "a last point that repeats the first is not sent";
  if (column.type == "BOX" || column.type == "LSEG" || column.type == "PATH" ||
      column.type == "POLYGON") {
    return named(TypeKind::other, lower_case(column.type));
  }
  return pg_type(TypeKind::bytea);
}

PgType default_type(const SourceType& source, std::string& loss) {
  TimeUnit unit = TimeUnit::us;
  const Shape shape = shape_of(source, unit);
  const SourceColumn column = source_column(source);
  switch (shape) {
    case Shape::any:
      return pg_type(TypeKind::text);
    case Shape::text:
      return text_type(column);
    case Shape::named_text:
      return named_text_type(source);
    case Shape::uuid:
      return pg_type(TypeKind::uuid);
    case Shape::json:
      return pg_type(column.type == "JSON" ? TypeKind::json : TypeKind::jsonb);
    case Shape::bytes:
      return pg_type(TypeKind::bytea);
    case Shape::geometry:
      return geometry_type(column, loss);
    case Shape::bits:
      return bits_type(source, column, loss);
    case Shape::integer:
    case Shape::real:
    case Shape::boolean:
    case Shape::decimal:
    case Shape::variable_decimal:
      return number_type(shape, source, column, loss);
    case Shape::array:
    case Shape::vector:
      return array_type(source, loss);
    case Shape::map:
    case Shape::structure:
      return pg_type(TypeKind::jsonb);
    case Shape::point:
      return pg_type(TypeKind::point);
    case Shape::circle:
      return named(TypeKind::other, "circle");
    case Shape::line:
      return named(TypeKind::other, "line");
    case Shape::sparse_vector:
      return pg_type(TypeKind::text);
    default:
      return time_type(shape, unit, source, loss);
  }
}

}  // namespace

PgType default_pg_type(const SourceType& source, std::string* loss) {
  std::string named_loss;
  PgType type = default_type(source, named_loss);
  if (loss != nullptr) *loss = named_loss;
  return type;
}

std::optional<std::string> default_sql(const SourceType& source, const PgType& target,
                                       const ValueSettings& settings) {
  if (!source.default_json) return std::nullopt;
  JsonReader reader(*source.default_json, 512);
  JsonValue value;
  if (!reader.value(value) || !reader.at_end() || value.is_null()) return std::nullopt;
  std::string reason;
  const std::optional<ValuePlan> plan = plan_value(source, target, settings, reason);
  if (!plan) return std::nullopt;
  Bytes element;
  EncodeFailure why;
  if (encode_value(*plan, value, element, why) != EncodeStatus::ok) return std::nullopt;
  Bytes text;
  append_text_form(plan->wire, element_payload(0, element), text);
  // A cast to a type with limits would cut; encode_value has checked that nothing is left to cut.
  return quote_literal(text.view()) + "::" + target.sql();
}

}  // namespace tidemark
