#include "support/mix_records.h"

#include <random>

#include "support/avro_bytes.h"

namespace tidemark::test {
namespace {

constexpr std::size_t kDistinct = 20000;

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

std::vector<MixRecord> make_json_records(const std::string& form) {
  const bool schemas = form == "schemas";
  const std::string before_key =
      schemas
          ? R"({"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],)"
            R"("optional":false,"name":"bench.public.orders.Key"},"payload":)"
          : "";
  const std::string before_value =
      schemas ? "{\"schema\":" + value_schema() + ",\"payload\":" : std::string();
  std::mt19937_64 random(7);
  std::vector<MixRecord> records;
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

std::vector<MixRecord> make_avro_records() {
  std::mt19937_64 random(7);
  std::vector<MixRecord> records;
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

// Decimals without a scale are not to be had: decimal.handling.mode=string.
void write_amounts_as_text(std::vector<MixRecord>& records) {
  const std::string name = "\"amount\":\"";
  for (MixRecord& record : records) {
    const std::size_t found = record.value.find(name);
    if (found == std::string::npos) continue;
    const std::size_t at = found + name.size();
    record.value.replace(at, record.value.find('"', at) - at, "1234.56");
  }
}

}  // namespace

std::vector<MixRecord> mix_records(const std::string& form) {
  if (form == "avro") return make_avro_records();
  std::vector<MixRecord> records = make_json_records(form);
  if (form != "schemas") write_amounts_as_text(records);
  return records;
}

TablePtr mix_table() {
  Table table;
  table.name = {"public", "orders"};
  const auto add = [&table](const char* name, const PgType& type) {
    Column column;
    column.name = name;
    column.type = type;
    table.columns.push_back(column);
  };
  add("id", pg_type(TypeKind::int8));
  add("customer_id", pg_type(TypeKind::int4));
  add("status", pg_type(TypeKind::text));
  add("amount", pg_numeric(12, 2));
  add("note", pg_type(TypeKind::text));
  add("updated_at", pg_type(TypeKind::timestamptz));
  table.key = {"id"};
  return std::make_shared<const Table>(table);
}

std::string mix_avro_schema() {
  return avro_value();
}

RegistryFile mix_registry() {
  RegistryFile registry;
  registry.add(kKeyId, kAvroKey);
  registry.add(kValueId, avro_value());
  return registry;
}

}  // namespace tidemark::test
