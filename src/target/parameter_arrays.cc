#include "target/parameter_arrays.h"

#include <algorithm>

namespace tidemark {
namespace {

// The size of an element with its length in front.
std::size_t element_size(const char* at) {
  const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(at));
  return 4 + (length > 0 ? static_cast<std::size_t>(length) : 0);
}

}  // namespace

void ParameterArrays::begin(const Layout& layout, const std::vector<std::uint16_t>& sent) {
  count_ = 0;
  slots_.assign(layout.columns.size(), kNotSent);
  key_slots_.clear();
  others_.clear();
  for (const std::uint16_t i : sent) {
    const std::size_t array = add_array(layout.columns[i].wire);
    slots_[i] = static_cast<std::int32_t>(array);
    if (std::find(layout.key.begin(), layout.key.end(), i) == layout.key.end()) {
      others_.push_back(static_cast<std::uint32_t>(array));
    }
  }
  for (const std::uint16_t i : layout.key) key_slots_.push_back(slots_[i]);
}

std::size_t ParameterArrays::add_array(Wire wire) {
  if (count_ == arrays_.size()) arrays_.emplace_back();
  Bytes& array = arrays_[count_];
  array.clear();
  array.append_big<std::uint32_t>(1);
  array.append_big<std::uint32_t>(1);
  array.append_big(wire_element_oid(wire));
  array.append_big<std::uint32_t>(0);  // the length, by finish()
  array.append_big<std::uint32_t>(1);
  return count_++;
}

inline void ParameterArrays::append_element(std::size_t array, const char* at, std::size_t size) {
  Bytes& bytes = arrays_[array];
  std::memcpy(bytes.extend(size), at, size);
}

void ParameterArrays::add_row(std::string_view row) {
  const char* at = row.data();
  for (const std::int32_t slot : slots_) {
    const std::size_t size = element_size(at);
    if (slot >= 0) {
      if (size > 4 || load_big<std::uint32_t>(at) == 0) {
        append_element(static_cast<std::size_t>(slot), at, size);
      } else {
        append_null(static_cast<std::size_t>(slot));
      }
    }
    at += size;
  }
}

void ParameterArrays::add_key(std::string_view key) {
  const char* at = key.data();
  for (const std::int32_t slot : key_slots_) {
    const std::size_t size = element_size(at);
    if (slot >= 0) append_element(static_cast<std::size_t>(slot), at, size);
    at += size;
  }
  for (const std::uint32_t array : others_) append_null(array);
}

void ParameterArrays::append_bool(std::size_t array, bool value) {
  char* at = arrays_[array].extend(5);
  store_big<std::uint32_t>(at, 1);
  at[4] = value ? 1 : 0;
}

void ParameterArrays::append_int8(std::size_t array, std::uint64_t value) {
  char* at = arrays_[array].extend(12);
  store_big<std::uint32_t>(at, 8);
  store_big<std::uint64_t>(at + 4, value);
}

void ParameterArrays::append_key(std::size_t first, std::string_view key) {
  const char* at = key.data();
  const char* end = at + key.size();
  for (std::size_t array = first; at < end; ++array) {
    const std::size_t size = element_size(at);
    append_element(array, at, size);
    at += size;
  }
}

const Parameters& ParameterArrays::finish(std::size_t rows) {
  parameters_.clear();
  for (std::size_t i = 0; i < count_; ++i) {
    store_big(arrays_[i].data() + kHeaderBytes - 8, static_cast<std::uint32_t>(rows));
    parameters_.binary(arrays_[i].view());
  }
  return parameters_;
}

}  // namespace tidemark
