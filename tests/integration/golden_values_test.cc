// The golden cases of values against PostgreSQL: encoded, written by the target as any row is, and
// read back as text. And that the types of the golden files are those that the catalog reads.
#include "integration/target_fixture.h"
#include "support/golden.h"

using namespace tidemark;
using namespace tidemark::testing;
using test::golden_cases;
using test::golden_outcome;
using test::golden_type;
using test::GoldenCase;
using test::GoldenColumn;
using test::GoldenValue;

namespace {

constexpr std::string_view kRefusedByServer = "refused by PostgreSQL: ";

std::string in_schema(std::string text, const std::string& schema) {
  for (std::size_t at = 0; (at = text.find("$.", at)) != std::string::npos; at += schema.size()) {
    text.replace(at, 1, schema);
  }
  return text;
}

// False: this server does not have it; the extension's cases are checked without a server only.
bool provide(TargetFixture& f, const std::string& extension) {
  if (extension.empty()) return true;
  if (f.ask("SELECT count(*) FROM pg_available_extensions WHERE name = '" + extension + "'") ==
      "0") {
    WARN("this server has no extension " << extension);
    return false;
  }
  f.run("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS " + extension +
        " SCHEMA public");
  return true;
}

class ColumnOfCase {
 public:
  ColumnOfCase(TargetFixture& f, const GoldenCase& one, const GoldenColumn& column)
      : f_(f), column_(column) {
    // Extensions are in public; the catalog is read with a search path of none.
    f.run("SET search_path = public; CREATE TABLE $.t (id bigint PRIMARY KEY, c " + column.type +
          "); SET search_path = pg_catalog");
    const TablePtr actual = read_table(
        [&](const std::string& sql, const std::vector<std::string>& parameters) {
          return f.sql.query_text(sql, parameters);
        },
        f.name("t"));
    type_ = actual->find("c")->type;
    PgType stated = golden_type(column.type);
    stated.name = in_schema(stated.name, f.schema);
    CHECK(type_ == stated);
    std::string reason;
    plan_ = plan_value(one.source, type_, one.settings, reason);
    layout_ = make_layout(f.name("t"), {{"id", pg_type(TypeKind::int8)}, {"c", type_}}, {"id"});
  }
  ColumnOfCase(const ColumnOfCase&) = delete;
  ColumnOfCase& operator=(const ColumnOfCase&) = delete;
  ~ColumnOfCase() { f_.sql.run("DROP TABLE " + f_.name("t").quoted()); }

  void check() {
    if (!plan_) return;
    BatchOf batch(layout_);
    std::vector<const GoldenValue*> written;
    for (const GoldenValue& value : column_.values) {
      std::string image;
      golden_outcome(*plan_, value.json, image);
      if (image.empty()) continue;
      if (value.expected.starts_with(kRefusedByServer)) {
        check_refused(value, image);
        continue;
      }
      const std::string id = int8(value.line);
      batch.upsert(id, id + image);
      written.push_back(&value);
    }
    if (written.empty()) return;
    f_.write(batch);
    const TextRows stored =
        f_.sql.query_text("SELECT c::text FROM " + f_.name("t").quoted() + " ORDER BY id");
    REQUIRE(stored.size() == written.size());
    for (std::size_t i = 0; i < written.size(); ++i) {
      INFO("line " << written[i]->line << ": " << written[i]->json);
      const std::string text = stored[i][0].value_or("NULL");
      CHECK((text.empty() ? "(empty)" : text) == written[i]->stored);
    }
  }

 private:
  void check_refused(const GoldenValue& value, const std::string& image) {
    INFO("line " << value.line << ": " << value.json);
    BatchOf batch(layout_);
    batch.upsert(int8(1), int8(1) + image);
    std::string sqlstate;
    CHECK(kind_of_error([&] { f_.write(batch); }, &sqlstate) == ErrorKind::data);
    CHECK(std::string(kRefusedByServer) + sqlstate == value.expected);
  }

  TargetFixture& f_;
  const GoldenColumn& column_;
  PgType type_;
  std::optional<ValuePlan> plan_;
  LayoutPtr layout_;
};

}  // namespace

TEST_CASE("golden values: what PostgreSQL stores", "[target][types][golden]") {
  TargetFixture f;
  f.run("SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres'");
  for (const GoldenCase& one : golden_cases()) {
    INFO(one.file << ", case " << one.name);
    if (!provide(f, one.extension)) continue;
    for (const std::string& sql : one.prepare) f.run(sql);
    for (const GoldenColumn& column : one.columns) {
      INFO("column " << column.type);
      ColumnOfCase(f, one, column).check();
    }
  }
}
