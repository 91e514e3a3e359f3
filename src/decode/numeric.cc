#include "decode/numeric.h"

#include <algorithm>
#include <array>
#include <vector>

#include "decode/byte_runs.h"

namespace tidemark {
namespace {

constexpr std::int64_t kIntegerDigitsMax = 131072;
constexpr std::int64_t kScaleMax = 16383;
// More bytes than these hold more digits than numeric takes.
constexpr std::size_t kUnscaledBytesMax = 61500;
constexpr std::int64_t kExponentMax = 1000000;

constexpr std::array<std::uint32_t, 5> kPowers = {1, 10, 100, 1000, 10000};

void append_header(std::size_t digits, std::int64_t weight, std::uint16_t sign, std::int64_t scale,
                   Bytes& out) {
  char* at = out.extend(8);
  store_big(at, static_cast<std::uint16_t>(digits));
  store_big(at + 2, static_cast<std::uint16_t>(weight));
  store_big(at + 4, sign);
  store_big(at + 6, static_cast<std::uint16_t>(scale));
}

std::int64_t floor_quarter(std::int64_t power) {
  return power >= 0 ? power / 4 : -((-power + 3) / 4);
}

// `digits` (characters) times 10^-scale.
NumericResult append_digits(bool negative, std::string_view digits, std::int64_t scale,
                            Bytes& out) {
  const std::int64_t shown = std::max<std::int64_t>(scale, 0);
  if (shown > kScaleMax) return NumericResult::out_of_range;
  const std::size_t first = digits.find_first_not_of('0');
  if (first == std::string_view::npos) {
    append_header(0, 0, 0, shown, out);
    return NumericResult::ok;
  }
  digits.remove_prefix(first);
  const std::int64_t highest = static_cast<std::int64_t>(digits.size()) - 1 - scale;
  if (highest >= kIntegerDigitsMax) return NumericResult::out_of_range;
  digits = digits.substr(0, digits.find_last_not_of('0') + 1);
  const std::int64_t weight = floor_quarter(highest);
  // The first group is short where the point does not stand at a multiple of four.
  auto in_group = static_cast<std::size_t>(highest - weight * 4 + 1);
  const std::size_t groups = digits.size() <= in_group ? 1 : 1 + (digits.size() - in_group + 3) / 4;
  append_header(groups, weight, negative ? kNumericNegative : std::uint16_t{0}, shown, out);
  char* to = out.extend(groups * 2);
  std::size_t next = 0;
  for (std::size_t i = 0; i < groups; ++i, in_group = 4, to += 2) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < in_group; ++k, ++next) {
      group =
          group * 10 + (next < digits.size() ? static_cast<std::uint32_t>(digits[next] - '0') : 0);
    }
    store_big(to, static_cast<std::uint16_t>(group));
  }
  return NumericResult::ok;
}

// "e+3" and the like, the whole rest of a number.
bool parse_exponent(std::string_view text, std::int64_t& exponent) {
  text.remove_prefix(1);
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return false;
  std::int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = std::min(value * 10 + (c - '0'), kExponentMax);
  }
  exponent = negative ? -value : value;
  return true;
}

// The parts of a number's text: its digits stand in text[first, end), with a point among them or
// not.
struct DecimalText {
  bool negative = false;
  std::string_view mantissa;
  std::uint64_t value = 0;  // of the mantissa, where it has at most 19 significant digits
  std::size_t significant = 0;
  std::int64_t fraction = 0;
  std::int64_t exponent = 0;
};

bool parse_decimal(std::string_view text, DecimalText& parts) {
  std::size_t i = 0;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    parts.negative = text[0] == '-';
    i = 1;
  }
  const std::size_t start = i;
  std::size_t digits = 0;
  std::size_t point = std::string_view::npos;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      ++digits;
      if (parts.significant != 0 || c != '0') ++parts.significant;
      parts.value = parts.value * 10 + static_cast<std::uint64_t>(c - '0');
    } else if (c == '.' && point == std::string_view::npos) {
      point = i;
    } else {
      break;
    }
  }
  if (digits == 0) return false;
  parts.mantissa = text.substr(start, i - start);
  if (point != std::string_view::npos) parts.fraction = static_cast<std::int64_t>(i - point - 1);
  if (i == text.size()) return true;
  return (text[i] == 'e' || text[i] == 'E') && parse_exponent(text.substr(i), parts.exponent);
}

