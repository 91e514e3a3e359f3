#include "decode/json.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "decode/byte_runs.h"

namespace tidemark {

namespace {

constexpr unsigned char byte_of(char c) {
  return static_cast<unsigned char>(c);
}

bool is_continuation(char c) {
  return (byte_of(c) & 0xC0U) == 0x80U;
}

// Passes over one character that is not ASCII; false if it is not UTF-8 (RFC 3629: no overlong
// forms, no surrogates, nothing above U+10FFFF).
bool skip_utf8(const char*& p, const char* end) {
  const unsigned lead = byte_of(*p);
  const auto left = end - p;
  if (lead >= 0xC2 && lead <= 0xDF) {
    if (left < 2 || !is_continuation(p[1])) return false;
    p += 2;
    return true;
  }
  if ((lead & 0xF0U) == 0xE0U) {
    if (left < 3 || !is_continuation(p[1]) || !is_continuation(p[2])) return false;
    if (lead == 0xE0 && byte_of(p[1]) < 0xA0) return false;
    if (lead == 0xED && byte_of(p[1]) > 0x9F) return false;
    p += 3;
    return true;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (left < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) || !is_continuation(p[3])) {
      return false;
    }
    if (lead == 0xF0 && byte_of(p[1]) < 0x90) return false;
    if (lead == 0xF4 && byte_of(p[1]) > 0x8F) return false;
    p += 4;
    return true;
  }
  return false;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hexadecimal digits at `p`; -1: not so.
int hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

}  // namespace

// Which of the containers entered are objects: one bit each, so that depth costs no stack.
class JsonReader::Nesting {
 public:
  Nesting() {}  // NOLINT(*-member-init, *-equals-default): `bits_` is written by push
  [[nodiscard]] bool empty() const { return depth_ == 0; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  [[nodiscard]] bool in_object() const {
    return ((bits_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64)) & 1U) != 0;
  }
  void push(bool object) {
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    std::uint64_t& word = bits_[depth_ / 64];
    if (bit == 1) word = 0;
    word = object ? (word | bit) : (word & ~bit);
    ++depth_;
  }
  void pop() { --depth_; }

 private:
  std::uint32_t depth_ = 0;
  std::array<std::uint64_t, kDepthCeiling / 64> bits_;
};

JsonReader::JsonReader(std::string_view text, std::uint32_t depth_max)
    : begin_(text.data()),
      at_(text.data()),
      end_(text.data() + text.size()),
      depth_max_(std::min(depth_max, kDepthCeiling)) {
  if (text.starts_with("\xEF\xBB\xBF")) at_ += 3;
}

void JsonReader::continue_in_member(std::size_t position) {
  at_ = begin_ + position;
  depth_ = 1;
  first_ = false;
}

bool JsonReader::fail(const char* reason) {
  if (!failed()) error_ = {reason, position()};
  return false;
}

inline void JsonReader::skip_space() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

bool JsonReader::enter_object() {
  if (failed()) return false;
  skip_space();
  if (at_ == end_) return fail("the text ends where a value is expected");
  if (*at_ != '{') return fail("not an object");
  if (depth_ >= depth_max_) return fail("nested too deeply");
  ++depth_;
  ++at_;
  first_ = true;
  return true;
}

bool JsonReader::pass_flat_object(std::size_t bytes) {
  if (failed() || depth_ >= depth_max_) return false;
  at_ += bytes;
  first_ = false;
  return true;
}

bool JsonReader::enter_array() {
  if (failed()) return false;
  skip_space();
  if (at_ == end_) return fail("the text ends where a value is expected");
  if (*at_ != '[') return fail("not an array");
  if (depth_ >= depth_max_) return fail("nested too deeply");
  ++depth_;
  ++at_;
  first_ = true;
  return true;
}

// Passes over a closing bracket, or over the comma before the next member or element.
bool JsonReader::next_is_closing(char closing) {
  skip_space();
  if (at_ == end_) {
    fail("the text ends inside an object or array");
    return true;
  }
  if (*at_ == closing) {
    ++at_;
    --depth_;
    first_ = false;
    return true;
  }
  if (!first_) {
    if (*at_ != ',') {
      fail("a comma or a closing bracket is expected");
      return true;
    }
    ++at_;
    skip_space();
  }
  first_ = false;
  return false;
}

bool JsonReader::member(std::string_view& name, bool& name_escaped) {
  if (failed() || next_is_closing('}')) return false;
  JsonValue text;
  if (at_ == end_ || *at_ != '"') return fail("a member's name is expected");
  if (!string(text)) return false;
  name = text.raw;
  name_escaped = text.escaped;
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail("a colon is expected");
  ++at_;
  return true;
}

bool JsonReader::element() {
  return !failed() && !next_is_closing(']');
}

bool JsonReader::member_is(std::string_view expected) {
  if (first_) expected.remove_prefix(1);
  if (failed() || static_cast<std::size_t>(end_ - at_) < expected.size() || !is_at(at_, expected)) {
    return false;
  }
  at_ += expected.size();
  first_ = false;
  return true;
}

bool JsonReader::plain_member(std::string_view expected, JsonValue& out) {
  if (first_) expected.remove_prefix(1);
  if (failed() || static_cast<std::size_t>(end_ - at_) < expected.size() + 4 ||
      !is_at(at_, expected)) {
    return false;
  }
  const char* const value = at_ + expected.size();
  if (*value == '"') {
    const char* const quote = end_of_plain(value + 1, end_);
    if (quote == end_ || *quote != '"') return false;
    out = {JsonKind::string, false, {value + 1, static_cast<std::size_t>(quote - value - 1)}};
    at_ = quote + 1;
  } else if (*value >= '1' && *value <= '9') {
    const char* const behind = end_of_digits(value, end_);
    if (behind != end_ && (*behind == '.' || *behind == 'e' || *behind == 'E')) return false;
    out = {JsonKind::number, false, {value, static_cast<std::size_t>(behind - value)}};
    at_ = behind;
  } else if (std::memcmp(value, "null", 4) == 0) {
    out = {JsonKind::null, false, {value, 4}};
    at_ = value + 4;
  } else {
    return false;
  }
  first_ = false;
  return true;
}

bool JsonReader::at_end() {
  skip_space();
  return !failed() && at_ == end_ && depth_ == 0;
}

JsonKind JsonReader::peek() {
  if (failed()) return JsonKind::null;
  skip_space();
  if (at_ == end_) {
    fail("the text ends where a value is expected");
    return JsonKind::null;
  }
  switch (*at_) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::string;
    case 't':
      return JsonKind::boolean_true;
    case 'f':
      return JsonKind::boolean_false;
    case 'n':
      return JsonKind::null;
    default:
      break;
  }
  if (*at_ != '-' && !is_digit(*at_)) fail("a value is expected");
  return failed() ? JsonKind::null : JsonKind::number;
}

