#include "decode/change_decoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr int kAttemptsMax = 4096;  // every attempt but the last has widened a column
constexpr std::size_t kHeadersMax = 256;

const char* const kNewKeyHeader = "__debezium.newkey";
const char* const kOldKeyHeader = "__debezium.oldkey";

// A field that had only nulls so far, and no column, has a value now.
bool needs_column(const Binding& binding, const FieldValues* row, const std::string& placeholder) {
  if (row == nullptr) return false;
  return std::any_of(binding.unplaced.begin(), binding.unplaced.end(), [&](std::uint32_t field) {
    const JsonValue& value = row->at(field);
    return value.is_present() && !value.is_null() && !says_unavailable(value, placeholder);
  });
}

bool has_header(const RecordView& record, const char* name) {
  std::size_t seen = 0;
  return std::any_of(record.headers.begin(), record.headers.end(), [&](const HeaderView& header) {
    return ++seen <= kHeadersMax && header.name == name && header.value && !header.value->empty();
  });
}

// Whether a create is to be asked for its header.
bool may_be_new_half(const ChangePlace& place) {
  if (!place.one_partition) return true;
  if (place.topic.halves_near == 0) return false;
  --place.topic.halves_near;
  return true;
}

bool is_half(const Change& change, const ChangePlace& place, bool new_half) {
  if (change.op == Op::create) return new_half && has_header(place.record, kOldKeyHeader);
  if (change.op != Op::remove || !has_header(place.record, kNewKeyHeader)) return false;
  place.topic.halves_near = Topic::kHalvesNear;
  return true;
}

void skip(SkipReason reason, const ChangePlace& place) {
  place.event.op = Op::skip;
  place.event.skip = reason;
}

}  // namespace

// Keeps the layout alive as long as the slab. One slab after the other is filled, by this decoder
// alone, and may lie where another has lain.
void ChangeDecoder::hold(const LayoutPtr& layout, const ChangePlace& place) {
  place.event.layout = layout.get();
  std::vector<LayoutPtr>& held = place.slab.layouts;
  if (!held.empty() && held.back() == layout) return;
  if (held_in_ != &place.slab || held_.size() != held.size()) {
    held_in_ = &place.slab;
    held_.clear();
    for (const LayoutPtr& one : held) held_.insert(one.get());
  }
  if (held_.insert(layout.get()).second) held.push_back(layout);
}

const Binding& ChangeDecoder::binding(const RowShapePtr& shape, const RowShapePtr& key,
                                      const FieldValues* row, bool flattened,
                                      const ChangePlace& place) {
  SourceTable& table = place.table;
  if (const Binding* found = table.find(shape.get(), key.get())) {
    if (!needs_column(*found, row, config_.source.unavailable_value)) return *found;
    table.drop(found);
  }
  BindRequest request;
  request.config = &config_.target;
  request.table_config = table.config;
  if (flattened) request.metadata_prefix = &config_.source.metadata_prefix;
  request.settings.unavailable_value = config_.source.unavailable_value;
  request.settings.binary_text = config_.source.binary_text;
  if (table.config != nullptr) {
    request.settings.time_unit = table.config->time_unit;
    if (table.config->binary_text) request.settings.binary_text = table.config->binary_text;
  }
  request.source_table = table.display;
  request.row = shape;
  request.record_key = key;
  request.row_values = row;
  request.key_values = key != nullptr && key == place.key.shape() ? &place.key.values() : nullptr;
  return table.keep(bind(request, place.target));
}

void ChangeDecoder::decode(const Change& change, const ChangePlace& place) {
  const bool configured_key = place.table.config != nullptr && !place.table.config->key.empty();
  if (!configured_key) place.key.require_usable();
  RowShapePtr shape = change.shape;
  // Rows without a schema have not been seen yet: what the delete leaves for its other half must be
  // the whole row.
  if (change.op == Op::remove && !shape->complete) shape = nullptr;
  if (shape == nullptr && !place.target.is_defined()) return skip(SkipReason::excluded, place);
  bool new_half = change.op == Op::create && may_be_new_half(place);
  if (is_half(change, place, new_half)) place.target.move_whole_rows();
  const std::size_t begin = place.slab.arena.size();
  const FieldValues* row = change.op == Op::remove && !change.flattened ? nullptr : change.row;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const Binding& bound = binding(shape, place.key.shape(), row, change.flattened, place);
    if (!place.target.activate(bound.layout)) continue;
    try {
      encode(change, bound, place, new_half);
      // What it lacks may be with a delete half after all.
      const bool lacks = place.event.has_unavailable || place.event.has_absent;
      if (change.op == Op::create && lacks && !std::exchange(new_half, true) &&
          is_half(change, place, true)) {
        place.target.move_whole_rows();
        place.slab.arena.truncate(begin);
        continue;
      }
      if (change.op != Op::remove) place.table.last_shape = shape;
      return;
    } catch (const TooWide& problem) {
      place.slab.arena.truncate(begin);
      widen(problem, place);
    }
  }
  throw Refused("the table " + place.target.name().display() +
                " would have to be widened for ever");
}

