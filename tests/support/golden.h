// The golden cases of values, tests/golden/values/*.txt: what becomes of a source's value in a
// column. The format is explained in tests/golden/README.md. Read once per call; values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "decode/value.h"

namespace tidemark::test {

// "JSON -> EXPECTED", or "JSON -> EXPECTED => STORED" where PostgreSQL prints another text than
// was sent.
struct GoldenValue {
  int line = 0;
  std::string json;
  std::string expected;
  std::string stored;
};

struct GoldenColumn {
  std::string type;    // SQL
  std::string cannot;  // why no value of this source goes into the column; empty: they do
  std::vector<GoldenValue> values;
};

struct GoldenCase {
  std::string name;
  std::string file;
  std::string schema;  // as JSON; empty: none
  SourceType source;   // base unknown: no schema
  ValueSettings settings;
  std::string extension;             // that the columns need, if any
  std::vector<std::string> prepare;  // SQL; "$" is the test's schema
  std::string creates;               // default_pg_type(); empty without a schema
  std::string loss;                  // and the loss that it names
  std::vector<GoldenColumn> columns;
};

// All of them; throws std::runtime_error, with file and line, where one is not of the format.
std::vector<GoldenCase> golden_cases();

// The type as read_table() would read it of a column that was created so.
PgType golden_type(const std::string& sql);

// What encoding a value gave, in the words of the golden files: the text that is sent, "NULL",
// "(empty)", "unavailable", "wider TYPE: REASON", "refused: REASON". The element is appended to
// `image`, if there is one.
std::string golden_outcome(const ValuePlan& plan, const std::string& json, std::string& image);
std::string golden_outcome(const ValuePlan& plan, const JsonValue& value, std::string& image);

}  // namespace tidemark::test
