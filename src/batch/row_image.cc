#include "batch/row_image.h"

#include <cstring>
#include <vector>

namespace tidemark {

namespace {

void note(const Element& element, MergedRow& row) {
  row.unavailable = row.unavailable || element.length == kElementUnavailable;
  row.absent = row.absent || element.length == kElementAbsent;
}

}  // namespace

MergedRow classify_row(std::string_view row) {
  MergedRow out{row};
  for (ElementReader reader(row); !reader.done();) note(reader.next(), out);
  return out;
}

MergedRow merge_rows(std::string_view over, std::string_view under, Arena& arena) {
  if (under.empty()) return classify_row(over);
  if (over.empty()) return classify_row(under);
  // Never longer than both together: every element comes whole from one of them.
  char* const begin = arena.allocate(over.size() + under.size());
  char* at = begin;
  MergedRow out;
  ElementReader overs(over);
  ElementReader unders(under);
  while (!overs.done()) {
    Element element = overs.next();
    const Element below = unders.next();
    if (element.lacking() && !(below.length == kElementAbsent)) element = below;
    note(element, out);
    std::memcpy(at, element.bytes.data(), element.bytes.size());
    at += element.bytes.size();
  }
  out.row = {begin, static_cast<std::size_t>(at - begin)};
  return out;
}

std::string_view unavailable_row(std::size_t columns, Arena& arena) {
  char* const begin = arena.allocate(columns * 4);
  for (std::size_t i = 0; i < columns; ++i) {
    store_big(begin + i * 4, static_cast<std::uint32_t>(kElementUnavailable));
  }
  return {begin, columns * 4};
}

std::string_view with_key(const Layout& layout, std::string_view row, std::string_view key,
                          Arena& arena) {
  std::vector<std::string_view> elements;
  elements.reserve(layout.columns.size());
  for (ElementReader reader(row); !reader.done();) elements.push_back(reader.next().bytes);
  ElementReader keys(key);
  for (const std::uint16_t column : layout.key) elements.at(column) = keys.next().bytes;
  std::size_t size = 0;
  for (const auto& element : elements) size += element.size();
  char* const begin = arena.allocate(size);
  char* at = begin;
  for (const auto& element : elements) {
    std::memcpy(at, element.data(), element.size());
    at += element.size();
  }
  return {begin, size};
}

}  // namespace tidemark
