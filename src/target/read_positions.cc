#include "target/read_positions.h"

#include <charconv>

namespace tidemark {
namespace {

std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::map<StreamPartition, Offset> read_positions(const TextQuery& query,
                                                 const std::string& state_schema,
                                                 const std::string& pipeline) {
  const std::string table = quote_identifier(state_schema) + ".pipeline_watermarks";
  const TextRows there = query("SELECT to_regclass($1) IS NOT NULL", {table});
  std::map<StreamPartition, Offset> positions;
  if (there.empty() || there[0][0] != "t") return positions;
  for (const TextRow& row : query("SELECT stream, partition, last_watermark FROM " + table +
                                      " WHERE pipeline_name = $1 AND last_watermark IS NOT NULL",
                                  {pipeline})) {
    const auto partition = static_cast<std::int32_t>(number(row[1].value_or("")));
    positions[{row[0].value_or(""), Partition{partition}}] = Offset{number(row[2].value_or(""))};
  }
  return positions;
}

}  // namespace tidemark
