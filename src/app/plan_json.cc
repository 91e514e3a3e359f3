// app/plan_report.h's plan_json().
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "app/plan_report.h"
#include "decode/encoding_loss.h"
#include "decode/possible_loss.h"

namespace tidemark {
namespace {

const char* fate_word(TableFate fate) {
  switch (fate) {
    case TableFate::as_it_is:
      return "none";
    case TableFate::create:
      return "create";
    case TableFate::change:
      return "change";
    case TableFate::refused:
      return "refused";
  }
  return "";
}

const char* fate_word(FieldFate fate) {
  switch (fate) {
    case FieldFate::written:
      return "written";
    case FieldFate::excluded:
      return "excluded";
    case FieldFate::metadata:
      return "metadata";
    case FieldFate::generated:
      return "generated";
    case FieldFate::no_column:
      return "no_column";
  }
  return "";
}

class PlanJson {
 public:
  explicit PlanJson(const PlanFacts& facts) : facts_(facts), writer_(buffer_) {}

  std::string run() {
    writer_.StartObject();
    write("schema_evolution", to_string(facts_.evolution));
    array("sample", facts_.sample, [this](const SampledPartition& p) { sampled(p); });
    array("tables", facts_.tables, [this](const PlannedTable& t) { table(t); });
    writer_.Key("skipped");
    writer_.StartObject();
    for (const auto& [reason, count] : facts_.skipped) write(to_string(reason), count);
    writer_.EndObject();
    array("bad", facts_.bad, [this](const BadFinding& bad) { finding(bad); });
    writer_.Key("refused_elsewhere");
    writer_.StartObject();
    for (const auto& [evolution, findings] : facts_.elsewhere) {
      array(to_string(evolution), findings, [this](const BadFinding& bad) { finding(bad); });
    }
    writer_.EndObject();
    texts("warnings", facts_.warnings);
    writer_.EndObject();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  void text(const std::string& value) {
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  void write(const char* key, const std::string& value) {
    writer_.Key(key);
    text(value);
  }
  void write(const char* key, const char* value) { write(key, std::string(value)); }
  void write(const char* key, std::int64_t value) {
    writer_.Key(key);
    writer_.Int64(value);
  }
  void write(const char* key, std::uint64_t value) {
    writer_.Key(key);
    writer_.Uint64(value);
  }
  void write(const char* key, bool value) {
    writer_.Key(key);
    writer_.Bool(value);
  }
  template <typename Items, typename Each>
  void array(const char* key, const Items& items, const Each& each) {
    writer_.Key(key);
    writer_.StartArray();
    for (const auto& item : items) each(item);
    writer_.EndArray();
  }
  void texts(const char* key, const std::vector<std::string>& values) {
    array(key, values, [this](const std::string& value) { text(value); });
  }

  void sampled(const SampledPartition& partition) {
    writer_.StartObject();
    place(partition.at);
    write("begin", partition.begin.value);
    write("end", partition.end.value);
    write("records", partition.records);
    write("complete", partition.complete);
    write("problem", partition.problem);
    writer_.EndObject();
  }

  void place(const StreamPartition& at) {
    write("topic", at.stream);
    write("partition", static_cast<std::int64_t>(at.partition.value));
  }

  void table(const PlannedTable& table) {
    writer_.StartObject();
    write("source", table.source);
    write("connector", table.connector);
    write("target", table.target.display());
    write("action", fate_word(table.fate()));
    write("exists", table.actual != nullptr);
    texts("topics", table.topics);
    write("partitions", static_cast<std::int64_t>(table.partitions));
    texts("key", table.key);
    write("key_configured", table.key_configured);
    writer_.Key("records");
    writer_.StartObject();
    for (const auto& [op, count] : table.records) write(std::string(1, op).c_str(), count);
    writer_.EndObject();
    array("columns", table.fields,
          [&](const FieldAccount& field) { column(field, table.actual.get(), table.connector); });
    texts("possible_losses", possible_losses(table.connector, table.typed));
    texts("ddl", table.ddl);
    writer_.Key("refused");
    if (table.refused) {
      writer_.StartObject();
      write("message", table.refused->message);
      write("hint", table.refused->hint);
      writer_.EndObject();
    } else {
      writer_.Null();
    }
    texts("sql", table.sql);
    writer_.EndObject();
  }

  void column(const FieldAccount& field, const Table* actual, const std::string& connector) {
    const Column* const have = actual == nullptr ? nullptr : actual->find(field.name);
    writer_.StartObject();
    write("name", field.name);
    write("source_type", stated_type(field.source));
    write("source_schema", field.source.name);
    const bool written = field.fate == FieldFate::written;
    write("target_type", written ? field.target.sql() : std::string());
    write("present_type", have == nullptr ? std::string() : have->type.sql());
    write("key", field.key);
    write("fate", fate_word(field.fate));
    write("former", field.former);
    write("identity_always", have != nullptr && have->identity_always);
    texts("losses", written ? encoding_losses(field.source) : std::vector<std::string>());
    texts("possible_losses", written ? possible_losses(field.source, field.target, connector)
                                     : std::vector<std::string>());
    writer_.EndObject();
  }

  void finding(const BadFinding& bad) {
    writer_.StartObject();
    place(bad.at);
    write("offset", bad.offset.value);
    write("records", bad.records);
    write("table", bad.table);
    write("message", bad.message);
    write("hint", bad.hint);
    write("stops_partition", bad.halt || facts_.on_bad_record == OnBadRecord::stop);
    writer_.EndObject();
  }

  const PlanFacts& facts_;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

}  // namespace

std::string plan_json(const PlanFacts& facts) {
  return PlanJson(facts).run();
}

}  // namespace tidemark
