// The inside of RecordDecoder: what it knows, and the record at hand. record_decoder.cc has what
// all records have in common, record_forms.cc the forms that they come in. Not thread-safe; for
// these two files alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "decode/change_decoder.h"
#include "decode/cloud_event.h"
#include "decode/naming.h"
#include "decode/record_decoder.h"

namespace tidemark {

inline constexpr const char* kNotDebezium =
    "it was not written by a Debezium connector for a relational database";

struct RecordDecoder::State {
  State(const Config& given, TableLookup table_lookup, SchemaLookup schema_lookup,
        std::shared_ptr<TableClaims> shared_claims)
      : config(given),
        lookup(std::move(table_lookup)),
        schemas(std::move(schema_lookup)),
        claims(shared_claims ? std::move(shared_claims) : std::make_shared<TableClaims>()),
        naming(config),
        scratch(kTextPerByte * std::min(config.source.record_bytes_max, kBytesCeiling)),
        key(config.source.record_depth_max),
        changes(config) {}

  // Arrays and structs of Avro are larger as JSON, base64 and all, but not much.
  static constexpr std::uint64_t kTextPerByte = 4;
  static constexpr std::uint64_t kBytesCeiling = std::uint64_t{1} << 40U;

  // The record at hand and what comes of it.
  struct Work {
    const RecordView& record;
    std::int32_t partitions;
    Slab& slab;
    Event& event;
  };

  DecodeOutcome decode(const Work& work);
  // By the form of the record. Each returns needs_answer where the target's table is not known yet.
  DecodeOutcome value(const Work& work);
  DecodeOutcome typed(const Work& work, Payload& payload);
  DecodeOutcome schemaless(const Work& work, Payload& payload);
  DecodeOutcome avro(const Work& work);
  DecodeOutcome cloud_event(const Work& work);
  RowShapePtr read_json_data();
  std::optional<RowShapePtr> read_wire_data(const Work& work);
  DecodeOutcome schemaless_row(const Work& work, Payload& payload);
  void refuse_documents() const;
  DecodeOutcome enveloped(const Work& work, const RowShapePtr& typed);
  DecodeOutcome flattened(const Work& work, const RowShapePtr& shape);
  DecodeOutcome change(const Work& work, const Change& change);
  DecodeOutcome tombstone(const Work& work);
  DecodeOutcome key_alone(const Work& work);
  DecodeOutcome truncate(const Work& work);

  DecodeOutcome skip_delete(const Work& work) const;
  static DecodeOutcome skip(SkipReason reason, const Work& work) {
    work.event.op = Op::skip;
    work.event.skip = reason;
    return DecodeOutcome::decoded;
  }
  [[nodiscard]] ChangePlace place(const Work& work) const {
    return {work.record, *topic,    *table,     *table->target,
            key,         work.slab, work.event, work.partitions == 1};
  }

  bool open_forms(const RecordView& record);
  void read_key(const RecordView& record);
  void check_format() const;
  void require_no_cloud_events() const;
  void check_size(const RecordView& record) const;
  Topic& topic_of(std::string_view name);
  bool find_target();
  void claim_target();
  SourceTable* tombstone_table(const RecordView& record);
  void read_after(const SourceTable* expected);
  void learn_before();
  void note_position(const Work& work, const JsonValue* flattened_lsn) const;

  const Config config;
  const TableLookup lookup;
  const SchemaLookup schemas;
  const std::shared_ptr<TableClaims> claims;
  const TargetNaming naming;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::unique_ptr<Topic>, Hash, std::equal_to<>> topics;
  std::map<TableName, std::unique_ptr<TargetTable>> targets;

  // Of the record at hand.
  Topic* topic = nullptr;
  SourceTable* table = nullptr;  // null: not known (yet)
  WireForm key_form;
  WireForm value_form;
  AvroScratch scratch;
  Envelope envelope;
  CloudEvent event;
  Bytes event_data;  // of the event, decoded from base64
  RecordKey key;
  FieldValues row_values;
  ChangeDecoder changes;
};

}  // namespace tidemark
