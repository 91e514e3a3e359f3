// The last flat JSON object of its kind, cut at its integers and at those of its strings that the
// one before it did not have. A next one that differs in those alone, as source blocks do from one
// record to the next, is read by comparing bytes: a tenth of the work of reading it member by
// member. Not thread-safe; what match() gives points into its text.
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
  // To be learned from once more: by one object alone nothing can be told to stay the same.
  [[nodiscard]] bool is_young() const { return young_; }
  // The size of the object at the start of `text` if it is one like that learned; else 0, and the
  // values are as they were or in part those of `text`. `values` must be those that were learned
  // with or matched last.
  [[nodiscard]] std::size_t match(std::string_view text, FieldValues& values) const;

 private:
  enum class Kind : std::uint8_t { integer, string, end };
  // A value within the bytes of a piece, which are the same in every object: a null, a fraction, a
  // string that stays.
  struct Fixed {
    std::uint32_t place;
    std::uint32_t at;
    std::uint32_t size;
  };
  // Bytes that are always the same, and behind them a value that is not.
  struct Piece {
    std::string bytes;
    std::vector<Fixed> fixed;
    Kind kind;  // `end`: no value, the object ends
    std::uint32_t place;
  };
  std::vector<Piece> pieces_;         // empty: nothing is learned
  std::vector<std::string> strings_;  // of the object that was learned from last, by place
  bool young_ = true;
};

}  // namespace tidemark
