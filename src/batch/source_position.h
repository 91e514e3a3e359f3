// A place in the log of the source that has an order:
//   PostgreSQL        "<commit lsn>/<lsn>"
//   MySQL, MariaDB    "<number of the binlog file>/<position>/<row>+<number of the GTID>=<log>"
// <log> says whose numbers these are: only positions of one log are comparable. Other sources'
// positions identify an event and are not ordered here. A value; views the text it was read from.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <string_view>
#include <tuple>

namespace tidemark {

struct SourcePosition {
  std::uint64_t commit = 0;
  std::uint64_t lsn = 0;
  std::uint64_t row = 0;
  std::uint64_t transaction = 0;  // the GTID's number; 0: there is none
  std::string_view log;           // empty: PostgreSQL's

  [[nodiscard]] auto place() const { return std::tie(commit, lsn, row); }
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
  if (!read_number(text, out.commit) || !read_mark(text, '/') || !read_number(text, out.lsn)) {
    return false;
  }
  if (!read_mark(text, '/')) return true;
  if (!read_number(text, out.row) || !read_mark(text, '+') || !read_number(text, out.transaction) ||
      !read_mark(text, '=')) {
    return false;
  }
  out.log = text.substr(0, text.find('@'));
  text.remove_prefix(out.log.size());
  return !out.log.empty();
}

}  // namespace tidemark
