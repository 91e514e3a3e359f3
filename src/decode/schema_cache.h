// Finds the payload of a JSON record, and its schema where there is one inside the record:
// {"schema":…,"payload":…}. The schema is most of such a record and the same every time, so its
// bytes are compared with those of the schemas seen before, and only the payload is read. A few
// schemas may alternate at no cost. One cache a topic and side (key or value). Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decode/json.h"
#include "decode/shape.h"

namespace tidemark {

struct Payload {
  RecordSchemaPtr schema;  // null: none in the record
  JsonReader reader;       // in front of the payload
  bool wrapped = false;    // one closing brace stands behind the payload
};

class SchemaCache {
 public:
  static constexpr std::size_t kSchemasMax = 64;
  static constexpr std::size_t kSchemaBytesMax = 16U << 20U;

  // Throws Refused: `what` ("value", "key") is not JSON, or its schema is not one.
  Payload open(std::string_view text, const char* what, std::uint32_t depth_max);

 private:
  struct Entry {
    std::string prefix;  // the text up to and with `"payload":`
    RecordSchemaPtr schema;
    std::uint64_t used = 0;
  };
  const Entry* find(std::string_view text);
  void remember(std::string_view prefix, const RecordSchemaPtr& schema);

  std::vector<Entry> entries_;
  std::size_t last_ = 0;  // the entry that was found last
  std::size_t bytes_ = 0;
  std::uint64_t clock_ = 0;
};

// The payload was the last thing in the record. Throws Refused otherwise, and if the reader failed.
void finish(Payload& payload, const char* what);
// Throws Refused if the reader has failed.
void check(const JsonReader& reader, const char* what);

}  // namespace tidemark
