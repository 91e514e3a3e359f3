// A pull reader over JSON text in memory: no tree, no copies, one pass. It validates what it passes
// over, skipped parts too: RFC 8259 syntax, UTF-8, paired surrogates, and depth. Duplicate member
// names are the caller's business (decode/fields finds them where they matter).
// Not thread-safe; views point into the text given. After an error every call returns false.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tidemark {

enum class JsonKind : std::uint8_t {
  null,
  boolean_true,
  boolean_false,
  number,
  string,
  array,
  object,
  bytes  // never in JSON text: the bytes themselves, as binary records have them
};

// One value, not interpreted: `raw` is its text; for a string, what stands between the quotes, or,
// from a binary record, the string itself with `escaped` false.
struct JsonValue {
  JsonKind kind = JsonKind::null;
  bool escaped = false;  // a string that has a backslash
  std::string_view raw;
  [[nodiscard]] bool is_null() const { return kind == JsonKind::null; }
  [[nodiscard]] bool is_string() const { return kind == JsonKind::string; }
  [[nodiscard]] bool is_object() const { return kind == JsonKind::object; }
  // False for a JsonValue that was never read: a member that is not there, which is not a null.
  [[nodiscard]] bool is_present() const { return raw.data() != nullptr; }
};

// What is wrong and at which byte of the text.
struct JsonError {
  const char* reason = nullptr;  // nullptr: nothing is wrong
  std::size_t at = 0;
};

class JsonReader {
 public:
  // A byte order mark at the start is passed over. `depth_max` is bounded by kDepthCeiling.
  JsonReader(std::string_view text, std::uint32_t depth_max);
  static constexpr std::uint32_t kDepthCeiling = 8192;

  // Strings may hold control characters as they are (Connect's SimpleHeaderConverter writes so).
  void allow_control_characters() { control_allowed_ = true; }
  // As if the text before `position` had been read: inside one object, a member's value comes next.
  void continue_in_member(std::size_t position);

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
  // Fast path: if the text continues with exactly `expected`, which begins with a comma (for
  // example
  // `,"id":`; the comma is left out of the comparison at the first member), passes over it.
  // Only valid inside an object, in the place where `member` may be called.
  bool member_is(std::string_view expected);
  // The same, and the value behind it, where that is a plain one: null, an integer without sign, a
  // string of ASCII without escapes. False, and nothing is changed: it may be another value.
  bool plain_member(std::string_view expected, JsonValue& out);
  // As if the object here, of so many bytes and with no other inside, had been read. False, and
  // nothing is changed: there may be none here, because it would be too deep.
  bool pass_flat_object(std::size_t bytes);
  // Only white space is left, and everything that was entered is closed.
  bool at_end();
  // The kind of the next value without passing over it. On an error: null, and failed().
  JsonKind peek();

  [[nodiscard]] bool failed() const { return error_.reason != nullptr; }
  [[nodiscard]] const JsonError& error() const { return error_; }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::string_view text() const {
    return {begin_, static_cast<std::size_t>(end_ - begin_)};
  }
  [[nodiscard]] std::string_view rest() const {
    return {at_, static_cast<std::size_t>(end_ - at_)};
  }

 private:
  class Nesting;
  bool fail(const char* reason);
  void skip_space();
  bool next_is_closing(char closing);
  bool string(JsonValue& out);
  bool string_special(const char*& p, bool& escaped);
  bool escape(const char*& p);
  bool number(JsonValue& out);
  bool literal(std::string_view text, JsonKind kind, JsonValue& out);
  bool scalar(JsonValue& out);
  bool container(JsonValue& out);
  bool open(Nesting& nesting);
  bool name_and_colon();

  const char* begin_;
  const char* at_;
  const char* end_;
  std::uint32_t depth_ = 0;
  std::uint32_t depth_max_;
  bool first_ = false;  // inside a container of which nothing has been read yet
  bool control_allowed_ = false;
  JsonError error_;
};

// Appends a string's content, unescaped, as UTF-8. `raw` has been validated by JsonReader, so
// this cannot fail. A \u0000 becomes a zero byte: the caller refuses it where text cannot hold it.
void append_unescaped(std::string_view raw, Bytes& out);
std::string unescaped(const JsonValue& string);
// The text as a JSON string without its quotes, as Jackson writes it.
std::string escaped(std::string_view text);
void append_escaped(std::string_view text, Bytes& out);
// RFC 3629, as JsonReader checks strings.
bool is_utf8(std::string_view text);

}  // namespace tidemark
