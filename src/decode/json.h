// A pull reader over JSON text in memory: no tree, no copies, one pass. It validates what it passes
// over, skipped parts too: RFC 8259 syntax, UTF-8, paired surrogates, and depth. Duplicate member
// names are the caller's business (decode/envelope finds them where they matter).
// Not thread-safe; views point into the text given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tidemark {

enum class JsonKind : std::uint8_t { null, boolean_true, boolean_false, number, string, array, object };

// One value, not interpreted: `raw` is its text; for a string, what stands between the quotes.
struct JsonValue {
  JsonKind kind = JsonKind::null;
  bool escaped = false;  // a string that has a backslash
  std::string_view raw;
  [[nodiscard]] bool is_null() const { return kind == JsonKind::null; }
  [[nodiscard]] bool is_string() const { return kind == JsonKind::string; }
};

// What is wrong and at which byte of the text.
struct JsonError {
  const char* reason = nullptr;  // nullptr: nothing is wrong
  std::size_t at = 0;
};

class JsonReader {
 public:
  JsonReader(std::string_view text, std::uint32_t depth_max);

  // Objects: enter, then `member` until it returns false (at the closing brace, or on an error).
  // `name` is raw; `name_escaped` says whether it has a backslash. After `member`, exactly one of
  // value(), enter_object(), enter_array() must be called.
  bool enter_object();
  bool member(std::string_view& name, bool& name_escaped);
  // Arrays: enter, then `element` until it returns false; after each, one value as above.
  bool enter_array();
  bool element();
  // The next value whole, of whatever kind; arrays and objects are validated and returned as text.
  bool value(JsonValue& out);
  // Fast path: if the text continues with exactly `expected` (for example `,"id":`), passes over it.
  // Only valid inside an object, in the place where `member` may be called.
  bool member_is(std::string_view quoted_name_and_colon);
  // Only white space is left.
  bool at_end();
  // The kind of the next value without passing over it.
  JsonKind peek();

  [[nodiscard]] bool failed() const { return error_.reason != nullptr; }
  [[nodiscard]] const JsonError& error() const { return error_; }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  const char* begin_;
  const char* at_;
  const char* end_;
  std::uint32_t depth_ = 0;
  std::uint32_t depth_max_;
  bool first_ = false;
  JsonError error_;
};

// Appends a string's content, unescaped, as UTF-8. `raw` has been validated by JsonReader, so
// this cannot fail. A \u0000 becomes a zero byte: the caller refuses it where text cannot hold it.
void append_unescaped(std::string_view raw, Bytes& out);
std::string unescaped(const JsonValue& string);

}  // namespace tidemark
