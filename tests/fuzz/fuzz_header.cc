// Any text in the header of a key change. Input: a byte (1: the key has a schema, 2: the header is
// of the create), then the header's value.
#include <cstdint>
#include <string>

#include "fuzz/records.h"
#include "fuzz/well_formed.h"

namespace {

using namespace tidemark;

const char* const kFields =
    R"({"type":"int32","optional":false,"field":"id"},{"type":"string","optional":false,"field":"n"},)"
    R"({"type":"int32","optional":false,"name":"io.debezium.time.Date","field":"d"})";
const char* const kRow = R"({"id":1,"n":"x","d":17000})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const bool typed = (data[0] & 1U) != 0;
  const bool create = (data[0] & 2U) != 0;
  const std::string header(reinterpret_cast<const char*>(data) + 1, size - 1);
  test::Decoding decoding;
  decoding.config.pipeline = "p";
  const TableName name{"public", "t"};
  decoding.tables[name] = fuzz::table_of("id:4!*,n:18!*,d:32*", name);
  const std::string envelope =
      create ? test::envelope("c", "null", kRow) : test::envelope("d", kRow, "null");
  const Event* event = decoding.feed(
      "srv.public.t", typed ? test::key_with_schema(kFields, kRow) : std::string(kRow),
      typed ? test::with_schema(kFields, envelope) : envelope,
      {{create ? "__debezium.oldkey" : "__debezium.newkey", header}});
  if (event == nullptr) fuzz::die("the decoder asks for what it was given");
  fuzz::require_event(*event, decoding.slab);
  if (event->op != Op::bad && event->op != Op::create && event->op != Op::remove) {
    fuzz::die("another event than the record's");
  }
  return 0;
}
