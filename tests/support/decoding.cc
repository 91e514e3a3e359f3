#include "support/decoding.h"

#include <stdexcept>

namespace tidemark::test {

namespace {

std::int64_t integer(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = (value << 8U) | static_cast<unsigned char>(c);
  const auto unused = static_cast<unsigned>(64 - 8 * bytes.size());
  return static_cast<std::int64_t>(value << unused) >> unused;
}

std::string element(Wire wire, std::string_view bytes) {
  switch (wire) {
    case Wire::int2:
    case Wire::int4:
    case Wire::int8:
    case Wire::timestamp:
      return std::to_string(integer(bytes));
    case Wire::text:
      return "'" + std::string(bytes) + "'";
    case Wire::boolean:
      return bytes.front() == '\1' ? "true" : "false";
    default:
      return "<" + std::to_string(bytes.size()) + " bytes>";
  }
}

std::string image(std::string_view bytes, const std::vector<const LayoutColumn*>& columns) {
  std::string out = "(";
  std::size_t at = 0;
  for (const LayoutColumn* column : columns) {
    const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(bytes.data() + at));
    at += 4;
    out += (out.size() > 1 ? ", " : "") + column->name + "=";
    if (length < 0) {
      out += length == kElementNull ? "null" : length == kElementUnavailable ? "?" : "-";
      continue;
    }
    out += element(column->wire, bytes.substr(at, static_cast<std::size_t>(length)));
    at += static_cast<std::size_t>(length);
  }
  return out + ")" + (at == bytes.size() ? "" : " and more bytes");
}

}  // namespace

RecordDecoder& Decoding::decoder() {
  if (decoder_ == nullptr) {
    decoder_ = std::make_unique<RecordDecoder>(
        config,
        [this](const TableName& name) -> std::optional<TablePtr> {
          if (!catalog_known) return std::nullopt;
          const auto found = tables.find(name);
          return found == tables.end() ? TablePtr() : found->second;
        },
        with_registry ? registry.lookup() : SchemaLookup());
  }
  return *decoder_;
}

const Event* Decoding::feed(const std::string& topic, const std::optional<std::string>& key,
                            const std::optional<std::string>& value, const Headers& headers) {
  RecordView record;
  record.topic = topic;
  record.partition = Partition{partition};
  record.offset = Offset{offset_++};
  if (key) record.key = *key;
  if (value) record.value = *value;
  for (const auto& [name, content] : headers) {
    HeaderView view{name, std::nullopt};
    if (content) view.value = *content;
    record.headers.push_back(view);
  }
  const std::size_t events = slab.events.size();
  const std::size_t bytes = slab.arena.size();
  const DecodeOutcome outcome =
      decoder().decode(record, static_cast<std::uint32_t>(partition), partitions, slab);
  if (outcome == DecodeOutcome::needs_answer) {
    if (slab.events.size() != events || slab.arena.size() != bytes)
      throw std::logic_error("appended");
    return nullptr;
  }
  if (slab.events.size() != events + 1) throw std::logic_error("not exactly one event");
  return &slab.events.back();
}

std::string Decoding::decode(const std::string& topic, const std::optional<std::string>& key,
                             const std::optional<std::string>& value, const Headers& headers) {
  const Event* event = feed(topic, key, value, headers);
  return event == nullptr ? "needs answer" : text(*event);
}

std::string Decoding::text(const Event& event) const {
  static constexpr const char* kNames[] = {"snapshot",  "create",   "update", "remove",
                                           "tombstone", "truncate", "skip",   "bad"};
  if (event.op == Op::skip) return std::string("skip ") + to_string(event.skip);
  if (event.op == Op::bad) return "bad: " + slab.bad[event.bad].message;
  std::string out = kNames[static_cast<std::size_t>(event.op)];
  const Layout& layout = *event.layout;
  out += " " + layout.target.display();
  std::vector<const LayoutColumn*> columns;
  std::vector<const LayoutColumn*> key;
  for (const LayoutColumn& one : layout.columns) columns.push_back(&one);
  for (const std::uint16_t i : layout.key) key.push_back(&layout.columns[i]);
  if (event.key.length != 0) out += " key" + image(slab.bytes(event.key), key);
  if (event.other_key.length != 0) out += " other" + image(slab.bytes(event.other_key), key);
  if (event.row.length != 0) out += " row" + image(slab.bytes(event.row), columns);
  if (event.before.length != 0) out += " before" + image(slab.bytes(event.before), columns);
  return out;
}

std::string text(const Table& table) {
  std::string out;
  for (const Column& one : table.columns) {
    out += (out.empty() ? "" : ", ") + one.name + " " + one.type.sql() + (one.not_null ? "!" : "");
    if (one.default_sql) out += " default " + *one.default_sql;
  }
  if (!table.key.empty()) out += " key";
  for (const std::string& name : table.key) out += " " + name;
  return out;
}

Column column(const std::string& name, const PgType& type, bool not_null) {
  Column out;
  out.name = name;
  out.type = type;
  out.not_null = not_null;
  return out;
}

TablePtr table(const std::string& schema, const std::string& name, std::vector<Column> columns,
               std::vector<std::string> key) {
  Table out;
  out.name = {schema, name};
  out.columns = std::move(columns);
  out.key = std::move(key);
  return std::make_shared<const Table>(std::move(out));
}

std::string source(const std::string& table, const std::string& lsn) {
  return R"({"version":"3.6.0.Final","connector":"postgresql","name":"srv","ts_ms":1700000000123,)"
         R"("snapshot":"false","db":"db","sequence":"[\"5\",\")" +
         lsn + R"(\"]","ts_us":1700000000123456,"ts_ns":1700000000123456000,"schema":"public",)" +
         R"("table":")" + table + R"(","txId":9,"lsn":)" + lsn +
         R"(,"xmin":null,"origin":null,"origin_lsn":null})";
}

std::string envelope(const std::string& op, const std::string& before, const std::string& after,
                     const std::string& table) {
  return R"({"before":)" + before + R"(,"after":)" + after + R"(,"source":)" + source(table) +
         R"(,"transaction":null,"op":")" + op + R"(","ts_ms":1700000000200})";
}

std::string with_schema(const std::string& fields, const std::string& payload) {
  const std::string row = R"({"type":"struct","fields":[)" + fields +
                          R"(],"optional":true,"name":"srv.public.t.Value","field":")";
  return R"({"schema":{"type":"struct","fields":[)" + row + R"(before"},)" + row + R"(after"},)" +
         R"({"type":"struct","fields":[],"optional":false,"name":"Source","field":"source"},)"
         R"({"type":"string","optional":false,"field":"op"}],"optional":false,)"
         R"("name":"srv.public.t.Envelope","version":2},"payload":)" +
         payload + "}";
}

std::string key_with_schema(const std::string& fields, const std::string& payload) {
  return R"({"schema":{"type":"struct","fields":[)" + fields +
         R"(],"optional":false,"name":"srv.public.t.Key"},"payload":)" + payload + "}";
}

}  // namespace tidemark::test
