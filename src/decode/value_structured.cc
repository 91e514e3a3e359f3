// The structs of Debezium's time.precision.mode=structured (io.debezium.time.Structured*,
// since 3.7): a field for each part, or a specialValue. Fractions came as "nanos" first, as
// "picoseconds" later.
#include <cstdlib>

#include "decode/calendar.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

struct Parts {
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day = 0;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  std::int64_t picoseconds = 0;
  std::int64_t nanos = 0;
  std::int64_t offset = 0;
  bool has_offset = false;
  std::string_view zone;
  std::string_view special;
};

std::int64_t* part_named(std::string_view name, Parts& parts) {
  if (name == "year" || name == "years") return &parts.year;
  if (name == "month" || name == "months") return &parts.month;
  if (name == "day" || name == "days") return &parts.day;
  if (name == "hour" || name == "hours") return &parts.hour;
  if (name == "minute" || name == "minutes") return &parts.minute;
  if (name == "second" || name == "seconds") return &parts.second;
  if (name == "picoseconds") return &parts.picoseconds;
  if (name == "nanos") return &parts.nanos;
  if (name == "offsetSeconds") return &parts.offset;
  return nullptr;
}

bool take_part(std::string_view name, const JsonValue& value, Parts& parts) {
  if (value.is_null() || name == "precision") return true;
  if (name == "zoneId" || name == "specialValue") {
    (name == "zoneId" ? parts.zone : parts.special) = value.raw;
    return value.is_string();
  }
  std::int64_t* part = part_named(name, parts);
  if (part == nullptr) return true;
  if (part == &parts.offset) parts.has_offset = true;
  constexpr std::int64_t kFar = 1000000000000000;  // beyond every calendar, far from overflow
  return value.kind == JsonKind::number && parse_integer(value.raw, *part) && *part >= -kFar &&
         *part <= kFar;
}

bool read_parts(const JsonValue& value, Parts& parts) {
  if (value.kind != JsonKind::object) return false;
  JsonReader reader(value.raw, 2);
  std::string_view name;
  bool escaped = false;
  reader.enter_object();
  while (reader.member(name, escaped)) {
    JsonValue member;
    if (!reader.value(member) || !take_part(name, member, parts)) return false;
  }
  return !reader.failed();
}

bool is_special(const Parts& parts) {
  return parts.special == "POSITIVE_INFINITY" || parts.special == "NEGATIVE_INFINITY";
}

std::int64_t fraction_us(const Parts& parts) {
  const std::int64_t ps = parts.picoseconds;
  return ps / 1000000 - (ps % 1000000 < 0 ? 1 : 0) + parts.nanos / 1000 -
         (parts.nanos % 1000 < 0 ? 1 : 0);
}

bool time_of(const Parts& parts, std::int64_t& us) {
  const std::int64_t fraction = fraction_us(parts);
  if (parts.hour < 0 || parts.hour > 24 || parts.minute < 0 || parts.minute > 59 ||
      parts.second < 0 || parts.second > 59 || fraction < 0 || fraction >= kUsPerSecond) {
    return false;
  }
  us = (parts.hour * 3600 + parts.minute * 60 + parts.second) * kUsPerSecond + fraction;
  return us <= kUsPerDay;
}

// False for MySQL's zero dates, too.
bool date_of(const Parts& parts, std::int64_t& epoch_days) {
  if (parts.month < 1 || parts.month > 12 || parts.day < 1 || parts.day > 31) return false;
  const CivilDate date{parts.year, static_cast<std::uint32_t>(parts.month),
                       static_cast<std::uint32_t>(parts.day)};
  if (!is_date(date)) return false;
  epoch_days = epoch_days_of(date);
  return true;
}

EncodeStatus not_structured(const JsonValue& value, Bytes& out, EncodeFailure& why) {
  if (value.kind != JsonKind::object) return wrong_kind(value, "a structured time", why);
  return bad(out.size(), out, why, "not a date or time that PostgreSQL has");
}

EncodeStatus encode_structured_date(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                    EncodeFailure& why) {
  Parts parts;
  if (!read_parts(value, parts)) return not_structured(value, out, why);
  std::int32_t pg = parts.special.starts_with('P') ? kPgDateInfinity : kPgDateNegativeInfinity;
  if (!is_special(parts)) {
    std::int64_t days = 0;
    if (!date_of(parts, days) || days < kEpochDayMin || days > kEpochDayMax) {
      return not_structured(value, out, why);
    }
    pg = static_cast<std::int32_t>(days - kPgEpochDays);
  }
  const std::size_t at = append_fixed(static_cast<std::uint32_t>(pg), out);
  return finish_date(plan, at, out, why);
}

EncodeStatus encode_structured_time(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                    EncodeFailure& why) {
  Parts parts;
  std::int64_t us = 0;
  if (!read_parts(value, parts) || !time_of(parts, us)) return not_structured(value, out, why);
  const std::size_t at = append_fixed(static_cast<std::uint64_t>(us), out);
  return finish_time(plan, at, out, why);
}

