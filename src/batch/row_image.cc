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

namespace {

bool is_integer(const LayoutColumn& column) {
  return column.wire == Wire::int2 || column.wire == Wire::int4 || column.wire == Wire::int8;
}

std::size_t width_of(const LayoutColumn& column) {
  return column.wire == Wire::int2 ? 2 : column.wire == Wire::int4 ? 4 : 8;
}

// `element`, with its length in front, as an integer of `width` bytes; as it is where it has no
// such form.
void append_integer(std::string_view element, std::size_t width, std::string& out) {
  const std::size_t size = element.size() - 4;
  if (size != 2 && size != 4 && size != 8) {
    out += element;
    return;
  }
  const char* const bytes = element.data() + 4;
  const std::int64_t value = size == 2 ? static_cast<std::int16_t>(load_big<std::uint16_t>(bytes))
                             : size == 4
                                 ? static_cast<std::int32_t>(load_big<std::uint32_t>(bytes))
                                 : static_cast<std::int64_t>(load_big<std::uint64_t>(bytes));
  char wide[12];  // NOLINT(*-avoid-c-arrays)
  store_big(wide, static_cast<std::uint32_t>(width));
  store_big(wide + 4, static_cast<std::uint64_t>(value) << (64 - width * 8));
  const bool held = width == 8 || (width == 4 && value == static_cast<std::int32_t>(value)) ||
                    (width == 2 && value == static_cast<std::int16_t>(value));
  out += held ? std::string_view(wide, 4 + width) : element;
}

std::string with_integers(const Layout& layout, std::string_view key, bool lasting) {
  std::string out;
  std::size_t part = 0;
  for (ElementReader reader(key); !reader.done(); ++part) {
    const Element element = reader.next();
    const LayoutColumn* const column =
        part < layout.key.size() ? &layout.columns[layout.key[part]] : nullptr;
    if (column == nullptr || !is_integer(*column) || element.length < 0) {
      out += element.bytes;
    } else {
      append_integer(element.bytes, lasting ? 8 : width_of(*column), out);
    }
  }
  return out;
}

}  // namespace

std::string lasting_key(const Layout& layout, std::string_view key) {
  return with_integers(layout, key, true);
}

std::string key_of_lasting(const Layout& layout, std::string_view key) {
  return with_integers(layout, key, false);
}

}  // namespace tidemark
