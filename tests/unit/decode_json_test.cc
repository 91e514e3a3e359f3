// decode/json: what is JSON and what is not, views, escapes, depth; and the same verdict as
// RapidJSON over mutated texts.
#include <rapidjson/reader.h>

#include <random>
#include <string>
#include <vector>

#include "decode/byte_runs.h"
#include "decode/json.h"
#include "support/catch.h"

namespace tidemark {

namespace {

bool valid(std::string_view text, std::uint32_t depth_max = 512) {
  JsonReader reader(text, depth_max);
  JsonValue value;
  return reader.value(value) && reader.at_end();
}

std::string reason(std::string_view text) {
  JsonReader reader(text, 512);
  JsonValue value;
  reader.value(value);
  return reader.failed() ? reader.error().reason : "";
}

// Reads every value by enter/member/element, not by value().
bool valid_by_pulling(JsonReader& reader, int level) {
  std::string_view name;
  bool escaped = false;
  JsonValue value;
  switch (reader.peek()) {
    case JsonKind::object:
      if (level > 600 || !reader.enter_object()) return false;
      while (reader.member(name, escaped)) {
        if (!valid_by_pulling(reader, level + 1)) return false;
      }
      return !reader.failed();
    case JsonKind::array:
      if (level > 600 || !reader.enter_array()) return false;
      while (reader.element()) {
        if (!valid_by_pulling(reader, level + 1)) return false;
      }
      return !reader.failed();
    default:
      return !reader.failed() && reader.value(value);
  }
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

// clang-format off: as many in a line as fit
const std::vector<std::string> kNotJson = {
    "",
    " ",
    "nul",
    "truefalse",
    "True",
    "01",
    "-",
    "+1",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x1",
    "NaN",
    "Infinity",
    "\"",
    "\"a",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"a\nb\"",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "]",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{1:2}",
    "[}",
    "{]",
    "{}}",
    "[]]",
    "1 2",
    "'a'",
    "/**/1",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\ud83d\"",
    "\"\x80\"",
    "\"\xc3\"",
    "\"\xc0\xaf\"",
    "\"\xe0\x80\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xe2\x98\"",
    "\"\xf0\x9f\x98\"",
    std::string("\"\0\"", 3),
    std::string("1\0", 2),
    "\xEF\xBB",
};
// clang-format on

}  // namespace

TEST_CASE("json: where digits end, in blocks and behind them", "[decode][json]") {
  for (std::size_t digits = 0; digits < 40; ++digits) {
    for (int other = 0; other < 256; ++other) {
      if (other >= '0' && other <= '9') continue;
      std::string text;
      for (std::size_t i = 0; i < digits; ++i) text += static_cast<char>('0' + i % 10);
      text += static_cast<char>(other);
      text += "0123456789012345";
      const char* const end = end_of_digits(text.data(), text.data() + text.size());
      REQUIRE(static_cast<std::size_t>(end - text.data()) == digits);
      const char* const cut = end_of_digits(text.data(), text.data() + digits);
      REQUIRE(static_cast<std::size_t>(cut - text.data()) == digits);
    }
  }
}

TEST_CASE("json: texts that are JSON", "[decode][json]") {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "12",
                           "-1.5",
                           "1e5",
                           "1E+3",
                           "0.1e-7",
                           "\"\"",
                           "\"a\"",
                           "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
                           "\"\\ud83d\\ude00\"",
                           "\"h\xc3\xa9 \xe2\x98\x83 \xf0\x9f\x98\x80\"",
                           "[]",
                           "{}",
                           " [ ] ",
                           "[1,2]",
                           "{\"a\":[{\"b\":null},{}],\"c\":\"d\"}",
                           "\t\n\r {\"a\" : 1 } ",
                           "\"\x7f\"",
                           "[[],[[]],{}]",
                           "\xEF\xBB\xBF{}",
                           "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""}) {
    INFO(text);
    CHECK(valid(text));
    JsonReader reader(text, 512);
    CHECK((valid_by_pulling(reader, 0) && reader.at_end()));
  }
}

TEST_CASE("json: texts that are not", "[decode][json]") {
  for (const std::string& text : kNotJson) {
    INFO(text);
    CHECK_FALSE(valid(text));
    JsonReader reader(text, 512);
    CHECK_FALSE((valid_by_pulling(reader, 0) && reader.at_end()));
  }
}

TEST_CASE("json: every cut of a text is refused, and read within its bounds", "[decode][json]") {
  const std::string text =
      R"({"a":[1,-2.5e+10,"x\u00e9\ud83d\ude00y\\"],"b":{"c":null,"d":true},"e":"hé☃😀"})";
  REQUIRE(valid(text));
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::vector<char> copy(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_FALSE(valid({copy.data(), copy.size()}));  // sanitizers see a read behind the end
  }
}

TEST_CASE("json: depth is bounded without recursion", "[decode][json]") {
  CHECK(valid(nested(512)));
  CHECK_FALSE(valid(nested(513)));
  CHECK(reason(nested(200000)) == "nested too deeply");
  CHECK(valid(nested(3), 3));
  CHECK_FALSE(valid(nested(4), 3));
  CHECK(valid(nested(JsonReader::kDepthCeiling), 4000000000U));
  CHECK_FALSE(valid(nested(JsonReader::kDepthCeiling + 1), 4000000000U));
  JsonReader reader("[[[1]]]", 2);
  CHECK(reader.enter_array());
  CHECK(reader.element());
  JsonValue value;
  CHECK_FALSE(reader.value(value));
  CHECK(std::string(reader.error().reason) == "nested too deeply");
}

TEST_CASE("json: values are views, with their kind", "[decode][json]") {
  JsonReader reader(R"( {"s":"a\nb","n":-1.50,"o":{"x":[1]},"z":null,"é":true} )", 10);
  std::string_view name;
  bool escaped = true;
  JsonValue value;
  REQUIRE(reader.enter_object());
  REQUIRE(reader.member(name, escaped));
  CHECK(name == "s");
  CHECK_FALSE(escaped);
  REQUIRE(reader.value(value));
  CHECK((value.is_string() && value.escaped && value.raw == "a\\nb"));
  CHECK(unescaped(value) == "a\nb");
  REQUIRE(reader.member_is(",\"n\":"));
  REQUIRE(reader.value(value));
  CHECK((value.kind == JsonKind::number && value.raw == "-1.50"));
  CHECK_FALSE(reader.member_is(",\"x\":"));
  REQUIRE(reader.member(name, escaped));
  CHECK(reader.peek() == JsonKind::object);
  REQUIRE(reader.value(value));
  CHECK(value.raw == R"({"x":[1]})");
  REQUIRE(reader.member(name, escaped));
  REQUIRE(reader.value(value));
  CHECK((value.is_null() && value.is_present()));
  REQUIRE(reader.member(name, escaped));
  CHECK(name == "é");
  REQUIRE(reader.value(value));
  CHECK(value.kind == JsonKind::boolean_true);
  CHECK_FALSE(reader.member(name, escaped));
  CHECK_FALSE(reader.failed());
  CHECK(reader.at_end());
}

TEST_CASE("json: an expected member may be the first", "[decode][json]") {
  JsonReader reader(R"({"id":1,"v":2})", 10);
  JsonValue value;
  REQUIRE(reader.enter_object());
  CHECK_FALSE(reader.member_is(",\"v\":"));
  CHECK(reader.member_is(",\"id\":"));
  REQUIRE(reader.value(value));
  CHECK(reader.member_is(",\"v\":"));
  REQUIRE(reader.value(value));
  std::string_view name;
  bool escaped = false;
  CHECK_FALSE(reader.member(name, escaped));
  CHECK(reader.at_end());
}

TEST_CASE("json: escapes", "[decode][json]") {
  const auto text = [](std::string_view raw) {
    Bytes out;
    append_unescaped(raw, out);
    return std::string(out.view());
  };
  CHECK(text("plain") == "plain");
  CHECK(text(R"(\"\\\/\b\f\n\r\t)") == "\"\\/\b\f\n\r\t");
  CHECK(text(R"(\u0041\u00e9\u2603\ud83d\ude00)") == "A\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80");
  CHECK(text(R"(a\u0000b)") == std::string("a\0b", 3));
  CHECK(escaped("a\"b\\c\nd\x01é") == "a\\\"b\\\\c\\nd\\u0001é");
}

TEST_CASE("json: control characters only where they are allowed", "[decode][json]") {
  JsonReader reader("{\"a\":\"x\ny\"}", 10);
  JsonValue value;
  CHECK_FALSE(reader.value(value));
  JsonReader lenient("{\"a\":\"x\ny\"}", 10);
  lenient.allow_control_characters();
  CHECK(lenient.value(value));
}

TEST_CASE("json: the same verdict as RapidJSON over mutated texts", "[decode][json]") {
  const std::string seed_text =
      R"({"before":null,"after":{"id":1,"name":"a\"b","n":[1,-2.5e3,{"x":{}}],"t":true},"op":"c","é":""})";
  const std::string alphabet = "{}[]\",:\\ntrue0123456789.-+eE \xc3\xa9\xe2\x98\x83\x01";
  std::mt19937 random(20260101);
  const auto pick = [&random](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  int accepted = 0;
  for (int round = 0; round < 60000; ++round) {
    std::string text = seed_text;
    for (std::size_t edits = 1 + pick(3); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = pick(text.size());
      switch (pick(4)) {
        case 0:
          text.erase(at, 1 + pick(3));
          break;
        case 1:
          text.insert(at, 1, alphabet[pick(alphabet.size())]);
          break;
        case 2:
          text[at] = alphabet[pick(alphabet.size())];
          break;
        default:
          text.insert(at, text.substr(pick(text.size()), 1 + pick(12)));
          break;
      }
    }
    rapidjson::Reader theirs;
    rapidjson::StringStream stream(text.c_str());
    rapidjson::BaseReaderHandler<> ignore;
    const bool expected = !theirs.Parse<kFlags>(stream, ignore).IsError();
    INFO(text);
    REQUIRE(valid(text) == expected);
    accepted += expected ? 1 : 0;
  }
  CHECK(accepted > 1000);
}

}  // namespace tidemark
