// Any bytes as a value in Avro, by schemas that are given and by any text as a schema. Input: a
// byte, which chooses a schema; for the last choice the schema's text up to a 0xFF byte; then the
// value. What is read and what is passed over must end at the same byte, and what becomes JSON must
// be JSON.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/avro_reader.h"
#include "decode/refused.h"

namespace {

using namespace tidemark;

constexpr std::array<const char*, 4> kSchemas = {
    R"({"type":"record","name":"R","fields":[{"name":"a","type":["null","int"]},)"
    R"({"name":"b","type":"long"},{"name":"c","type":"string"},{"name":"d","type":"bytes"},)"
    R"({"name":"e","type":"boolean"},{"name":"f","type":"float"},{"name":"g","type":"double"},)"
    R"({"name":"h","type":{"type":"fixed","name":"F","size":3}},)"
    R"({"name":"i","type":{"type":"enum","name":"E","symbols":["x","y"]}}]})",
    R"({"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":)"
    R"(["null","string"]}},{"name":"m","type":{"type":"map","values":["double","null"]}},)"
    R"({"name":"e","type":{"type":"array","items":{"type":"record","name":"M",)"
    R"("connect.internal.type":"MapEntry","fields":[{"name":"key","type":"bytes"},)"
    R"({"name":"value","type":"float"}]}}}]})",
    R"({"type":"array","items":{"type":"array","items":{"type":"record","name":"Empty","fields":[]}}})",
    R"({"type":"array","items":{"type":"map","values":{"type":"array","items":{"type":"fixed",)"
    R"("name":"Z","size":0}}}})",
};

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "FINDING: %s\n", what);
  std::abort();
}

void read(const AvroSchema& schema, std::string_view bytes) {
  AvroScratch scratch(std::uint64_t{1} << 20U);
  std::size_t end = 0;
  JsonValue value;
  try {
    AvroReader reader(schema, bytes, scratch, "value");
    reader.value(schema.root(), value);
    end = reader.position();
  } catch (const Refused& refused) {
    if (refused.message().empty()) die("refused without a word");
    AvroReader reader(schema, bytes, scratch, "value");
    try {
      reader.skip(schema.root());
    } catch (const Refused&) {
      return;
    }
    if (refused.message().find("as JSON") == std::string::npos) {
      die("passed over, but cannot be read");
    }
    return;
  }
  AvroReader reader(schema, bytes, scratch, "value");
  reader.skip(schema.root());
  if (reader.position() != end) die("passed over to another place");
  if (!value.is_present()) die("read, and not there");
  if (value.kind != JsonKind::array && value.kind != JsonKind::object) return;
  JsonReader json(value.raw, JsonReader::kDepthCeiling);
  JsonValue whole;
  if (!json.value(whole) || !json.at_end()) die("not JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t choice = data[0] % (kSchemas.size() + 1);
  std::string text;
  if (choice < kSchemas.size()) {
    text = kSchemas.at(choice);
  } else {
    text = rest.substr(0, rest.find('\xFF'));
    rest.remove_prefix(text.size() < rest.size() ? text.size() + 1 : rest.size());
  }
  std::unique_ptr<const AvroSchema> schema;
  try {
    schema = std::make_unique<const AvroSchema>(text, std::vector<std::string>());
  } catch (const Refused&) {
    return 0;
  }
  read(*schema, rest);  // what is refused in it beside the value itself is a finding
  return 0;
}
