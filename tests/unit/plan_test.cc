// What `tidemark plan` makes of records, without servers: the DDL, the mapping with its losses,
// what would be refused, and how it is shown.
#include "app/plan_report.h"
#include "app/plan_sample.h"
#include "app/sql_layout.h"
#include "decode/encoding_loss.h"
#include "decode/possible_loss.h"
#include "support/catch.h"
#include "support/decoding.h"

namespace tidemark {
namespace {

using test::column;
using test::key_with_schema;
using test::source;
using test::with_schema;

const std::string kId = R"({"type":"int32","optional":false,"field":"id"})";
const std::string kText = R"({"type":"string","optional":true,"field":"v"})";

std::string row(const std::string& op, const std::string& after) {
  return R"({"before":null,"after":)" + after + R"(,"source":)" + source() + R"(,"op":")" + op +
         R"("})";
}

struct Planning {
  Config config;
  std::map<TableName, TablePtr> tables;
  std::vector<std::pair<std::string, std::string>> records;  // key, value
  std::string topic = "srv.public.t";

  void add(const std::string& fields, const std::string& op, const std::string& after) {
    records.emplace_back(key_with_schema(kId, R"({"id":1})"), with_schema(fields, row(op, after)));
  }
  [[nodiscard]] PlanFacts facts() const {
    PlanSample sample(config, [this](const TableName& name) {
      const auto found = tables.find(name);
      return found == tables.end() ? TablePtr() : found->second;
    });
    std::int64_t offset = 0;
    for (const auto& [key, value] : records) {
      RecordView record;
      record.topic = topic;
      record.offset = Offset{offset++};
      record.key = key;
      record.value = value;
      sample.take(record, 1);
    }
    PlanFacts facts;
    facts.evolution = config.target.schema_evolution;
    facts.on_bad_record = config.errors.on_bad_record;
    sample.report(
        {{topic, 1}}, [](const std::string& schema) { return schema == "public"; }, facts);
    return facts;
  }
};

SourceType typed(ConnectType base, const std::string& name = {},
                 std::map<std::string, std::string> parameters = {}) {
  SourceType type;
  type.base = base;
  type.name = name;
  type.parameters = std::move(parameters);
  return type;
}

}  // namespace

TEST_CASE("the plan has the statements in the order in which records ask for them", "[plan]") {
  Planning plan;
  plan.add(kId + "," + kText, "r", R"({"id":1,"v":"a"})");
  plan.add(kId + R"(,{"type":"int64","optional":true,"field":"n"},)" + kText, "c",
           R"({"id":1,"n":2,"v":"a"})");
  const PlanFacts facts = plan.facts();
  REQUIRE(facts.tables.size() == 1);
  const PlannedTable& table = facts.tables[0];
  CHECK(table.fate() == TableFate::create);
  CHECK(table.ddl == std::vector<std::string>{
                         R"(CREATE TABLE IF NOT EXISTS "public"."t" ("id" integer, "v" text, )"
                         R"(PRIMARY KEY ("id")) WITH (fillfactor = 80))",
                         R"(ALTER TABLE "public"."t" ADD COLUMN IF NOT EXISTS "n" bigint)"});
  CHECK(table.records == std::map<char, std::uint64_t>{{'c', 1}, {'r', 1}});
  CHECK(table.key == std::vector<std::string>{"id"});
  REQUIRE(table.sql.size() == 1);
  CHECK(table.sql[0].find("MERGE INTO") != std::string::npos);
  // Both other ways would refuse what is missing; it goes without saying in the text.
  CHECK(facts.elsewhere.size() == 2);
  CHECK(plan_text(facts, false, Style(false)).find("validate") == std::string::npos);
  CHECK(plan_text(facts, true, Style(false)).find("schema-evolution = validate") !=
        std::string::npos);
}

TEST_CASE("what is there as it should be needs no statement", "[plan]") {
  Planning plan;
  plan.tables[{"public", "t"}] = test::table(
      "public", "t",
      {column("id", pg_type(TypeKind::int4), true), column("v", pg_type(TypeKind::text))}, {"id"});
  plan.add(kId + "," + kText, "u", R"({"id":1,"v":"a"})");
  const PlanFacts facts = plan.facts();
  REQUIRE(facts.tables.size() == 1);
  CHECK(facts.tables[0].fate() == TableFate::as_it_is);
  CHECK(facts.bad.empty());
  CHECK(facts.elsewhere.empty());
}

