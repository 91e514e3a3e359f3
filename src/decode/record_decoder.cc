#include "decode/record_decoder.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "decode/record_state.h"
#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr std::size_t kTargetsMax = 65536;

const JsonValue* metadata(const RowShape& shape, const FieldValues& values, std::string_view name) {
  const std::int32_t field = shape.names.find(name);
  if (field < 0 || static_cast<std::size_t>(field) >= values.values.size()) return nullptr;
  const JsonValue& value = values.at(static_cast<std::size_t>(field));
  return value.is_present() && !value.is_null() ? &value : nullptr;
}

bool is_true(const JsonValue* value) {
  return value != nullptr &&
         (value->kind == JsonKind::boolean_true || (value->is_string() && value->raw == "true"));
}

Op flattened_op(const JsonValue* op, bool deleted) {
  if (deleted) return Op::remove;
  if (op == nullptr) return Op::create;
  if (op->is_string()) {
    if (op->raw == "r") return Op::snapshot;
    if (op->raw == "c") return Op::create;
    if (op->raw == "u") return Op::update;
    if (op->raw == "d") return Op::remove;
  }
  throw Refused("the record has an unknown op in its metadata",
                "tidemark knows r, c, u and d there; it does not guess what another one means",
                true);
}

Op envelope_op(char op) {
  switch (op) {
    case 'r':
      return Op::snapshot;
    case 'c':
      return Op::create;
    case 'u':
      return Op::update;
    default:
      return Op::remove;
  }
}

void check_typed(const RowShape& shape, const FieldValues& values) {
  if (!shape.typed || values.unknown.empty()) return;
  throw Refused("the field \"" + values.unknown + "\" of the row is not in the record's schema",
                "the record was changed on the way by something that does not keep its schema");
}

// Names in it may be anything; PostgreSQL takes no zero byte, and a line of the log no line end.
std::string storable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\0') {
      out += "\\0";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

}  // namespace

Topic& RecordDecoder::State::topic_of(std::string_view name) {
  if (topic != nullptr && topic->name() == name) return *topic;
  const auto found = topics.find(name);
  if (found != topics.end()) return *found->second;
  auto made = std::make_unique<Topic>(std::string(name), config, naming);
  return *topics.emplace(std::string(name), std::move(made)).first->second;
}

// What the target has for the table at hand. False: not known yet.
bool RecordDecoder::State::find_target() {
  if (table->target != nullptr) return true;
  auto found = targets.find(table->target_name);
  if (found == targets.end()) {
    if (targets.size() >= kTargetsMax) {
      throw Refused("the topics lead to more than " + std::to_string(kTargetsMax) + " tables",
                    "look at [target] table");
    }
    const std::optional<TablePtr> have = lookup(table->target_name);
    if (!have) return false;
    auto made = std::make_unique<TargetTable>(table->target_name, *have);
    found = targets.emplace(table->target_name, std::move(made)).first;
  }
  table->target = found->second.get();
  return true;
}

// What key and value are. False: the schema of one of them is not known yet.
bool RecordDecoder::State::open_forms(const RecordView& record) {
  const auto open = [&](const std::optional<std::string_view>& bytes, WireSide side,
                        WireSchemas& cache, WireForm& form) {
    if (!bytes) return true;
    std::optional<WireForm> opened = open_wire(*bytes, record.headers, side, cache, schemas);
    if (!opened) return false;
    form = *std::move(opened);
    return true;
  };
  return open(record.key, WireSide::key, topic->wire_keys, key_form) &&
         open(record.value, WireSide::value, topic->wire_values, value_form);
}

void RecordDecoder::State::read_key(const RecordView& record) {
  key.read(record, key_form, *topic, scratch);
}

