#include "decode/topic.h"

#include <algorithm>
#include <utility>

#include "decode/refused.h"

namespace tidemark {

namespace {

std::string text_of(const JsonValue* value) {
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? unescaped(*value) : std::string(value->raw);
}

std::string_view raw_of(const JsonValue* value) {
  return value == nullptr ? std::string_view{} : value->raw;
}

}  // namespace

const Binding& SourceTable::keep(Binding binding) {
  const auto replaced = [&binding](const std::unique_ptr<Binding>& old) {
    return old->row == binding.row && old->record_key == binding.record_key;
  };
  std::erase_if(bindings_, replaced);
  if (bindings_.size() >= kBindingsMax) bindings_.erase(bindings_.begin());
  bindings_.push_back(std::make_unique<Binding>(std::move(binding)));
  last_ = bindings_.back().get();
  return *last_;
}

void SourceTable::drop(const Binding* binding) {
  if (last_ == binding) last_ = nullptr;
  std::erase_if(bindings_, [binding](const auto& old) { return old.get() == binding; });
}

const Binding* SourceTable::find_other(const RowShape* row, const RowShape* key,
                                       std::uint64_t version) {
  for (const auto& binding : bindings_) {
    if (!binding->is_for(row, key, version)) continue;
    last_ = binding.get();
    return last_;
  }
  return nullptr;
}

void SourceTable::forget_target() {
  target = nullptr;
  last_ = nullptr;
  bindings_.clear();
}

Topic::Topic(std::string name, const Config& config, const TargetNaming& naming)
    : name_(std::move(name)),
      config_(config),
      naming_(naming),
      heartbeat_(name_.starts_with("__debezium-heartbeat")) {}

bool Topic::is_same(const SourceTable& table, const SourceBlock& source) const {
  if (table.raw_table_ != source.table().raw || table.raw_schema_ != source.schema().raw ||
      table.raw_db_ != source.db().raw) {
    return false;
  }
  for (std::size_t i = 0; i < table.raw_members_.size(); ++i) {
    if (raw_of(source.member(naming_.source_members()[i])) != table.raw_members_[i]) return false;
  }
  return true;
}

std::unique_ptr<SourceTable> Topic::make(SourceTableName name,
                                         const std::vector<std::string>& members) {
  auto table = std::make_unique<SourceTable>();
  table->display = name.display();
  const auto section = config_.tables.find(table->display);
  if (section != config_.tables.end()) table->config = &section->second;
  table->target_name = naming_.name(name, name_, members);
  table->name = std::move(name);
  table->learned = std::make_shared<RowShape>();
  return table;
}

SourceTable& Topic::other_table(const SourceBlock& source) {
  raw_key_.clear();
  for (const JsonValue* part : {&source.db(), &source.schema(), &source.table()}) {
    raw_key_.append(part->raw).push_back('\0');
  }
  for (const std::string& member : naming_.source_members()) {
    raw_key_.append(raw_of(source.member(member))).push_back('\0');
  }
  const auto found = by_raw_key_.find(raw_key_);
  if (found != by_raw_key_.end()) {
    last_ = found->second;
    return *last_;
  }
  if (!source.table().is_string() || source.table().raw.empty()) {
    throw Refused("the record's source block names no table",
                  "it was not written by a Debezium connector for a relational database");
  }
  if (tables_.size() >= kTablesMax) {
    throw Refused("the topic carries more than " + std::to_string(kTablesMax) + " tables",
                  "use a topic for each table, or fewer tables a topic");
  }
  SourceTableName name;
  name.db = text_of(&source.db());
  name.table = text_of(&source.table());
  name.schema = text_of(&source.schema());
  if (name.schema.empty()) name.schema = name.db;
  std::vector<std::string> members;
  std::vector<std::string> raw;
  for (const std::string& member : naming_.source_members()) {
    members.push_back(text_of(source.member(member)));
    raw.emplace_back(raw_of(source.member(member)));
  }
  std::unique_ptr<SourceTable> table = make(std::move(name), members);
  table->connector = text_of(&source.connector());
  table->raw_db_ = source.db().raw;
  table->raw_schema_ = source.schema().raw;
  table->raw_table_ = source.table().raw;
  table->raw_members_ = std::move(raw);
  tables_.push_back(std::move(table));
  last_ = tables_.back().get();
  by_raw_key_.emplace(raw_key_, last_);
  return *last_;
}

SourceTable* Topic::table_of_name() {
  if (of_name_ == nullptr) {
    std::optional<SourceTableName> name = table_of_topic(name_);
    if (name) of_name_ = make(std::move(*name), {});
  }
  return of_name_.get();
}

void Topic::forget_targets() {
  for (const auto& table : tables_) table->forget_target();
  if (of_name_ != nullptr) of_name_->forget_target();
}

RowShapePtr Topic::key_shape(const FieldNames& names) {
  for (const RowShapePtr& shape : key_shapes_) {
    bool same = shape->size() == names.size();
    for (std::size_t i = 0; same && i < names.size(); ++i) {
      same = shape->names.name(i) == names.name(i);
    }
    if (same) return last_key_shape_ = shape;
  }
  if (key_shapes_.size() >= kKeyShapesMax) key_shapes_.erase(key_shapes_.begin());
  last_key_shape_ = std::make_shared<RowShape>();
  last_key_shape_->names = names;
  key_shapes_.push_back(last_key_shape_);
  return last_key_shape_;
}

}  // namespace tidemark
