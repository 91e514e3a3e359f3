// What the decoders ask a schema registry: the text of a schema by the id that a record carries.
// The interface between decode, which must not wait, and whoever asks the registry (a thread of its
// own, as the catalog's is). Source of the ids: Confluent's wire format, 0x00 and four bytes big
// endian, or 0x01 and a GUID of sixteen bytes, in front of the value or in a header.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace tidemark {

struct SchemaGuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const SchemaGuid&) const = default;
};

using SchemaId = std::variant<std::uint32_t, SchemaGuid>;

enum class SchemaLanguage : std::uint8_t { avro, json_schema, protobuf };

// As registered; never changes under its id.
struct RegisteredSchema {
  SchemaLanguage language = SchemaLanguage::avro;
  std::string text;
  // The texts of the schemas whose names `text` uses, each behind those that it uses itself.
  std::vector<std::string> references;
  std::string refused;  // not empty: the registry has no such schema, or it cannot be used, and why
  std::string hint;     // what to do about `refused`
};
using RegisteredSchemaPtr = std::shared_ptr<const RegisteredSchema>;

// Null: not known yet, it has been asked for; ask again. Never blocks; may be called from any
// thread.
using SchemaLookup = std::function<RegisteredSchemaPtr(const SchemaId&)>;

}  // namespace tidemark