void RecordDecoder::State::check_size(const RecordView& record) const {
  const std::uint64_t bytes =
      (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  if (bytes <= config.source.record_bytes_max) return;
  throw Refused("the record has " + std::to_string(bytes) + " bytes, and record-max-bytes is " +
                    std::to_string(config.source.record_bytes_max),
                "raise record-max-bytes in [source] if such records are to be taken");
}

DecodeOutcome RecordDecoder::State::decode(const Work& work) {
  table = nullptr;
  topic = &topic_of(work.record.topic);
  key_form = WireForm();
  value_form = WireForm();
  scratch.clear();
  if (topic->is_heartbeat()) return skip(SkipReason::heartbeat, work);
  if (!open_forms(work.record)) return DecodeOutcome::needs_answer;
  check_size(work.record);
  const DecodeOutcome outcome = work.record.value ? value(work) : tombstone(work);
  if (work.slab.arena.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Refused("the record does not fit into the buffer", "lower buffer-max-bytes");
  }
  return outcome;
}

// A row of its own, of the table that the topic's name names.
DecodeOutcome RecordDecoder::State::schemaless_row(const Work& work, Payload& payload) {
  table = topic->table_of_name();
  if (table == nullptr) return flattened(work, nullptr);
  Payload again = payload;
  RowShape& shape = *table->learned;
  learn_fields(payload.reader, shape.names, "row", row_values);
  finish(payload, "value");
  const JsonValue* op = metadata(shape, row_values, "op");
  const JsonValue* source = metadata(shape, row_values, "source");
  if (op != nullptr && op->is_string() && source != nullptr && source->is_object()) {
    // An envelope among flattened rows: ExtractNewRecordState lets a logical message pass.
    envelope.read(again.reader, nullptr, row_values);
    return enveloped(work, nullptr);
  }
  topic->flattened = true;
  shape.complete = true;
  return flattened(work, table->learned);
}

// Reads `after` by the names of its own table, if it has not been read so already.
void RecordDecoder::State::read_after(const SourceTable* expected) {
  table->learned->complete = true;
  if (expected == table && envelope.after_was_read() && row_values.unknown.empty()) return;
  JsonReader reader(envelope.after().raw, config.source.record_depth_max);
  learn_fields(reader, table->learned->names, "row", row_values);
}

// Debezium writes all columns of a table in `before` too. Where that is needed, the names in it
// must be known before the columns are bound: for the first delete, and for tables without a key.
void RecordDecoder::State::learn_before() {
  if (!envelope.before().is_object() || (table->learned->complete && key.shape() != nullptr))
    return;
  JsonReader reader(envelope.before().raw, config.source.record_depth_max);
  FieldValues ignored;
  learn_fields(reader, table->learned->names, "row", ignored);
  table->learned->complete = true;
}

void RecordDecoder::State::note_position(const Work& work, const JsonValue* flattened_lsn) const {
  Bytes& arena = work.slab.arena;
  const std::size_t begin = arena.size();
  if (flattened_lsn == nullptr) {
    envelope.source().append_position(arena);
  } else {
    arena.append("lsn:");
    arena.append(flattened_lsn->raw);
  }
  work.event.source_position = {static_cast<std::uint32_t>(begin),
                                static_cast<std::uint32_t>(arena.size() - begin)};
}

// Sources whose envelopes hold no rows of columns.
void RecordDecoder::State::refuse_documents() const {
  const std::string_view connector = envelope.source().connector().raw;
  if (connector == "mongodb") {
    throw Refused("the record is MongoDB's: it holds a document as text, not a row",
                  "make rows of documents at the source, with "
                  "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState");
  }
  if (connector == "cassandra") {
    throw Refused(
        "the record is Cassandra's: it holds cells with their times of deletion, and of an "
        "update only those that were set",
        "there is nothing in Debezium that makes rows of them");
  }
}

DecodeOutcome RecordDecoder::State::enveloped(const Work& work, const RowShapePtr& typed) {
  const std::string_view op = envelope.op().is_string() ? envelope.op().raw : "";
  if (op == "m") return skip(SkipReason::logical_message, work);
  if (op.size() != 1 || std::string_view("rcudt").find(op.front()) == std::string_view::npos) {
    throw Refused("the record has an unknown op",
                  "tidemark knows r, c, u, d, t and m; it does not guess what another one means",
                  true);
  }
  if (!envelope.is_envelope()) throw Refused("the record has no source block", kNotDebezium);
  refuse_documents();
  const SourceTable* const expected = topic->last_table();
  table = &topic->table(envelope.source());
  if (op == "t") return truncate(work);
  Change what;
  what.op = envelope_op(op.front());
  what.before = envelope.before();
  what.before_form = envelope.before_form();
  what.shape = typed != nullptr ? typed : table->learned;
  if (typed == nullptr) learn_before();
  if (what.op != Op::remove) {
    if (!envelope.after().is_object()) {
      throw Refused("the record has no row in \"after\"", kNotDebezium);
    }
    if (typed == nullptr) read_after(expected);
    check_typed(*what.shape, row_values);
    what.row = &row_values;
  }
  if (!find_target()) return DecodeOutcome::needs_answer;
  work.event.source_time_us = envelope.source().time_us();
  note_position(work, nullptr);
  return change(work, what);
}

DecodeOutcome RecordDecoder::State::flattened(const Work& work, const RowShapePtr& shape) {
  if (table == nullptr) {
    throw Refused("the record is no envelope, and the topic's name names no table",
                  "a flattened record's table is in the last two parts of its topic's name", true);
  }
  check_typed(*shape, row_values);
  if (!find_target()) return DecodeOutcome::needs_answer;
  const std::string& prefix = config.source.metadata_prefix;
  const auto field = [&](const std::string& name) { return metadata(*shape, row_values, name); };
  const JsonValue* op = field(prefix + "op");
  const bool deleted = is_true(field("__deleted")) || is_true(field(prefix + "deleted"));
  Change what;
  what.op = flattened_op(op, deleted);
  what.says_op = op != nullptr || deleted;
  what.shape = shape;
  what.row = &row_values;
  what.flattened = true;
  if (const JsonValue* us = field(prefix + "source_ts_us")) {
    work.event.source_time_us = integer_of(*us);
  } else if (const JsonValue* ms = field(prefix + "source_ts_ms")) {
    std::int64_t time_us = 0;
    const bool overflow = __builtin_mul_overflow(integer_of(*ms), 1000, &time_us);
    work.event.source_time_us = overflow ? 0 : time_us;
  }
  const JsonValue* lsn = field(prefix + "lsn");
  if (lsn == nullptr) lsn = field(prefix + "source_lsn");
  if (lsn != nullptr && lsn->kind == JsonKind::number) note_position(work, lsn);
  return change(work, what);
}

// It may be half of a key change all the same, whose other half takes what the old row has.
DecodeOutcome RecordDecoder::State::skip_delete(const Work& work) const {
  topic->halves_near = Topic::kHalvesNear;
  return skip(SkipReason::delete_disabled, work);
}

// `table` has its target by now.
DecodeOutcome RecordDecoder::State::change(const Work& work, const Change& what) {
  if (what.op == Op::remove) {
    topic->last_delete.partition = work.record.partition;
    topic->last_delete.key = work.record.key.value_or("");
    topic->last_delete.table = table;
    if (!config.target.delete_enabled) return skip_delete(work);
  }
  if (table->claimed != claims->disputes() + 1) claim_target();
  changes.decode(what, place(work));
  return DecodeOutcome::decoded;
}

// The table at hand is the only one that leads to its target, or is meant to be one of several.
void RecordDecoder::State::claim_target() {
  const bool named = table->config != nullptr && table->config->target.has_value();
  const TableClaim mine{topic->name(), table->display, named, !named && naming.uses_topic()};
  const std::optional<TableClaim> other = claims->claim(table->target_name, mine);
  if (!other) {
    table->claimed = claims->disputes() + 1;
    return;
  }
  throw Refused(
      mine.source_table + " of the topic " + mine.topic + " and " + other->source_table +
          " of the topic " + other->topic + " both lead to " + table->target_name.display() +
          ": a row of one could replace the other's, in no order",
      "give one of them another target in its [table.…] section, or put ${schema} or "
      "${topic} into [target] table; if one table is meant for both, and their keys never "
      "meet, name it as target in the sections of both",
      true);
}

// A tombstone says nothing but a key: its table is the topic's only one, or that of the delete just
// before it, or, where no other record has come yet, the one that the topic's name names.
SourceTable* RecordDecoder::State::tombstone_table(const RecordView& record) {
  if (topic->only_table() != nullptr) return topic->only_table();
  const Topic::LastDelete& last = topic->last_delete;
  if (topic->has_tables()) {
    const bool follows = last.table != nullptr && last.partition == record.partition &&
                         last.key == record.key.value_or("");
    return follows ? last.table : nullptr;
  }
  try {
    return topic->table_of_name();
  } catch (const Refused&) {
    return nullptr;  // what the name leads to is no table that could have the row
  }
}

DecodeOutcome RecordDecoder::State::tombstone(const Work& work) {
  read_key(work.record);
  key.require_usable();
  if (key.shape() == nullptr) return skip(SkipReason::keyless_tombstone, work);
  if (!config.target.delete_enabled) return skip_delete(work);
  table = tombstone_table(work.record);
  if (table == nullptr) return skip(SkipReason::excluded, work);
  if (!find_target()) return DecodeOutcome::needs_answer;
  if (!table->target->is_defined()) return skip(SkipReason::excluded, work);
  changes.tombstone(place(work));
  return DecodeOutcome::decoded;
}

// Of a record whose value cannot be read: its key, as far as it can be had, so that it can be held.
DecodeOutcome RecordDecoder::State::key_alone(const Work& work) {
  try {
    read_key(work.record);
    key.require_usable();
    SourceTable* const of_key = tombstone_table(work.record);
    if (key.shape() == nullptr || of_key == nullptr) return DecodeOutcome::decoded;
    table = of_key;
    if (!find_target()) return DecodeOutcome::needs_answer;
    if (table->target->is_defined()) changes.tombstone(place(work));
  } catch (const Refused&) {
    work.event.key = work.event.other_key = Span{};
  }
  return DecodeOutcome::decoded;
}

DecodeOutcome RecordDecoder::State::truncate(const Work& work) {
  if (!config.target.truncate_enabled) return skip(SkipReason::truncate_disabled, work);
  if (work.partitions > 1) {
    throw Refused("the source has truncated " + table->display + ", and its topic has " +
                      std::to_string(work.partitions) +
                      " partitions: there is no order between the truncate and the rows",
                  "set truncate = false, or use one partition for the topic", true);
  }
  if (!find_target()) return DecodeOutcome::needs_answer;
  // A table that is not there is empty.
  if (!table->target->is_defined()) return skip(SkipReason::excluded, work);
  work.event.source_time_us = envelope.source().time_us();
  note_position(work, nullptr);
  changes.truncate(place(work));
  return DecodeOutcome::decoded;
}

RecordDecoder::RecordDecoder(const Config& config, TableLookup tables, SchemaLookup schemas,
                             std::shared_ptr<TableClaims> claims)
    : state_(std::make_unique<State>(config, std::move(tables), std::move(schemas),
                                     std::move(claims))) {}

RecordDecoder::~RecordDecoder() = default;

DecodeOutcome RecordDecoder::decode(const RecordView& record, std::uint32_t partition,
                                    std::int32_t partitions_of_topic, Slab& slab) {
  Event event;
  event.partition = partition;
  event.offset = record.offset;
  event.fingerprint = fingerprint_of(record);
  const std::size_t begin = slab.arena.size();
  try {
    if (state_->decode({record, partitions_of_topic, slab, event}) == DecodeOutcome::needs_answer) {
      slab.arena.truncate(begin);
      return DecodeOutcome::needs_answer;
    }
  } catch (const Refused& refused) {
    if (event.key.length == 0) {
      event.source_position = Span{};
      slab.arena.truncate(begin);
      if (state_->key_alone({record, partitions_of_topic, slab, event}) ==
          DecodeOutcome::needs_answer) {
        slab.arena.truncate(begin);
        return DecodeOutcome::needs_answer;
      }
    }
    event.op = Op::bad;
    event.skip = SkipReason::none;
    event.has_unavailable = event.has_absent = false;
    event.row = event.before = event.other_key = Span{};
    // Its key, where that much could be decoded: later events of the key are held behind it.
    if (event.key.length == 0) event.layout = nullptr;
    slab.arena.truncate(event.key.length == 0 ? begin : event.key.at + event.key.length);
    event.bad = static_cast<std::uint32_t>(slab.bad.size());
    const std::string where = state_->table == nullptr ? "" : state_->table->display;
    slab.bad.push_back(
        {storable(where), storable(refused.message()), storable(refused.hint()), refused.halt()});
  }
  slab.events.push_back(event);
  return DecodeOutcome::decoded;
}

void RecordDecoder::forget_tables() {
  for (const auto& [name, topic] : state_->topics) topic->forget_targets();
  state_->targets.clear();
}

std::vector<TableAccount> RecordDecoder::accounts() const {
  std::vector<TableAccount> accounts;
  for (const auto& [name, topic] : state_->topics) {
    topic->for_each_table([&, &of = *topic](const SourceTable& table) {
      if (table.target == nullptr || !table.newest()) return;
      accounts.push_back(account_of(of.name(), table, state_->config.source.metadata_prefix));
    });
  }
  std::sort(accounts.begin(), accounts.end(), [](const TableAccount& a, const TableAccount& b) {
    return std::tie(a.topic, a.source_table) < std::tie(b.topic, b.source_table);
  });
  return accounts;
}

void RecordDecoder::note_restart() {
  for (const auto& [name, topic] : state_->topics) topic->halves_near = Topic::kHalvesNear;
}

void RecordDecoder::forget_partitions() {
  state_->topic = nullptr;
  state_->table = nullptr;
  state_->topics.clear();
}

}  // namespace tidemark
