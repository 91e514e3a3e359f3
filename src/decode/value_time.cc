// Dates, times, timestamps and intervals: numbers of days, milli-, micro- and nanoseconds, and the
// strings that java.time writes. Nanoseconds are cut to microseconds towards the past, on purpose
// and always (docs/formats.md); everything else is exact or refused.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "decode/calendar.h"
#include "decode/text_form.h"
#include "decode/value_steps.h"

namespace tidemark {
namespace {

// What Debezium sends for PostgreSQL's infinities, by version and way: days of
// io.debezium.time.Date while streaming and from snapshots (two each, by the time zone of its JVM),
// milliseconds, and microseconds. All but the positive timestamp lie beyond what PostgreSQL holds;
// that one could be 294247-01-10 04:00:25.2, and is not.
constexpr std::array<std::int64_t, 3> kDateInfinities = {-2147472692, -622191234, -622191233};
constexpr std::array<std::int64_t, 3> kDateNegativeInfinities = {-2147472691, -625821272,
                                                                 -625821271};
constexpr std::int64_t kMsInfinity = 9223372036825200;
constexpr std::int64_t kMsNegativeInfinity = -9223372036832400;
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kInt64Min = std::numeric_limits<std::int64_t>::min();

constexpr const char* kNotDate = "a date that PostgreSQL does not have";
constexpr const char* kNotTimestamp = "a timestamp out of PostgreSQL's range";

bool parse_count(const JsonValue& value, std::int64_t& count) {
  return value.kind == JsonKind::number && parse_integer(value.raw, count);
}

// Durations once were doubles: "3.15576E13". What is behind the point is cut towards the past.
bool parse_real_count(const JsonValue& value, std::int64_t& count) {
  constexpr double kFar = 9.2e18;
  double real = 0;
  const char* end = value.raw.data() + value.raw.size();
  if (value.kind != JsonKind::number ||
      std::from_chars(value.raw.data(), end, real).ec != std::errc() || real < -kFar ||
      real > kFar) {
    return false;
  }
  count = static_cast<std::int64_t>(std::floor(real));
  return true;
}

// Towards the past.
std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

EncodeStatus append_date(std::int64_t epoch_days, const ValuePlan& plan, Bytes& out,
                         EncodeFailure& why) {
  std::int32_t days = 0;
  if (epoch_days >= kEpochDayMin && epoch_days <= kEpochDayMax) {
    days = static_cast<std::int32_t>(epoch_days - kPgEpochDays);
  } else if (std::find(kDateInfinities.begin(), kDateInfinities.end(), epoch_days) !=
             kDateInfinities.end()) {
    days = kPgDateInfinity;
  } else if (std::find(kDateNegativeInfinities.begin(), kDateNegativeInfinities.end(),
                       epoch_days) != kDateNegativeInfinities.end()) {
    days = kPgDateNegativeInfinity;
  } else {
    return bad(out.size(), out, why, kNotDate);
  }
  const std::size_t at = append_fixed(static_cast<std::uint32_t>(days), out);
  return plan.target.kind == TypeKind::date ? EncodeStatus::ok : finish_date(plan, at, out, why);
}

// Microseconds since 1970, or one of the infinities, as PostgreSQL counts.
bool epoch_to_pg(std::int64_t count, TimeUnit unit, std::int64_t& pg) {
  switch (unit) {
    case TimeUnit::ms: {
      if (count == kMsInfinity || count == kMsNegativeInfinity) break;
      constexpr std::int64_t kFar = 10000000000000000;  // beyond PostgreSQL's range, both ways
      if (count < -kFar || count > kFar) return false;
      const std::int64_t days = floor_div(count, 86400000);
      return pg_timestamp(days, (count - days * 86400000) * 1000, pg);
    }
    case TimeUnit::us:
      if (count == kMsInfinity * 1000 || count == kMsNegativeInfinity * 1000) break;
      if (count < kPgTimestampMin + kPgEpochUs) return false;
      pg = count - kPgEpochUs;  // int64 ends before PostgreSQL's last timestamp
      return true;
    case TimeUnit::ns:
      if (count == kInt64Max || count == kInt64Min) break;
      pg = floor_div(count, 1000) - kPgEpochUs;
      return true;
  }
  pg = count > 0 ? kPgTimestampInfinity : kPgTimestampNegativeInfinity;
  return true;
}

bool is_infinite(std::int64_t pg) {
  return pg == kPgTimestampInfinity || pg == kPgTimestampNegativeInfinity;
}

// A value with more digits of a second than the column keeps.
bool beyond_precision(std::int64_t us, const PgType& target) {
  constexpr std::array<std::int64_t, 7> kSteps = {1000000, 100000, 10000, 1000, 100, 10, 1};
  if (target.precision < 0 || target.precision >= 6) return false;
  return us % kSteps.at(static_cast<std::size_t>(target.precision)) != 0;
}

EncodeStatus finer(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  PgType wider = plan.target;
  wider.precision = -1;
  return too_wide(at, out, why, wider, "more digits of a second than the column holds");
}

std::int64_t element_int8(std::size_t at, const Bytes& out) {
  return static_cast<std::int64_t>(load_big<std::uint64_t>(out.data() + at + 4));
}

EncodeStatus encode_date(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                         EncodeFailure& why) {
  std::int64_t days = 0;
  if (!parse_count(value, days)) return wrong_kind(value, "a number of days", why);
  return append_date(days, plan, out, why);
}

EncodeStatus append_duration(std::int64_t us, const ValuePlan& plan, Bytes& out,
                             EncodeFailure& why) {
  const std::size_t at = begin_element(out);
  append_duration_text(us, out);
  end_element(at, out);
  if (is_text_like(plan.target)) return finish_text(plan, at, out, why);
  return beyond_precision(us, plan.target) ? finer(plan, at, out, why) : EncodeStatus::ok;
}

bool count_to_us(std::int64_t count, TimeUnit unit, std::int64_t& us) {
  if (unit == TimeUnit::ms) return !__builtin_mul_overflow(count, 1000, &us);
  us = unit == TimeUnit::us ? count : floor_div(count, 1000);
  return true;
}

// A span of time: MicroDuration, and MySQL's TIME, which goes from -838 to 838 hours.
EncodeStatus encode_duration(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                             EncodeFailure& why) {
  std::int64_t count = 0;
  std::int64_t us = 0;
  if (!parse_count(value, count) && !parse_real_count(value, count)) {
    return wrong_kind(value, "a duration", why);
  }
  if (!count_to_us(count, plan.unit, us)) return bad(out.size(), out, why, "a duration too long");
  return append_duration(us, plan, out, why);
}

EncodeStatus append_time(std::int64_t us, const ValuePlan& plan, Bytes& out, EncodeFailure& why) {
  if (us < 0 || us > kUsPerDay) {
    return bad(out.size(), out, why,
               "a time outside 00:00 to 24:00, which only an interval column holds");
  }
  const std::size_t at = append_fixed(static_cast<std::uint64_t>(us), out);
  return finish_time(plan, at, out, why);
}

EncodeStatus encode_time(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                         EncodeFailure& why) {
  std::int64_t count = 0;
  std::int64_t us = 0;
  if (!parse_count(value, count)) return wrong_kind(value, "a time of day", why);
  if (!count_to_us(count, plan.unit, us)) us = -1;
  return append_time(us, plan, out, why);
}

EncodeStatus append_timestamp(std::int64_t pg, bool zoned, const ValuePlan& plan, Bytes& out,
                              EncodeFailure& why) {
  const std::size_t at = append_fixed(static_cast<std::uint64_t>(pg), out);
  return zoned ? finish_timestamptz(plan, at, out, why) : finish_timestamp(plan, at, out, why);
}

EncodeStatus encode_timestamp(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                              EncodeFailure& why) {
  std::int64_t count = 0;
  std::int64_t pg = 0;
  if (!parse_count(value, count)) return wrong_kind(value, "a timestamp", why);
  if (!epoch_to_pg(count, plan.unit, pg)) return bad(out.size(), out, why, kNotTimestamp);
  return append_timestamp(pg, false, plan, out, why);
}

bool parse_infinity(std::string_view text, std::int64_t& pg) {
  if (text == "infinity" || text == "Infinity") {
    pg = kPgTimestampInfinity;
  } else if (text == "-infinity" || text == "-Infinity") {
    pg = kPgTimestampNegativeInfinity;
  } else {
    return false;
  }
  return true;
}

// In isostring mode an infinity is what Java made of its microseconds: "+294247-01-10T04:00:25.2Z".
bool iso_infinity(std::int64_t epoch_days, std::int64_t us, std::int64_t& pg) {
  for (const std::int64_t ms : {kMsInfinity, kMsNegativeInfinity}) {
    const std::int64_t days = floor_div(ms, 86400000);
    if (epoch_days == days && us == (ms - days * 86400000) * 1000) {
      pg = ms > 0 ? kPgTimestampInfinity : kPgTimestampNegativeInfinity;
      return true;
    }
  }
  return false;
}

// "2016-11-04T11:51:30.123456Z"; without an offset it is taken as UTC.
template <bool zoned>
EncodeStatus encode_timestamp_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                   EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "an ISO 8601 timestamp", why);
  thread_local Bytes scratch;
  std::string_view text = string_content(value, scratch);
  std::int64_t pg = 0;
  if (parse_infinity(text, pg)) return append_timestamp(pg, zoned, plan, out, why);
  std::int64_t days = 0;
  std::int64_t us = 0;
  std::int32_t offset = 0;
  if (!parse_date_time(text, days, us) ||
      (!text.empty() && (!parse_offset(text, offset) || !text.empty()))) {
    return bad(out.size(), out, why, "not an ISO 8601 timestamp");
  }
  if (!zoned && offset == 0 && iso_infinity(days, us, pg)) {
    return append_timestamp(pg, zoned, plan, out, why);
  }
  if (!pg_timestamp(days, us - offset * kUsPerSecond, pg)) {
    return bad(out.size(), out, why, kNotTimestamp);
  }
  return append_timestamp(pg, zoned, plan, out, why);
}

