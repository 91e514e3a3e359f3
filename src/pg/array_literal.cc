#include "pg/array_literal.h"

namespace tidemark {

std::string text_array(const std::vector<std::string>& values) {
  std::string text = "{";
  for (const std::string& value : values) {
    if (text.size() > 1) text += ',';
    text += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

std::string bytea_array(const std::vector<std::string_view>& values) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "{";
  for (const std::string_view value : values) {
    text += text.size() > 1 ? ",\"\\\\x" : "\"\\\\x";
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      text += kDigits[byte >> 4U];
      text += kDigits[byte & 15U];
    }
    text += '"';
  }
  return text + "}";
}

std::string number_array(const std::vector<std::int64_t>& values) {
  std::string text = "{";
  for (const std::int64_t value : values) {
    if (text.size() > 1) text += ',';
    text += std::to_string(value);
  }
  return text + "}";
}

}  // namespace tidemark
