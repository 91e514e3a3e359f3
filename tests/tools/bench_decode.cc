// How fast records become events, on one core: a mix like that of `scripts/bench mix` (inserts,
// updates, deletes with tombstones of a six-column table), held in memory, decoded into slabs of
// 20,000. Usage: bench_decode [schemas|schemaless|flattened|avro] [millions of records] [FILE]
// With FILE: writes the values there instead, the Avro schema first, each behind its length in four
// bytes, big-endian; for who wants to decode them in another way.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "../support/avro_bytes.h"
#include "../support/registry_file.h"
#include "decode/record_decoder.h"

namespace {

using tidemark::test::AvroBytes;

struct Record {
  std::string key;
  std::string value;  // empty: a tombstone
};

constexpr std::size_t kDistinct = 20000;
constexpr std::size_t kSlabEvents = 20000;

const char* const kColumns =
    R"({"type":"int64","optional":false,"field":"id"},{"type":"int32","optional":false,"field":"customer_id"},)"
    R"({"type":"string","optional":false,"field":"status"},)"
    R"({"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,)"
    R"("parameters":{"scale":"2","connect.decimal.precision":"12"},"field":"amount"},)"
    R"({"type":"string","optional":true,"field":"note"},)"
    R"({"type":"string","optional":false,"name":"io.debezium.time.ZonedTimestamp","version":1,"field":"updated_at"})";

std::string long_member(const std::string& name) {
  return R"({"type":"int64","optional":true,"field":")" + name + "\"}";
}

// As Debezium 3.6 writes it for PostgreSQL.
std::string value_schema() {
  const std::string row = std::string(R"({"type":"struct","fields":[)") + kColumns +
                          R"(],"optional":true,"name":"bench.public.orders.Value","field":")";
  std::string source = R"({"type":"struct","fields":[)";
  for (const char* name : {"version", "connector", "name"}) {
    source += std::string(R"({"type":"string","optional":false,"field":")") + name + "\"},";
  }
  source +=
      R"({"type":"int64","optional":false,"field":"ts_ms"},)"
      R"({"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"parameters":)"
      R"({"allowed":"true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"},)"
      R"("default":"false","field":"snapshot"},)";
  for (const char* name : {"db", "sequence", "schema", "table"}) {
    source += std::string(R"({"type":"string","optional":true,"field":")") + name + "\"},";
  }
  for (const char* name : {"ts_us", "ts_ns", "txId", "lsn", "xmin"})
    source += long_member(name) + ",";
  source +=
      R"({"type":"string","optional":true,"field":"origin"},)" + long_member("origin_lsn") +
      R"(],"optional":false,"name":"io.debezium.connector.postgresql.Source","version":1,"field":"source"})";
  return R"({"type":"struct","fields":[)" + row + R"(before"},)" + row + R"(after"},)" + source +
         R"(,{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},)" +
         long_member("total_order") + "," + long_member("data_collection_order") +
         R"(],"optional":true,"name":"event.block","version":1,"field":"transaction"},)"
         R"({"type":"string","optional":false,"field":"op"},)" +
         long_member("ts_ms") + "," + long_member("ts_us") + "," + long_member("ts_ns") +
         R"(],"optional":false,"name":"bench.public.orders.Envelope","version":2})";
}

std::string row_json(std::size_t id, std::mt19937_64& random) {
  static const char* const kStatus[] = {"new", "paid", "shipped", "done"};
  static const char* const kAmounts[] = {"AeJA", "MDk=", "D0JA", "Bdw="};
  const std::string note(32 * (1 + random() % 3), 'a');
  return "{\"id\":" + std::to_string(id) + ",\"customer_id\":" + std::to_string(random() % 100000) +
         ",\"status\":\"" + kStatus[random() % 4] + "\",\"amount\":\"" + kAmounts[random() % 4] +
         "\",\"note\":\"" + note + "\",\"updated_at\":\"2026-01-15T11:51:30." +
         std::to_string(100000 + random() % 900000) + "Z\"}";
}

std::string source_json(std::size_t i) {
  const std::string lsn = std::to_string(361191016 + 64 * i);
  return R"({"version":"3.6.0.Final","connector":"postgresql","name":"bench","ts_ms":1795221717781,)"
         R"("snapshot":"false","db":"bench","sequence":"[\")" +
         lsn + R"(\",\")" + lsn +
         R"(\"]","ts_us":1795221717781363,"ts_ns":1795221717781363000,"schema":"public","table":"orders",)"
         R"("txId":2078,"lsn":)" +
         lsn + R"(,"xmin":null,"origin":null,"origin_lsn":null})";
}