// And an infinite date: while streaming, days that overflow int32; from snapshots and in arrays,
// what java.util.Date's ends are as dates, in the time zone of its JVM, and without "BC".
bool iso_date_infinity(std::string_view text, std::int64_t& pg) {
  constexpr std::array<std::string_view, 3> kInfinities = {"-5877611-06-21", "+292278994-08-16",
                                                           "+292278994-08-17"};
  constexpr std::array<std::string_view, 3> kNegativeInfinities = {
      "-5877611-06-22", "+292269055-12-02", "+292269055-12-03"};
  if (text.ends_with('Z')) text.remove_suffix(1);
  const auto is = [&](const std::array<std::string_view, 3>& ones) {
    return std::find(ones.begin(), ones.end(), text) != ones.end();
  };
  if (!is(kInfinities) && !is(kNegativeInfinities)) return false;
  pg = is(kInfinities) ? kPgTimestampInfinity : kPgTimestampNegativeInfinity;
  return true;
}

// "2017-09-15Z": the Z says nothing. A time after it must be midnight.
EncodeStatus encode_date_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                              EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "an ISO 8601 date", why);
  thread_local Bytes scratch;
  std::string_view text = string_content(value, scratch);
  std::int64_t pg = 0;
  if (parse_infinity(text, pg) || iso_date_infinity(text, pg)) {
    const std::int32_t days = pg > 0 ? kPgDateInfinity : kPgDateNegativeInfinity;
    const std::size_t at = append_fixed(static_cast<std::uint32_t>(days), out);
    return finish_date(plan, at, out, why);
  }
  std::int64_t days = 0;
  std::int64_t us = 0;
  std::int32_t offset = 0;
  if (!parse_date_time(text, days, us) || us != 0 ||
      (!text.empty() && (!parse_offset(text, offset) || !text.empty()))) {
    return bad(out.size(), out, why, "not an ISO 8601 date");
  }
  return append_date(days, plan, out, why);
}

