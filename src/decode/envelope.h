// What kind of record it is, and its pieces. Debezium's envelope is
//   {"before":{…}|null,"after":{…}|null,"source":{…},"op":"c","ts_ms":…,"ts_us":…,"transaction":…}
// in any order; anything else in JSON is a row of its own (flattened), or one of the records that
// say nothing about rows: heartbeats, transaction markers, schema changes, notifications. One pass:
// `before` is passed over, `after` is read by the names given, `source` by its own. Format of the
// source's position: decode/source_block.h. Not thread-safe.
#pragma once

#include <string_view>

#include "decode/avro_reader.h"
#include "decode/cloud_event.h"
#include "decode/fields.h"
#include "decode/source_block.h"
#include "tidemark/change.h"

namespace tidemark {

// The record of a row that has not been read yet.
struct BinaryRow {
  const AvroSchema* schema = nullptr;  // null: it is JSON
  std::uint32_t node = 0;
  AvroScratch* scratch = nullptr;
};

class Envelope {
 public:
  Envelope();

  // Reads the object that comes next. Where `row` is not null, the members of an `after` that is an
  // object are read into `row_values` by its names. False: the reader has failed.
  bool read(JsonReader& reader, const FieldNames* row, FieldValues& row_values);

  // The same of a record in Avro, whose node `record` is; `before` stays as it is, for old_row().
  void read(AvroReader& reader, std::uint32_t record, const FieldNames* row,
            FieldValues& row_values);
  // What `data` of a CloudEvent, which has been read, does not have: op and source.
  void complete(const CloudEvent& event);

  // Has an `op` and a `source` block: an envelope also without a schema that says so.
  [[nodiscard]] bool is_envelope() const { return op().is_string() && source_value().is_object(); }
  // What a record without a schema is, that is neither an envelope nor a row; none: a row.
  // `key_is_server_name`: the key is {"serverName":…}.
  [[nodiscard]] SkipReason skip_reason(std::string_view topic, bool key_is_server_name) const;
  [[nodiscard]] bool is_cloud_event() const;

  [[nodiscard]] const JsonValue& op() const { return value(Place::op); }
  [[nodiscard]] const JsonValue& before() const { return value(Place::before); }
  // How `before` is to be read.
  [[nodiscard]] const BinaryRow& before_form() const { return before_form_; }
  [[nodiscard]] const JsonValue& after() const { return value(Place::after); }
  [[nodiscard]] bool after_was_read() const { return after_was_read_; }
  [[nodiscard]] const SourceBlock& source() const { return source_; }

 private:
  enum class Place : std::uint8_t {
    before,
    after,
    source,
    transaction,
    op,
    ts_ms,
    ts_us,
    ts_ns,
    message,
    status,
    id,
    event_count,
    data_collections,  // transaction markers
    database_name,
    schema_name,
    ddl,
    table_changes,  // schema changes
    type,
    aggregate_type,
    additional_data,
    timestamp,  // notifications
    specversion,
    datacontenttype,
    data,  // CloudEvents
  };
  [[nodiscard]] const JsonValue& value(Place place) const {
    return values_.at(static_cast<std::size_t>(place));
  }
  [[nodiscard]] const JsonValue& source_value() const { return value(Place::source); }
  [[nodiscard]] bool only(std::initializer_list<Place> places) const;
  bool read_member(JsonReader& reader, std::size_t place, const FieldNames* row,
                   FieldValues& row_values);
  void clear();
  JsonValue& slot(std::size_t place);
  void read_record(AvroReader& reader, std::size_t place, std::uint32_t node, const FieldNames* row,
                   FieldValues& row_values);

  FieldNames names_;
  FieldValues values_;
  SourceBlock source_;
  BinaryRow before_form_;
  bool after_was_read_ = false;
  bool others_ = false;   // members that have no place
  std::size_t used_ = 0;  // no place from here on has a value
};

}  // namespace tidemark
