// Values in Avro's binary form, put together piece by piece, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemark::test {

class AvroBytes {
 public:
  AvroBytes& number(std::int64_t value) {
    auto zigzag = static_cast<std::uint64_t>(value) << 1U;
    if (value < 0) zigzag = ~zigzag;
    while (zigzag >= 0x80) {
      text_ += static_cast<char>((zigzag & 0x7FU) | 0x80U);
      zigzag >>= 7U;
    }
    text_ += static_cast<char>(zigzag);
    return *this;
  }
  AvroBytes& text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    text_ += value;
    return *this;
  }
  AvroBytes& raw(std::string_view value) {
    text_ += value;
    return *this;
  }
  template <typename T>
  AvroBytes& real(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    text_ += bytes;
    return *this;
  }
  AvroBytes& null() { return number(0); }  // of ["null", T]
  AvroBytes& present() { return number(1); }

  [[nodiscard]] const std::string& bytes() const { return text_; }
  // Behind 0x00 and the id.
  [[nodiscard]] std::string with_id(std::uint32_t id) const {
    std::string out(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(id >> shift & 0xFFU);
    return out + text_;
  }

 private:
  std::string text_;
};

}  // namespace tidemark::test
