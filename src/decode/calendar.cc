#include "decode/calendar.h"

#include <algorithm>
#include <array>

#include "decode/byte_runs.h"

namespace tidemark {
namespace {

constexpr std::int64_t kYearMax = 6000000;  // beyond what PostgreSQL's date holds
constexpr std::int64_t kDaysPerEra = 146097;

// Exactly two digits.
bool take_two(std::string_view& text, std::uint32_t& value) {
  if (text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1])) return false;
  value = static_cast<std::uint32_t>((text[0] - '0') * 10 + (text[1] - '0'));
  text.remove_prefix(2);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_year(std::string_view& text, std::int64_t& year) {
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::size_t digits = 0;
  year = 0;
  for (; digits < text.size() && is_digit(text[digits]) && digits < 10; ++digits) {
    year = year * 10 + (text[digits] - '0');
  }
  text.remove_prefix(digits);
  if (negative) year = -year;
  return digits >= 4;
}

// ".123456789": microseconds, the rest is cut.
bool take_fraction(std::string_view& text, std::int64_t& us) {
  constexpr std::array<std::int64_t, 7> kScales = {1000000, 100000, 10000, 1000, 100, 10, 1};
  const char* const end = end_of_digits(text.data(), text.data() + text.size());
  const auto digits = static_cast<std::size_t>(end - text.data());
  const std::size_t kept = std::min<std::size_t>(digits, 6);
  std::int64_t value = 0;
  for (std::size_t i = 0; i < kept; ++i) value = value * 10 + (text[i] - '0');
  us += value * kScales.at(kept);
  text.remove_prefix(digits);
  return digits > 0;
}

void append_padded(std::uint64_t value, std::size_t width, Bytes& out) {
  std::array<char, 20> digits{};
  std::size_t at = digits.size();
  while (value != 0 || digits.size() - at < width) {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(std::string_view(digits.data() + at, digits.size() - at));
}

// Without the era, which stands at the very end.
void append_civil(CivilDate date, Bytes& out) {
  const std::int64_t year = date.year > 0 ? date.year : 1 - date.year;
  append_padded(static_cast<std::uint64_t>(year), 4, out);
  out.append('-');
  append_padded(date.month, 2, out);
  out.append('-');
  append_padded(date.day, 2, out);
}

void append_clock(std::uint64_t us, Bytes& out) {
  append_padded(us / 3600000000U, 2, out);
  out.append(':');
  append_padded(us / 60000000 % 60, 2, out);
  out.append(':');
  append_padded(us / 1000000 % 60, 2, out);
  std::uint64_t fraction = us % 1000000;
  if (fraction == 0) return;
  std::size_t width = 6;
  for (; fraction % 10 == 0; fraction /= 10) --width;
  out.append('.');
  append_padded(fraction, width, out);
}

}  // namespace

// The well-known arithmetic on eras of 400 years that begin in March (H. Hinnant,
// "chrono-Compatible Low-Level Date Algorithms").
std::int64_t epoch_days_of(CivilDate date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
  const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - 719468;
}

CivilDate civil_of(std::int64_t epoch_days) {
  const std::int64_t days = epoch_days + 719468;
  const std::int64_t era = (days >= 0 ? days : days - (kDaysPerEra - 1)) / kDaysPerEra;
  const std::int64_t day_of_era = days - era * kDaysPerEra;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<std::uint32_t>(day_of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<std::uint32_t>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

bool is_date(CivilDate date) {
  constexpr std::array<std::uint32_t, 13> kLengths = {0,  31, 29, 31, 30, 31, 30,
                                                      31, 31, 30, 31, 30, 31};
  if (date.year < -kYearMax || date.year > kYearMax) return false;
  if (date.month < 1 || date.month > 12 || date.day < 1) return false;
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  const std::uint32_t length = date.month == 2 && !leap ? 28 : kLengths.at(date.month);
  return date.day <= length;
}

bool parse_date(std::string_view& text, std::int64_t& epoch_days) {
  CivilDate date;
  if (!take_year(text, date.year) || !take(text, '-') || !take_two(text, date.month) ||
      !take(text, '-') || !take_two(text, date.day) || !is_date(date)) {
    return false;
  }
  epoch_days = epoch_days_of(date);
  return true;
}

bool parse_time(std::string_view& text, std::int64_t& us) {
  std::uint32_t hour = 0;
  std::uint32_t minute = 0;
  std::uint32_t second = 0;
  us = 0;
  if (!take_two(text, hour) || !take(text, ':') || !take_two(text, minute)) return false;
  if (take(text, ':')) {
    if (!take_two(text, second)) return false;
    if (take(text, '.') && !take_fraction(text, us)) return false;
  }
  if (hour > 24 || minute > 59 || second > 59) return false;
  us += static_cast<std::int64_t>(hour * 3600 + minute * 60 + second) * kUsPerSecond;
  return us <= kUsPerDay;
}

namespace {

// Exactly "2016-11-04T11:51:30", as nearly all begin: all its places at once. False, and nothing is
// taken: it is written in another way, or wrong.
bool parse_seconds(std::string_view& text, std::int64_t& epoch_days, std::int64_t& us) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':') {
    return false;
  }
  bool digits = true;
  const auto two = [&](std::size_t at) {
    const auto tens = static_cast<std::uint8_t>(text[at] - '0');
    const auto ones = static_cast<std::uint8_t>(text[at + 1] - '0');
    digits = digits && tens <= 9 && ones <= 9;
    return std::uint32_t{tens} * 10 + ones;
  };
  const CivilDate date{std::int64_t{two(0)} * 100 + two(2), two(5), two(8)};
  const std::uint32_t hour = two(11);
  const std::uint32_t minute = two(14);
  const std::uint32_t second = two(17);
  if (!digits || hour > 23 || minute > 59 || second > 59 || !is_date(date)) return false;
  epoch_days = epoch_days_of(date);
  us = (std::int64_t{hour} * 3600 + minute * 60 + second) * kUsPerSecond;
  text.remove_prefix(19);
  return true;
}

}  // namespace

bool parse_offset(std::string_view& text, std::int32_t& seconds) {
  seconds = 0;
  if (take(text, 'Z')) return true;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
  const bool negative = text.front() == '-';
  text.remove_prefix(1);
  std::uint32_t hour = 0;
  std::uint32_t minute = 0;
  std::uint32_t second = 0;
  if (!take_two(text, hour)) return false;
  if (take(text, ':') || (!text.empty() && is_digit(text.front()))) {
    if (!take_two(text, minute)) return false;
    if (take(text, ':') && !take_two(text, second)) return false;
  }
  // Java's offsets reach 18 hours, PostgreSQL's just below 16.
  if (hour > 18 || minute > 59 || second > 59) return false;
  seconds = static_cast<std::int32_t>(hour * 3600 + minute * 60 + second);
  if (negative) seconds = -seconds;
  return true;
}

bool parse_date_time(std::string_view& text, std::int64_t& epoch_days, std::int64_t& us) {
  if (parse_seconds(text, epoch_days, us)) {
    return !take(text, '.') || take_fraction(text, us);
  }
  us = 0;
  if (!parse_date(text, epoch_days)) return false;
  if (text.size() < 2 || (text[0] != 'T' && text[0] != ' ') || !is_digit(text[1])) return true;
  text.remove_prefix(1);
  return parse_time(text, us);
}

bool pg_timestamp(std::int64_t epoch_days, std::int64_t us, std::int64_t& out) {
  // Whole days first: within these bounds nothing below can overflow.
  constexpr std::int64_t kDays = 110000000;
  if (epoch_days < -kDays || epoch_days > kDays) return false;
  const std::int64_t days = epoch_days - kPgEpochDays;
  if (__builtin_mul_overflow(days, kUsPerDay, &out) || __builtin_add_overflow(out, us, &out)) {
    return false;
  }
  return out >= kPgTimestampMin && out < kPgTimestampEnd;
}

void append_date_text(std::int32_t pg_days, Bytes& out) {
  if (pg_days == kPgDateInfinity || pg_days == kPgDateNegativeInfinity) {
    out.append(pg_days == kPgDateInfinity ? "infinity" : "-infinity");
    return;
  }
  const CivilDate date = civil_of(std::int64_t{pg_days} + kPgEpochDays);
  append_civil(date, out);
  if (date.year <= 0) out.append(" BC");
}

void append_time_text(std::int64_t us, Bytes& out) {
  append_clock(static_cast<std::uint64_t>(us), out);
}

void append_timestamp_text(std::int64_t pg_us, bool with_zone, Bytes& out) {
  if (pg_us == kPgTimestampInfinity || pg_us == kPgTimestampNegativeInfinity) {
    out.append(pg_us == kPgTimestampInfinity ? "infinity" : "-infinity");
    return;
  }
  std::int64_t days = pg_us / kUsPerDay;
  std::int64_t us = pg_us % kUsPerDay;
  if (us < 0) {
    us += kUsPerDay;
    --days;
  }
  const CivilDate date = civil_of(days + kPgEpochDays);
  append_civil(date, out);
  out.append(' ');
  append_clock(static_cast<std::uint64_t>(us), out);
  if (with_zone) out.append("+00");
  if (date.year <= 0) out.append(" BC");
}

void append_duration_text(std::int64_t us, Bytes& out) {
  auto magnitude = static_cast<std::uint64_t>(us);
  if (us < 0) {
    out.append('-');
    magnitude = 0 - magnitude;
  }
  append_clock(magnitude, out);
}

}  // namespace tidemark