// An offset is what the instant is reckoned by; a zone without one must be UTC.
bool offset_of(const Parts& parts, std::int64_t& seconds) {
  seconds = parts.has_offset ? parts.offset : 0;
  const bool utc = parts.zone.empty() || parts.zone == "Z" || parts.zone == "UTC" ||
                   parts.zone == "GMT" || parts.zone == "Etc/UTC";
  return (parts.has_offset || utc) && std::abs(seconds) < 16 * 3600;
}

template <bool zoned>
EncodeStatus encode_structured_timestamp(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                         EncodeFailure& why) {
  Parts parts;
  if (!read_parts(value, parts)) return not_structured(value, out, why);
  std::int64_t pg =
      parts.special.starts_with('P') ? kPgTimestampInfinity : kPgTimestampNegativeInfinity;
  if (!is_special(parts)) {
    std::int64_t days = 0;
    std::int64_t us = 0;
    std::int64_t offset = 0;
    if (!date_of(parts, days) || !time_of(parts, us) || (zoned && !offset_of(parts, offset)) ||
        !pg_timestamp(days, us - offset * kUsPerSecond, pg)) {
      return not_structured(value, out, why);
    }
  }
  const std::size_t at = append_fixed(static_cast<std::uint64_t>(pg), out);
  return zoned ? finish_timestamptz(plan, at, out, why) : finish_timestamp(plan, at, out, why);
}

void append_number(std::int64_t value, Bytes& out) {
  out.append(std::to_string(value));
}

// The text of a JSON string, written into `scratch`, through the encoder for such strings.
EncodeStatus encode_as_string(EncodeFunction encode, const ValuePlan& plan, std::string_view text,
                              Bytes& out, EncodeFailure& why) {
  JsonValue string;
  string.kind = JsonKind::string;
  string.raw = text;
  return encode(plan, string, out, why);
}

EncodeStatus encode_structured_zoned_time(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                          EncodeFailure& why) {
  Parts parts;
  std::int64_t us = 0;
  std::int64_t offset = 0;
  if (!read_parts(value, parts) || !time_of(parts, us) || !offset_of(parts, offset)) {
    return not_structured(value, out, why);
  }
  thread_local Bytes text;
  text.clear();
  append_time_text(us, text);
  text.append(offset < 0 ? '-' : '+');
  append_time_text(std::abs(offset) * kUsPerSecond,
                   text);  // "HH:MM:SS", as an offset is written, too
  return encode_as_string(plan_time(Shape::zoned_time, plan), plan, text.view(), out, why);
}

// As an ISO 8601 duration whose parts have signs of their own, which interval's input takes.
EncodeStatus encode_structured_duration(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                        EncodeFailure& why) {
  Parts parts;
  std::int64_t us = 0;
  if (!read_parts(value, parts) || __builtin_mul_overflow(parts.second, kUsPerSecond, &us) ||
      __builtin_add_overflow(us, fraction_us(parts), &us)) {
    return not_structured(value, out, why);
  }
  thread_local Bytes text;
  text.clear();
  text.append('P');
  append_number(parts.year, text);
  text.append('Y');
  append_number(parts.month, text);
  text.append('M');
  append_number(parts.day, text);
  text.append("DT");
  append_number(parts.hour, text);
  text.append('H');
  append_number(parts.minute, text);
  text.append('M');
  if (us < 0) text.append('-');
  const std::uint64_t magnitude =
      us < 0 ? 0 - static_cast<std::uint64_t>(us) : static_cast<std::uint64_t>(us);
  text.append(std::to_string(magnitude / 1000000));
  const std::string fraction = std::to_string(1000000 + magnitude % 1000000);
  if (magnitude % 1000000 != 0) {
    text.append('.');
    text.append(std::string_view(fraction).substr(1));
  }
  text.append('S');
  return encode_as_string(plan_time(Shape::interval, plan), plan, text.view(), out, why);
}

}  // namespace

EncodeFunction plan_structured_time(Shape shape, const ValuePlan& plan) {
  // The targets are those of the same thing in ISO text.
  switch (shape) {
    case Shape::structured_date:
      return plan_time(Shape::iso_date, plan) != nullptr ? encode_structured_date : nullptr;
    case Shape::structured_time:
      return plan_time(Shape::iso_time, plan) != nullptr ? encode_structured_time : nullptr;
    case Shape::structured_timestamp:
      return plan_time(Shape::iso_timestamp, plan) != nullptr ? encode_structured_timestamp<false>
                                                              : nullptr;
    case Shape::structured_zoned_timestamp:
      return plan_time(Shape::zoned_timestamp, plan) != nullptr ? encode_structured_timestamp<true>
                                                                : nullptr;
    case Shape::structured_zoned_time:
      return plan_time(Shape::zoned_time, plan) != nullptr ? encode_structured_zoned_time : nullptr;
    case Shape::structured_duration:
      return plan_time(Shape::interval, plan) != nullptr ? encode_structured_duration : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace tidemark