TEST_CASE("none and validate are told apart from what is configured", "[plan]") {
  Planning plan;
  plan.tables[{"public", "t"}] =
      test::table("public", "t", {column("id", pg_type(TypeKind::int4), true)}, {"id"});
  plan.add(kId + "," + kText, "u", R"({"id":1,"v":"a"})");
  SECTION("evolve adds, validate would refuse, none leaves out") {
    const PlanFacts facts = plan.facts();
    CHECK(facts.tables[0].fate() == TableFate::change);
    REQUIRE(facts.elsewhere.size() == 1);
    CHECK(facts.elsewhere.at(SchemaEvolution::validate)[0].message ==
          "the field \"v\" has no column in public.t");
  }
  SECTION("validate stops there") {
    plan.config.target.schema_evolution = SchemaEvolution::validate;
    const PlanFacts facts = plan.facts();
    REQUIRE(facts.bad.size() == 1);
    CHECK(facts.bad[0].offset == Offset{0});
    CHECK(plan_has_stopping_record(facts));
    CHECK(facts.elsewhere.empty());
  }
  SECTION("none writes what there is a column for") {
    plan.config.target.schema_evolution = SchemaEvolution::none;
    const PlanFacts facts = plan.facts();
    CHECK(facts.bad.empty());
    REQUIRE(facts.tables[0].fields.size() == 2);
    CHECK(facts.tables[0].fields[1].fate == FieldFate::no_column);
    CHECK(plan_text(facts, false, Style(false)).find("no such column in the target") !=
          std::string::npos);
  }
}

TEST_CASE("bad records are counted by reason, and stop only where they would", "[plan]") {
  Planning plan;
  for (int i = 0; i < 3; ++i) plan.add(kId + "," + kText, "u", R"({"id":1,"v":7})");
  plan.config.errors.on_bad_record = OnBadRecord::dead_letter;
  const PlanFacts facts = plan.facts();
  REQUIRE(facts.bad.size() == 1);
  CHECK(facts.bad[0].records == 3);
  CHECK(facts.bad[0].message.find("public.t.v") != std::string::npos);
  CHECK_FALSE(plan_has_stopping_record(facts));
  const std::string text = plan_text(facts, false, Style(false));
  CHECK(text.find("srv.public.t[0]@0 and 2 more: ") != std::string::npos);
  CHECK(plan_json(facts).find(R"("records":3)") != std::string::npos);
}

TEST_CASE("losses that the source has made are named", "[plan]") {
  const auto losses = [](const SourceType& type) {
    std::string text;
    for (const std::string& loss : encoding_losses(type)) text += loss + ";";
    return text;
  };
  CHECK(losses(typed(ConnectType::int32)).empty());
  CHECK(losses(typed(ConnectType::string, "io.debezium.time.ZonedTime")).find("UTC") !=
        std::string::npos);
  CHECK(losses(typed(ConnectType::float64, "",
                     {{"__debezium.source.column.type", "NUMERIC"},
                      {"__debezium.source.column.length", "20"}}))
            .find("decimal.handling.mode=double") != std::string::npos);
  CHECK(losses(typed(ConnectType::float64)).empty());
  CHECK(losses(typed(ConnectType::bytes, "io.debezium.data.Bits", {{"length", "7"}}))
            .find("leading zeros") != std::string::npos);
  CHECK(losses(typed(ConnectType::int64, "io.debezium.time.MicroDuration"))
            .find("interval.handling.mode") != std::string::npos);
  SourceType with_default = typed(ConnectType::int32);
  with_default.default_json = "7";
  CHECK(losses(with_default).find("replace.null.with.default=false") != std::string::npos);
  with_default.optional = false;
  CHECK(losses(with_default).empty());
}