std::vector<Record> make_records(const std::string& form) {
  const bool schemas = form == "schemas";
  const std::string before_key =
      schemas
          ? R"({"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],)"
            R"("optional":false,"name":"bench.public.orders.Key"},"payload":)"
          : "";
  const std::string before_value =
      schemas ? "{\"schema\":" + value_schema() + ",\"payload\":" : std::string();
  std::mt19937_64 random(7);
  std::vector<Record> records;
  for (std::size_t i = 0; records.size() < kDistinct; ++i) {
    const std::size_t id = random() % 400000;
    const std::string row = row_json(id, random);
    const char op = i % 12 == 11 ? 'd' : i % 2 == 0 ? 'c' : 'u';
    std::string value =
        R"({"before":)" + (op == 'd' ? row : std::string("null")) + R"(,"after":)" +
        (op == 'd' ? std::string("null") : row) + R"(,"source":)" + source_json(i) +
        R"(,"transaction":null,"op":")" + op +
        R"(","ts_ms":1795221717900,"ts_us":1795221717900195,"ts_ns":1795221717900195259})";
    if (form == "flattened") {
      value = row.substr(0, row.size() - 1) + R"(,"__deleted":")" + (op == 'd' ? "true" : "false") +
              R"(","__op":")" + op +
              R"(","__table":"orders","__lsn":361191016,"__source_ts_ms":1795221717781})";
    }
    const std::string key =
        before_key + "{\"id\":" + std::to_string(id) + "}" + (schemas ? "}" : "");
    records.push_back({key, before_value + value + (schemas ? "}" : "")});
    if (op == 'd' && form != "flattened") records.push_back({key, ""});
  }
  return records;
}

// The same, as Confluent's AvroConverter registers and writes it.
constexpr std::uint32_t kKeyId = 1;
constexpr std::uint32_t kValueId = 2;

const char* const kAvroKey =
    R"({"type":"record","name":"Key","namespace":"bench.public.orders","fields":[)"
    R"({"name":"id","type":"long"}],"connect.name":"bench.public.orders.Key"})";

std::string avro_optional(const std::string& name, const std::string& type) {
  return R"({"name":")" + name + R"(","type":["null",")" + type + R"("],"default":null},)";
}

std::string avro_value() {
  const std::string row =
      R"({"type":"record","name":"Value","fields":[{"name":"id","type":"long"},)"
      R"({"name":"customer_id","type":"int"},{"name":"status","type":"string"},)"
      R"({"name":"amount","type":{"type":"bytes","scale":2,"precision":12,"connect.version":1,)"
      R"("connect.parameters":{"scale":"2","connect.decimal.precision":"12"},)"
      R"("connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}},)"
      R"({"name":"note","type":["null","string"],"default":null},)"
      R"({"name":"updated_at","type":{"type":"string","connect.version":1,)"
      R"("connect.name":"io.debezium.time.ZonedTimestamp"}}],)"
      R"("connect.name":"bench.public.orders.Value"})";
  std::string source;
  for (const char* name : {"version", "connector", "name"}) {
    source += std::string(R"({"name":")") + name + R"(","type":"string"},)";
  }
  source +=
      R"({"name":"ts_ms","type":"long"},{"name":"snapshot","type":[{"type":"string",)"
      R"("connect.version":1,"connect.default":"false","connect.name":"io.debezium.data.Enum"},)"
      R"("null"],"default":"false"},{"name":"db","type":"string"},)";
  source += avro_optional("sequence", "string") + avro_optional("ts_us", "long") +
            avro_optional("ts_ns", "long");
  source += R"({"name":"schema","type":"string"},{"name":"table","type":"string"},)";
  for (const char* name : {"txId", "lsn", "xmin"}) source += avro_optional(name, "long");
  source += avro_optional("origin", "string") + avro_optional("origin_lsn", "long");
  source.pop_back();
  return R"({"type":"record","name":"Envelope","namespace":"bench.public.orders","fields":[)"
         R"({"name":"before","type":["null",)" +
         row + R"(],"default":null},{"name":"after","type":["null","Value"],"default":null},)" +
         R"({"name":"source","type":{"type":"record","name":"Source",)"
         R"("namespace":"io.debezium.connector.postgresql","fields":[)" +
         source +
         R"(]}},{"name":"transaction","type":["null",{"type":"record","name":"block",)"
         R"("namespace":"event","fields":[{"name":"id","type":"string"},)"
         R"({"name":"total_order","type":"long"},{"name":"data_collection_order","type":"long"}]}],)"
         R"("default":null},{"name":"op","type":"string"},)" +
         avro_optional("ts_ms", "long") + avro_optional("ts_us", "long") +
         R"({"name":"ts_ns","type":["null","long"],"default":null}],"connect.version":2,)"
         R"("connect.name":"bench.public.orders.Envelope"})";
}

void append_avro_row(std::size_t id, std::mt19937_64& random, AvroBytes& out) {
  static const char* const kStatus[] = {"new", "paid", "shipped", "done"};
  static const char* const kAmounts[] = {"\x01\xE2\x40", "\x30\x39", "\x0F\x42\x40", "\x05\xDC"};
  out.present().number(static_cast<std::int64_t>(id));
  out.number(static_cast<std::int64_t>(random() % 100000)).text(kStatus[random() % 4]);
  out.text(kAmounts[random() % 4]).present().text(std::string(32 * (1 + random() % 3), 'a'));
  out.text("2026-01-15T11:51:30." + std::to_string(100000 + random() % 900000) + "Z");
}

