// The example events of Debezium's documentation, for the sources that have no server in our tests:
// tests/golden/published/*.txt, whose form README.md beside them tells.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/decoding.h"

namespace tidemark::test {
namespace {

struct Published {
  std::string key;
  std::string value;
  Headers headers;
  std::vector<std::string> expected;  // "is …", "position …", "hint …", in the file's order
};

struct PublishedFile {
  std::string topic;
  std::string schema;
  std::string key_schema;
  std::vector<Published> events;
};

PublishedFile read_published(const std::filesystem::path& path) {
  PublishedFile out;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t space = line.find(' ');
    if (line.empty() || line.front() == '#' || space == std::string::npos) continue;
    const std::string word = line.substr(0, space);
    const std::string rest = line.substr(space + 1);
    if (word == "topic") out.topic = rest;
    if (word == "schema") out.schema = rest;
    if (word == "key-schema") out.key_schema = rest;
    if (word == "key") out.events.push_back({rest, {}, {}, {}});
    if (word == "value") out.events.back().value = rest;
    if (word == "header") {
      const std::size_t end = rest.find(' ');
      out.events.back().headers.emplace_back(rest.substr(0, end), rest.substr(end + 1));
    }
    if (word == "is" || word == "position" || word == "hint") {
      out.events.back().expected.push_back(line);
    }
  }
  return out;
}

std::optional<std::string> with(const std::string& schema, const std::string& payload) {
  if (payload == "null") return std::nullopt;
  if (schema.empty()) return payload;
  return R"({"schema":)" + schema + R"(,"payload":)" + payload + "}";
}

std::vector<std::string> decoded(Decoding& it, const PublishedFile& file, const Published& event,
                                 const std::vector<std::string>& asked) {
  const std::string text = it.decode(file.topic, with(file.key_schema, event.key),
                                     with(file.schema, event.value), event.headers);
  std::vector<std::string> out;
  for (const std::string& line : asked) {
    if (line.starts_with("is ")) out.push_back("is " + text);
    if (line.starts_with("hint ")) out.push_back("hint " + it.last_bad().hint);
    if (line.starts_with("position ")) {
      const std::string_view place = it.slab.bytes(it.last().source_position);
      out.push_back("position " + std::string(place.empty() ? "none" : place));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("Debezium's published examples", "[golden][published]") {
  std::size_t files = 0;
  const std::filesystem::path folder = std::string(TIDEMARK_TEST_DATA) + "/golden/published";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    const PublishedFile file = read_published(entry.path());
    INFO(entry.path().filename().string());
    Decoding it;
    REQUIRE_FALSE(file.events.empty());
    for (const Published& event : file.events) {
      REQUIRE_FALSE(event.expected.empty());
      CHECK(decoded(it, file, event, event.expected) == event.expected);
    }
    ++files;
  }
  CHECK(files == 9);
}

}  // namespace tidemark::test
