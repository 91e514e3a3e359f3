// A change event in CloudEvents' structured form, as Debezium's CloudEventsConverter writes it: the
// rows are in `data` ({"before":…,"after":…}, the same with a schema, or Avro with the id of its
// schema), the op and the source block in extension attributes: "iodebezium" and the field's name,
// of which letters and digits are left; int64 as strings. Not thread-safe; values point into the
// record that was read last.
#pragma once

#include "decode/avro_reader.h"
#include "decode/fields.h"
#include "decode/source_block.h"

namespace tidemark {

class CloudEvent {
 public:
  CloudEvent();

  // Each reads the object or record that comes next. False: the reader has failed.
  bool read(JsonReader& reader);
  void read(AvroReader& reader, std::uint32_t record);

  [[nodiscard]] const JsonValue& data() const { return values_.at(0); }
  [[nodiscard]] const JsonValue& op() const { return values_.at(1); }
  // The source block, as far as the extension attributes have it.
  void fill(SourceBlock& source) const;

 private:
  FieldNames names_;  // data, op, then those of the source block
  FieldValues values_;
};

}  // namespace tidemark
