// The proleptic Gregorian calendar in 64-bit integers, ISO 8601 text as Java writes it, and
// PostgreSQL's text forms of dates and times. Years are astronomical: 0 is 1 BC, -43 is 44 BC.
// Seconds have six digits: further ones are cut towards the past, the one loss that
// docs/formats.md names (PostgreSQL itself would round, even into the next day).
// Pure functions.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "base/bytes.h"

namespace tidemark {

inline constexpr std::int64_t kUsPerSecond = 1000000;
inline constexpr std::int64_t kUsPerDay = 86400 * kUsPerSecond;
inline constexpr std::int64_t kPgEpochDays = 10957;  // 2000-01-01 in days since 1970-01-01
inline constexpr std::int64_t kPgEpochUs = kPgEpochDays * kUsPerDay;

// PostgreSQL's ranges, in days since 1970-01-01 and microseconds since 2000-01-01.
inline constexpr std::int64_t kEpochDayMin = -2440588;    // 4714-11-24 BC
inline constexpr std::int64_t kEpochDayMax = 2145042905;  // 5874897-12-31
inline constexpr std::int64_t kPgTimestampMin = -211813488000000000;
inline constexpr std::int64_t kPgTimestampEnd = 9223371331200000000;  // 294277-01-01, not in it

inline constexpr std::int32_t kPgDateInfinity = std::numeric_limits<std::int32_t>::max();
inline constexpr std::int32_t kPgDateNegativeInfinity = std::numeric_limits<std::int32_t>::min();
inline constexpr std::int64_t kPgTimestampInfinity = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kPgTimestampNegativeInfinity =
    std::numeric_limits<std::int64_t>::min();

struct CivilDate {
  std::int64_t year = 0;
  std::uint32_t month = 0;
  std::uint32_t day = 0;
};

std::int64_t epoch_days_of(CivilDate date);
CivilDate civil_of(std::int64_t epoch_days);
// False for the 30th of February, month 0, and years that no target holds.
bool is_date(CivilDate date);

// Each takes what it reads from the front of `text`, and is false where that is not of its form.
// "2017-09-15", "+21016-11-04", "-4713-12-31".
bool parse_date(std::string_view& text, std::int64_t& epoch_days);
// "11:51", "11:51:30", "11:51:30.123456789", up to 24:00:00.
bool parse_time(std::string_view& text, std::int64_t& us);
// "Z", "+01", "+01:00", "-00:44:30"; nothing at all is false.
bool parse_offset(std::string_view& text, std::int32_t& seconds);
// A date, 'T' or a space, and a time; or a date alone. " BC" at the end is left to the caller.
bool parse_date_time(std::string_view& text, std::int64_t& epoch_days, std::int64_t& us);

// A timestamp for PostgreSQL: false where it is out of its range.
bool pg_timestamp(std::int64_t epoch_days, std::int64_t us, std::int64_t& out);

// PostgreSQL's text forms, with DateStyle ISO and TimeZone UTC.
void append_date_text(std::int32_t pg_days, Bytes& out);
void append_time_text(std::int64_t us, Bytes& out);
void append_timestamp_text(std::int64_t pg_us, bool with_zone, Bytes& out);
// As interval input takes it, hours of any size: "-838:59:59.5".
void append_duration_text(std::int64_t us, Bytes& out);

}  // namespace tidemark
