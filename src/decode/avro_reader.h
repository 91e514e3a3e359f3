// A pull reader over a value in Avro's binary form: one pass, straight into the places that a list
// of names gives (decode/fields.h), as JsonReader fills them. Strings and bytes are views into the
// record; numbers become text, arrays, maps and records inside a row become JSON, as Connect's
// JsonConverter writes them, in the scratch. What nobody asks for is passed over, but checked:
// every length and count against the bytes that are left, UTF-8, booleans, branches. No input makes
// it read behind the end, loop over elements that have no bytes, or grow without bound.
// Throws Refused for a value that is not in the form of its schema. Not thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/bytes.h"
#include "decode/avro_schema.h"
#include "decode/fields.h"

namespace tidemark {

// What the values of one record lie in that are not in the record itself.
class AvroScratch {
 public:
  // More text than this from one record is refused.
  explicit AvroScratch(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  void clear() {
    if (bytes_ > kKeptBytes) {
      texts_ = Arena();
      json_ = Bytes();
    }
    texts_.clear();
    bytes_ = 0;
  }

 private:
  friend class AvroReader;
  static constexpr std::size_t kKeptBytes = 1U << 20U;
  Arena texts_;
  Bytes json_;
  std::uint64_t bytes_ = 0;
  std::uint64_t bytes_max_;
};

class AvroReader {
 public:
  // Elements that have no bytes, in all arrays of a value together: more are refused.
  static constexpr std::uint64_t kEmptyElementsMax = 65536;

  // `what` ("value", "key") names it in messages.
  AvroReader(const AvroSchema& schema, std::string_view bytes, AvroScratch& scratch,
             const char* what);

  // The node itself; of a union, the branch that comes next, which is passed over.
  std::uint32_t branch(std::uint32_t node);
  void value(std::uint32_t node, JsonValue& out);
  void skip(std::uint32_t node);
  // A record, whose node `record` is, as read_fields and learn_fields read an object.
  void read_fields(std::uint32_t record, const FieldNames& names, FieldValues& out);
  void learn_fields(std::uint32_t record, FieldNames& names, FieldValues& out);

  [[nodiscard]] const AvroSchema& schema() const { return schema_; }
  [[nodiscard]] AvroScratch& scratch() const { return scratch_; }
  [[nodiscard]] const char* what() const { return what_; }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::string_view bytes() const {
    return {begin_, static_cast<std::size_t>(end_ - begin_)};
  }
  // Everything has been read.
  void finish() const;

 private:
  // A run of elements: how many, and where it must end, if it says so.
  struct Block {
    std::uint64_t count = 0;
    const char* end = nullptr;
  };

  [[noreturn]] void refuse(const char* reason) const;
  [[nodiscard]] std::uint64_t left() const { return static_cast<std::uint64_t>(end_ - at_); }
  std::uint64_t varint();
  std::int64_t int64();
  std::int64_t int32();
  std::string_view take(std::uint64_t length);
  std::string_view sized();
  std::string_view text();
  bool boolean();
  template <typename T>
  T real();
  std::string_view symbol(const AvroNode& node);
  bool block(std::uint64_t element_size_min, Block& out);
  void check_end(const Block& block) const;

  template <typename Names>
  void fields(std::uint32_t record, Names& names, FieldValues& out);
  void skip_elements(const AvroNode& node);
  void append_json(std::uint32_t index, Bytes& out);
  void append_record(const AvroNode& node, Bytes& out);
  void append_elements(const AvroNode& node, Bytes& out);
  template <typename T>
  void append_real(T number, Bytes& out);
  template <typename T>
  void set_number(T number, JsonValue& out);
  template <typename T>
  void set_real(T number, JsonValue& out);
  void count(std::uint64_t bytes);

  const AvroSchema& schema_;
  AvroScratch& scratch_;
  const char* what_;
  const char* begin_;
  const char* at_;
  const char* end_;
  std::uint64_t empty_elements_ = 0;
};

}  // namespace tidemark
