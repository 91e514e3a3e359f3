#include "decode/envelope.h"

#include <algorithm>
#include <array>
#include <utility>

#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr std::array<std::string_view, 24> kNames = {"before",
                                                     "after",
                                                     "source",
                                                     "transaction",
                                                     "op",
                                                     "ts_ms",
                                                     "ts_us",
                                                     "ts_ns",
                                                     "message",
                                                     "status",
                                                     "id",
                                                     "event_count",
                                                     "data_collections",
                                                     "databaseName",
                                                     "schemaName",
                                                     "ddl",
                                                     "tableChanges",
                                                     "type",
                                                     "aggregate_type",
                                                     "additional_data",
                                                     "timestamp",
                                                     "specversion",
                                                     "datacontenttype",
                                                     "data"};

}  // namespace

Envelope::Envelope() {
  for (const std::string_view name : kNames) names_.add(name);
  values_.values.resize(kNames.size());
}

void Envelope::clear() {
  std::fill_n(values_.values.begin(), std::exchange(used_, 0), JsonValue{});
  before_form_ = {};
  after_was_read_ = false;
  others_ = false;
}

// To be written to.
JsonValue& Envelope::slot(std::size_t place) {
  used_ = std::max(used_, place + 1);
  return values_.values[place];
}

bool Envelope::read(JsonReader& reader, const FieldNames* row, FieldValues& row_values) {
  clear();
  if (!reader.enter_object()) return false;
  std::size_t next = 0;
  std::string_view raw_name;
  bool name_escaped = false;
  for (;;) {
    if (next < kNames.size() && !values_.values[next].is_present() &&
        reader.plain_member(names_.expected(next), slot(next))) {
      ++next;
      continue;
    }
    std::size_t place = next;
    if (next >= kNames.size() || !reader.member_is(names_.expected(next))) {
      if (!reader.member(raw_name, name_escaped)) return !reader.failed();
      const std::int32_t found = name_escaped ? -1 : names_.find(raw_name);
      if (found < 0) {
        JsonValue ignored;
        others_ = true;
        if (!reader.value(ignored)) return false;
        continue;
      }
      place = static_cast<std::size_t>(found);
    }
    if (!read_member(reader, place, row, row_values)) return false;
    next = place + 1;
  }
}

bool Envelope::read_member(JsonReader& reader, std::size_t place, const FieldNames* row,
                           FieldValues& row_values) {
  JsonValue& value = slot(place);
  if (value.is_present()) {
    throw Refused("the field \"" + names_.name(place) + "\" is there twice in the record",
                  "a member's name may be used once; the record was not written by Debezium");
  }
  const bool is_after = place == static_cast<std::size_t>(Place::after) && row != nullptr;
  const bool is_source = place == static_cast<std::size_t>(Place::source);
  if ((!is_after && !is_source) || reader.peek() != JsonKind::object) return reader.value(value);
  const std::size_t begin = reader.position();
  if (!(is_source ? source_.read(reader) : read_fields(reader, *row, "row", row_values))) {
    return false;
  }
  after_was_read_ = after_was_read_ || is_after;
  value.kind = JsonKind::object;
  value.raw = reader.text().substr(begin, reader.position() - begin);
  return true;
}

void Envelope::read(AvroReader& reader, std::uint32_t record, const FieldNames* row,
                    FieldValues& row_values) {
  clear();
  const AvroSchema& schema = reader.schema();
  const AvroNode& fields = schema.node(record);
  for (std::size_t i = 0; i < fields.count; ++i) {
    const AvroChild& field = schema.child(fields, i);
    const std::int32_t place = names_.find(field.name);
    const std::uint32_t node = place < 0 ? field.node : reader.branch(field.node);
    if (place >= 0 && schema.node(node).type == AvroType::record) {
      read_record(reader, static_cast<std::size_t>(place), node, row, row_values);
    } else if (place >= 0) {
      reader.value(node, slot(static_cast<std::size_t>(place)));
    } else {
      reader.skip(node);
    }
  }
}

// A member that is a record: whole, as the bytes that it has.
void Envelope::read_record(AvroReader& reader, std::size_t place, std::uint32_t node,
                           const FieldNames* row, FieldValues& row_values) {
  const std::size_t begin = reader.position();
  if (place == static_cast<std::size_t>(Place::source)) {
    source_.read(reader, node);
  } else if (place == static_cast<std::size_t>(Place::after) && row != nullptr) {
    reader.read_fields(node, *row, row_values);
    after_was_read_ = true;
  } else {
    reader.skip(node);
  }
  if (place == static_cast<std::size_t>(Place::before)) {
    before_form_ = {&reader.schema(), node, &reader.scratch()};
  }
  JsonValue& value = slot(place);
  value.kind = JsonKind::object;
  value.raw = reader.bytes().substr(begin, reader.position() - begin);
}

void Envelope::complete(const CloudEvent& event) {
  slot(static_cast<std::size_t>(Place::op)) = event.op();
  JsonValue& value = slot(static_cast<std::size_t>(Place::source));
  value.kind = JsonKind::object;
  value.raw = "{}";
  event.fill(source_);
}

bool Envelope::only(std::initializer_list<Place> places) const {
  if (others_) return false;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const bool listed =
        std::find(places.begin(), places.end(), static_cast<Place>(i)) != places.end();
    if (values_.at(i).is_present() != listed) return false;
  }
  return true;
}

SkipReason Envelope::skip_reason(std::string_view topic, bool key_is_server_name) const {
  if (only({Place::ts_ms}) && key_is_server_name) return SkipReason::heartbeat;
  const std::string_view status = value(Place::status).raw;
  if (topic.ends_with(".transaction") && (status == "BEGIN" || status == "END") &&
      only({Place::status, Place::id, Place::event_count, Place::data_collections, Place::ts_ms})) {
    return SkipReason::transaction_marker;
  }
  if (source_value().is_object() && value(Place::database_name).is_present() &&
      value(Place::ddl).is_present() && value(Place::table_changes).is_present()) {
    return SkipReason::schema_change;
  }
  if (only({Place::id, Place::type, Place::aggregate_type, Place::additional_data,
            Place::timestamp})) {
    return SkipReason::notification;
  }
  return SkipReason::none;
}

bool Envelope::is_cloud_event() const {
  return value(Place::specversion).is_string() && value(Place::id).is_present() &&
         source_value().is_string() && value(Place::type).is_present() && !op().is_present();
}

}  // namespace tidemark
