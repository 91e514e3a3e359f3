#include "decode/object_template.h"

#include <algorithm>
#include <utility>

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
  Piece piece{{}, {}, Kind::end, 0};
  const char* done = object.data();
  young_ = strings_.empty();
  strings_.resize(std::max(strings_.size(), values.values.size()));
  for (const std::uint32_t place : places) {
    const JsonValue& value = values.values[place];
    const char* const behind = value.raw.data() + value.raw.size();
    const bool same = value.is_string() && !young_ && strings_[place] == value.raw;
    strings_[place] = value.is_string() ? value.raw : std::string_view();
    piece.bytes.append(done, value.raw.data());
    done = behind;
    const bool integer = value.kind == JsonKind::number && is_digits(value.raw);
    if (integer || (value.is_string() && !same)) {
      piece.kind = integer ? Kind::integer : Kind::string;
      piece.place = place;
      pieces.push_back(std::exchange(piece, Piece{{}, {}, Kind::end, 0}));
      continue;
    }
    piece.fixed.push_back({place, static_cast<std::uint32_t>(piece.bytes.size()),
                           static_cast<std::uint32_t>(value.raw.size())});
    piece.bytes += value.raw;
  }
  piece.bytes.append(done, object.data() + object.size());
  pieces.push_back(std::move(piece));
  pieces_ = std::move(pieces);
}

std::size_t ObjectTemplate::match(std::string_view text, FieldValues& values) const {
  const char* p = text.data();
  const char* const end = p + text.size();
  JsonValue* const places = values.values.data();
  for (const Piece& piece : pieces_) {
    const std::size_t size = piece.bytes.size();
    if (static_cast<std::size_t>(end - p) < size || !is_at(p, piece.bytes)) return 0;
    for (const Fixed& fixed : piece.fixed) places[fixed.place].raw = {p + fixed.at, fixed.size};
    p += size;
    if (piece.kind == Kind::end) return static_cast<std::size_t>(p - text.data());
    JsonValue& value = places[piece.place];
    const char* const behind =
        piece.kind == Kind::integer ? pass_integer(p, end) : pass_string(p, end, value.escaped);
    if (behind == nullptr) return 0;
    value.raw = {p, static_cast<std::size_t>(behind - p)};
    p = behind;
  }
  return 0;
}

}  // namespace tidemark
