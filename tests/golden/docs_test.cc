// docs/formats.md against the tests: its tables name cases that there are, with the types and
// losses that these show, every case is named, and every schema name that means something has a
// row.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "decode/value_steps.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

const std::filesystem::path kTests = TIDEMARK_TEST_DATA;

// A row of a table whose last column is "Tests".
struct Row {
  std::string whole;
  std::vector<std::string> cells;
  std::vector<std::string> tests;  // what stands in backquotes in the last cell
};

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line.substr(1, line.size() - 2));
  for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(cell);
  return cells;
}

std::vector<std::string> quoted_in(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find('`'); at != std::string::npos;) {
    const std::size_t end = text.find('`', at + 1);
    names.push_back(text.substr(at + 1, end - at - 1));
    at = text.find('`', end + 1);
  }
  return names;
}

std::vector<Row> rows_of_docs() {
  std::ifstream file(kTests / ".." / "docs" / "formats.md");
  REQUIRE(file.good());
  std::vector<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with("| Tests |")) inside = true;
    if (!line.starts_with('|')) inside = false;
    if (!inside || line.ends_with("| Tests |") || line.starts_with("|---")) continue;
    Row row{line, cells_of(line), {}};
    row.tests = quoted_in(row.cells.back());
    rows.push_back(std::move(row));
  }
  return rows;
}

bool exists(const std::string& test, const std::map<std::string, GoldenCase>& cases) {
  return cases.contains(test) || std::filesystem::exists(kTests / "fixtures" / test) ||
         std::filesystem::exists(kTests / "golden" / "vectors" / (test + ".json"));
}

std::map<std::string, GoldenCase> cases_by_name() {
  std::map<std::string, GoldenCase> cases;
  for (GoldenCase& one : golden_cases()) cases[one.name] = std::move(one);
  return cases;
}

}  // namespace

TEST_CASE("docs/formats.md says what its tests show", "[golden][docs]") {
  const std::map<std::string, GoldenCase> cases = cases_by_name();
  std::set<std::string> named;
  for (const Row& row : rows_of_docs()) {
    INFO(row.whole);
    REQUIRE(row.cells.size() == 5);
    REQUIRE_FALSE(row.tests.empty());
    for (const std::string& test : row.tests) {
      INFO(test);
      CHECK(exists(test, cases));
      named.insert(test);
    }
    REQUIRE(cases.contains(row.tests.front()));
    const GoldenCase& first = cases.at(row.tests.front());
    if (!first.creates.empty()) {
      CHECK(row.cells[2].find("`" + first.creates + "`") != std::string::npos);
    }
    CHECK(row.cells[3].find(first.loss) != std::string::npos);
    if (first.loss.empty() == (row.cells[3].find("exact") == std::string::npos)) {
      FAIL_CHECK("exact is what has no loss");
    }
  }
  for (const auto& [name, one] : cases) {
    INFO("case " << name << " of " << one.file);
    CHECK(named.contains(name));
  }
}

TEST_CASE("every schema name that means something has a row and a case", "[golden][docs]") {
  const std::vector<Row> rows = rows_of_docs();
  std::set<std::string> tried;
  for (const GoldenCase& one : golden_cases()) tried.insert(one.source.name);
  for (const std::string_view name : semantic_names()) {
    INFO(name);
    CHECK(tried.contains(std::string(name)));
    CHECK(std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
      return row.cells[0].find("`" + std::string(name) + "`") != std::string::npos;
    }));
  }
}
