// PostgreSQL's binary form of numeric: what Debezium's decimals become.
//
//   uint16 ndigits   base-10000 digits that follow
//   int16  weight    of the first digit: value = sum digit[i] * 10000^(weight - i)
//   uint16 sign      0 positive, 0x4000 negative, 0xC000 NaN, 0xD000 +Infinity, 0xF000 -Infinity
//   uint16 dscale    decimal digits after the point that text output shows: 1.10 stays 1.10
//   uint16 digit[ndigits]
//
// Without zero digits at either end; zero has no digits. For example -0.05 is
// 0001 FFFF 4000 0002 01F4. (src/backend/utils/adt/numeric.c, numeric_recv.)
// Payloads only: the length before them is the caller's. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tidemark {

inline constexpr std::uint16_t kNumericNegative = 0x4000;
inline constexpr std::uint16_t kNumericNan = 0xC000;
inline constexpr std::uint16_t kNumericInfinity = 0xD000;
inline constexpr std::uint16_t kNumericNegativeInfinity = 0xF000;

enum class NumericResult : std::uint8_t {
  ok,
  not_a_number,  // not of the form that is asked for; nothing was appended
  out_of_range,  // over 131072 digits before the point or 16383 after it; nothing was appended
};

// "-12.50", "1E+3", "+.5": digits, a point, an exponent. Every digit is kept.
NumericResult append_numeric_text(std::string_view text, Bytes& out);
// The names of what is not finite, in PostgreSQL's, JSON's and Debezium's spelling ("NaN", "NAN",
// "Infinity", "POSITIVE_INFINITY", …).
bool append_numeric_special(std::string_view name, Bytes& out);
// magnitude * 10^-scale, scale >= 0.
void append_numeric_small(bool negative, std::uint64_t magnitude, std::int32_t scale, Bytes& out);
// A big-endian two's complement integer of any size times 10^-scale; scale may be negative.
NumericResult append_numeric_unscaled(std::string_view big_endian, std::int32_t scale, Bytes& out);

// What a payload holds.
struct NumericShape {
  bool finite = true;
  bool zero = false;
  std::int32_t highest = 0;  // the power of ten of the first digit that is not zero
  std::int32_t lowest = 0;   // the power of ten of the last digit that is not zero
};
NumericShape numeric_shape(std::string_view payload);

// An integer within int64: true. A fraction, out of range or not finite: false.
bool numeric_to_int64(std::string_view payload, std::int64_t& value);
// As numeric's output function writes it.
void append_numeric_as_text(std::string_view payload, Bytes& out);
// Equal as numbers, whatever their trailing zeros.
bool numeric_equal(std::string_view a, std::string_view b);

}  // namespace tidemark
