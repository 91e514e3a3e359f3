#include "decode/fields.h"

#include "decode/refused.h"

namespace tidemark {

std::uint32_t FieldNames::add(std::string_view name) {
  const auto found = places_.find(name);
  if (found != places_.end()) return found->second;
  if (names_.size() >= kFieldsMax) {
    throw Refused("more than " + std::to_string(kFieldsMax) + " different fields in one object",
                  "the records of this topic do not describe rows of a table");
  }
  const auto place = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(name);
  expected_.push_back(",\"" + escaped(name) + "\":");
  places_.emplace(name, place);
  return place;
}

std::int32_t FieldNames::find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? -1 : static_cast<std::int32_t>(found->second);
}

namespace {

[[noreturn]] void refuse_duplicate(const std::string& name, const char* what) {
  throw Refused("the field \"" + name + "\" is there twice in the " + what,
                "a member's name may be used once; the record was not written by Debezium");
}

// The place of a name that was not the expected one: with a list that may grow, always one.
std::int32_t place_of(const std::string& name, const FieldNames& names) {
  return names.find(name);
}
std::int32_t place_of(const std::string& name, FieldNames& names) {
  return static_cast<std::int32_t>(names.add(name));
}

template <typename Names>  // FieldNames, which is added to, or const FieldNames
bool read_object(JsonReader& reader, Names& names, const char* what, FieldValues& out) {
  out.unknown.clear();
  out.values.assign(names.size(), JsonValue{});
  if (!reader.enter_object()) return false;
  std::size_t next = 0;
  std::string_view raw_name;
  bool name_escaped = false;
  for (;;) {
    if (next < names.size() && !out.values[next].is_present() &&
        reader.plain_member(names.expected(next), out.values[next])) {
      ++next;
      continue;
    }
    std::size_t place = next;
    if (next >= names.size() || !reader.member_is(names.expected(next))) {
      if (!reader.member(raw_name, name_escaped)) return !reader.failed();
      JsonValue text{JsonKind::string, name_escaped, raw_name};
      const std::string name = unescaped(text);
      const std::int32_t found = place_of(name, names);
      if (found < 0) {
        if (out.unknown.empty()) out.unknown = name.empty() ? "(empty)" : name;
        JsonValue ignored;
        if (!reader.value(ignored)) return false;
        continue;
      }
      place = static_cast<std::size_t>(found);
      if (place >= out.values.size()) out.values.resize(names.size());
    }
    JsonValue& slot = out.values[place];
    if (slot.is_present()) refuse_duplicate(names.name(place), what);
    if (!reader.value(slot)) return false;
    next = place + 1;
  }
}

}  // namespace

bool read_fields(JsonReader& reader, const FieldNames& names, const char* what, FieldValues& out) {
  return read_object(reader, names, what, out);
}

bool learn_fields(JsonReader& reader, FieldNames& names, const char* what, FieldValues& out) {
  return read_object(reader, names, what, out);
}

}  // namespace tidemark