bool parse_time_text(std::string_view text, std::int64_t& us, std::int32_t& offset) {
  return parse_time(text, us) && (text.empty() || (parse_offset(text, offset) && text.empty()));
}

EncodeStatus encode_time_text(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                              EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "an ISO 8601 time", why);
  thread_local Bytes scratch;
  std::int64_t us = 0;
  std::int32_t offset = 0;
  if (!parse_time_text(string_content(value, scratch), us, offset)) {
    return bad(out.size(), out, why, "not an ISO 8601 time");
  }
  if (offset != 0) {
    return bad(out.size(), out, why, "a time with an offset into a column without one");
  }
  return append_time(us, plan, out, why);
}

void append_two(std::int32_t value, Bytes& out) {
  out.append(static_cast<char>('0' + value / 10));
  out.append(static_cast<char>('0' + value % 10));
}

// "+00", "-03:30"
void append_offset(std::int32_t seconds, Bytes& out) {
  out.append(seconds < 0 ? '-' : '+');
  const std::int32_t magnitude = seconds < 0 ? -seconds : seconds;
  append_two(magnitude / 3600, out);
  if (magnitude % 3600 == 0) return;
  out.append(':');
  append_two(magnitude / 60 % 60, out);
  if (magnitude % 60 == 0) return;
  out.append(':');
  append_two(magnitude % 60, out);
}