TEST_CASE("what no schema shows is told as possible", "[plan]") {
  const auto losses = [](const SourceType& type, const std::string& connector = "postgresql",
                         const PgType& target = pg_type(TypeKind::text)) {
    std::string text;
    for (const std::string& loss : possible_losses(type, target, connector)) text += loss + ";";
    return text;
  };
  const auto has = [](const std::string& text, const std::string& part) {
    INFO(text);
    return text.find(part) != std::string::npos;
  };
  const std::map<std::string, std::string> bytea = {{"__debezium.source.column.type", "BYTEA"}};
  SourceType array = typed(ConnectType::array);
  array.items = std::make_shared<const SourceType>(typed(ConnectType::int32));
  SourceType texts = typed(ConnectType::array);
  texts.items = std::make_shared<const SourceType>(typed(ConnectType::string));
  CHECK(losses(typed(ConnectType::int32)).empty());
  CHECK(has(losses(array), "more than one dimension are sent as nulls"));
  CHECK(has(losses(texts), "names of Java objects"));
  CHECK(has(losses(typed(ConnectType::structure, "io.debezium.data.VariableScaleDecimal")),
            "infinities"));
  CHECK(has(losses(typed(ConnectType::bytes, "org.apache.kafka.connect.data.Decimal")), "NaN"));
  CHECK(
      losses(typed(ConnectType::bytes, "org.apache.kafka.connect.data.Decimal"), "mysql").empty());
  CHECK(has(losses(typed(ConnectType::string, "", bytea)), "base64"));
  CHECK(losses(typed(ConnectType::string)).empty());
  CHECK(has(losses(typed(ConnectType::int32, "io.debezium.time.Date")), "Christ"));
  CHECK(has(losses(typed(ConnectType::int32, "io.debezium.time.Date"), "mariadb"), "zero dates"));
  CHECK(has(losses(typed(ConnectType::int64), "mysql"), "2^63"));
  CHECK(losses(typed(ConnectType::int64)).empty());
  CHECK(has(losses(typed(ConnectType::float64)), "decimal.handling.mode=double"));
  CHECK(has(losses(typed(ConnectType::float32), "mariadb"), "six digits"));
  // Without a schema the column's type tells what little can be told.
  CHECK(has(losses({}, "", pg_type(TypeKind::timetz)), "UTC"));
  CHECK(has(losses({}, "", pg_type(TypeKind::varbit)), "leading zeros"));
  CHECK(has(losses({}, "", pg_array_of(pg_type(TypeKind::int4))), "dimension"));
  CHECK(losses({}, "", pg_type(TypeKind::int4)).empty());
  CHECK(possible_losses("postgresql", true).empty());
  CHECK(has(possible_losses("postgresql", false)[0], "without schemas"));
  CHECK(has(possible_losses("mysql", true)[0], "CASCADE"));
}

TEST_CASE("the plan shows possible losses once, with their columns", "[plan]") {
  Planning plan;
  const std::string items = R"("items":{"type":"int32","optional":true})";
  const auto array = [&items](const std::string& name) {
    return R"(,{"type":"array","optional":true,)" + items + R"(,"field":")" + name + R"("})";
  };
  plan.add(kId + array("a") + array("b"), "c", R"({"id":1,"a":[1],"b":[2]})");
  const PlanFacts facts = plan.facts();
  const std::string loss = "arrays of more than one dimension are sent as nulls";
  const std::string text = plan_text(facts, false, Style(false));
  INFO(text);
  CHECK(text.find("may lose") != std::string::npos);
  CHECK(text.find("a, b: " + loss) != std::string::npos);
  CHECK(text.find("made at the source") == std::string::npos);
  CHECK(plan_json(facts).find(R"("losses":[],"possible_losses":[")" + loss + R"("])") !=
        std::string::npos);
  CHECK(plan_json(facts).find(R"("connector":"postgresql")") != std::string::npos);
}

TEST_CASE("types are shown as Debezium states them", "[plan]") {
  CHECK(stated_type(typed(ConnectType::int32)) == "int32");
  CHECK(stated_type(typed(ConnectType::int64, "io.debezium.time.MicroTimestamp")) ==
        "MicroTimestamp (int64)");
  CHECK(stated_type(typed(ConnectType::bytes, "org.apache.kafka.connect.data.Decimal",
                          {{"scale", "2"}, {"connect.decimal.precision", "12"}})) ==
        "Decimal(12,2)");
  CHECK(stated_type(typed(ConnectType::string, "",
                          {{"__debezium.source.column.type", "VARCHAR"},
                           {"__debezium.source.column.length", "20"}})) ==
        "string, varchar(20) at the source");
}

TEST_CASE("a long statement is broken where a reader would", "[plan]") {
  const std::string id(70, 'x');
  CHECK(broken_into_lines("CREATE TABLE t (a int)", "  ") == "CREATE TABLE t (a int)");
  CHECK(broken_into_lines("CREATE TABLE t (\"" + id + "\" numeric(1,2), \"a, b\" int)", "    ") ==
        "CREATE TABLE t (\n    \"" + id + "\" numeric(1,2),\n    \"a, b\" int\n  )");
  CHECK(broken_into_lines("ALTER TABLE t ADD COLUMN \"" + id + "\" numeric(1,2), ADD COLUMN b int",
                          "    ") ==
        "ALTER TABLE t ADD COLUMN \"" + id + "\" numeric(1,2),\n    ADD COLUMN b int");
}

}  // namespace tidemark
