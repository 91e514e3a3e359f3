#include "decode/cloud_event.h"

#include <string>

namespace tidemark {

namespace {

constexpr std::size_t kFirstOfSource = 2;

// CloudEventsConverter.adjustExtensionName
std::string extension_name(std::string_view field) {
  std::string name = "iodebezium";
  for (const char c : field) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9')) name += c;
  }
  return name;
}

}  // namespace

CloudEvent::CloudEvent() {
  names_.add("data");
  names_.add(extension_name("op"));
  for (std::size_t i = 0; i < SourceBlock::known_names(); ++i) {
    names_.add(extension_name(SourceBlock::known_name(i)));
  }
}

bool CloudEvent::read(JsonReader& reader) {
  return read_fields(reader, names_, "CloudEvent", values_);
}

void CloudEvent::read(AvroReader& reader, std::uint32_t record) {
  reader.read_fields(record, names_, values_);
}

void CloudEvent::fill(SourceBlock& source) const {
  source.clear();
  for (std::size_t i = 0; i < SourceBlock::known_names(); ++i) {
    source.set(i, values_.at(kFirstOfSource + i));
  }
}

}  // namespace tidemark