void ChangeDecoder::widen(const TooWide& problem, const ChangePlace& place) const {
  const Table& required = *place.target.required();
  const Column* column = required.find(problem.column);
  const bool evolve = config_.target.schema_evolution == SchemaEvolution::evolve;
  std::string stays;
  if (evolve && column != nullptr && !(column->type == problem.type)) {
    const bool in_key = problem.in_key || std::find(required.key.begin(), required.key.end(),
                                                    problem.column) != required.key.end();
    stays = why_type_stays(*column, problem.type, in_key);
    if (stays.empty()) return place.target.widen(problem.column, problem.type);
    stays = "; the column's type is not changed, since " + stays;
  }
  const std::string type = column == nullptr ? "" : " (" + column->type.sql() + ")";
  throw Refused("column " + place.target.name().display() + "." + problem.column + type +
                    " cannot hold the record's value (" + problem.source + "): " + problem.reason +
                    stays,
                "ALTER TABLE " + place.target.name().quoted() + " ALTER COLUMN " +
                    quote_identifier(problem.column) + " TYPE " + problem.type.sql() +
                    (evolve ? " while tidemark is stopped, and what depends on it made anew"
                            : ", or set schema-evolution = evolve"));
}

// The row that a change replaces or removes, where the record has it.
const FieldValues& ChangeDecoder::old_row(const Change& change) {
  if (change.flattened) return *change.row;
  if (change.before_form.schema != nullptr) {
    const BinaryRow& form = change.before_form;
    AvroReader reader(*form.schema, change.before.raw, *form.scratch, "value");
    reader.read_fields(form.node, change.shape->names, old_values_);
    reader.finish();
    return checked_old_row();
  }
  JsonReader reader(change.before.raw, config_.source.record_depth_max);
  if (change.shape->typed) {
    read_fields(reader, change.shape->names, "row", old_values_);
    return checked_old_row();
  }
  learn_fields(reader, change.shape->names, "row", old_values_);
  return old_values_;
}

const FieldValues& ChangeDecoder::checked_old_row() const {
  if (old_values_.unknown.empty()) return old_values_;
  throw Refused("the field \"" + old_values_.unknown + "\" of \"before\" is not in its schema",
                "the record was changed on the way by something that does not keep its schema");
}

void ChangeDecoder::encode(const Change& change, const Binding& bound, const ChangePlace& place,
                           bool new_half) {
  place.event.op = change.op;
  place.event.has_unavailable = false;
  place.event.has_absent = false;
  place.event.row = place.event.before = place.event.key = place.event.other_key = Span{};
  hold(bound.layout, place);
  if (bound.layout->keyless()) {
    encode_keyless(change, bound, place);
  } else {
    encode_keyed(change, bound, place, new_half);
  }
}

void ChangeDecoder::encode_keyed(const Change& change, const Binding& bound,
                                 const ChangePlace& place, bool new_half) {
  Event& event = place.event;
  Bytes& arena = place.slab.arena;
  const FieldValues* key = place.key.shape() == nullptr ? nullptr : &place.key.values();
  if (bound.key_from_record) {
    event.key = encoder_.key(bound, *key, arena);
  } else if (change.op != Op::remove) {
    event.key = encoder_.key_of_row(bound, *change.row, key, arena);
    refuse_changed_key(change, bound, place);
  } else {
    if (!change.flattened && !change.before.is_object()) {
      throw Refused(
          "the record deletes a row and does not say which: the configured key is not in "
          "its own key, and \"before\" is null",
          "set REPLICA IDENTITY FULL for " + place.table.display + " at the source");
    }
    event.key = encoder_.key_of_row(bound, old_row(change), key, arena);
  }
  if (change.op != Op::remove) {
    event.row = encoder_.row(bound, *change.row, arena);
    event.has_unavailable = encoder_.has_unavailable();
    event.has_absent = encoder_.has_absent();
  }
  if (!bound.key_from_record) return;
  if (change.op == Op::remove) encode_other_key(kNewKeyHeader, bound, place);
  if (change.op == Op::create && new_half) encode_other_key(kOldKeyHeader, bound, place);
}

