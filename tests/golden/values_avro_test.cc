// The golden cases of values once more, in Avro: each that a converter could have written so must
// become the same text in its column as from JSON, by the schema that the registry has.
#include <set>

#include "decode/avro_reader.h"
#include "support/catch.h"
#include "support/connect_to_avro.h"
#include "support/golden.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr std::size_t kValueBytesMax = 1U << 20U;

// A row with this one column, which may be null.
rapidjson::Document row_schema(const std::string& column) {
  rapidjson::Document row =
      parse_json(R"({"type":"struct","name":"srv.public.t.Value","fields":[)" + column + "]}");
  rapidjson::Value& field = row["fields"][0];
  field.RemoveMember("optional");
  field.AddMember("optional", true, row.GetAllocator());
  field.AddMember("field", "c", row.GetAllocator());
  return row;
}

struct Counts {
  std::size_t values = 0;
  std::size_t not_of_schema = 0;
  std::set<std::string> silent;  // cases without a value that can be written in Avro
};

class AvroCase {
 public:
  explicit AvroCase(const GoldenCase& one)
      : one_(one), writer_(row_schema(one.schema)), schema_(writer_.avro_schema(), {}) {}

  [[nodiscard]] const SourceType& source() const { return schema_.type().fields.at(0).type; }

  void check(Counts& counts) const {
    std::string loss;
    CHECK(default_pg_type(source(), &loss).sql() == one_.creates);
    CHECK(loss == one_.loss);
    const std::size_t before = counts.values;
    for (const GoldenColumn& column : one_.columns) check_column(column, counts);
    if (counts.values == before) counts.silent.insert(one_.name);
  }

 private:
  void check_column(const GoldenColumn& column, Counts& counts) const {
    std::string reason;
    const auto plan = plan_value(source(), golden_type(column.type), one_.settings, reason);
    INFO("column " << column.type);
    CHECK(reason == column.cannot);
    if (!plan) return;
    for (const GoldenValue& value : column.values) {
      INFO(one_.file << ":" << value.line << ": " << value.json);
      try {
        check_value(*plan, value);
        ++counts.values;
      } catch (const NotOfSchema&) {
        ++counts.not_of_schema;
      }
    }
  }

  void check_value(const ValuePlan& plan, const GoldenValue& value) const {
    const std::string bytes = writer_.encode(parse_json(R"({"c":)" + value.json + "}"));
    AvroScratch scratch(kValueBytesMax);
    AvroReader reader(schema_, bytes, scratch, "value");
    FieldNames names;
    names.add("c");
    FieldValues values;
    reader.read_fields(schema_.root(), names, values);
    reader.finish();
    std::string image;
    const std::string outcome = golden_outcome(plan, values.at(0), image);
    if (value.expected.starts_with("refused by PostgreSQL")) {
      CHECK_FALSE(image.empty());
    } else if (outcome != value.stored) {  // a number has no text of its own: 1.0 comes as 1
      CHECK(outcome == value.expected);
    }
  }

  const GoldenCase& one_;
  ConnectToAvro writer_;
  AvroSchema schema_;
};

}  // namespace

TEST_CASE("golden values in Avro: the same as in JSON", "[golden][value][avro]") {
  Counts counts;
  for (const GoldenCase& one : golden_cases()) {
    if (one.schema.empty()) continue;
    INFO(one.file << ", case " << one.name);
    AvroCase(one).check(counts);
  }
  // Not what their schema says, on purpose, and decimals as JSON's numbers.
  CHECK(counts.silent == std::set<std::string>{"array-nested-values", "decimal-format-numeric"});
  CHECK(counts.values > 430);
  CHECK(counts.not_of_schema < 40);
}
