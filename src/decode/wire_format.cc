#include "decode/wire_format.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "decode/json_schema.h"

namespace tidemark {

namespace {

constexpr std::size_t kIdBytes = 5;
constexpr std::size_t kGuidBytes = 17;
constexpr std::string_view kKeyHeader = "__key_schema_id";
constexpr std::string_view kValueHeader = "__value_schema_id";

const char* const kProtobufHint =
    "set key.converter and value.converter at the source to "
    "io.confluent.connect.avro.AvroConverter "
    "or org.apache.kafka.connect.json.JsonConverter: Protobuf has no null for a column";

const char* const kApicurioHint =
    "with Apicurio's converters set apicurio.registry.as-confluent=true, "
    "apicurio.registry.headers.enabled=false and apicurio.registry.use-id=contentId at the source";

bool has_magic(std::string_view bytes) {
  return !bytes.empty() && (bytes.front() == '\0' || bytes.front() == '\1');
}

// Takes the id off the front of `bytes`, which begins with a magic byte.
SchemaId take_id(std::string_view& bytes) {
  const std::size_t size = bytes.front() == '\0' ? kIdBytes : kGuidBytes;
  if (bytes.size() < size) {
    throw Refused("the record is cut inside the id of its schema",
                  "look at the record with a Kafka client; it was written by something else than "
                  "Debezium, or cut");
  }
  SchemaId id = load_big<std::uint32_t>(bytes.data() + 1);
  if (size == kGuidBytes) {
    SchemaGuid guid;
    std::memcpy(guid.bytes.data(), bytes.data() + 1, guid.bytes.size());
    id = guid;
  } else if (std::get<std::uint32_t>(id) == 0) {
    throw Refused("the record's schema has the id 0, which no registry gives", kApicurioHint, true);
  }
  bytes.remove_prefix(size);
  return id;
}

// As Confluent's deserialisers: the header, the last one of the name, comes before the prefix.
std::optional<std::string_view> id_header(const HeaderList& headers, WireSide side) {
  std::optional<std::string_view> found;
  if (side == WireSide::data) return found;
  const std::string_view name = side == WireSide::key ? kKeyHeader : kValueHeader;
  for (const HeaderView& header : headers) {
    if (header.name == name) found = header.value;
  }
  return found;
}

// Apicurio's converters do so unless they are told not to; the bytes then begin as any may.
void refuse_apicurio_headers(const HeaderList& headers, WireSide side) {
  if (side == WireSide::data) return;
  const std::string_view prefix = side == WireSide::key ? "apicurio.key." : "apicurio.value.";
  for (const HeaderView& header : headers) {
    if (!header.name.starts_with(prefix)) continue;
    throw Refused("the record's schema is named in headers of Apicurio's, which are not read",
                  kApicurioHint, true);
  }
}

std::optional<SchemaId> id_of(const HeaderList& headers, WireSide side, bool has_registry,
                              std::string_view& body) {
  if (!body.empty() && body.front() != '{') refuse_apicurio_headers(headers, side);
  if (has_registry) {
    if (std::optional<std::string_view> header = id_header(headers, side)) {
      if (!has_magic(*header)) {
        throw Refused("the record's header of its schema's id does not hold one",
                      "the header is written by the serialisers of a schema registry: do not "
                      "change it on the way");
      }
      return take_id(*header);
    }
  }
  if (!has_magic(body)) return std::nullopt;
  if (!has_registry) {
    throw Refused("the record's schema is in a schema registry, and registry-url is not set",
                  "set registry-url in [source]", true);
  }
  return take_id(body);
}

void compile(const RegisteredSchema& registered, WireSchema& out) {
  switch (registered.language) {
    case SchemaLanguage::avro:
      out.avro = std::make_unique<const AvroSchema>(registered.text, registered.references);
      out.record = compile_schema(out.avro->type());
      return;
    case SchemaLanguage::json_schema:
      if (const std::optional<SourceType> type = parse_json_schema(registered.text)) {
        out.record = compile_schema(*type);
      }
      return;
    case SchemaLanguage::protobuf:
      throw Refused("the record is in Protobuf, which is not read", kProtobufHint, true);
  }
}

std::unique_ptr<WireSchema> compiled(const RegisteredSchema& registered) {
  auto made = std::make_unique<WireSchema>();
  made->language = registered.language;
  try {
    compile(registered, *made);
  } catch (const Refused& problem) {
    made->problem = problem;
  }
  return made;
}

}  // namespace

const WireSchema* WireSchemas::find(const SchemaId& id, const SchemaLookup& lookup) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::size_t at = (last_ + i) % entries_.size();
    if (entries_[at].id != id) continue;
    last_ = at;
    entries_[at].used = ++clock_;
    return entries_[at].schema.get();
  }
  const RegisteredSchemaPtr registered = lookup(id);
  if (registered == nullptr) return nullptr;
  if (registered->refused.empty()) return add(id, compiled(*registered));
  refused_.problem = Refused(registered->refused, registered->hint, true);
  return &refused_;
}

const WireSchema* WireSchemas::add(const SchemaId& id, std::unique_ptr<WireSchema> schema) {
  if (entries_.size() >= kSchemasMax) {
    entries_.erase(
        std::min_element(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.used < b.used; }));
  }
  entries_.push_back({id, std::move(schema), ++clock_});
  last_ = entries_.size() - 1;
  return entries_.back().schema.get();
}

std::optional<WireForm> open_wire(std::string_view bytes, const HeaderList& headers, WireSide side,
                                  WireSchemas& schemas, const SchemaLookup& lookup) {
  WireForm form;
  form.body = bytes;
  try {
    const std::optional<SchemaId> id = id_of(headers, side, lookup != nullptr, form.body);
    if (!id) return form;
    form.schema = schemas.find(*id, lookup);
    if (form.schema == nullptr) return std::nullopt;
    form.problem = form.schema->problem;
  } catch (const Refused& problem) {
    form.problem = problem;
  }
  return form;
}

}  // namespace tidemark
