// The golden cases of values without a server: what the encoder sends, in its own text form. What
// PostgreSQL makes of it is tests/integration/golden_values_test.cc's.
#include <set>

#include "support/catch.h"
#include "support/decoding.h"
#include "support/golden.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

// What the encoder takes and the server then refuses.
bool is_refused_by_server(const std::string& expected) {
  return expected.starts_with("refused by PostgreSQL");
}

void check_column(const GoldenCase& one, const GoldenColumn& column) {
  std::string reason;
  const auto plan = plan_value(one.source, golden_type(column.type), one.settings, reason);
  INFO(one.file << ", case " << one.name << ", column " << column.type);
  CHECK(reason == column.cannot);
  if (!plan) return;
  for (const GoldenValue& value : column.values) {
    INFO(one.file << ":" << value.line << ": " << value.json);
    std::string image;
    const std::string outcome = golden_outcome(*plan, value.json, image);
    if (is_refused_by_server(value.expected)) {
      CHECK_FALSE(image.empty());
    } else {
      CHECK(outcome == value.expected);
    }
  }
}

}  // namespace

TEST_CASE("golden values: what is sent", "[golden][value]") {
  std::set<std::string> names;
  for (const GoldenCase& one : golden_cases()) {
    INFO(one.file << ", case " << one.name);
    CHECK(names.insert(one.name).second);
    CHECK_FALSE(one.columns.empty());
    for (const GoldenColumn& column : one.columns) {
      CHECK(column.values.empty() == !column.cannot.empty());
      check_column(one, column);
    }
  }
}

// One field "c" of that schema in a table that has a column for it and may not be changed.
std::string refusal(const GoldenCase& one, const GoldenColumn& column, const std::string& json) {
  Decoding decoding;
  decoding.config.target.schema_evolution = SchemaEvolution::none;
  decoding.config.source.binary_text = one.settings.binary_text;
  decoding.config.tables["public.t"].time_unit = one.settings.time_unit;
  decoding.tables[{"public", "t"}] = table("public", "t",
                                           {test::column("id", pg_type(TypeKind::int8), true),
                                            test::column("c", golden_type(column.type))},
                                           {"id"});
  const std::string payload = envelope("c", "null", R"({"id":1,"c":)" + json + "}");
  if (one.schema.empty()) return decoding.decode("srv.public.t", R"({"id":1})", payload);
  const std::string id = R"({"type":"int64","field":"id"})";
  const std::string c = one.schema.substr(0, one.schema.size() - 1) + R"(,"field":"c"})";
  return decoding.decode("srv.public.t", key_with_schema(id, R"({"id":1})"),
                         with_schema(id + "," + c, payload));
}

void check_refusal(const GoldenCase& one, const GoldenColumn& column, const std::string& json,
                   const std::string& reason) {
  const std::string message = refusal(one, column, json);
  INFO(one.file << ", case " << one.name << ": " << json);
  INFO(message);
  const std::string source = one.source.name.empty() ? "" : one.source.name;
  for (const std::string& part : {std::string("bad: column public.t.c "),
                                  "(" + golden_type(column.type).sql() + ")", source, reason}) {
    CHECK(message.find(part) != std::string::npos);
  }
}

TEST_CASE("golden values: an error says table, column, both types and why", "[golden][value]") {
  std::size_t checked = 0;
  for (const GoldenCase& one : golden_cases()) {
    for (const GoldenColumn& column : one.columns) {
      if (!column.cannot.empty()) check_refusal(one, column, "null", column.cannot);
      for (const GoldenValue& value : column.values) {
        const bool refused = value.expected.starts_with("refused: ");
        if (!refused && !value.expected.starts_with("wider ")) continue;
        check_refusal(one, column, value.json,
                      value.expected.substr(value.expected.find(": ") + 2));
        ++checked;
      }
    }
  }
  CHECK(checked > 90);
}

TEST_CASE("golden values: the type that is created, and the loss that it names",
          "[golden][value]") {
  for (const GoldenCase& one : golden_cases()) {
    INFO(one.file << ", case " << one.name);
    if (one.source.base == ConnectType::unknown) {
      CHECK(one.creates.empty());
      continue;
    }
    std::string loss;
    CHECK(default_pg_type(one.source, &loss).sql() == one.creates);
    CHECK(loss == one.loss);
  }
}
