// A growing byte buffer without zero-filling, and big-endian loads and stores: the material that
// decoded rows and binary parameters are made of. Not thread-safe; one owner.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace tidemark {

static_assert(std::endian::native == std::endian::little, "written for little-endian machines");

inline std::uint16_t to_big(std::uint16_t v) {
  return __builtin_bswap16(v);
}
inline std::uint32_t to_big(std::uint32_t v) {
  return __builtin_bswap32(v);
}
inline std::uint64_t to_big(std::uint64_t v) {
  return __builtin_bswap64(v);
}

template <typename T>
void store_big(char* at, T value) {
  static_assert(std::is_unsigned_v<T>);
  const T big = to_big(value);
  std::memcpy(at, &big, sizeof big);
}

template <typename T>
T load_big(const char* at) {
  static_assert(std::is_unsigned_v<T>);
  T big;
  std::memcpy(&big, at, sizeof big);
  return to_big(big);
}

class Bytes {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const char* data() const { return data_.get(); }
  [[nodiscard]] char* data() { return data_.get(); }
  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }
  [[nodiscard]] std::string_view view(std::size_t at, std::size_t length) const {
    return {data_.get() + at, length};
  }
  void clear() { size_ = 0; }
  void truncate(std::size_t size) { size_ = size; }

  void reserve(std::size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }
  void shrink_to_fit() {
    if (size_ < capacity_) resize(size_);
  }
  // Room for `length` bytes at the end, uninitialised; the pointer is valid until the next append.
  char* extend(std::size_t length) {
    if (size_ + length > capacity_) grow(size_ + length);
    char* at = data_.get() + size_;
    size_ += length;
    return at;
  }
  void append(std::string_view text) {
    if (!text.empty()) std::memcpy(extend(text.size()), text.data(), text.size());
  }
  void append(char c) { *extend(1) = c; }
  template <typename T>
  void append_big(T value) {
    store_big(extend(sizeof value), value);
  }

 private:
  void grow(std::size_t needed) {
    std::size_t capacity = capacity_ < 128 ? 256 : capacity_ * 2;
    if (capacity < needed) capacity = needed;
    resize(capacity);
  }
  void resize(std::size_t capacity) {
    // new[] without an initialiser: the bytes are not touched before they are written.
    std::unique_ptr<char[]> other(new char[capacity]);  // NOLINT(*-avoid-c-arrays)
    if (size_ != 0) std::memcpy(other.get(), data_.get(), size_);
    data_ = std::move(other);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;  // NOLINT(*-avoid-c-arrays)
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tidemark