// Into timetz, which travels as text, or into text.
EncodeStatus encode_zoned_time(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                               EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "an ISO 8601 time", why);
  thread_local Bytes scratch;
  std::int64_t us = 0;
  std::int32_t offset = 0;
  if (!parse_time_text(string_content(value, scratch), us, offset)) {
    return bad(out.size(), out, why, "not an ISO 8601 time");
  }
  const std::size_t at = begin_element(out);
  append_time_text(us, out);
  append_offset(offset, out);
  end_element(at, out);
  if (is_text_like(plan.target)) return finish_text(plan, at, out, why);
  return beyond_precision(us, plan.target) ? finer(plan, at, out, why) : EncodeStatus::ok;
}

// The digits of a fraction that the column would round away, in any of interval's input forms.
bool interval_beyond(std::string_view text, std::int32_t precision) {
  const auto keep = static_cast<std::size_t>(precision < 0 ? 6 : precision);
  for (std::size_t point = text.find('.'); point != std::string_view::npos;
       point = text.find('.', point + 1)) {
    std::size_t digit = point + 1;
    for (; digit < text.size() && text[digit] >= '0' && text[digit] <= '9'; ++digit) {
      if (digit - point > keep && text[digit] != '0') return true;
    }
  }
  return false;
}

// "P1Y2M3DT4H5M6.78S": PostgreSQL's own input takes it, and checks it.
EncodeStatus encode_interval(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                             EncodeFailure& why) {
  if (!value.is_string()) return wrong_kind(value, "an ISO 8601 interval", why);
  thread_local Bytes scratch;
  const std::string_view text = string_content(value, scratch);
  if (text.empty() || text.find('\0') != std::string_view::npos) {
    return bad(out.size(), out, why, "not an interval");
  }
  const bool interval = plan.target.kind == TypeKind::interval;
  if (interval && interval_beyond(text, 6)) {
    return bad(out.size(), out, why, "an interval finer than a microsecond");
  }
  const bool beyond = interval && interval_beyond(text, plan.target.precision);
  const std::size_t at = append_text_element(text, out);
  return beyond ? finer(plan, at, out, why) : finish_text(plan, at, out, why);
}

// Schemaless: numbers are counted in the plan's unit, everything else is ISO text.
template <EncodeFunction number, EncodeFunction text>
EncodeStatus encode_any_counted(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                EncodeFailure& why) {
  if (value.kind != JsonKind::number) return text(plan, value, out, why);
  if (plan.no_unit == Remedy::row_or_column) return number(plan, value, out, why);
  why.remedy = plan.no_unit;
  return bad(
      out.size(), out, why,
      plan.no_unit == Remedy::time_unit
          ? "without a schema a number does not say whether it counts milli-, micro- or "
            "nanoseconds"
          : "without a schema a number does not say whether it is PostgreSQL's interval, which "
            "counts microseconds in every mode, or MySQL's TIME");
}

// Days, in every mode of Debezium's that has numbers.
template <EncodeFunction number, EncodeFunction text>
EncodeStatus encode_any(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                        EncodeFailure& why) {
  return value.kind == JsonKind::number ? number(plan, value, out, why)
                                        : text(plan, value, out, why);
}

// Strings and schemaless values: the column decides what they are read as. Numbers of a string's
// schema do not come, so the same encoders do.
EncodeFunction plan_any_time(TypeKind kind) {
  switch (kind) {
    case TypeKind::date:
      return encode_any<encode_date, encode_date_text>;
    case TypeKind::time:
      return encode_any_counted<encode_time, encode_time_text>;
    case TypeKind::timetz:
      return encode_zoned_time;
    case TypeKind::timestamp:
      return encode_any_counted<encode_timestamp, encode_timestamp_text<false>>;
    case TypeKind::timestamptz:
      return encode_any_counted<encode_timestamp, encode_timestamp_text<true>>;
    case TypeKind::interval:
      return encode_any_counted<encode_duration, encode_interval>;
    default:
      return nullptr;
  }
}

bool is_timestamp(TypeKind kind) {
  return kind == TypeKind::timestamp || kind == TypeKind::timestamptz;
}

}  // namespace

