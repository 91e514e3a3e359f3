#include "fuzz/records.h"

#include <algorithm>
#include <charconv>

#include "fuzz/well_formed.h"
#include "support/all_types.h"

namespace tidemark::fuzz {
namespace {

void require_span(Span span, const Slab& slab) {
  if (std::size_t{span.at} + span.length > slab.arena.size()) die("a span outside of the slab");
}

}  // namespace

TablePtr table_of(std::string_view text, const TableName& name) {
  static const std::vector<PgType> kTypes = test::all_targets();
  constexpr std::size_t kColumnsMax = 64;
  auto table = std::make_shared<Table>();
  table->name = name;
  while (!text.empty() && table->columns.size() < kColumnsMax) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = one.find(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    Column column;
    column.name = one.substr(0, colon);
    if (table->find(column.name) != nullptr) continue;
    unsigned type = 0;
    std::from_chars(one.data() + colon + 1, one.data() + one.size(), type);
    column.type = kTypes[type % kTypes.size()];
    column.not_null = one.find('!') != std::string_view::npos;
    if (one.find('*') != std::string_view::npos) table->key.push_back(column.name);
    table->columns.push_back(std::move(column));
  }
  return table;
}

void require_event(const Event& event, const Slab& slab) {
  for (const Span span :
       {event.key, event.row, event.before, event.other_key, event.source_position}) {
    require_span(span, slab);
  }
  if (event.op == Op::bad) {
    if (event.bad >= slab.bad.size()) die("no reason for a bad record");
    if (slab.bad[event.bad].message.empty()) die("an empty reason for a bad record");
  }
  if (event.op == Op::skip) return;
  if (event.layout == nullptr) {
    if (event.op != Op::bad) die("an event without a layout");
    return;
  }
  std::vector<const LayoutColumn*> all;
  std::vector<const LayoutColumn*> key;
  for (const LayoutColumn& column : event.layout->columns) all.push_back(&column);
  for (const std::uint16_t i : event.layout->key) key.push_back(&event.layout->columns.at(i));
  if (event.key.length != 0) require_image(slab.bytes(event.key), key);
  if (event.other_key.length != 0) require_image(slab.bytes(event.other_key), key);
  if (event.row.length != 0) require_image(slab.bytes(event.row), all);
  if (event.before.length != 0) require_image(slab.bytes(event.before), all);
}

}  // namespace tidemark::fuzz
