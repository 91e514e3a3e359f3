// Debezium's placeholder for a value that the source did not send (an unchanged TOAST column), in
// every form that a record can carry it: the text itself, its bytes in base64 or hexadecimal, an
// array of one of those, of its bytes as integers, or of the uuid that Java names after it, and a
// map from it to itself (PostgresValueConverter, UnchangedToastedPlaceholder). Since 3.7 a schema
// may declare its form in a parameter.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "decode/base64.h"
#include "decode/text_form.h"
#include "decode/value_steps.h"
#include "model/layout.h"

namespace tidemark {
namespace {

constexpr const char* kDeclaredParameter = "__debezium.unavailable.value.placeholder";

// RFC 1321, for names only: Java's UUID.nameUUIDFromBytes is MD5.
class Md5 {
 public:
  static std::array<char, 16> digest(std::string_view text) {
    std::string padded(text);
    padded += '\x80';
    while (padded.size() % 64 != 56) padded += '\0';
    std::uint64_t bits = text.size() * 8;
    for (int i = 0; i < 8; ++i, bits >>= 8) padded += static_cast<char>(bits & 0xff);
    Md5 state;
    for (std::size_t at = 0; at < padded.size(); at += 64) state.add(padded.data() + at);
    std::array<char, 16> out{};
    std::memcpy(out.data(), state.words_.data(), out.size());
    return out;
  }

 private:
  // floor(2^32 * |sin(i + 1)|)
  static constexpr std::array<std::uint32_t, 64> kSines = {
      0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
      0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
      0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
      0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
      0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
      0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
      0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
      0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
      0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
      0xeb86d391};
  static constexpr std::array<int, 16> kTurns = {7, 12, 17, 22, 5, 9,  14, 20,
                                                 4, 11, 16, 23, 6, 10, 15, 21};

  void add(const char* block) {
    std::array<std::uint32_t, 16> words{};
    std::memcpy(words.data(), block, 64);
    auto [a, b, c, d] = words_;
    for (std::uint32_t i = 0; i < 64; ++i) {
      std::uint32_t mixed = 0;
      std::uint32_t word = 0;
      if (i < 16) {
        mixed = (b & c) | (~b & d);
        word = i;
      } else if (i < 32) {
        mixed = (d & b) | (~d & c);
        word = (5 * i + 1) % 16;
      } else if (i < 48) {
        mixed = b ^ c ^ d;
        word = (3 * i + 5) % 16;
      } else {
        mixed = c ^ (b | ~d);
        word = 7 * i % 16;
      }
      const std::uint32_t sum = a + mixed + kSines.at(i) + words.at(word);
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, kTurns.at(i / 16 * 4 + i % 4));
    }
    words_[0] += a;
    words_[1] += b;
    words_[2] += c;
    words_[3] += d;
  }

  std::array<std::uint32_t, 4> words_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
};

std::string name_uuid(std::string_view text) {
  std::array<char, 16> digest = Md5::digest(text);
  digest[6] = static_cast<char>((digest[6] & 0x0f) | 0x30);
  digest[8] = static_cast<char>((digest[8] & 0x3f) | 0x80);
  Bytes out;
  append_text_form(Wire::uuid, {digest.data(), digest.size()}, out);
  return std::string(out.view());
}

std::string byte_codes(std::string_view text) {
  std::string out = "[";
  for (const char c : text) {
    if (out.size() > 1) out += ',';
    out += std::to_string(static_cast<int>(c));
  }
  return out + "]";
}

std::string in_array(const std::string& content) {
  return "[\"" + content + "\"]";
}

class Forms {
 public:
  Forms(const SourceType& source, const PgType& target, const std::string& placeholder)
      : source_(source), target_(target), text_(escaped(placeholder)), plain_(placeholder) {}

  std::vector<UnavailableForm> all() {
    declared();
    if (plain_.empty()) return forms_;
    const bool any = source_.base == ConnectType::unknown;
    if (any || source_.base == ConnectType::string) of_strings();
    if (source_.base == ConnectType::bytes && source_.name.empty()) {
      add_string(base64_encoded(plain_));
      add(JsonKind::bytes, plain_);
    }
    if (any || source_.base == ConnectType::map) {
      add(JsonKind::object, "{\"" + text_ + "\":\"" + text_ + "\"}");
    }
    if (any || source_.base == ConnectType::array) of_arrays();
    return forms_;
  }

