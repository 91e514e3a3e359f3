#include "decode/text_form.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "decode/base64.h"
#include "decode/calendar.h"
#include "decode/numeric.h"

namespace tidemark {
namespace {

void append_integer(std::int64_t value, Bytes& out) {
  std::array<char, 20> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(std::string_view(text.data(), static_cast<std::size_t>(end.ptr - text.data())));
}

// "d.ddde±x" laid out as PostgreSQL does: without an exponent between 10^-4 and 10^fixed_below.
void append_laid_out(std::string_view scientific, std::int32_t fixed_below, Bytes& out) {
  const std::size_t mark = scientific.find('e');
  std::string_view mantissa = scientific.substr(0, mark);
  std::string_view exponent_text = scientific.substr(mark + 1);
  if (exponent_text.front() == '+') exponent_text.remove_prefix(1);
  std::int32_t exponent = 0;
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  if (exponent < -4 || exponent >= fixed_below) {
    out.append(scientific);  // to_chars, too, writes at least two digits of exponent
    return;
  }
  if (mantissa.front() == '-') {
    out.append('-');
    mantissa.remove_prefix(1);
  }
  std::array<char, 20> digits{};
  std::size_t count = 0;
  for (const char c : mantissa) {
    if (c != '.') digits.at(count++) = c;
  }
  const std::string_view all(digits.data(), count);
  if (exponent < 0) {
    out.append("0.");
    for (std::int32_t i = -1; i > exponent; --i) out.append('0');
    out.append(all);
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  out.append(all.substr(0, whole));
  for (std::size_t i = count; i < whole; ++i) out.append('0');
  if (count > whole) {
    out.append('.');
    out.append(all.substr(whole));
  }
}

template <typename T>
void append_real(T value, std::int32_t fixed_below, Bytes& out) {
  if (std::isnan(value)) return out.append("NaN");
  if (std::isinf(value)) return out.append(value > 0 ? "Infinity" : "-Infinity");
  if (value == 0) return out.append(std::signbit(value) ? "-0" : "0");
  std::array<char, 40> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  append_laid_out({text.data(), static_cast<std::size_t>(end.ptr - text.data())}, fixed_below, out);
}

void append_uuid(std::string_view payload, Bytes& out) {
  constexpr std::array<std::size_t, 6> kCuts = {0, 4, 6, 8, 10, 16};
  for (std::size_t i = 0; i + 1 < kCuts.size(); ++i) {
    if (i != 0) out.append('-');
    append_hex(payload.substr(kCuts.at(i), kCuts.at(i + 1) - kCuts.at(i)), out);
  }
}

std::int64_t load_int8(std::string_view payload) {
  return static_cast<std::int64_t>(load_big<std::uint64_t>(payload.data()));
}

std::int32_t load_int4(std::string_view payload) {
  return static_cast<std::int32_t>(load_big<std::uint32_t>(payload.data()));
}

}  // namespace

void append_float_text(float value, Bytes& out) {
  append_real(value, 6, out);
}
void append_double_text(double value, Bytes& out) {
  append_real(value, 15, out);
}

void append_text_form(Wire wire, std::string_view payload, Bytes& out) {
  switch (wire) {
    case Wire::boolean:
      return out.append(payload.front() != 0 ? "true" : "false");
    case Wire::int2:
      return append_integer(static_cast<std::int16_t>(load_big<std::uint16_t>(payload.data())),
                            out);
    case Wire::int4:
      return append_integer(load_int4(payload), out);
    case Wire::int8:
      return append_integer(load_int8(payload), out);
    case Wire::float4:
      return append_float_text(std::bit_cast<float>(load_big<std::uint32_t>(payload.data())), out);
    case Wire::float8:
      return append_double_text(std::bit_cast<double>(load_big<std::uint64_t>(payload.data())),
                                out);
    case Wire::numeric:
      return append_numeric_as_text(payload, out);
    case Wire::text:
      return out.append(payload);
    case Wire::bytea:
      out.append("\\x");
      return append_hex(payload, out);
    case Wire::date:
      return append_date_text(load_int4(payload), out);
    case Wire::time:
      return append_time_text(load_int8(payload), out);
    case Wire::timestamp:
      return append_timestamp_text(load_int8(payload), false, out);
    case Wire::timestamptz:
      return append_timestamp_text(load_int8(payload), true, out);
    case Wire::uuid:
      return append_uuid(payload, out);
    case Wire::jsonb:
      return out.append(payload.substr(1));  // after the version
  }
}

}  // namespace tidemark
