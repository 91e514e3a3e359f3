// Any value into any column: encoded or refused, never anything else. And the promises that hold
// for all encoders: a failure leaves nothing behind and says why, without the value.
#include <random>
#include <string>
#include <vector>

#include "support/all_types.h"
#include "support/catch.h"
#include "support/encoding.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

std::string any_json(std::mt19937& random, int depth) {
  static const std::vector<std::string> kScalars = {"0",
                                                    "-1",
                                                    "1.5",
                                                    "1e400",
                                                    "1E-7",
                                                    "17424",
                                                    "1505483490123456",
                                                    "9223372036854775807",
                                                    "-9223372036854775808",
                                                    "99999999999999999999999",
                                                    "-0.0",
                                                    "true",
                                                    "false",
                                                    "null",
                                                    "\"\"",
                                                    "\"NaN\"",
                                                    "\"POSITIVE_INFINITY\"",
                                                    "\"AQID\"",
                                                    "\"+w==\"",
                                                    "\"12.50\"",
                                                    "\"2017-09-15\"",
                                                    "\"2017-09-15T11:51:30.123456Z\"",
                                                    "\"24:00:00Z\"",
                                                    "\"infinity\"",
                                                    "\"P1DT1.1234567S\"",
                                                    "\"a\\u0000b\"",
                                                    "\"{\\\"a\\\":null}\"",
                                                    "\"[1,2\"",
                                                    "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
                                                    "\"__debezium_unavailable_value\"",
                                                    "\"☃☃☃☃☃☃☃\"",
                                                    "\"  \"",
                                                    "\"\\ud83d\\ude00\""};
  static const std::vector<std::string> kNames = {
      "x",      "y",      "wkb",  "srid",       "scale",       "value",        "year",
      "month",  "day",    "hour", "second",     "picoseconds", "specialValue", "offsetSeconds",
      "center", "radius", "a",    "dimensions", "vector",      "\\u0041"};
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[random() % from.size()];
  };
  const unsigned kind = depth == 0 ? 0 : random() % 4;
  if (kind < 2) return pick(kScalars);
  std::string out = kind == 2 ? "[" : "{";
  for (unsigned i = random() % 4; i > 0; --i) {
    if (out.size() > 1) out += ",";
    if (kind == 3) out += "\"" + pick(kNames) + "\":";
    out += any_json(random, depth - 1);
  }
  return out + (kind == 2 ? "]" : "}");
}

void check_contract(const Encoded& result) {
  switch (result.status) {
    case EncodeStatus::ok: {
      const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(result.element.data()));
      REQUIRE((length == kElementNull ||
               static_cast<std::size_t>(length) + 4 == result.element.size()));
      REQUIRE(result.text() != "WRONG LENGTH");
      break;
    }
    case EncodeStatus::unavailable:
      REQUIRE(result.text() == "UNAVAILABLE");
      break;
    case EncodeStatus::too_wide:
      REQUIRE(result.element.empty());
      REQUIRE_FALSE(result.reason.empty());
      break;
    case EncodeStatus::bad:
      REQUIRE((result.element.empty() || result.element == "NO PLAN"));
      REQUIRE_FALSE(result.reason.empty());
      break;
  }
}

}  // namespace

TEST_CASE("any value into any column is encoded or refused", "[value]") {
  std::mt19937 random(1);  // NOLINT: repeatable
  const std::vector<PgType> targets = all_targets();
  for (const SourceType& source : all_sources()) {
    for (const PgType& target : targets) {
      for (int round = 0; round < 6; ++round) {
        const std::string json = any_json(random, 3);
        INFO(source.name << " " << static_cast<int>(source.base) << " " << target.sql() << " "
                         << json);
        check_contract(encode(source, target, json));
      }
    }
  }
}

TEST_CASE("a value that was too wide fits what is asked for instead", "[value]") {
  std::mt19937 random(2);  // NOLINT: repeatable
  int asked = 0;
  for (const SourceType& source : all_sources()) {
    for (const PgType& target : all_targets()) {
      for (int round = 0; round < 4; ++round) {
        const std::string json = any_json(random, 2);
        const Encoded first = encode(source, target, json);
        if (first.status != EncodeStatus::too_wide) continue;
        ++asked;
        INFO(source.name << " " << target.sql() << " -> " << first.wider.sql() << " " << json);
        // An array may hold more than one such value, each wider than the last.
        Encoded next = encode(source, first.wider, json);
        for (int i = 0; i < 4 && next.status == EncodeStatus::too_wide; ++i) {
          next = encode(source, next.wider, json);
        }
        REQUIRE((next.status == EncodeStatus::ok || target.array));
        const auto both = widened(target, first.wider);
        REQUIRE(both.has_value());
      }
    }
  }
  CHECK(asked > 50);
}

TEST_CASE("messages do not contain the value", "[value]") {
  for (const PgType& target : all_targets()) {
    const Encoded result = encode(schemaless(), target, "\"secret-4711\"");
    CHECK(result.reason.find("secret") == std::string::npos);
    CHECK(result.reason.find("4711") == std::string::npos);
  }
}
