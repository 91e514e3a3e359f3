// The `source` member of an envelope: which table a change comes from, when it was committed there,
// and its position. Members that nothing needs are passed over; their order does not matter.
// Not thread-safe; values point into the record that was read last.
//
// The position as text (change.h, Event::source_position):
//   PostgreSQL            "<last commit lsn or 0>/<lsn>" from `sequence`; "lsn:<lsn>" without it
//   MySQL, MariaDB        "<file's number>/<pos>/<row>+<GTID's number or 0>=<rest of the
//   GTID>.<server_id>"
//                         where all of that is there, else "<file>:<pos>:<row>"
//   SQL Server, Db2       "<commit_lsn>:<change_lsn>:<event_serial_no>"
//   Oracle                "<commit_scn or 0>:<scn>:<txId>:<txSeq>"
//   flattened records     "lsn:<__lsn>" where the field is there
// Both halves of a key change carry the same text. Only the forms of batch/source_position.h order
// the events of one partition: PostgreSQL emits transactions in the order of their commits, so an
// lsn alone does not. Incremental snapshots and tombstones have no position: the text is empty.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "decode/avro_reader.h"
#include "decode/fields.h"
#include "decode/object_template.h"

namespace tidemark {

class SourceBlock {
 public:
  SourceBlock();

  // The reader stands in front of an object. False: it has failed.
  bool read(JsonReader& reader);
  // In front of a record, whose node `record` is.
  void read(AvroReader& reader, std::uint32_t record);
  // Member by member, as CloudEvents have them: `place` is that of a known name. What is an integer
  // in a source block may come as a string.
  void clear();
  void set(std::size_t place, const JsonValue& value);
  static std::size_t known_names();
  static std::string_view known_name(std::size_t place);

  [[nodiscard]] const JsonValue& connector() const { return value(Place::connector); }
  [[nodiscard]] const JsonValue& db() const { return value(Place::db); }
  // Vitess has keyspaces instead.
  [[nodiscard]] const JsonValue& schema() const {
    return value(value(Place::schema).is_string() ? Place::schema : Place::keyspace);
  }
  [[nodiscard]] const JsonValue& table() const { return value(Place::table); }
  // Any member, for ${source.…}; null: it is not there.
  [[nodiscard]] const JsonValue* member(std::string_view name) const;
  // When the change was committed at the source; 0: unknown.
  [[nodiscard]] std::int64_t time_us() const;
  void append_position(Bytes& out) const;

 private:
  // In the order in which Debezium writes them for PostgreSQL, then MySQL: see source_block.cc.
  enum class Place : std::uint8_t {
    version,
    connector,
    name,
    ts_ms,
    snapshot,
    db,
    sequence,
    ts_us,
    ts_ns,
    schema,
    table,
    tx_id,
    lsn,
    xmin,
    origin,
    origin_lsn,
    server_id,
    gtid,
    file,
    pos,
    row,
    thread,
    query,
    change_lsn,
    commit_lsn,
    event_serial_no,
    scn,
    commit_scn,
    tx_seq,
    keyspace,
  };
  static constexpr std::array<Place, 12> kIntegers = {
      Place::ts_ms,  Place::ts_us,      Place::ts_ns, Place::server_id,
      Place::thread, Place::tx_id,      Place::lsn,   Place::xmin,
      Place::pos,    Place::origin_lsn, Place::row,   Place::event_serial_no};
  [[nodiscard]] const JsonValue& value(Place place) const {
    return values_.at(static_cast<std::size_t>(place));
  }
  void bound_names();
  bool append_postgres(Bytes& out) const;
  bool append_binlog(Bytes& out) const;

  FieldNames names_;
  FieldValues values_;
  ObjectTemplate template_;  // of the JSON block that `values_` are those of, if of any
};

// A JSON number without fraction; 0: it is none, or too large.
std::int64_t integer_of(const JsonValue& value);

}  // namespace tidemark