// A configured key that is not the record's own: an update that changes it would have to be two
// events, and the old row would stay.
void ChangeDecoder::refuse_changed_key(const Change& change, const Binding& bound,
                                       const ChangePlace& place) {
  if (change.op != Op::update || change.flattened || !change.before.is_object()) return;
  Bytes& arena = place.slab.arena;
  const std::size_t end = arena.size();
  const FieldValues* key = place.key.shape() == nullptr ? nullptr : &place.key.values();
  RowEncoder other;
  const Span old = other.key_of_row(bound, old_row(change), key, arena);
  const bool same = place.slab.bytes(old) == place.slab.bytes(place.event.key);
  arena.truncate(end);
  if (same) return;
  throw Refused("the update changes the configured key of " + place.table.display,
                "set message.key.columns at the source instead of key in [table." +
                    place.table.display +
                    "]: then Debezium writes such a change as a delete and an "
                    "insert");
}

void ChangeDecoder::encode_keyless(const Change& change, const Binding& bound,
                                   const ChangePlace& place) {
  Event& event = place.event;
  Bytes& arena = place.slab.arena;
  const std::string hint = "set REPLICA IDENTITY FULL for " + place.table.display +
                           " at the source, or give the table a key";
  if (!change.says_op) {
    throw Refused("a flattened row of a table without a key does not say whether it is new",
                  "set add.fields=op in ExtractNewRecordState at the source");
  }
  const bool needs_before = change.op == Op::update || change.op == Op::remove;
  const bool has_before = change.flattened ? change.op == Op::remove : change.before.is_object();
  if (needs_before && !has_before) {
    throw Refused("the table " + place.table.display +
                      " has no key, and the record does not hold the whole row before the change",
                  change.flattened ? hint + "; flattening loses the row before an update" : hint);
  }
  if (needs_before) {
    event.before = encoder_.row(bound, old_row(change), arena);
    if (encoder_.has_unavailable()) throw Refused("the row before the change lacks a value", hint);
  }
  if (change.op == Op::remove) return;
  event.row = encoder_.row(bound, *change.row, arena);
  event.has_absent = encoder_.has_absent();
  if (!encoder_.has_unavailable()) return;
  if (needs_before) event.row = RowEncoder::fill_unavailable(event.row, event.before, arena);
  if (!needs_before) throw Refused("the row of a table without a key lacks a value", hint);
}

void ChangeDecoder::encode_other_key(const char* header, const Binding& bound,
                                     const ChangePlace& place) {
  std::size_t seen = 0;
  for (const HeaderView& candidate : place.record.headers) {
    if (++seen > kHeadersMax) return;
    if (candidate.name != header || !candidate.value || candidate.value->empty()) continue;
    if (!place.key.read_header(*candidate.value, header, *bound.record_key, place.topic,
                               header_values_)) {
      continue;
    }
    const std::size_t begin = place.slab.arena.size();
    place.event.other_key = encoder_.key(bound, header_values_, place.slab.arena);
    if (place.slab.bytes(place.event.other_key) == place.slab.bytes(place.event.key)) {
      place.event.other_key = Span{};
      place.slab.arena.truncate(begin);
    }
    return;
  }
}

void ChangeDecoder::tombstone(const ChangePlace& place) {
  const std::size_t begin = place.slab.arena.size();
  const RowShapePtr& shape = place.table.last_shape;
  if (has_header(place.record, kNewKeyHeader)) {
    place.topic.halves_near = Topic::kHalvesNear;
    place.target.move_whole_rows();
  }
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const Binding& bound =
        binding(shape, place.key.shape(), nullptr, place.table.name.flattened, place);
    if (bound.layout->keyless() || !bound.key_from_record) {
      return skip(SkipReason::keyless_tombstone, place);
    }
    if (!place.target.activate(bound.layout)) continue;
    try {
      place.event.op = Op::tombstone;
      hold(bound.layout, place);
      place.event.key = encoder_.key(bound, place.key.values(), place.slab.arena);
      encode_other_key(kNewKeyHeader, bound, place);
      return;
    } catch (const TooWide& problem) {
      place.slab.arena.truncate(begin);
      widen(problem, place);
    }
  }
  throw Refused("the table " + place.target.name().display() +
                " would have to be widened for ever");
}

void ChangeDecoder::truncate(const ChangePlace& place) {
  LayoutPtr layout = place.target.current();
  if (layout == nullptr || layout->required != place.target.required()) {
    layout = binding(nullptr, nullptr, nullptr, false, place).layout;
  }
  place.event.op = Op::truncate;
  hold(layout, place);
}

}  // namespace tidemark