 private:
  void add(JsonKind kind, std::string raw) { forms_.push_back({kind, std::move(raw), {}}); }
  void add_string(const std::string& text) {
    forms_.push_back({JsonKind::string, escaped(text), text});
  }

  void of_strings() {
    add_string(plain_);
    // Without a schema a column of text may have been made for what are bytes.
    if (target_.kind == TypeKind::bytea || source_.base == ConnectType::unknown) {
      const std::string base64 = base64_encoded(plain_);
      add_string(base64);
      std::string url_safe = base64;
      std::replace(url_safe.begin(), url_safe.end(), '+', '-');
      std::replace(url_safe.begin(), url_safe.end(), '/', '_');
      if (url_safe != base64) add_string(url_safe);
      add_string(hex_encoded(plain_));
    }
    // hstore as JSON in a string.
    add_string("{\"" + text_ + "\":\"" + text_ + "\"}");
  }

  void of_arrays() {
    add(JsonKind::array, in_array(text_));
    add(JsonKind::array, in_array(base64_encoded(plain_)));
    add(JsonKind::array, byte_codes(plain_));
    add(JsonKind::array, in_array(name_uuid(plain_)));
  }

  void declared() {
    const auto found = source_.parameters.find(kDeclaredParameter);
    if (found == source_.parameters.end()) return;
    switch (source_.base) {
      case ConnectType::array:
        return add(JsonKind::array, found->second);
      case ConnectType::map:
        return add(JsonKind::object, found->second);
      case ConnectType::string:
        return add_string(found->second);
      case ConnectType::bytes:
        return declared_bytes(found->second);
      default:
        return add(JsonKind::number, found->second);
    }
  }

  void declared_bytes(const std::string& text) {
    Bytes decoded;
    add_string(text);
    if (append_base64_decoded(text, decoded)) add(JsonKind::bytes, std::string(decoded.view()));
  }

  const SourceType& source_;
  const PgType& target_;
  std::string text_;
  const std::string& plain_;
  std::vector<UnavailableForm> forms_;
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The forms have no white space outside strings; a record may.
bool same_but_for_space(std::string_view raw, std::string_view form) {
  if (raw.size() < form.size() || raw.size() > form.size() * 4) return false;
  std::size_t next = 0;
  for (const char c : raw) {
    if (next < form.size() && c == form[next]) {
      ++next;
    } else if (!is_space(c)) {
      return false;
    }
  }
  return next == form.size();
}

std::uint64_t size_bit(std::string_view text) {
  return std::uint64_t{1} << (text.size() % 64);
}

bool is_structured(JsonKind kind) {
  return kind == JsonKind::array || kind == JsonKind::object;
}

bool is_form(const JsonValue& value, const UnavailableForm& form) {
  if (value.kind != form.kind) return false;
  if (is_structured(value.kind)) {
    return same_but_for_space(value.raw, form.raw);
  }
  const std::string& wanted = value.is_string() && !value.escaped ? form.plain : form.raw;
  return value.raw.size() == wanted.size() &&
         std::memcmp(value.raw.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace

std::uint64_t sizes_of(const std::vector<UnavailableForm>& forms) {
  std::uint64_t sizes = 0;
  for (const UnavailableForm& form : forms) {
    if (!is_structured(form.kind)) sizes |= size_bit(form.raw) | size_bit(form.plain);
  }
  return sizes;
}

std::vector<UnavailableForm> unavailable_forms(const SourceType& source, const PgType& target,
                                               const std::string& placeholder) {
  return Forms(source, target, placeholder).all();
}

bool says_unavailable(const JsonValue& value, const std::string& placeholder) {
  thread_local std::string known;
  thread_local std::vector<UnavailableForm> forms;
  if (forms.empty() || known != placeholder) {
    known = placeholder;
    forms = Forms({}, pg_type(TypeKind::text), known).all();
  }
  return std::any_of(forms.begin(), forms.end(),
                     [&](const UnavailableForm& form) { return is_form(value, form); });
}

EncodeStatus encode_unless_unavailable(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                       EncodeFailure& why) {
  // Most values are told by their size.
  if (!is_structured(value.kind) && (plan.unavailable_sizes & size_bit(value.raw)) == 0) {
    return plan.present(plan, value, out, why);
  }
  for (const UnavailableForm& form : plan.unavailable) {
    if (is_form(value, form)) {
      out.append_big(static_cast<std::uint32_t>(kElementUnavailable));
      return EncodeStatus::unavailable;
    }
  }
  return plan.present(plan, value, out, why);
}

}  // namespace tidemark
