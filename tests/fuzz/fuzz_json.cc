// Any records of one topic, with any target's table. Input, in parts that 0x1E ends:
//   options, a character for each bit: e evolve, v validate, i inference, p three partitions,
//     r flattened metadata, t no table
//   the table's columns, see fuzz/records.h
//   then records of four parts: key, value (empty: null), a header's name, and its value
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/records.h"
#include "fuzz/well_formed.h"

namespace {

using namespace tidemark;

std::vector<std::string> parts_of(std::string_view text) {
  constexpr std::size_t kPartsMax = 2 + 4 * 8;
  std::vector<std::string> parts;
  while (!text.empty() && parts.size() < kPartsMax) {
    const std::size_t end = std::min(text.find('\x1e'), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<std::string> or_null(const std::string& part) {
  return part.empty() ? std::nullopt : std::optional(part);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> parts = parts_of({reinterpret_cast<const char*>(data), size});
  if (parts.size() < 4) return 0;
  parts.resize(2 + (parts.size() - 2 + 3) / 4 * 4);
  const auto has = [&](char option) { return parts[0].find(option) != std::string::npos; };
  test::Decoding decoding;
  decoding.config.pipeline = "p";
  decoding.config.target.schema_evolution = has('e')   ? SchemaEvolution::evolve
                                            : has('v') ? SchemaEvolution::validate
                                                       : SchemaEvolution::none;
  decoding.config.target.schema_inference = has('i');
  decoding.config.source.record_depth_max = 64;
  decoding.partitions = has('p') ? 3 : 1;
  if (!has('t')) {
    const TableName name{"public", "t"};
    decoding.tables[name] = fuzz::table_of(parts[1], name);
  }
  for (std::size_t i = 2; i + 4 <= parts.size(); i += 4) {
    test::Headers headers;
    if (!parts[i + 2].empty()) headers.emplace_back(parts[i + 2], or_null(parts[i + 3]));
    // Throws unless there is exactly one event: nothing catches it here.
    const Event* event =
        decoding.feed("srv.public.t", or_null(parts[i]), or_null(parts[i + 1]), headers);
    if (event == nullptr) fuzz::die("the decoder asks for what it was given");
    fuzz::require_event(*event, decoding.slab);
  }
  return 0;
}