bool JsonReader::value(JsonValue& out) {
  if (failed()) return false;
  skip_space();
  if (at_ == end_) return fail("the text ends where a value is expected");
  return *at_ == '{' || *at_ == '[' ? container(out) : scalar(out);
}

bool JsonReader::scalar(JsonValue& out) {
  switch (*at_) {
    case '"':
      return string(out);
    case 'n':
      return literal("null", JsonKind::null, out);
    case 't':
      return literal("true", JsonKind::boolean_true, out);
    case 'f':
      return literal("false", JsonKind::boolean_false, out);
    default:
      return number(out);
  }
}

bool JsonReader::literal(std::string_view text, JsonKind kind, JsonValue& out) {
  if (static_cast<std::size_t>(end_ - at_) < text.size() ||
      std::memcmp(at_, text.data(), text.size()) != 0) {
    return fail("a value is expected");
  }
  out.kind = kind;
  out.escaped = false;
  out.raw = {at_, text.size()};
  at_ += text.size();
  return true;
}

bool JsonReader::number(JsonValue& out) {
  const char* p = at_;
  if (p != end_ && *p == '-') ++p;
  if (p == end_ || !is_digit(*p)) return fail("a value is expected");
  if (*p == '0') {
    ++p;
  } else {
    p = end_of_digits(p, end_);
  }
  if (p != end_ && *p == '.') {
    ++p;
    if (p == end_ || !is_digit(*p)) return fail("a digit is expected after the decimal point");
    p = end_of_digits(p, end_);
  }
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    if (p == end_ || !is_digit(*p)) return fail("a digit is expected in the exponent");
    p = end_of_digits(p, end_);
  }
  out.kind = JsonKind::number;
  out.escaped = false;
  out.raw = {at_, static_cast<std::size_t>(p - at_)};
  at_ = p;
  return true;
}

bool JsonReader::string(JsonValue& out) {
  const char* const start = at_ + 1;
  const char* p = start;
  bool has_escape = false;
  for (;;) {
    p = end_of_plain(p, end_);
    if (p != end_ && *p == '"') break;
    if (!string_special(p, has_escape)) return false;
  }
  out.kind = JsonKind::string;
  out.escaped = has_escape;
  out.raw = {start, static_cast<std::size_t>(p - start)};
  at_ = p + 1;
  return true;
}

// Passes over one character of a string that is not plain ASCII.
bool JsonReader::string_special(const char*& p, bool& escaped) {
  const char* reason = nullptr;
  if (p == end_) {
    reason = "the text ends inside a string";
  } else if (*p == '\\') {
    escaped = true;
    return escape(p);
  } else if (byte_of(*p) < 0x20) {
    if (control_allowed_) {
      ++p;
      return true;
    }
    reason = "a control character inside a string";
  } else if (!skip_utf8(p, end_)) {
    reason = "not UTF-8";
  } else {
    return true;
  }
  at_ = p;
  return fail(reason);
}

