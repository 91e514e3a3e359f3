#include "decode/record_key.h"

#include <algorithm>
#include <string>

namespace tidemark {

namespace {

const char* const kKeyHint =
    "the key must be a struct of columns, as Debezium writes it: remove transforms such as "
    "ExtractField$Key at the source, or set key in the table's section";

bool all_present(const FieldValues& values) {
  return std::all_of(values.values.begin(), values.values.end(),
                     [](const JsonValue& value) { return value.is_present(); });
}

}  // namespace

void RecordKey::read(const RecordView& record, const WireForm& form, Topic& topic,
                     AvroScratch& scratch) {
  shape_.reset();
  problem_.reset();
  if (!record.key) return;
  try {
    read_form(form, topic, scratch);
  } catch (const Refused& problem) {
    shape_.reset();
    problem_ = problem;
  }
}

void RecordKey::read_form(const WireForm& form, Topic& topic, AvroScratch& scratch) {
  if (form.problem) throw Refused(*form.problem);
  return form.is_avro() ? read_avro(form, scratch) : read_text(form, topic);
}

void RecordKey::read_avro(const WireForm& form, AvroScratch& scratch) {
  AvroReader reader(*form.schema->avro, form.body, scratch, "key");
  const std::uint32_t node = reader.branch(form.schema->avro->root());
  if (form.schema->avro->node(node).type == AvroType::null) return reader.finish();
  const RowShapePtr& row = form.schema->record->row;
  if (form.schema->avro->node(node).type != AvroType::record || row == nullptr) {
    throw Refused("the record's key has a schema that is no struct", kKeyHint);
  }
  reader.read_fields(node, row->names, values_);
  reader.finish();
  if (row->size() != 0) shape_ = row;
}

void RecordKey::read_text(const WireForm& form, Topic& topic) {
  if (form.body.empty()) throw Refused("the record's key is empty", kKeyHint);
  Payload payload = form.schema == nullptr
                        ? topic.keys.open(form.body, "key", depth_max_)
                        : Payload{form.schema->record, JsonReader(form.body, depth_max_), false};
  if (payload.reader.peek() == JsonKind::null) {
    JsonValue null;
    payload.reader.value(null);
    return finish(payload, "key");
  }
  check(payload.reader, "key");
  if (payload.reader.peek() != JsonKind::object) {
    throw Refused("the record's key is not an object", kKeyHint);
  }
  if (payload.schema == nullptr) return read_schemaless(payload, topic);
  if (payload.schema->row == nullptr) {
    throw Refused("the record's key has a schema that is no struct", kKeyHint);
  }
  read_fields(payload.reader, payload.schema->row->names, "key", values_);
  finish(payload, "key");
  if (!values_.unknown.empty()) {
    throw Refused("the field \"" + values_.unknown + "\" of the key is not in its schema",
                  kKeyHint);
  }
  if (payload.schema->row->size() != 0) shape_ = payload.schema->row;
}

void RecordKey::read_schemaless(Payload& payload, Topic& topic) {
  const RowShapePtr expected = topic.last_key_shape();
  if (expected != nullptr) {
    Payload again = payload;
    read_fields(again.reader, expected->names, "key", values_);
    finish(again, "key");
    if (values_.unknown.empty() && all_present(values_)) {
      shape_ = expected;
      return;
    }
  }
  FieldNames names;
  learn_fields(payload.reader, names, "key", values_);
  finish(payload, "key");
  if (names.size() != 0) shape_ = topic.key_shape(names);
}

bool RecordKey::read_header(std::string_view text, const char* header, const RowShape& key,
                            Topic& topic, FieldValues& out) const {
  Payload payload = topic.headers.open(text, header, depth_max_);
  payload.reader.allow_control_characters();
  if (payload.reader.peek() == JsonKind::null && !payload.reader.failed()) return false;
  read_fields(payload.reader, key.names, header, out);
  finish(payload, header);
  if (out.unknown.empty() && all_present(out)) return true;
  throw Refused(
      "the record's " + std::string(header) + " header has other fields than its key",
      "the header is written by Debezium when a key changes: do not change it on the way");
}

}  // namespace tidemark
