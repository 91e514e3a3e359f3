// Binary array parameters made of row images, one array a column: a copy of elements and nothing
// else, into buffers that are kept from batch to batch. The first cost of the client side.
// Not thread-safe; one owner, one statement at a time.
//
// A binary array: int32 dimensions (1), int32 has-nulls flag, int32 element type; int32 length,
// int32 lower bound (1); then each element as int32 length and bytes, or -1.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/layout.h"
#include "pg/session.h"

namespace tidemark {

class ParameterArrays {
 public:
  // Begins anew: arrays of layout columns `sent`, in this order. More are added by add_array().
  void begin(const Layout& layout, const std::vector<std::uint16_t>& sent);
  // The number of a further array, to be filled by append_…().
  std::size_t add_array(Wire wire);

  // A row image: its elements go to their arrays, lacking ones as null.
  void add_row(std::string_view row);
  // A key image: only the key's columns are set, all others are null.
  void add_key(std::string_view key);

  void append_bool(std::size_t array, bool value);
  void append_int8(std::size_t array, std::uint64_t value);
  // The elements of a key image, to the arrays from `first` on.
  void append_key(std::size_t first, std::string_view key);
  void append_null(std::size_t array) { arrays_[array].append_big(kNull); }

  // Completes the arrays as parameters of a statement; valid until the next begin().
  const Parameters& finish(std::size_t rows);

 private:
  static constexpr auto kNull = static_cast<std::uint32_t>(kElementNull);
  static constexpr std::int32_t kNotSent = -1;
  static constexpr std::size_t kHeaderBytes = 20;

  void append_element(std::size_t array, const char* at, std::size_t size);

  std::vector<Bytes> arrays_;  // the first count_ are in use
  std::size_t count_ = 0;
  std::vector<std::int32_t> slots_;      // by layout column: its array, or kNotSent
  std::vector<std::int32_t> key_slots_;  // by place in the key
  std::vector<std::uint32_t> others_;    // arrays of columns that are not the key's
  Parameters parameters_;
};

}  // namespace tidemark
