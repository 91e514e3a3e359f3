// Source blocks that are read by comparing them with the one before: what a block gives must not
// depend on what was read before it.
#include "decode/source_block.h"

#include <array>
#include <random>
#include <string>

#include "support/catch.h"

using namespace tidemark;

namespace {

const std::array<std::string, 6> kBlocks = {
    R"({"version":"3.6.0.Final","connector":"postgresql","name":"shop","ts_ms":1700000000000,)"
    R"("snapshot":"false","db":"shop","sequence":"[\"24023128\",\"24023160\"]","ts_us":17,"ts_ns":0,)"
    R"("schema":"public","table":"orders","txId":771,"lsn":24023160,"xmin":null})",
    R"({"version":"3.6.0.Final","connector":"postgresql","name":"shop","ts_ms":1700000000001,)"
    R"("snapshot":"last","db":"shop","sequence":"[null,\"24023160\"]","ts_us":1700000000001000,)"
    R"("ts_ns":1,"schema":"public","table":"customers","txId":772,"lsn":24023161,"xmin":12})",
    R"({"version":"3.6.0.Final","connector":"mariadb","name":"m","ts_ms":1,"snapshot":"false",)"
    R"("db":"shop","sequence":null,"ts_us":1,"ts_ns":1,"table":"o","server_id":1,"gtid":"0-1-99",)"
    R"("file":"binlog.000007","pos":1234,"row":0,"thread":5,"query":null})",
    R"({"connector":"oracle","name":"o","ts_ms":-5,"scn":"2868546","commit_scn":null,"added":true})",
    R"({"ts_ms":1.5e3,"lsn":7,"table":"\u00fc","deep":{"a":[1]}})",
    "{}",
};

struct Seen {
  bool read;
  std::size_t position;
  std::string all;
  bool operator==(const Seen&) const = default;
};

Seen seen(SourceBlock& block, const std::string& text, std::uint32_t depth_max = 3) {
  JsonReader reader(text, depth_max);
  Seen out{};
  try {
    out.read = block.read(reader);
  } catch (const std::exception& refused) {
    out.all = refused.what();
    return out;
  }
  out.position = reader.position();
  if (!out.read) return out;
  for (const char* name :
       {"version",   "connector",  "name",   "ts_ms", "snapshot", "db",     "sequence",
        "ts_us",     "ts_ns",      "schema", "table", "txId",     "lsn",    "xmin",
        "server_id", "gtid",       "file",   "pos",   "row",      "thread", "query",
        "scn",       "commit_scn", "added",  "deep"}) {
    const JsonValue* value = block.member(name);
    if (value == nullptr) continue;
    out.all += std::string(name) + "=" + std::to_string(static_cast<int>(value->kind)) +
               (value->escaped ? "e" : "") + std::string(value->raw) + ";";
  }
  Bytes position;
  block.append_position(position);
  out.all += std::to_string(block.time_us()) + " " + std::string(position.view());
  return out;
}

Seen seen_alone(const std::string& text, std::uint32_t depth_max = 3) {
  SourceBlock block;
  return seen(block, text, depth_max);
}

}  // namespace

TEST_CASE("a source block gives what it says, whatever was read before", "[source]") {
  SourceBlock block;
  for (const std::string& first : kBlocks) {
    for (const std::string& second : kBlocks) {
      for (const std::string& text : {first, first, second, second, first}) {
        INFO(text);
        CHECK(seen(block, text) == seen_alone(text));
      }
    }
  }
}

TEST_CASE("a source block that is like the one before, and broken, is refused", "[source]") {
  SourceBlock block;
  const std::string good = R"({"table":"orders","lsn":24,"xmin":null})";
  for (const char* bad :
       {R"({"table":"orders","lsn":024,"xmin":null})", R"({"table":"orders","lsn":,"xmin":null})",
        "{\"table\":\"or\nders\",\"lsn\":24,\"xmin\":null}",
        R"({"table":"or\qders","lsn":24,"xmin":null})", R"({"table":"orders","lsn":24,"xmin":nul})",
        R"({"table":"orders","lsn":24,"xmin":null)", R"({"table":"orders)", R"({"table":"orders\)",
        "{\"table\":\"\xC3\",\"lsn\":24,\"xmin\":null}"}) {
    CHECK(seen(block, good).read);
    INFO(bad);
    CHECK_FALSE(seen(block, bad).read);
  }
  CHECK(seen(block, good).read);
  CHECK(seen(block, good, 1).read);
  CHECK_FALSE(seen(block, good, 0).read);
}

TEST_CASE("a source block changed at random gives what it gives alone", "[source]") {
  std::mt19937 random(20261121);
  const std::string bytes = "0123456789\"\\,:{}[]nulltrue-.e \n\xC3\xBC";
  SourceBlock block;
  std::size_t readable = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string text = kBlocks.at(random() % 3);
    for (unsigned change = random() % 4; change != 0; --change) {
      const std::size_t at = random() % text.size();
      const char byte = bytes[random() % bytes.size()];
      switch (random() % 4) {
        case 0:
          text.erase(at, 1 + random() % 3);
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text[at] = byte;
      }
      if (text.empty()) text = "{";
    }
    const Seen alone = seen_alone(text);
    readable += alone.read ? 1U : 0U;
    const Seen after = seen(block, text);
    if (after == alone) continue;
    INFO(text);
    REQUIRE(after.all == alone.all);
    REQUIRE(after.position == alone.position);
    REQUIRE(after.read == alone.read);
  }
  CHECK(readable > 20000);
}