bool JsonReader::escape(const char*& p) {
  const char kind = end_ - p < 2 ? '\0' : p[1];
  if (kind != 'u') {
    at_ = p;
    if (kind == '\0' || std::strchr("\"\\/bfnrt", kind) == nullptr) {
      return fail("an unknown escape inside a string");
    }
    p += 2;
    return true;
  }
  at_ = p;
  const int unit = hex4(p + 2, end_);
  if (unit < 0) return fail("four hexadecimal digits are expected after \\u");
  p += 6;
  if (unit < 0xD800 || unit > 0xDFFF) return true;
  if (unit > 0xDBFF) return fail("half of a surrogate pair");
  const bool pair = end_ - p >= 6 && p[0] == '\\' && p[1] == 'u';
  const int low = pair ? hex4(p + 2, end_) : -1;
  if (low < 0xDC00 || low > 0xDFFF) return fail("half of a surrogate pair");
  p += 6;
  return true;
}

bool JsonReader::open(Nesting& nesting) {
  if (depth_ + nesting.depth() >= depth_max_) return fail("nested too deeply");
  nesting.push(*at_ == '{');
  ++at_;
  return true;
}

bool JsonReader::name_and_colon() {
  JsonValue name;
  if (at_ == end_ || *at_ != '"') return fail("a member's name is expected");
  if (!string(name)) return false;
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail("a colon is expected");
  ++at_;
  return true;
}

// Passes over an object or array, without recursion: `nesting` says what is open.
bool JsonReader::container(JsonValue& out) {
  const char* const start = at_;
  const JsonKind kind = *at_ == '{' ? JsonKind::object : JsonKind::array;
  Nesting nesting;
  JsonValue ignored;
  if (!open(nesting)) return false;
  bool empty_so_far = true;
  for (;;) {
    skip_space();
    if (at_ == end_) return fail("the text ends inside an object or array");
    const bool object = nesting.in_object();
    if (*at_ == (object ? '}' : ']')) {
      ++at_;
      nesting.pop();
      if (nesting.empty()) break;
      empty_so_far = false;
      continue;
    }
    if (!empty_so_far) {
      if (*at_ != ',') return fail("a comma or a closing bracket is expected");
      ++at_;
      skip_space();
    }
    if (object && !name_and_colon()) return false;
    skip_space();
    if (at_ == end_) return fail("the text ends where a value is expected");
    empty_so_far = *at_ == '{' || *at_ == '[';
    if (!(empty_so_far ? open(nesting) : scalar(ignored))) return false;
  }
  out.kind = kind;
  out.escaped = false;
  out.raw = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

namespace {

void append_utf8(unsigned code, Bytes& out) {
  const auto put = [&out](unsigned value) { out.append(static_cast<char>(value)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6U));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

char simple_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// The letter behind the backslash; null: the character has none of its own.
const char* simple_escape_name(char c) {
  switch (c) {
    case '"':
      return "\"";
    case '\\':
      return "\\";
    case '\b':
      return "b";
    case '\f':
      return "f";
    case '\n':
      return "n";
    case '\r':
      return "r";
    case '\t':
      return "t";
    default:
      return nullptr;
  }
}

// One escape that begins at raw[at]; returns where the text goes on.
std::size_t append_escape(std::string_view raw, std::size_t at, Bytes& out) {
  const char* const end = raw.data() + raw.size();
  if (raw[at + 1] != 'u') {
    out.append(simple_escape(raw[at + 1]));
    return at + 2;
  }
  auto code = static_cast<unsigned>(hex4(raw.data() + at + 2, end));
  at += 6;
  if (code >= 0xD800 && code <= 0xDBFF) {
    const auto low = static_cast<unsigned>(hex4(raw.data() + at + 2, end));
    code = 0x10000U + ((code - 0xD800U) << 10U) + (low - 0xDC00U);
    at += 6;
  }
  append_utf8(code, out);
  return at;
}

}  // namespace

void append_unescaped(std::string_view raw, Bytes& out) {
  std::size_t at = 0;
  while (at < raw.size()) {
    const std::size_t backslash = raw.find('\\', at);
    if (backslash == std::string_view::npos) {
      out.append(raw.substr(at));
      return;
    }
    out.append(raw.substr(at, backslash - at));
    at = append_escape(raw, backslash, out);
  }
}

std::string unescaped(const JsonValue& string) {
  if (!string.escaped) return std::string(string.raw);
  Bytes out;
  append_unescaped(string.raw, out);
  return std::string(out.view());
}

void append_escaped(std::string_view text, Bytes& out) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const char* const special = end_of_plain(p, end);
    out.append({p, static_cast<std::size_t>(special - p)});
    if (special == end) return;
    const char c = *special;
    p = special + 1;
    if (byte_of(c) >= 0x80) {
      out.append(c);
    } else if (const char* const name = simple_escape_name(c)) {
      out.append('\\');
      out.append(*name);
    } else {
      out.append("\\u00");
      out.append(kHex[byte_of(c) >> 4U]);
      out.append(kHex[byte_of(c) & 0xFU]);
    }
  }
}

std::string escaped(std::string_view text) {
  Bytes out;
  append_escaped(text, out);
  return std::string(out.view());
}

bool is_utf8(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    p = end_of_ascii(p, end);
    if (p != end && !skip_utf8(p, end)) return false;
  }
  return true;
}

}  // namespace tidemark
