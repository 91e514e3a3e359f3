#include "support/golden.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "decode/connect_schema.h"
#include "decode/json.h"
#include "decode/refused.h"
#include "decode/text_form.h"
#include "model/layout.h"

namespace tidemark::test {

namespace {

constexpr const char* kFolder = TIDEMARK_TEST_DATA "/golden/values";

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path), file_(path) {}

  std::vector<GoldenCase> all() {
    std::string line;
    while (std::getline(file_, line)) {
      ++number_;
      if (line.empty() || line.front() == '#') continue;
      line.front() == ' ' ? value(line.substr(line.find_first_not_of(' '))) : word(line);
    }
    return std::move(cases_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(path_.string() + ":" + std::to_string(number_) + ": " + why);
  }

  GoldenCase& current() {
    if (cases_.empty()) fail("stands before the first case");
    return cases_.back();
  }

  void word(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (name == "case") {
      cases_.emplace_back();
      cases_.back().name = rest;
      cases_.back().file = path_.filename().string();
    } else if (name == "schema") {
      schema(rest);
    } else if (name == "creates") {
      current().creates = rest;
      current().columns.push_back({rest, {}, {}});
    } else if (name == "loss") {
      current().loss = rest;
    } else if (name == "needs") {
      current().extension = rest;
    } else if (name == "sql") {
      current().prepare.push_back(rest);
    } else if (name == "setting") {
      setting(rest);
    } else if (name == "column") {
      current().columns.push_back({rest, {}, {}});
    } else if (name == "cannot") {
      if (current().columns.empty()) fail("there is no column");
      current().columns.back().cannot = rest;
    } else {
      fail("there is no word '" + name + "'");
    }
  }

  void schema(const std::string& text) {
    if (text == "none") return;
    current().schema = text;
    try {
      current().source = parse_connect_schema(text);
    } catch (const Refused& error) {
      fail(error.message());
    }
  }

  void setting(const std::string& text) {
    static const std::array<std::pair<std::string, TimeUnitMode>, 5> kUnits = {
        {{"time-unit ms", TimeUnitMode::ms},
         {"time-unit us", TimeUnitMode::us},
         {"time-unit ns", TimeUnitMode::ns},
         {"time-unit adaptive", TimeUnitMode::adaptive},
         {"time-unit adaptive_time_microseconds", TimeUnitMode::adaptive_time_microseconds}}};
    for (const auto& [name, unit] : kUnits) {
      if (name == text) current().settings.time_unit = unit;
    }
    if (text == "binary-text hex") {
      current().settings.binary_text = BinaryText::hex;
    } else if (text == "binary-text base64") {
      current().settings.binary_text = BinaryText::base64;
    } else if (text == "binary-text base64-url-safe") {
      current().settings.binary_text = BinaryText::base64_url_safe;
    } else if (!current().settings.time_unit) {
      fail("there is no setting '" + text + "'");
    }
  }

  void value(const std::string& line) {
    if (current().columns.empty()) fail("a value before its column");
    const std::size_t arrow = line.find(" -> ");
    if (arrow == std::string::npos) fail("a value without ' -> '");
    GoldenValue one;
    one.line = number_;
    one.json = line.substr(0, arrow);
    one.json.erase(one.json.find_last_not_of(' ') + 1);
    const std::string rest = line.substr(arrow + 4);
    const std::size_t twice = rest.find(" => ");
    one.expected = rest.substr(0, twice);
    one.stored = twice == std::string::npos ? one.expected : rest.substr(twice + 4);
    current().columns.back().values.push_back(std::move(one));
  }

  std::filesystem::path path_;
  std::ifstream file_;
  int number_ = 0;
  std::vector<GoldenCase> cases_;
};

struct Alias {
  const char* name;
  TypeKind kind;
};
constexpr std::array<Alias, 13> kAliases = {{{"varchar", TypeKind::varchar},
                                             {"character", TypeKind::bpchar},
                                             {"char", TypeKind::bpchar},
                                             {"varbit", TypeKind::varbit},
                                             {"\"bit\"", TypeKind::bit},
                                             {"time", TypeKind::time},
                                             {"timetz", TypeKind::timetz},
                                             {"timestamp", TypeKind::timestamp},
                                             {"timestamptz", TypeKind::timestamptz},
                                             {"numrange", TypeKind::range},
                                             {"int4range", TypeKind::range},
                                             {"tsrange", TypeKind::range},
                                             {"tstzrange", TypeKind::range}}};
constexpr std::array<const char*, 7> kBuiltInOthers = {"box",     "circle", "line",    "lseg",
                                                       "polygon", "path",   "macaddr8"};

PgType bare_type(const std::string& name) {
  for (const Alias& alias : kAliases) {
    if (name != alias.name) continue;
    PgType type = pg_type(alias.kind);
    if (alias.kind == TypeKind::range) type.name = name;
    return type;
  }
  for (int kind = 0; kind < static_cast<int>(TypeKind::enumeration); ++kind) {
    PgType type = pg_type(static_cast<TypeKind>(kind));
    if (type.name != name) continue;
    const bool of_extension = type.kind == TypeKind::citext || type.kind == TypeKind::hstore ||
                              type.kind == TypeKind::ltree;
    if (of_extension) type.name = "public." + name;
    return type;
  }
  const bool own = name.starts_with("$.");
  PgType type = pg_type(own ? TypeKind::enumeration : TypeKind::other);
  const bool built_in =
      std::find(kBuiltInOthers.begin(), kBuiltInOthers.end(), name) != kBuiltInOthers.end();
  type.name = own || built_in ? name : "public." + name;
  return type;
}

void set_limits(PgType& type, const std::string& text) {
  const std::size_t comma = text.find(',');
  const std::int32_t first = std::stoi(text);
  switch (type.kind) {
    case TypeKind::numeric:
      type.precision = first;
      if (comma != std::string::npos) type.scale = std::stoi(text.substr(comma + 1));
      break;
    case TypeKind::varchar:
    case TypeKind::bpchar:
    case TypeKind::bit:
    case TypeKind::varbit:
      type.length = first;
      break;
    case TypeKind::time:
    case TypeKind::timetz:
    case TypeKind::timestamp:
    case TypeKind::timestamptz:
    case TypeKind::interval:
      type.precision = first;
      break;
    default:
      break;  // an extension's own
  }
}

}  // namespace

