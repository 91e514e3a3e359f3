#include "decode/shape.h"

#include "decode/refused.h"

namespace tidemark {

namespace {

const SourceType* field_of(const SourceType& type, std::string_view name) {
  for (const SourceField& field : type.fields) {
    if (field.name == name) return &field.type;
  }
  return nullptr;
}

bool is_structure(const SourceType* type) {
  return type != nullptr && type->base == ConnectType::structure;
}

SkipReason skip_of(const std::string& name) {
  if (!name.starts_with("io.debezium.connector.")) return SkipReason::none;
  if (name.ends_with(".Heartbeat")) return SkipReason::heartbeat;
  if (name.ends_with(".TransactionMetadataValue")) return SkipReason::transaction_marker;
  if (name.ends_with(".SchemaChangeValue")) return SkipReason::schema_change;
  if (name.ends_with(".Notification")) return SkipReason::notification;
  if (name.ends_with(".MessageValue")) return SkipReason::logical_message;
  return SkipReason::none;
}

bool is_string(const SourceType* type) {
  return type != nullptr && type->base == ConnectType::string;
}

// Also by the attributes that every one must have: its schema may be given another name.
bool is_cloud_event(const SourceType& root) {
  return root.name.ends_with("CloudEvents.Envelope") ||
         (is_string(field_of(root, "specversion")) && is_string(field_of(root, "id")) &&
          is_string(field_of(root, "source")) && is_string(field_of(root, "type")));
}

bool is_envelope(const SourceType& root) {
  const SourceType* op = field_of(root, "op");
  const bool rows = field_of(root, "before") != nullptr || field_of(root, "after") != nullptr;
  const bool fits = rows && op != nullptr && op->base == ConnectType::string;
  return fits && (root.name.ends_with(".Envelope") || is_structure(field_of(root, "source")));
}

RowShapePtr shape_of(const SourceType& type) {
  auto shape = std::make_shared<RowShape>();
  shape->typed = true;
  shape->complete = true;
  shape->types.reserve(type.fields.size());
  for (const SourceField& field : type.fields) {
    if (shape->names.find(field.name) >= 0) {
      throw Refused("the record's schema has the field \"" + field.name + "\" twice");
    }
    shape->names.add(field.name);
    shape->types.push_back(field.type);
  }
  return shape;
}

}  // namespace

RecordSchemaPtr compile_schema(const SourceType& root) {
  auto schema = std::make_shared<RecordSchema>();
  schema->name = root.name;
  schema->skip = skip_of(root.name);
  if (schema->skip != SkipReason::none || root.base != ConnectType::structure) return schema;
  schema->cloud_event = is_cloud_event(root);
  if (schema->cloud_event) return schema;
  schema->envelope = is_envelope(root);
  const SourceType* row = field_of(root, "after");
  if (!is_structure(row)) row = field_of(root, "before");
  if (!schema->envelope) {
    schema->row = shape_of(root);
    if (is_structure(row)) schema->data_row = shape_of(*row);
  } else if (is_structure(row)) {
    schema->row = shape_of(*row);
  }
  return schema;
}

}  // namespace tidemark
