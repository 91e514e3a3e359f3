#include "decode/object_template.h"

#include <algorithm>
#include <cstring>

#include "decode/byte_runs.h"

namespace tidemark {

namespace {

// Behind an integer without sign; nullptr: there is none. What stands behind it is for the next
// piece to compare: a fraction does not match.
const char* pass_integer(const char* p, const char* end) {
  const char* const begin = p;
  p = end_of_digits(p, end);
  const bool leading_zero = p - begin > 1 && *begin == '0';
  return p == begin || leading_zero ? nullptr : p;
}

// At the quote that ends a string of ASCII without other escapes than that of a quote.
const char* pass_string(const char* p, const char* end, bool& escaped) {
  escaped = false;
  for (;;) {
    p = end_of_plain(p, end);
    if (p == end) return nullptr;
    if (*p == '"') return p;
    if (*p != '\\' || end - p < 2 || p[1] != '"') return nullptr;
    escaped = true;
    p += 2;
  }
}

}  // namespace

void ObjectTemplate::learn(std::string_view object, const FieldValues& values) {
  forget();
  std::vector<std::uint32_t> places;
  for (std::uint32_t i = 0; i < values.values.size(); ++i) {
    const JsonKind kind = values.values[i].kind;
    if (!values.values[i].is_present()) continue;
    if (kind == JsonKind::object || kind == JsonKind::array) return;
    places.push_back(i);
  }
  const auto at = [&](std::uint32_t place) { return values.values[place].raw.data(); };
  std::sort(places.begin(), places.end(),
            [&](std::uint32_t a, std::uint32_t b) { return std::less<>()(at(a), at(b)); });
  std::vector<Piece> pieces;
  const char* done = object.data();
  for (const std::uint32_t place : places) {
    const JsonValue& value = values.values[place];
    Piece piece{{done, value.raw.data()}, Kind::fixed, place, 0};
    if (value.is_string()) {
      piece.kind = Kind::string;
    } else if (value.kind == JsonKind::number && is_digits(value.raw)) {
      piece.kind = Kind::integer;
    } else {
      piece.bytes += value.raw;
      piece.size = static_cast<std::uint32_t>(value.raw.size());
    }
    done = value.raw.data() + value.raw.size();
    pieces.push_back(std::move(piece));
  }
  end_.assign(done, object.data() + object.size());
  pieces_ = std::move(pieces);
}

std::size_t ObjectTemplate::match(std::string_view text, FieldValues& values) const {
  if (pieces_.empty()) return 0;
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto passes = [&](const std::string& bytes) {
    const bool same = static_cast<std::size_t>(end - p) >= bytes.size() &&
                      std::memcmp(p, bytes.data(), bytes.size()) == 0;
    if (same) p += bytes.size();
    return same;
  };
  for (const Piece& piece : pieces_) {
    if (!passes(piece.bytes)) return 0;
    JsonValue& value = values.values[piece.place];
    const char* behind = p;
    if (piece.kind == Kind::integer) {
      behind = pass_integer(p, end);
    } else if (piece.kind == Kind::string) {
      behind = pass_string(p, end, value.escaped);
    } else {
      p -= piece.size;
    }
    if (behind == nullptr) return 0;
    value.raw = {p, static_cast<std::size_t>(behind - p)};
    p = behind;
  }
  return passes(end_) ? static_cast<std::size_t>(p - text.data()) : 0;
}

}  // namespace tidemark
