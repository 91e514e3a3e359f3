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

// `learn` adds names; without it `names` is not changed.
bool read_object(JsonReader& reader, FieldNames& names, bool learn, const char* what,
                 FieldValues& out) {
  out.unknown.clear();
  out.values.assign(names.size(), JsonValue{});
  if (!reader.enter_object()) return false;
  std::size_t next = 0;
  std::string_view raw_name;
  bool name_escaped = false;
  for (;;) {
    std::size_t place = next;
    if (next >= names.size() || !reader.member_is(names.expected(next))) {
      if (!reader.member(raw_name, name_escaped)) return !reader.failed();
      JsonValue text{JsonKind::string, name_escaped, raw_name};
      const std::string name = unescaped(text);
      const std::int32_t found =
          learn ? static_cast<std::int32_t>(names.add(name)) : names.find(name);
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
  // Without `learn` the list is only read.
  return read_object(reader, const_cast<FieldNames&>(names), false, what,
                     out);  // NOLINT(*-const-cast)
}

bool learn_fields(JsonReader& reader, FieldNames& names, const char* what, FieldValues& out) {
  return read_object(reader, names, true, what, out);
}

}  // namespace tidemark