EncodeStatus finish_date(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  if (plan.target.kind == TypeKind::date) return EncodeStatus::ok;
  if (is_text_like(plan.target)) return finish_as_text(plan, Wire::date, at, out, why);
  // Midnight, in UTC for timestamptz.
  const auto days = static_cast<std::int32_t>(load_big<std::uint32_t>(out.data() + at + 4));
  out.truncate(at);
  std::int64_t pg = 0;
  if (days == kPgDateInfinity || days == kPgDateNegativeInfinity) {
    pg = days > 0 ? kPgTimestampInfinity : kPgTimestampNegativeInfinity;
  } else if (!pg_timestamp(days + kPgEpochDays, 0, pg)) {
    return bad(at, out, why, kNotTimestamp);
  }
  append_fixed(static_cast<std::uint64_t>(pg), out);
  return EncodeStatus::ok;
}

EncodeStatus finish_time(const ValuePlan& plan, std::size_t at, Bytes& out, EncodeFailure& why) {
  const std::int64_t us = element_int8(at, out);
  if (plan.target.kind == TypeKind::time) {
    return beyond_precision(us, plan.target) ? finer(plan, at, out, why) : EncodeStatus::ok;
  }
  if (is_text_like(plan.target)) return finish_as_text(plan, Wire::time, at, out, why);
  out.truncate(at);
  if (plan.target.kind == TypeKind::interval) return append_duration(us, plan, out, why);
  begin_element(out);  // timetz, in UTC
  append_time_text(us, out);
  out.append("+00");
  end_element(at, out);
  return beyond_precision(us, plan.target) ? finer(plan, at, out, why) : EncodeStatus::ok;
}

EncodeStatus finish_timestamp(const ValuePlan& plan, std::size_t at, Bytes& out,
                              EncodeFailure& why) {
  const std::int64_t pg = element_int8(at, out);
  if (is_timestamp(plan.target.kind)) {
    return !is_infinite(pg) && beyond_precision(pg, plan.target) ? finer(plan, at, out, why)
                                                                 : EncodeStatus::ok;
  }
  if (is_text_like(plan.target)) return finish_as_text(plan, Wire::timestamp, at, out, why);
  out.truncate(at);
  std::int64_t days = pg > 0 ? kPgDateInfinity : kPgDateNegativeInfinity;
  if (!is_infinite(pg)) {
    days = floor_div(pg, kUsPerDay);
    if (days * kUsPerDay != pg) {
      return bad(at, out, why, "a timestamp with a time of day into a date column");
    }
  }
  append_fixed(static_cast<std::uint32_t>(static_cast<std::int32_t>(days)), out);
  return EncodeStatus::ok;
}

EncodeStatus finish_timestamptz(const ValuePlan& plan, std::size_t at, Bytes& out,
                                EncodeFailure& why) {
  if (is_text_like(plan.target)) return finish_as_text(plan, Wire::timestamptz, at, out, why);
  return finish_timestamp(plan, at, out, why);
}

EncodeFunction plan_time(Shape shape, const ValuePlan& plan) {
  const TypeKind kind = plan.target.kind;
  const bool text = is_text_like(plan.target);
  const bool date_target = kind == TypeKind::date || is_timestamp(kind) || text;
  const bool time_target =
      kind == TypeKind::time || kind == TypeKind::timetz || kind == TypeKind::interval || text;
  switch (shape) {
    case Shape::any:
    case Shape::text:
      return plan_any_time(kind);
    case Shape::date:
      return date_target ? encode_date : nullptr;
    case Shape::iso_date:
      return date_target ? encode_date_text : nullptr;
    case Shape::time:
      if (kind == TypeKind::interval || text) return encode_duration;
      return time_target ? encode_time : nullptr;
    case Shape::iso_time:
      return time_target ? encode_time_text : nullptr;
    case Shape::timestamp:
      return date_target ? encode_timestamp : nullptr;
    case Shape::iso_timestamp:
      return date_target ? encode_timestamp_text<false> : nullptr;
    case Shape::zoned_timestamp:
      return is_timestamp(kind) || text ? encode_timestamp_text<true> : nullptr;
    case Shape::zoned_time:
      if (kind == TypeKind::time) return encode_time_text;
      return kind == TypeKind::timetz || text ? encode_zoned_time : nullptr;
    case Shape::duration:
      return kind == TypeKind::interval || text ? encode_duration : nullptr;
    case Shape::interval:
      return kind == TypeKind::interval || text ? encode_interval : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace tidemark
