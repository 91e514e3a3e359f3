// The key of a record: a struct of the key's columns, with a schema, without one, or in a
// key-change header. Not thread-safe; values point into the record that was read last.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "decode/refused.h"
#include "decode/topic.h"
#include "tidemark/record.h"

namespace tidemark {

class RecordKey {
 public:
  explicit RecordKey(std::uint32_t depth_max) : depth_max_(depth_max) {}

  // A key that cannot be read is not refused here: a table with a configured key does not need it.
  // `form`: what open_wire() says of it.
  void read(const RecordView& record, const WireForm& form, Topic& topic, AvroScratch& scratch);

  // Null: the record has none, or an unusable one.
  [[nodiscard]] const RowShapePtr& shape() const { return shape_; }
  [[nodiscard]] const FieldValues& values() const { return values_; }
  // Throws what was wrong with the key, if anything.
  void require_usable() const {
    if (problem_) throw Refused(*problem_);
  }
  // The key of a heartbeat.
  [[nodiscard]] bool is_server_name() const {
    return shape_ != nullptr && shape_->size() == 1 && shape_->names.name(0) == "serverName";
  }

  // The value of a __debezium.newkey or __debezium.oldkey header: the text of SimpleHeaderConverter
  // or of JsonConverter, with the fields of `key`. False: a null key. Throws Refused.
  bool read_header(std::string_view text, const char* header, const RowShape& key, Topic& topic,
                   FieldValues& out) const;

 private:
  void read_form(const WireForm& form, Topic& topic, AvroScratch& scratch);
  void read_avro(const WireForm& form, AvroScratch& scratch);
  void read_text(const WireForm& form, Topic& topic);
  void read_schemaless(Payload& payload, Topic& topic);

  std::uint32_t depth_max_;
  RowShapePtr shape_;
  FieldValues values_;
  std::optional<Refused> problem_;
};

}  // namespace tidemark
