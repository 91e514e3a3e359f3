#include "decode/byte_runs.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tidemark {

namespace {

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

}  // namespace

const char* end_of_digits(const char* p, const char* end) {
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

const char* end_of_plain(const char* p, const char* end) {
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
  while (p != end && is_plain(*p)) ++p;
  return p;
}

const char* end_of_ascii(const char* p, const char* end) {
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

}  // namespace tidemark
