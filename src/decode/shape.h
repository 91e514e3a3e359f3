// What the records of one schema look like: what kind they are, and the fields of their rows. With
// inline schemas a shape is compiled once per schema; without, it is learned from the rows, and
// grows. Bindings hold on to shapes by pointer, so a shape's address is its identity.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "decode/fields.h"
#include "model/source_type.h"
#include "tidemark/change.h"

namespace tidemark {

// The fields of a row or of a key.
struct RowShape {
  FieldNames names;
  std::vector<SourceType> types;  // parallel to `names`; empty: schemaless
  bool typed = false;
  bool complete = false;  // schemaless: learned from an `after`, not only from keys and deletes

  [[nodiscard]] std::size_t size() const { return names.size(); }
  // The type of field i; null where there is no schema.
  [[nodiscard]] const SourceType* type(std::size_t i) const { return typed ? &types[i] : nullptr; }
};
using RowShapePtr = std::shared_ptr<RowShape>;

struct RecordSchema {
  bool envelope = false;               // else the payload is the row itself
  SkipReason skip = SkipReason::none;  // records of this schema say nothing about rows
  std::string name;                    // the schema's, for messages
  bool cloud_event = false;            // the payload is a CloudEvent
  RowShapePtr row;                     // null: the payload is no struct, or has no row in it
  RowShapePtr data_row;                // of {before, after}, as CloudEvents have it; else null
};
using RecordSchemaPtr = std::shared_ptr<const RecordSchema>;

// Throws Refused.
RecordSchemaPtr compile_schema(const SourceType& root);

}  // namespace tidemark
