#include "decode/possible_loss.h"

#include <utility>

#include "decode/encoding_loss.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

bool is_mysql(std::string_view connector) {
  return connector == "mysql" || connector == "mariadb";
}

// By a schema.
class Typed {
 public:
  Typed(const SourceType& source, std::string_view connector)
      : source_(source),
        connector_(connector),
        shape_(shape_of(source, unit_)),
        propagated_(propagated_type(source)) {}

  std::vector<std::string> run() {
    if (connector_.empty() || connector_ == "postgresql") of_postgresql();
    if (is_mysql(connector_)) of_mysql();
    const bool doubles = connector_ != "sqlserver" && connector_ != "mongodb";
    if (source_.base == ConnectType::float64 && propagated_.empty() && doubles) {
      add("a decimal of decimal.handling.mode=double, rounded, looks the same: "
          "column.propagate.source.type tells them apart");
    }
    return std::move(losses_);
  }

 private:
  void add(const char* loss) { losses_.emplace_back(loss); }
  [[nodiscard]] bool was(std::string_view type) const { return propagated_.starts_with(type); }

  void of_postgresql() {
    switch (shape_) {
      case Shape::decimal:
        if (!was("money")) {
          add("NaN is sent as null; decimal.handling.mode=string keeps it");
        }
        break;
      case Shape::variable_decimal:
        add("NaN and the infinities are sent as null; decimal.handling.mode=string keeps them");
        break;
      case Shape::date:
      case Shape::iso_date:
        add("dates before Christ lose their era in a snapshot");
        break;
      case Shape::timestamp:
        if (unit_ == TimeUnit::us) {
          add("294247-01-10 04:00:25.2 is sent as infinity is, and taken for it");
        }
        break;
      case Shape::json:
        if (propagated_.empty()) {
          add("a json looks the same as a jsonb, which keeps the last of equal names only: "
              "column.propagate.source.type tells them apart");
        }
        break;
      case Shape::text:
        if (was("bytea")) {
          add("an unchanged value stored out of line is sent as null by "
              "binary.handling.mode=base64 "
              "and base64-url-safe; bytes and hex send a placeholder");
        }
        break;
      case Shape::array:
        of_array();
        break;
      default:
        break;
    }
  }

  void of_array() {
    const bool texts = source_.items && source_.items->base == ConnectType::string;
    add(texts ? "arrays of more than one dimension are sent as names of Java objects, and refused"
              : "arrays of more than one dimension are sent as nulls");
    if (texts && was("_bytea")) {
      add("an unchanged value stored out of line is sent as null; binary.handling.mode=bytes sends "
          "a "
          "placeholder");
    }
  }

  void of_mysql() {
    switch (shape_) {
      case Shape::integer:
        if (source_.base == ConnectType::int64 && propagated_.empty()) {
          add("a bigint unsigned wraps around from 2^63 on; bigint.unsigned.handling.mode=precise "
              "keeps it");
        }
        break;
      case Shape::real:
        if (source_.base == ConnectType::float32) add("a float has six digits in a snapshot");
        break;
      case Shape::date:
      case Shape::iso_date:
      case Shape::timestamp:
      case Shape::iso_timestamp:
      case Shape::zoned_timestamp:
        add("zero dates are sent as null, or as 1970-01-01 where null is not allowed");
        break;
      case Shape::uuid:
        add("Debezium 3.5 mangles values that end in a zero byte while streaming");
        break;
      case Shape::named_text:
        if (source_.name.starts_with("io.debezium.data.Enum")) {
          add("a comma in a member's name is sent with a backslash while streaming");
        }
        break;
      default:
        break;
    }
  }

  const SourceType& source_;
  const std::string_view connector_;
  TimeUnit unit_ = TimeUnit::us;
  const Shape shape_;
  const std::string propagated_;
  std::vector<std::string> losses_;
};

// Without a schema.
std::vector<std::string> of_target(const PgType& target, std::string_view connector) {
  std::vector<std::string> losses;
  if (target.array) {
    losses.emplace_back("arrays of more than one dimension are not sent as such");
    if (target.kind == TypeKind::time)
      losses.emplace_back("times in arrays are cut to milliseconds");
  }
  switch (target.kind) {
    case TypeKind::timetz:
      losses.emplace_back("the offset is not sent: the time is that of UTC");
      break;
    case TypeKind::varbit:
      losses.emplace_back("the leading zeros of a bit varying are not sent");
      break;
    case TypeKind::interval:
      losses.emplace_back(
          "numbers have lost months and days; interval.handling.mode=string keeps them");
      break;
    case TypeKind::numeric:
      if (!target.array) {
        losses.emplace_back(
            "decimal.handling.mode=double has rounded; string keeps all digits, NaN and infinity");
      }
      break;
    case TypeKind::bytea:
      losses.emplace_back(
          "an unchanged value stored out of line is sent as null by binary.handling.mode=base64 "
          "and "
          "base64-url-safe; bytes and hex send a placeholder");
      break;
    case TypeKind::date:
    case TypeKind::timestamp:
    case TypeKind::timestamptz:
      if (is_mysql(connector)) {
        losses.emplace_back(
            "zero dates are sent as null, or as 1970-01-01 where null is not allowed");
      }
      break;
    default:
      break;
  }
  return losses;
}

}  // namespace

std::vector<std::string> possible_losses(const SourceType& source, const PgType& target,
                                         std::string_view connector) {
  if (source.base == ConnectType::unknown) return of_target(target, connector);
  return Typed(source, connector).run();
}

std::vector<std::string> possible_losses(std::string_view connector, bool typed) {
  std::vector<std::string> losses;
  if (!typed) {
    losses.emplace_back(
        "without schemas nothing tells the connector's modes: see docs/formats.md, or turn schemas "
        "on");
  }
  if (is_mysql(connector)) {
    losses.emplace_back(
        "rows that ON DELETE CASCADE and ON UPDATE CASCADE change are not sent: let the target's "
        "foreign keys cascade");
  }
  return losses;
}

}  // namespace tidemark
