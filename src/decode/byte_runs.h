// Where runs of bytes of one kind end, sixteen at a time where the machine can, and what digits
// say: most of what reading JSON does. They never look behind `end`. In the header, since each is
// called several times a value.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidemark {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The first byte that a JSON string cannot hold as it is, or not without a look: a quote, a
// backslash, a control character, or one that is not ASCII.
inline const char* end_of_plain(const char* p, const char* end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  while (end - p >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // As signed bytes what is not ASCII is negative, so one comparison finds it and the controls.
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                     _mm_cmplt_epi8(block, space));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return p + __builtin_ctz(mask);
    p += 16;
  }
#endif
  const auto is_plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
           c != '"' && c != '\\';
  };
  while (p != end && is_plain(*p)) ++p;
  return p;
}

// The first byte that is not ASCII.
inline const char* end_of_ascii(const char* p, const char* end) {
#ifdef __SSE2__
  while (end - p >= 16) {
    const auto high = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    if (high != 0) return p + __builtin_ctz(high);
    p += 16;
  }
#endif
  while (p != end && static_cast<unsigned char>(*p) < 0x80) ++p;
  return p;
}

// The first byte that is no decimal digit.
inline const char* end_of_digits(const char* p, const char* end) {
#ifdef __SSE2__
  // As signed bytes the digits are moved to the lowest ten, so that one comparison finds the
  // others.
  const __m128i to_lowest = _mm_set1_epi8(static_cast<char>(-128 - '0'));
  const __m128i nine = _mm_set1_epi8(-128 + 9);
  while (end - p >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i others = _mm_cmpgt_epi8(_mm_add_epi8(block, to_lowest), nine);
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(others));
    if (mask != 0) return p + __builtin_ctz(mask);
    p += 16;
  }
#endif
  while (p != end && is_digit(*p)) ++p;
  return p;
}

// At least one digit, and nothing else.
inline bool is_digits(std::string_view text) {
  const char* const end = text.data() + text.size();
  return !text.empty() && end_of_digits(text.data(), end) == end;
}

// Do `expected.size()` bytes at `p` equal it? Eight at a time: names are too short for a call.
inline bool is_at(const char* p, std::string_view expected) {
  const std::size_t size = expected.size();
  const char* const e = expected.data();
  if (size < 8) return std::memcmp(p, e, size) == 0;
  const auto eight = [](const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
  };
  for (std::size_t i = 0; i + 8 < size; i += 8) {
    if (eight(p + i) != eight(e + i)) return false;
  }
  return eight(p + size - 8) == eight(e + size - 8);
}

// A plain integer within int64, as nearly all are: no fraction, no exponent.
inline bool parse_integer(std::string_view text, std::int64_t& value) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 19) return false;
  std::uint64_t magnitude = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint8_t>(c - '0');
    if (digit > 9) return false;
    magnitude = magnitude * 10 + digit;
  }
  if (magnitude > (std::uint64_t{1} << 63) - (negative ? 0 : 1)) return false;
  value = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

}  // namespace tidemark