std::vector<GoldenCase> golden_cases() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<GoldenCase> cases;
  for (const auto& file : files) {
    for (GoldenCase& one : Reader(file).all()) cases.push_back(std::move(one));
  }
  if (cases.empty()) throw std::runtime_error(std::string("no golden cases in ") + kFolder);
  return cases;
}

PgType golden_type(const std::string& sql) {
  std::string name = sql;
  const bool array = name.ends_with("[]");
  if (array) name.resize(name.size() - 2);
  std::string limits;
  const std::size_t open = name.find('(');
  if (open != std::string::npos) {
    const std::size_t close = name.find(')', open);
    limits = name.substr(open + 1, close - open - 1);
    name.erase(open, close - open + 1);
  }
  PgType type = bare_type(name);
  if (!limits.empty()) set_limits(type, limits);
  type.array = array;
  return type;
}

std::string golden_outcome(const ValuePlan& plan, const std::string& json, std::string& image) {
  JsonReader reader(json, 512);
  JsonValue value;
  if (!reader.value(value) || !reader.at_end()) return "(not JSON)";
  return golden_outcome(plan, value, image);
}

std::string golden_outcome(const ValuePlan& plan, const JsonValue& value, std::string& image) {
  Bytes out;
  EncodeFailure why;
  switch (encode_value(plan, value, out, why)) {
    case EncodeStatus::unavailable:
      return "unavailable";
    case EncodeStatus::too_wide:
      return "wider " + why.wider.sql() + ": " + why.reason;
    case EncodeStatus::bad:
      return "refused: " + why.reason;
    case EncodeStatus::ok:
      break;
  }
  image += out.view();
  const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(out.data()));
  if (length == kElementNull) return "NULL";
  Bytes text;
  append_text_form(plan.wire, out.view(4, out.size() - 4), text);
  return text.size() == 0 ? "(empty)" : std::string(text.view());
}

}  // namespace tidemark::test
