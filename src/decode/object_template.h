// The last flat JSON object of its kind, cut at its strings and integers. A next one that differs
// in those alone, as source blocks do from one record to the next, is read by comparing bytes: a
// quarter of the work of reading it member by member.
// Not thread-safe; what match() gives points into its text.
//
// Promises: match() accepts only what JsonReader would accept, and then gives just the values that
// fields.h's functions would give. When in doubt it does not match.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decode/fields.h"

namespace tidemark {

class ObjectTemplate {
 public:
  // `object` has been read without an error, and `values` hold all of its members and nothing else.
  // Objects with objects or arrays in them are not learned.
  void learn(std::string_view object, const FieldValues& values);
  void forget() { pieces_.clear(); }
  // The size of the object at the start of `text` if it is one like that learned; else 0, and the
  // values are as they were or in part those of `text`. `values` must be those that were learned
  // with or matched last.
  [[nodiscard]] std::size_t match(std::string_view text, FieldValues& values) const;

 private:
  enum class Kind : std::uint8_t { fixed, integer, string };
  // Bytes that are always the same, and a value behind them that is not; with `fixed` the value is
  // the last `size` of those bytes: a null, a fraction.
  struct Piece {
    std::string bytes;
    Kind kind;
    std::uint32_t place;
    std::uint32_t size;
  };
  std::vector<Piece> pieces_;  // empty: nothing is learned
  std::string end_;
};

}  // namespace tidemark
