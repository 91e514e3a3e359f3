// The members of a JSON object by number: rows, keys and source blocks are read into an array whose
// places are given by a list of names. The usual record has its members in the order of that list,
// as Kafka Connect's JsonConverter writes them: then each name costs one comparison and no look-up.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "decode/json.h"

namespace tidemark {

class FieldNames {
 public:
  // More different names than this in one object are refused: no record makes tidemark grow.
  static constexpr std::size_t kFieldsMax = 4096;

  // The name's place, new or not. Throws Refused beyond kFieldsMax.
  std::uint32_t add(std::string_view name);
  // Its place, or -1.
  [[nodiscard]] std::int32_t find(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] const std::string& name(std::size_t i) const { return names_[i]; }
  // As the text goes on where this member follows another: `,"name":`.
  [[nodiscard]] const std::string& expected(std::size_t i) const { return expected_[i]; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::vector<std::string> names_;
  std::vector<std::string> expected_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> places_;
};

// The values of one object, by place. `is_present()` is false for members that are not there.
struct FieldValues {
  std::vector<JsonValue> values;
  std::string unknown;  // a name that is not in the list, the first one; empty: none
  // Also for a place that was added to the list after the object was read.
  [[nodiscard]] const JsonValue& at(std::size_t i) const {
    return i < values.size() ? values[i] : kAbsent;
  }

 private:
  static constexpr JsonValue kAbsent{};
};

// Reads one object. A name that is twice in it is refused (`what` names the object in the message),
// a name that is not in the list is noted in `out.unknown` and its value passed over. False: the
// reader has failed, or what comes next is no object.
bool read_fields(JsonReader& reader, const FieldNames& names, const char* what, FieldValues& out);
// The same, but a name that is not in the list is added to it.
bool learn_fields(JsonReader& reader, FieldNames& names, const char* what, FieldValues& out);

}  // namespace tidemark