// magnitude * 2^64 + low in decimal digits.
using Wide = unsigned __int128;  // NOLINT: of GCC and clang
constexpr std::uint64_t kTenTo19 = 10000000000000000000ULL;

void append_decimal(std::uint64_t value, bool padded, Bytes& digits) {
  std::array<char, 20> text{};
  std::size_t at = text.size();
  while (value != 0 || (padded && at > 1)) {
    text[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  digits.append(std::string_view(text.data() + at, text.size() - at));
}

void append_wide_decimal(Wide value, Bytes& digits) {
  std::array<std::uint64_t, 3> parts{};
  std::size_t count = 0;
  for (; value != 0; value /= kTenTo19)
    parts[count++] = static_cast<std::uint64_t>(value % kTenTo19);
  for (std::size_t i = count; i-- > 0;) append_decimal(parts[i], i + 1 != count, digits);
}

// The magnitude of a two's complement integer, in 32-bit limbs, the first the highest.
std::vector<std::uint32_t> magnitude_limbs(std::string_view big_endian, bool negative) {
  std::vector<std::uint32_t> limbs((big_endian.size() + 3) / 4, negative ? 0xffffffffU : 0U);
  for (std::size_t i = 0; i < big_endian.size(); ++i) {
    const std::size_t from_end = big_endian.size() - 1 - i;
    std::uint32_t& limb = limbs[limbs.size() - 1 - from_end / 4];
    limb = limb << 8 | static_cast<std::uint8_t>(big_endian[i]);
  }
  if (negative) {
    std::uint64_t carry = 1;
    for (std::size_t i = limbs.size(); i-- > 0;) {
      carry += ~limbs[i];
      limbs[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  return limbs;
}

// Schoolbook division by 10^9: quadratic, which numeric's own limit of digits bounds.
void append_big_decimal(std::vector<std::uint32_t> limbs, Bytes& digits) {
  constexpr std::uint32_t kChunk = 1000000000;
  std::vector<std::uint32_t> chunks;
  for (std::size_t first = 0; first < limbs.size();) {
    std::uint64_t remainder = 0;
    for (std::size_t i = first; i < limbs.size(); ++i) {
      const std::uint64_t part = remainder << 32 | limbs[i];
      limbs[i] = static_cast<std::uint32_t>(part / kChunk);
      remainder = part % kChunk;
    }
    chunks.push_back(static_cast<std::uint32_t>(remainder));
    while (first < limbs.size() && limbs[first] == 0) ++first;
  }
  char* to = digits.extend(chunks.size() * 9);
  for (std::size_t i = chunks.size(); i-- > 0; to += 9) {
    std::uint32_t chunk = chunks[i];
    for (int k = 8; k >= 0; --k, chunk /= 10) to[k] = static_cast<char>('0' + chunk % 10);
  }
}

struct Payload {
  std::uint16_t digits;
  std::int16_t weight;
  std::uint16_t sign;
  std::uint16_t scale;
  const char* at;
  explicit Payload(std::string_view payload)
      : digits(load_big<std::uint16_t>(payload.data())),
        weight(static_cast<std::int16_t>(load_big<std::uint16_t>(payload.data() + 2))),
        sign(load_big<std::uint16_t>(payload.data() + 4)),
        scale(load_big<std::uint16_t>(payload.data() + 6)),
        at(payload.data() + 8) {}
  [[nodiscard]] std::uint32_t digit(std::size_t i) const {
    return load_big<std::uint16_t>(at + i * 2);
  }
  // The digit of this weight; zero where none is stored.
  [[nodiscard]] std::uint32_t of_weight(std::int32_t wanted) const {
    const std::int32_t i = weight - wanted;
    return i < 0 || i >= digits ? 0 : digit(static_cast<std::size_t>(i));
  }
};

}  // namespace

NumericResult append_numeric_text(std::string_view text, Bytes& out) {
  DecimalText parts;
  if (!parse_decimal(text, parts)) return NumericResult::not_a_number;
  const std::int64_t scale = parts.fraction - parts.exponent;
  if (parts.significant <= 19 && scale >= 0 && scale <= kScaleMax) {
    append_numeric_small(parts.negative, parts.value, static_cast<std::int32_t>(scale), out);
    return NumericResult::ok;
  }
  if (parts.fraction == 0) {
    const std::size_t length = parts.mantissa.size() - (parts.mantissa.back() == '.' ? 1 : 0);
    return append_digits(parts.negative, parts.mantissa.substr(0, length), scale, out);
  }
  thread_local Bytes digits;
  digits.clear();
  const std::size_t point = parts.mantissa.find('.');
  digits.append(parts.mantissa.substr(0, point));
  digits.append(parts.mantissa.substr(point + 1));
  return append_digits(parts.negative, digits.view(), scale, out);
}

bool append_numeric_special(std::string_view name, Bytes& out) {
  std::uint16_t sign = 0;
  if (name == "NaN" || name == "NAN") {
    sign = kNumericNan;
  } else if (name == "Infinity" || name == "POSITIVE_INFINITY" || name == "infinity") {
    sign = kNumericInfinity;
  } else if (name == "-Infinity" || name == "NEGATIVE_INFINITY" || name == "-infinity") {
    sign = kNumericNegativeInfinity;
  } else {
    return false;
  }
  append_header(0, 0, sign, 0, out);
  return true;
}

void append_numeric_small(bool negative, std::uint64_t magnitude, std::int32_t scale, Bytes& out) {
  std::array<std::uint16_t, 8> groups{};  // the lowest first
  std::size_t count = 0;
  const auto fraction_groups = static_cast<std::uint32_t>(scale + 3) / 4;
  const std::uint32_t shift = fraction_groups * 4 - static_cast<std::uint32_t>(scale);
  if (shift != 0) {
    const std::uint32_t power = kPowers[4 - shift];
    groups[count++] = static_cast<std::uint16_t>(magnitude % power * kPowers[shift]);
    magnitude /= power;
  }
  while (magnitude != 0) {
    groups[count++] = static_cast<std::uint16_t>(magnitude % 10000);
    magnitude /= 10000;
  }
  while (count > 0 && groups[count - 1] == 0) --count;
  std::size_t first = 0;
  while (first < count && groups[first] == 0) ++first;
  if (count == 0) {
    append_header(0, 0, 0, scale, out);
    return;
  }
  append_header(count - first, static_cast<std::int64_t>(count) - 1 - fraction_groups,
                negative ? kNumericNegative : std::uint16_t{0}, scale, out);
  char* to = out.extend((count - first) * 2);
  for (std::size_t i = count; i-- > first; to += 2) store_big(to, groups[i]);
}

NumericResult append_numeric_unscaled(std::string_view big_endian, std::int32_t scale, Bytes& out) {
  if (big_endian.empty()) return NumericResult::not_a_number;
  const bool negative = (static_cast<std::uint8_t>(big_endian.front()) & 0x80U) != 0;
  const char filler = negative ? '\xff' : '\0';
  // Java never writes more sign bytes than one; others may.
  while (big_endian.size() > 8 && big_endian.front() == filler &&
         (static_cast<std::uint8_t>(big_endian[1] ^ filler) & 0x80U) == 0) {
    big_endian.remove_prefix(1);
  }
  if (big_endian.size() > kUnscaledBytesMax) return NumericResult::out_of_range;
  if (big_endian.size() <= 8 && scale >= 0 && scale <= kScaleMax) {
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (const char byte : big_endian) value = value << 8 | static_cast<std::uint8_t>(byte);
    append_numeric_small(negative, negative ? 0 - value : value, scale, out);
    return NumericResult::ok;
  }
  thread_local Bytes digits;
  digits.clear();
  if (big_endian.size() <= 16) {
    Wide value = negative ? ~Wide{0} : Wide{0};
    for (const char byte : big_endian) value = value << 8 | static_cast<std::uint8_t>(byte);
    if (negative) value = ~value + 1;
    append_wide_decimal(value, digits);
  } else {
    append_big_decimal(magnitude_limbs(big_endian, negative), digits);
  }
  return append_digits(negative, digits.view(), scale, out);
}

NumericShape numeric_shape(std::string_view payload) {
  const Payload number(payload);
  NumericShape shape;
  shape.finite = number.sign <= kNumericNegative;
  shape.zero = shape.finite && number.digits == 0;
  if (number.digits == 0) return shape;
  const std::uint32_t first = number.digit(0);
  shape.highest = number.weight * 4 + (first >= 1000 ? 3 : first >= 100 ? 2 : first >= 10 ? 1 : 0);
  const std::uint32_t last = number.digit(number.digits - 1U);
  const std::int32_t zeros = last % 10 != 0 ? 0 : last % 100 != 0 ? 1 : last % 1000 != 0 ? 2 : 3;
  shape.lowest = (number.weight - (number.digits - 1)) * 4 + zeros;
  return shape;
}

bool numeric_to_int64(std::string_view payload, std::int64_t& value) {
  const NumericShape shape = numeric_shape(payload);
  if (!shape.finite) return false;
  value = 0;
  if (shape.zero) return true;
  if (shape.lowest < 0 || shape.highest > 18) return false;
  const Payload number(payload);
  std::uint64_t magnitude = 0;
  for (std::int32_t weight = number.weight; weight >= 0; --weight) {
    magnitude = magnitude * 10000 + number.of_weight(weight);
  }
  const bool negative = number.sign == kNumericNegative;
  const std::uint64_t limit = 0x7fffffffffffffffULL + (negative ? 1 : 0);
  if (magnitude > limit) return false;
  value = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

void append_numeric_as_text(std::string_view payload, Bytes& out) {
  const Payload number(payload);
  if (number.sign > kNumericNegative) {
    out.append(number.sign == kNumericNan        ? "NaN"
               : number.sign == kNumericInfinity ? "Infinity"
                                                 : "-Infinity");
    return;
  }
  if (number.sign == kNumericNegative) out.append('-');
  const auto append_group = [&out](std::uint32_t group, std::uint32_t from, std::uint32_t count) {
    for (std::uint32_t k = from; k < from + count; ++k) {
      out.append(static_cast<char>('0' + group / kPowers[3 - k] % 10));
    }
  };
  if (number.weight < 0 || number.digits == 0) {
    out.append('0');
  } else {
    const std::uint32_t first = number.digit(0);
    const std::uint32_t zeros = first >= 1000 ? 0 : first >= 100 ? 1 : first >= 10 ? 2 : 3;
    append_group(first, zeros, 4 - zeros);
    for (std::int32_t weight = number.weight - 1; weight >= 0; --weight) {
      append_group(number.of_weight(weight), 0, 4);
    }
  }
  if (number.scale == 0) return;
  out.append('.');
  std::uint32_t left = number.scale;
  for (std::int32_t weight = -1; left != 0; --weight) {
    const std::uint32_t count = std::min<std::uint32_t>(left, 4);
    append_group(number.of_weight(weight), 0, count);
    left -= count;
  }
}

bool numeric_equal(std::string_view a, std::string_view b) {
  // All but dscale: zero digits are stripped, so equal numbers have equal digits.
  return a.size() == b.size() && a.substr(0, 6) == b.substr(0, 6) && a.substr(8) == b.substr(8);
}

}  // namespace tidemark
