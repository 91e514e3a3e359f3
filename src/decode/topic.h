// What the decoder remembers of a topic: the schemas of its records, the tables of the source that
// it carries, how their rows go to the target, and what kind of records to expect. All of it is
// bounded, and all of it could be found out again from the next record. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "decode/binding.h"
#include "decode/naming.h"
#include "decode/schema_cache.h"
#include "decode/shape.h"
#include "decode/source_block.h"
#include "decode/table_account.h"
#include "decode/target_table.h"
#include "decode/wire_format.h"

namespace tidemark {

// One table of the source, as it appears in one topic.
class SourceTable {
 public:
  static constexpr std::size_t kBindingsMax = 64;

  SourceTableName name;
  std::string display;                  // "inventory.orders"
  std::string connector;                // of the source block: "postgresql"; empty: not known
  const TableConfig* config = nullptr;  // its section; null: none
  TableName target_name;
  TargetTable* target = nullptr;  // null: to be looked up
  std::uint64_t claimed = 0;      // 1 + the disputes when its target was granted; 0: not yet
  RowShapePtr learned;            // the shape of rows without a schema
  RowShapePtr last_shape;         // of the last row; null: none has come

  [[nodiscard]] const Binding* find(const RowShape* row, const RowShape* key) {
    const std::uint64_t version = target->version();
    if (last_ != nullptr && last_->is_for(row, key, version)) return last_;
    return find_other(row, key, version);
  }
  // Oldest first.
  [[nodiscard]] const std::vector<std::unique_ptr<Binding>>& bindings() const { return bindings_; }
  // The last one that was made; null: none.
  [[nodiscard]] const Binding* newest() const {
    return bindings_.empty() ? nullptr : bindings_.back().get();
  }
  const Binding& keep(Binding binding);
  void drop(const Binding* binding);
  // The target may have changed.
  void forget_target();

 private:
  friend class Topic;
  const Binding* find_other(const RowShape* row, const RowShape* key, std::uint64_t version);

  // As the members of `source` stand in the record, for comparison.
  std::string raw_db_, raw_schema_, raw_table_;
  std::vector<std::string> raw_members_;
  std::vector<std::unique_ptr<Binding>> bindings_;
  const Binding* last_ = nullptr;
};

class Topic {
 public:
  static constexpr std::size_t kTablesMax = 4096;
  static constexpr std::size_t kKeyShapesMax = 64;

  Topic(std::string name, const Config& config, const TargetNaming& naming);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_heartbeat() const { return heartbeat_; }
  // The table that the source block names. Throws Refused.
  SourceTable& table(const SourceBlock& source) {
    if (last_ != nullptr && is_same(*last_, source)) return *last_;
    return other_table(source);
  }
  // The table that the topic's own name names; null: it names none. Throws Refused.
  SourceTable* table_of_name();
  // The only table that records of the topic have named; null: none yet, or several.
  [[nodiscard]] SourceTable* only_table() const {
    return tables_.size() == 1 ? tables_.front().get() : nullptr;
  }
  [[nodiscard]] bool has_tables() const { return !tables_.empty(); }
  // The table of the last record; null: none yet.
  [[nodiscard]] SourceTable* last_table() const { return last_; }
  void forget_targets();
  template <typename Visit>
  void for_each_table(const Visit& visit) const {
    for (const auto& table : tables_) visit(*table);
    if (of_name_ != nullptr) visit(*of_name_);
  }

  // The shape of a key without a schema that has exactly these fields, in this order.
  RowShapePtr key_shape(const FieldNames& names);
  [[nodiscard]] const RowShapePtr& last_key_shape() const { return last_key_shape_; }

  SchemaCache values;
  SchemaCache keys;
  SchemaCache headers;
  SchemaCache data;  // of CloudEvents
  WireSchemas wire_values;
  WireSchemas wire_keys;
  WireSchemas wire_data;
  bool flattened = false;  // the last record without a schema was a row of its own

  // The delete that came last, whose tombstone is to follow.
  struct LastDelete {
    Partition partition;
    std::string key;
    SourceTable* table = nullptr;
  };
  LastDelete last_delete;

  // How many creates more are asked for the header of a key change, in a topic of one partition:
  // there the create half comes just behind its delete half, which begins the count anew, as the
  // beginning of reading does. (Parsing a record's headers is a tenth of all that is done with it.)
  static constexpr std::uint32_t kHalvesNear = 10'000;
  std::uint32_t halves_near = kHalvesNear;

 private:
  [[nodiscard]] bool is_same(const SourceTable& table, const SourceBlock& source) const;
  SourceTable& other_table(const SourceBlock& source);
  std::unique_ptr<SourceTable> make(SourceTableName name, const std::vector<std::string>& members);

  std::string name_;
  const Config& config_;
  const TargetNaming& naming_;
  bool heartbeat_;
  std::vector<std::unique_ptr<SourceTable>> tables_;
  std::unordered_map<std::string, SourceTable*> by_raw_key_;  // what is_same() compares
  std::string raw_key_;                                       // for the look-up at hand
  std::unique_ptr<SourceTable> of_name_;
  SourceTable* last_ = nullptr;
  std::vector<RowShapePtr> key_shapes_;
  RowShapePtr last_key_shape_;
};

// What has been learned of `table`, from its bindings.
TableAccount account_of(const std::string& topic, const SourceTable& table,
                        const std::string& metadata_prefix);

}  // namespace tidemark
