// A place in the log of the source that has an order: PostgreSQL's "<commit lsn>/<lsn>". Other
// sources' positions identify an event and are not ordered here. A value.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <string_view>

namespace tidemark {

struct SourcePosition {
  std::uint64_t commit = 0;
  std::uint64_t lsn = 0;
  auto operator<=>(const SourcePosition&) const = default;
};

template <typename Number>
bool read_number(std::string_view& text, Number& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  if (result.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return true;
}

inline bool read_mark(std::string_view& text, char mark) {
  if (text.empty() || text.front() != mark) return false;
  text.remove_prefix(1);
  return true;
}

// Takes a position off the front of the text. False: there is none.
inline bool read_position(std::string_view& text, SourcePosition& out) {
  return read_number(text, out.commit) && read_mark(text, '/') && read_number(text, out.lsn);
}

}  // namespace tidemark
