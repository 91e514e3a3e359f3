// Where runs of bytes of one kind end, sixteen at a time where the machine can: most of what
// reading JSON passes over. They never look behind `end`.
#pragma once

#include <string_view>

namespace tidemark {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The first byte that a JSON string cannot hold as it is, or not without a look: a quote, a
// backslash, a control character, or one that is not ASCII.
const char* end_of_plain(const char* p, const char* end);
// The first byte that is not ASCII.
const char* end_of_ascii(const char* p, const char* end);
// The first byte that is no decimal digit.
const char* end_of_digits(const char* p, const char* end);
// At least one digit, and nothing else.
inline bool is_digits(std::string_view text) {
  const char* const end = text.data() + text.size();
  return !text.empty() && end_of_digits(text.data(), end) == end;
}

}  // namespace tidemark
