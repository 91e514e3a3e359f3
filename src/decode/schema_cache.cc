#include "decode/schema_cache.h"

#include <algorithm>
#include <cstring>

#include "decode/connect_schema.h"
#include "decode/refused.h"

namespace tidemark {

namespace {

// {"schema":…,"payload":…}, in either order, and nothing else.
struct Wrapping {
  bool found = false;
  JsonValue schema;
  std::size_t payload_at = 0;  // where the payload begins
  JsonValue payload;
  bool schema_first = false;
};

// Looks no further than the first member if that is neither of the two.
Wrapping look_for_schema(JsonReader reader, const char* what) {
  Wrapping out;
  std::string_view name;
  bool name_escaped = false;
  if (!reader.enter_object()) return out;
  for (int members = 0; reader.member(name, name_escaped); ++members) {
    JsonValue& place = name == "schema" ? out.schema : out.payload;
    if ((name != "schema" && name != "payload") || place.is_present()) return out;
    out.schema_first = out.schema_first || (members == 0 && name == "schema");
    reader.peek();
    if (name == "payload") out.payload_at = reader.position();
    if (!reader.value(place)) break;
  }
  check(reader, what);
  // A row may have columns of these names: then `schema` is no object.
  out.found = out.schema.is_present() && out.payload.is_present() &&
              (out.schema.is_object() || out.schema.is_null());
  return out;
}

// {"schemaId":7,"payload":{…}}: Apicurio's ExtJsonConverter. As a row without a schema it would be
// one with two columns of these names, the second of which no source has.
void refuse_apicurio_json(JsonReader reader) {
  std::string_view name;
  bool name_escaped = false;
  JsonValue id;
  if (!reader.enter_object() || !reader.member(name, name_escaped) || name != "schemaId") return;
  if (!reader.value(id) || id.kind != JsonKind::number) return;
  if (!reader.member(name, name_escaped) || name != "payload") return;
  if (reader.peek() != JsonKind::object) return;
  throw Refused(
      "the record is of Apicurio's ExtJsonConverter, whose schemas the registry does not give by "
      "Confluent's API",
      "set key.converter and value.converter at the source to Apicurio's AvroConverter, or to "
      "org.apache.kafka.connect.json.JsonConverter",
      true);
}

}  // namespace

void check(const JsonReader& reader, const char* what) {
  if (!reader.failed()) return;
  const bool deep = std::string_view(reader.error().reason) == "nested too deeply";
  throw Refused("the record's " + std::string(what) + " is not JSON: " + reader.error().reason +
                    ", at byte " + std::to_string(reader.error().at),
                deep ? "raise record-max-depth in [source] if such records are to be taken"
                     : "look at the record with a Kafka client; it was written by something else "
                       "than Debezium, or cut");
}

void finish(Payload& payload, const char* what) {
  std::string_view name;
  bool name_escaped = false;
  if (payload.wrapped && payload.reader.member(name, name_escaped)) {
    throw Refused("the record's " + std::string(what) + " has more than a schema and a payload");
  }
  check(payload.reader, what);
  if (payload.reader.at_end()) return;
  throw Refused("the record's " + std::string(what) + " goes on behind its end, at byte " +
                    std::to_string(payload.reader.position()),
                "a record must hold exactly one JSON value");
}

const SchemaCache::Entry* SchemaCache::find(std::string_view text) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::size_t at = (last_ + i) % entries_.size();
    Entry& entry = entries_[at];
    if (!text.starts_with(entry.prefix)) continue;
    last_ = at;
    entry.used = ++clock_;
    return &entry;
  }
  return nullptr;
}

void SchemaCache::remember(std::string_view prefix, const RecordSchemaPtr& schema) {
  while (!entries_.empty() &&
         (entries_.size() >= kSchemasMax || bytes_ + prefix.size() > kSchemaBytesMax)) {
    const auto oldest =
        std::min_element(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.used < b.used; });
    bytes_ -= oldest->prefix.size();
    entries_.erase(oldest);
  }
  bytes_ += prefix.size();
  entries_.push_back({std::string(prefix), schema, ++clock_});
  last_ = entries_.size() - 1;
}

Payload SchemaCache::open(std::string_view text, const char* what, std::uint32_t depth_max) {
  Payload out{nullptr, JsonReader(text, depth_max), false};
  if (const Entry* entry = find(text)) {
    out.schema = entry->schema;
    out.reader.continue_in_member(entry->prefix.size());
    out.wrapped = true;
    return out;
  }
  if (out.reader.peek() != JsonKind::object) {
    check(out.reader, what);
    return out;
  }
  const Wrapping wrapping = look_for_schema(out.reader, what);
  if (!wrapping.found) {
    refuse_apicurio_json(out.reader);
    return out;
  }
  if (wrapping.schema.is_object()) {
    out.schema = compile_schema(parse_connect_schema(wrapping.schema.raw));
  }
  if (wrapping.schema_first) {
    if (out.schema != nullptr) remember(text.substr(0, wrapping.payload_at), out.schema);
    out.reader.continue_in_member(wrapping.payload_at);
    out.wrapped = true;
  } else {
    out.reader = JsonReader(wrapping.payload.raw, depth_max);
  }
  return out;
}

}  // namespace tidemark
