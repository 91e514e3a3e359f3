// The forms that a value comes in: JSON with and without a schema, Avro, and CloudEvents of both.
#include "decode/base64.h"
#include "decode/record_state.h"
#include "decode/refused.h"

namespace tidemark {

void RecordDecoder::State::check_format() const {
  if (value_form.problem) throw Refused(*value_form.problem);
  const SourceFormat format = config.source.format;
  if (value_form.is_avro()) {
    if (format != SourceFormat::json) return;
    throw Refused("the record is in Avro, and format is json",
                  "set format = auto or avro in [source]");
  }
  if (format == SourceFormat::avro) {
    throw Refused(
        "the record is not in Avro: it has no id of a schema, or of one in JSON Schema",
        "set format = auto in [source], or AvroConverter as value.converter at the source");
  }
  if (!value_form.body.empty()) return;
  throw Refused(
      "the record's value is empty",
      std::string("an empty text is neither JSON nor a tombstone (null); ") + kNotDebezium);
}

void RecordDecoder::State::require_no_cloud_events() const {
  if (config.source.format != SourceFormat::cloudevents) return;
  throw Refused("the record is not a CloudEvent, and format is cloudevents",
                "set format = auto in [source]");
}

DecodeOutcome RecordDecoder::State::value(const Work& work) {
  check_format();
  if (value_form.is_avro()) return avro(work);
  const std::uint32_t depth_max = config.source.record_depth_max;
  Payload payload =
      value_form.schema == nullptr
          ? topic->values.open(value_form.body, "value", depth_max)
          : Payload{value_form.schema->record, JsonReader(value_form.body, depth_max), false};
  if (payload.schema != nullptr && payload.schema->skip != SkipReason::none) {
    return skip(payload.schema->skip, work);
  }
  const JsonKind kind = payload.reader.peek();
  check(payload.reader, "value");
  if (kind == JsonKind::null) {
    JsonValue null;
    payload.reader.value(null);
    finish(payload, "value");
    return tombstone(work);
  }
  if (kind != JsonKind::object) throw Refused("the record's value is not an object", kNotDebezium);
  return payload.schema == nullptr ? schemaless(work, payload) : typed(work, payload);
}

// JSON whose schema is known.
DecodeOutcome RecordDecoder::State::typed(const Work& work, Payload& payload) {
  if (payload.schema->cloud_event) {
    event.read(payload.reader);
    finish(payload, "value");
    return cloud_event(work);
  }
  require_no_cloud_events();
  const RowShapePtr& shape = payload.schema->row;
  if (payload.schema->envelope) {
    envelope.read(payload.reader, shape == nullptr ? nullptr : &shape->names, row_values);
    finish(payload, "value");
    read_key(work.record);
    return enveloped(work, shape);
  }
  if (shape == nullptr) throw Refused("the record's schema is no struct", kNotDebezium);
  read_fields(payload.reader, shape->names, "row", row_values);
  finish(payload, "value");
  read_key(work.record);
  table = topic->table_of_name();
  return flattened(work, shape);
}

DecodeOutcome RecordDecoder::State::schemaless(const Work& work, Payload& payload) {
  if (topic->flattened && config.source.format != SourceFormat::cloudevents) {
    read_key(work.record);
    return schemaless_row(work, payload);
  }
  Payload again = payload;
  const SourceTable* const expected = topic->last_table();
  envelope.read(payload.reader, expected == nullptr ? nullptr : &expected->learned->names,
                row_values);
  finish(payload, "value");
  if (envelope.is_cloud_event()) {
    event.read(again.reader);
    return cloud_event(work);
  }
  require_no_cloud_events();
  read_key(work.record);
  if (envelope.is_envelope()) return enveloped(work, nullptr);
  const SkipReason reason = envelope.skip_reason(work.record.topic, key.is_server_name());
  if (reason != SkipReason::none) return skip(reason, work);
  return schemaless_row(work, again);
}

DecodeOutcome RecordDecoder::State::avro(const Work& work) {
  const AvroSchema& schema = *value_form.schema->avro;
  const RecordSchema& record = *value_form.schema->record;
  if (record.skip != SkipReason::none) return skip(record.skip, work);
  AvroReader reader(schema, value_form.body, scratch, "value");
  const std::uint32_t node = reader.branch(schema.root());
  if (schema.node(node).type == AvroType::null) {
    reader.finish();
    return tombstone(work);
  }
  if (schema.node(node).type != AvroType::record) {
    throw Refused("the record's value is not a record", kNotDebezium);
  }
  if (record.cloud_event) {
    event.read(reader, node);
    reader.finish();
    return cloud_event(work);
  }
  require_no_cloud_events();
  if (record.row == nullptr) throw Refused("the record's schema has no row in it", kNotDebezium);
  if (record.envelope) {
    envelope.read(reader, node, &record.row->names, row_values);
  } else {
    reader.read_fields(node, record.row->names, row_values);
  }
  reader.finish();
  read_key(work.record);
  if (record.envelope) return enveloped(work, record.row);
  table = topic->table_of_name();
  return flattened(work, record.row);
}

// `event` has been read.
DecodeOutcome RecordDecoder::State::cloud_event(const Work& work) {
  if (!event.op().is_string()) {
    throw Refused("the CloudEvent does not say what has happened to which table",
                  "set extension.attributes.enable=true in the CloudEvents converter at the source",
                  true);
  }
  std::optional<RowShapePtr> shape;
  if (event.data().is_object()) {
    shape = read_json_data();
  } else if (event.data().is_string() || event.data().kind == JsonKind::bytes) {
    shape = read_wire_data(work);
  } else {
    throw Refused("the CloudEvent has no data", kNotDebezium);
  }
  if (!shape) return DecodeOutcome::needs_answer;
  envelope.complete(event);
  read_key(work.record);
  return enveloped(work, *shape);
}

// {"before":…,"after":…}, or the same with a schema. Null: it has none.
RowShapePtr RecordDecoder::State::read_json_data() {
  Payload payload = topic->data.open(event.data().raw, "value", config.source.record_depth_max);
  RowShapePtr row;
  if (payload.schema != nullptr) {
    row = payload.schema->data_row;
    if (row == nullptr) throw Refused("the CloudEvent's data have no row in them", kNotDebezium);
  }
  envelope.read(payload.reader, row == nullptr ? nullptr : &row->names, row_values);
  finish(payload, "value");
  return row;
}

// Avro with the id of its schema. No value: the schema is not known yet.
std::optional<RowShapePtr> RecordDecoder::State::read_wire_data(const Work& work) {
  std::string_view bytes = event.data().raw;
  if (event.data().is_string()) {
    event_data.clear();
    if (!append_base64_decoded(unescaped(event.data()), event_data)) {
      throw Refused("the CloudEvent's data are neither JSON nor base64", kNotDebezium);
    }
    bytes = event_data.view();
  }
  const std::optional<WireForm> form =
      open_wire(bytes, work.record.headers, WireSide::data, topic->wire_data, schemas);
  if (!form) return std::nullopt;
  if (form->problem) throw Refused(*form->problem);
  if (!form->is_avro() || form->schema->record->data_row == nullptr) {
    throw Refused("the CloudEvent's data are not rows in Avro", kNotDebezium);
  }
  const AvroSchema& schema = *form->schema->avro;
  AvroReader reader(schema, form->body, scratch, "value");
  const std::uint32_t node = reader.branch(schema.root());
  const RowShapePtr row = form->schema->record->data_row;
  if (schema.node(node).type != AvroType::record) {
    throw Refused("the CloudEvent's data are null", kNotDebezium);
  }
  envelope.read(reader, node, &row->names, row_values);
  reader.finish();
  return row;
}

}  // namespace tidemark
