#include "decode/base64.h"

#include <array>
#include <cstdint>

namespace tidemark {
namespace {

constexpr std::uint8_t kInvalid = 0xff;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHexDigits = "0123456789abcdef";

using ByteTable = std::array<std::uint8_t, 256>;

constexpr ByteTable make_base64_table() {
  ByteTable table{};
  for (auto& entry : table) entry = kInvalid;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  table[static_cast<std::uint8_t>('-')] = 62;
  table[static_cast<std::uint8_t>('_')] = 63;
  return table;
}

constexpr ByteTable make_hex_table() {
  ByteTable table{};
  for (auto& entry : table) entry = kInvalid;
  for (std::uint8_t i = 0; i < 10; ++i) table['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    table['a' + i] = static_cast<std::uint8_t>(10 + i);
    table['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}

constexpr ByteTable kBase64 = make_base64_table();
constexpr ByteTable kHex = make_hex_table();

std::uint8_t base64_value(char c) {
  return kBase64[static_cast<std::uint8_t>(c)];
}
std::uint8_t hex_value(char c) {
  return kHex[static_cast<std::uint8_t>(c)];
}

// The whole groups of four; the bad bit of any character shows in the result.
std::uint8_t decode_groups(const char* from, std::size_t groups, char* to) {
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < groups; ++i, from += 4, to += 3) {
    const std::uint32_t a = base64_value(from[0]);
    const std::uint32_t b = base64_value(from[1]);
    const std::uint32_t c = base64_value(from[2]);
    const std::uint32_t d = base64_value(from[3]);
    seen = static_cast<std::uint8_t>(seen | a | b | c | d);
    const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    to[0] = static_cast<char>(bits >> 16);
    to[1] = static_cast<char>(bits >> 8);
    to[2] = static_cast<char>(bits);
  }
  return seen;
}

// The last group, of `length` 2 or 3 characters before its padding.
bool decode_tail(const char* from, std::size_t length, char* to) {
  const std::uint32_t a = base64_value(from[0]);
  const std::uint32_t b = base64_value(from[1]);
  const std::uint32_t c = length == 3 ? base64_value(from[2]) : 0;
  if (((a | b | c) & 0xc0U) != 0) return false;
  const std::uint32_t bits = a << 18 | b << 12 | c << 6;
  to[0] = static_cast<char>(bits >> 16);
  if (length == 3) to[1] = static_cast<char>(bits >> 8);
  return (length == 2 ? bits & 0xffffU : bits & 0xffU) == 0;
}

}  // namespace

bool append_base64_decoded(std::string_view text, Bytes& out) {
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  std::size_t padding = 0;
  if (text.back() == '=') padding = text[text.size() - 2] == '=' ? 2 : 1;
  const std::size_t groups = text.size() / 4 - (padding != 0 ? 1 : 0);
  const std::size_t start = out.size();
  char* to = out.extend(groups * 3 + (padding != 0 ? 3 - padding : 0));
  bool good = (decode_groups(text.data(), groups, to) & 0xc0U) == 0;
  if (good && padding != 0) {
    good = decode_tail(text.data() + groups * 4, 4 - padding, to + groups * 3);
  }
  if (!good) out.truncate(start);
  return good;
}

bool append_hex_decoded(std::string_view text, Bytes& out) {
  if (text.size() % 2 != 0) return false;
  if (text.empty()) return true;
  const std::size_t start = out.size();
  char* to = out.extend(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::uint32_t high = hex_value(text[i]);
    const std::uint32_t low = hex_value(text[i + 1]);
    if (((high | low) & 0xf0U) != 0) {
      out.truncate(start);
      return false;
    }
    *to++ = static_cast<char>(high << 4 | low);
  }
  return true;
}

void append_hex(std::string_view bytes, Bytes& out) {
  if (bytes.empty()) return;
  char* to = out.extend(bytes.size() * 2);
  for (const char byte : bytes) {
    *to++ = kHexDigits[static_cast<std::uint8_t>(byte) >> 4];
    *to++ = kHexDigits[static_cast<std::uint8_t>(byte) & 15];
  }
}

std::string base64_encoded(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t rest = bytes.size() - i;
    std::uint32_t bits = static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << 16;
    if (rest > 1) bits |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i + 1])) << 8;
    if (rest > 2) bits |= static_cast<std::uint8_t>(bytes[i + 2]);
    text += kAlphabet[bits >> 18];
    text += kAlphabet[bits >> 12 & 63];
    text += rest > 1 ? kAlphabet[bits >> 6 & 63] : '=';
    text += rest > 2 ? kAlphabet[bits & 63] : '=';
  }
  return text;
}

std::string hex_encoded(std::string_view bytes) {
  Bytes out;
  append_hex(bytes, out);
  return std::string(out.view());
}

}  // namespace tidemark
