// plan_value: from a source's schema and a target's column to the function that encodes.
#include <array>
#include <charconv>

#include "decode/value_steps.h"

namespace tidemark {
namespace {

struct SemanticName {
  std::string_view name;
  ConnectType base;
  Shape shape;
  TimeUnit unit = TimeUnit::us;
};

constexpr ConnectType kInt32 = ConnectType::int32;
constexpr ConnectType kInt64 = ConnectType::int64;
constexpr ConnectType kFloat64 = ConnectType::float64;
constexpr ConnectType kString = ConnectType::string;
constexpr ConnectType kBytes = ConnectType::bytes;
constexpr ConnectType kArray = ConnectType::array;
constexpr ConnectType kStruct = ConnectType::structure;

// io.debezium.time.*, io.debezium.data.* and Kafka Connect's logical types.
constexpr std::array<SemanticName, 46> kSemanticNames = {{
    {"io.debezium.time.Date", kInt32, Shape::date},
    {"io.debezium.time.Time", kInt32, Shape::time, TimeUnit::ms},
    {"io.debezium.time.MicroTime", kInt64, Shape::time, TimeUnit::us},
    {"io.debezium.time.NanoTime", kInt64, Shape::time, TimeUnit::ns},
    {"io.debezium.time.Timestamp", kInt64, Shape::timestamp, TimeUnit::ms},
    {"io.debezium.time.MicroTimestamp", kInt64, Shape::timestamp, TimeUnit::us},
    {"io.debezium.time.NanoTimestamp", kInt64, Shape::timestamp, TimeUnit::ns},
    {"io.debezium.time.ZonedTime", kString, Shape::zoned_time},
    {"io.debezium.time.ZonedTimestamp", kString, Shape::zoned_timestamp},
    {"io.debezium.time.IsoDate", kString, Shape::iso_date},
    {"io.debezium.time.IsoTime", kString, Shape::iso_time},
    {"io.debezium.time.IsoTimestamp", kString, Shape::iso_timestamp},
    {"org.apache.kafka.connect.data.Date", kInt32, Shape::date},
    {"org.apache.kafka.connect.data.Time", kInt32, Shape::time, TimeUnit::ms},
    {"org.apache.kafka.connect.data.Timestamp", kInt64, Shape::timestamp, TimeUnit::ms},
    {"io.debezium.time.StructuredDate", kStruct, Shape::structured_date},
    {"io.debezium.time.StructuredTime", kStruct, Shape::structured_time},
    {"io.debezium.time.StructuredTimestamp", kStruct, Shape::structured_timestamp},
    {"io.debezium.time.StructuredZonedTime", kStruct, Shape::structured_zoned_time},
    {"io.debezium.time.StructuredZonedTimestamp", kStruct, Shape::structured_zoned_timestamp},
    {"io.debezium.time.StructuredDuration", kStruct, Shape::structured_duration},
    {"io.debezium.time.MicroDuration", kInt64, Shape::duration, TimeUnit::us},
    {"io.debezium.time.NanoDuration", kInt64, Shape::duration, TimeUnit::ns},
    {"io.debezium.time.MicroDuration", kFloat64, Shape::duration, TimeUnit::us},
    {"io.debezium.time.NanoDuration", kFloat64, Shape::duration, TimeUnit::ns},
    {"io.debezium.time.Interval", kString, Shape::interval},
    {"io.debezium.time.Year", kInt32, Shape::integer},
    {"org.apache.kafka.connect.data.Decimal", kBytes, Shape::decimal},
    {"io.debezium.data.VariableScaleDecimal", kStruct, Shape::variable_decimal},
    {"io.debezium.data.Bits", kBytes, Shape::bits},
    {"io.debezium.data.Json", kString, Shape::json},
    {"io.debezium.data.Uuid", kString, Shape::uuid},
    {"io.debezium.data.Xml", kString, Shape::named_text},
    {"io.debezium.data.Ltree", kString, Shape::named_text},
    {"io.debezium.data.Tsvector", kString, Shape::named_text},
    {"io.debezium.data.Enum", kString, Shape::named_text},
    {"io.debezium.data.EnumSet", kString, Shape::named_text},
    {"io.debezium.data.geometry.Point", kStruct, Shape::point},
    {"io.debezium.data.geometry.Geometry", kStruct, Shape::geometry},
    {"io.debezium.data.geometry.Geography", kStruct, Shape::geometry},
    {"io.debezium.data.geometry.Circle", kStruct, Shape::circle},
    {"io.debezium.data.geometry.Line", kStruct, Shape::line},
    {"io.debezium.data.DoubleVector", kArray, Shape::vector},
    {"io.debezium.data.FloatVector", kArray, Shape::vector},
    {"io.debezium.data.SparseDoubleVector", kStruct, Shape::sparse_vector},
    {"io.debezium.data.SparseVector", kStruct, Shape::sparse_vector},
}};

Shape shape_of_base(ConnectType base) {
  switch (base) {
    case ConnectType::unknown:
      return Shape::any;
    case ConnectType::int8:
    case ConnectType::int16:
    case ConnectType::int32:
    case ConnectType::int64:
      return Shape::integer;
    case ConnectType::float32:
    case ConnectType::float64:
      return Shape::real;
    case ConnectType::boolean:
      return Shape::boolean;
    case ConnectType::string:
      return Shape::text;
    case ConnectType::bytes:
      return Shape::bytes;
    case ConnectType::array:
      return Shape::array;
    case ConnectType::map:
      return Shape::map;
    case ConnectType::structure:
      return Shape::structure;
  }
  return Shape::any;
}

// Of the numbers that stand for times the documentation has int32 where the code has int64, and the
// other way about.
bool same_base(ConnectType known, ConnectType base) {
  return known == base || (known == kInt32 && base == kInt64) ||
         (known == kInt64 && base == kInt32);
}

const char* base_name(ConnectType base) {
  constexpr std::array<const char*, 13> kNames = {"a value without a schema",
                                                  "int8",
                                                  "int16",
                                                  "int32",
                                                  "int64",
                                                  "float32",
                                                  "float64",
                                                  "boolean",
                                                  "string",
                                                  "bytes",
                                                  "array",
                                                  "map",
                                                  "struct"};
  return kNames.at(static_cast<std::size_t>(base));
}

bool parse_parameter(const SourceType& source, const char* name, std::int32_t& value) {
  const auto found = source.parameters.find(name);
  if (found == source.parameters.end()) return false;
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end && value >= -1000000 && value <= 1000000;
}

// Debezium's adaptive rule: a column with up to three digits of a second comes in milliseconds.
TimeUnit adaptive_unit(const PgType& target, TimeUnitMode mode) {
  const bool always_us =
      target.kind == TypeKind::time && mode == TimeUnitMode::adaptive_time_microseconds;
  return target.precision >= 0 && target.precision <= 3 && !always_us ? TimeUnit::ms : TimeUnit::us;
}

// A number without a schema does not say what it counts. Of an interval PostgreSQL's and Oracle's
// connectors count microseconds in every mode, and MySQL's, of TIME, what the mode says: so only
// where both are the same is it known.
void set_schemaless_unit(const std::optional<TimeUnitMode>& mode, ValuePlan& plan) {
  const bool interval = plan.target.kind == TypeKind::interval;
  if (!mode) {
    plan.no_unit = Remedy::time_unit;
  } else if (*mode == TimeUnitMode::ms || *mode == TimeUnitMode::ns) {
    plan.unit = *mode == TimeUnitMode::ms ? TimeUnit::ms : TimeUnit::ns;
    if (interval) plan.no_unit = Remedy::interval_form;
  } else if (*mode != TimeUnitMode::us && !interval) {
    plan.unit = adaptive_unit(plan.target, *mode);
  }
}

bool read_parameters(Shape shape, ValuePlan& plan, std::string& reason) {
  if (shape == Shape::decimal && !parse_parameter(plan.source, "scale", plan.scale)) {
    reason = "a Decimal whose schema has no scale";
    return false;
  }
  if (shape == Shape::bits) {
    parse_parameter(plan.source, "length", plan.scale);
    // varbit without a length: INT32_MAX, or nothing, and no length to fill up to.
    if (plan.scale < 0 || plan.scale > 83886080) plan.scale = 0;
  }
  return true;
}

using Planner = EncodeFunction (*)(Shape, const ValuePlan&);

EncodeFunction plan_scalar(Shape shape, const ValuePlan& plan) {
  constexpr std::array<Planner, 7> kPlanners = {plan_json,   plan_number,   plan_time,
                                                plan_binary, plan_geometry, plan_structured_time,
                                                plan_text};
  for (const Planner planner : kPlanners) {
    if (const EncodeFunction encode = planner(shape, plan)) return encode;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string_view> semantic_names() {
  std::vector<std::string_view> names;
  for (const SemanticName& known : kSemanticNames) {
    if (names.empty() || names.back() != known.name) names.push_back(known.name);
  }
  return names;
}

Shape shape_of(const SourceType& source, TimeUnit& unit) {
  if (!source.name.empty()) {
    for (const SemanticName& known : kSemanticNames) {
      if (known.name == source.name && same_base(known.base, source.base)) {
        unit = known.unit;
        return known.shape;
      }
    }
  }
  return shape_of_base(source.base);
}

std::optional<ValuePlan> plan_value(const SourceType& source, const PgType& target,
                                    const ValueSettings& settings, std::string& reason) {
  reason.clear();
  ValuePlan plan;
  plan.source = source;
  plan.target = target;
  plan.wire = target.wire();
  plan.binary_text = settings.binary_text;
  const Shape shape = shape_of(source, plan.unit);
  if (shape == Shape::any) set_schemaless_unit(settings.time_unit, plan);
  if (!read_parameters(shape, plan, reason)) return std::nullopt;
  plan.encode = target.array ? plan_array(shape, plan, settings, reason) : plan_scalar(shape, plan);
  if (plan.encode == nullptr) {
    const std::string what = source.name.empty() ? base_name(source.base) : source.name;
    const std::string why = reason.empty() ? std::string() : ": " + reason;
    reason = what + " does not go into a column of type " + target.sql() + why;
    return std::nullopt;
  }
  plan.unavailable = unavailable_forms(source, target, settings.unavailable_value);
  plan.unavailable_sizes = sizes_of(plan.unavailable);
  if (!plan.unavailable.empty()) {
    plan.present = plan.encode;
    plan.encode = encode_unless_unavailable;
  }
  return plan;
}

}  // namespace tidemark
