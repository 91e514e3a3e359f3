// Records in the wire format of a schema registry's serialisers: the schema's id in front of the
// bytes, 0x00 and four bytes, or 0x01 and a GUID of sixteen, or one of both in the record's header
// __key_schema_id or __value_schema_id. What stands behind the id is Avro, or JSON (JSON Schema).
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "decode/avro_schema.h"
#include "decode/refused.h"
#include "decode/schema_lookup.h"
#include "decode/shape.h"
#include "tidemark/record.h"

namespace tidemark {

// A registered schema, compiled.
struct WireSchema {
  SchemaLanguage language = SchemaLanguage::avro;
  std::unique_ptr<const AvroSchema> avro;  // of Avro
  RecordSchemaPtr record;          // null: JSON whose schema does not tell all types: schemaless
  std::optional<Refused> problem;  // it cannot be used, and why
};

// The schemas of one topic and side, by id; bounded. Any number of them may alternate at no cost up
// to the bound.
class WireSchemas {
 public:
  static constexpr std::size_t kSchemasMax = 64;

  // Null: not known yet. Else valid until the next call.
  const WireSchema* find(const SchemaId& id, const SchemaLookup& lookup);

 private:
  struct Entry {
    SchemaId id;
    std::unique_ptr<WireSchema> schema;
    std::uint64_t used = 0;
  };
  const WireSchema* add(const SchemaId& id, std::unique_ptr<WireSchema> schema);

  std::vector<Entry> entries_;
  std::size_t last_ = 0;  // the entry that was found last
  std::uint64_t clock_ = 0;
  WireSchema refused_;  // the registry's last refusal, which is asked for again each time
};

// A key or a value, and its schema where it has one in a registry.
struct WireForm {
  const WireSchema* schema = nullptr;  // null: not in the wire format
  std::string_view body;               // behind the id
  std::optional<Refused> problem;      // it is, but cannot be read
  [[nodiscard]] bool is_avro() const {
    return schema != nullptr && schema->language == SchemaLanguage::avro;
  }
};

enum class WireSide : std::uint8_t { key, value, data };  // data: inside a CloudEvent, no header

// No value: the schema is not known yet. Without a lookup, whatever needs one has a problem.
std::optional<WireForm> open_wire(std::string_view bytes, const HeaderList& headers, WireSide side,
                                  WireSchemas& schemas, const SchemaLookup& lookup);

}  // namespace tidemark