void append_avro_source(std::size_t i, AvroBytes& out) {
  const auto lsn = static_cast<std::int64_t>(361191016 + 64 * i);
  const std::string text = std::to_string(lsn);
  out.text("3.6.0.Final").text("postgresql").text("bench").number(1795221717781);
  out.number(0).text("false").text("bench");
  out.present().text("[\"" + text + "\",\"" + text + "\"]");
  out.present().number(1795221717781363).present().number(1795221717781363000);
  out.text("public").text("orders").present().number(2078).present().number(lsn);
  out.null().null().null();
}

std::vector<Record> make_avro_records() {
  std::mt19937_64 random(7);
  std::vector<Record> records;
  for (std::size_t i = 0; records.size() < kDistinct; ++i) {
    const std::size_t id = random() % 400000;
    const char op = i % 12 == 11 ? 'd' : i % 2 == 0 ? 'c' : 'u';
    AvroBytes value;
    if (op == 'd') append_avro_row(id, random, value);
    value.null();
    if (op != 'd') {
      value = AvroBytes().null();
      append_avro_row(id, random, value);
    }
    append_avro_source(i, value);
    value.null().text(std::string(1, op)).present().number(1795221717900);
    value.present().number(1795221717900195).present().number(1795221717900195259);
    const std::string key = AvroBytes().number(static_cast<std::int64_t>(id)).with_id(kKeyId);
    records.push_back({key, value.with_id(kValueId)});
    if (op == 'd') records.push_back({key, ""});
  }
  return records;
}

tidemark::TablePtr orders() {
  using tidemark::TypeKind;
  tidemark::Table table;
  table.name = {"public", "orders"};
  const auto add = [&table](const char* name, const tidemark::PgType& type) {
    tidemark::Column column;
    column.name = name;
    column.type = type;
    table.columns.push_back(column);
  };
  add("id", tidemark::pg_type(TypeKind::int8));
  add("customer_id", tidemark::pg_type(TypeKind::int4));
  add("status", tidemark::pg_type(TypeKind::text));
  add("amount", tidemark::pg_numeric(12, 2));
  add("note", tidemark::pg_type(TypeKind::text));
  add("updated_at", tidemark::pg_type(TypeKind::timestamptz));
  table.key = {"id"};
  return std::make_shared<const tidemark::Table>(table);
}

void write_block(std::ofstream& out, const std::string& bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.put(static_cast<char>(bytes.size() >> static_cast<unsigned>(shift) & 0xFFU));
  }
  out << bytes;
}

int write_records(const char* path, const std::vector<Record>& records) {
  std::ofstream out(path, std::ios::binary);
  write_block(out, avro_value());
  for (const Record& record : records) write_block(out, record.value);
  return out.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string form = argc > 1 ? argv[1] : "schemas";
  const double millions = argc > 2 ? std::strtod(argv[2], nullptr) : 1.0;
  const bool avro = form == "avro";
  std::vector<Record> records = avro ? make_avro_records() : make_records(form);
  if (form != "schemas" && !avro) {
    // Decimals without a scale are not to be had: decimal.handling.mode=string.
    for (Record& record : records) {
      const std::size_t at = record.value.find("\"amount\":\"");
      if (at != std::string::npos)
        record.value.replace(at + 10, record.value.find('"', at + 10) - at - 10, "1234.56");
    }
  }
  if (argc > 3) return write_records(argv[3], records);
  std::size_t bytes = 0;
  for (const Record& record : records) bytes += record.key.size() + record.value.size();
  tidemark::Config config;
  tidemark::test::RegistryFile registry;
  registry.add(kKeyId, kAvroKey);
  registry.add(kValueId, avro_value());
  tidemark::RecordDecoder decoder(
      config, [](const tidemark::TableName&) { return orders(); },
      avro ? registry.lookup() : tidemark::SchemaLookup());
  const auto count = static_cast<std::size_t>(millions * 1e6);
  auto slab = std::make_unique<tidemark::Slab>();
  std::size_t image_bytes = 0;
  const std::clock_t start = std::clock();  // of this process: other load does not count
  for (std::size_t i = 0; i < count; ++i) {
    const Record& record = records[i % records.size()];
    tidemark::RecordView view;
    view.topic = "bench.public.orders";
    view.offset = tidemark::Offset{static_cast<std::int64_t>(i)};
    view.timestamp_ms = 1795221717900;
    view.key = record.key;
    if (!record.value.empty()) view.value = record.value;
    decoder.decode(view, 0, 1, *slab);
    if (slab->events.size() == kSlabEvents) {
      if (!slab->bad.empty()) {
        std::printf("bad: %s\n", slab->bad.front().message.c_str());
        return 1;
      }
      image_bytes += slab->arena.size();
      slab = std::make_unique<tidemark::Slab>();
    }
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf(
      "%s: %zu events of %zu bytes in %.2f CPU s: %.0f events/s, %.0f MB/s, %zu bytes an event "
      "decoded\n",
      form.c_str(), count, bytes / records.size(), seconds, static_cast<double>(count) / seconds,
      static_cast<double>(bytes) / static_cast<double>(records.size()) *
          static_cast<double>(count) / seconds / 1e6,
      image_bytes / count);
  return 0;
}
