#include "decode/wkb.h"

#include <bit>
#include <cstring>
#include <vector>

#include "decode/text_form.h"

namespace tidemark {
namespace {

constexpr std::uint32_t kEwkbSrid = 0x20000000;
constexpr std::uint32_t kLineString = 2;
constexpr std::uint32_t kPolygon = 3;

struct Vertex {
  double x = 0;
  double y = 0;
};

bool same_bits(const Vertex& a, const Vertex& b) {
  return std::bit_cast<std::uint64_t>(a.x) == std::bit_cast<std::uint64_t>(b.x) &&
         std::bit_cast<std::uint64_t>(a.y) == std::bit_cast<std::uint64_t>(b.y);
}

class WkbReader {
 public:
  explicit WkbReader(std::string_view bytes) : bytes_(bytes) {
    if (bytes_.empty() || (bytes_[0] != 0 && bytes_[0] != 1)) {
      fail();
      return;
    }
    little_ = bytes_[0] == 1;
    bytes_.remove_prefix(1);
  }

  std::uint32_t number() { return take<std::uint32_t>(); }
  Vertex point() {
    const double x = std::bit_cast<double>(take<std::uint64_t>());
    return {x, std::bit_cast<double>(take<std::uint64_t>())};
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool little() const { return little_; }

 private:
  template <typename T>
  T take() {
    T value = 0;
    if (bytes_.size() < sizeof value) {
      fail();
      return 0;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return little_ ? value : to_big(value);
  }
  void fail() {
    failed_ = true;
    bytes_ = {};
  }

  std::string_view bytes_;
  bool little_ = true;
  bool failed_ = false;
};

bool read_points(std::string_view wkb, std::uint32_t type, std::vector<Vertex>& points) {
  WkbReader reader(wkb);
  if (reader.number() != type) return false;
  if (type == kPolygon && reader.number() != 1) return false;
  const std::uint32_t count = reader.number();
  if (reader.failed() || reader.left() != std::size_t{count} * sizeof(Vertex)) return false;
  points.clear();
  for (std::uint32_t i = 0; i < count; ++i) points.push_back(reader.point());
  return !reader.failed() && count > 0;
}

void append_points(const std::vector<Vertex>& points, Bytes& out) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    out.append(i == 0 ? "(" : ",(");
    append_double_text(points[i].x, out);
    out.append(',');
    append_double_text(points[i].y, out);
    out.append(')');
  }
}

void append_enclosed(char open, const std::vector<Vertex>& points, char close, Bytes& out) {
  out.append(open);
  append_points(points, out);
  out.append(close);
}

}  // namespace

bool append_ewkb(std::string_view wkb, std::int64_t srid, Bytes& out) {
  WkbReader reader(wkb);
  std::uint32_t type = reader.number();
  if (reader.failed()) return false;
  if ((type & kEwkbSrid) != 0 || srid == 0) {
    out.append(wkb);
    return true;
  }
  type |= kEwkbSrid;
  auto id = static_cast<std::uint32_t>(srid);
  if (!reader.little()) {
    type = to_big(type);
    id = to_big(id);
  }
  char* to = out.extend(9);
  to[0] = wkb[0];
  std::memcpy(to + 1, &type, sizeof type);
  std::memcpy(to + 5, &id, sizeof id);
  out.append(wkb.substr(5));
  return true;
}

bool append_native_geometry(std::string_view type, bool closed, std::string_view wkb, Bytes& out) {
  std::vector<Vertex> points;
  const bool ring = type == "box" || type == "polygon";
  if (!read_points(wkb, ring ? kPolygon : kLineString, points)) return false;
  if (type == "lseg" || type == "path") {
    if (type == "lseg" && points.size() != 2) return false;
    append_enclosed(closed ? '(' : '[', points, closed ? ')' : ']', out);
    return true;
  }
  if (type == "box") {
    if (points.size() != 5) return false;
    append_points({points[0], points[2]}, out);
    return true;
  }
  if (points.size() > 1 && same_bits(points.front(), points.back())) points.pop_back();
  append_enclosed('(', points, ')', out);
  return type == "polygon";
}

}  // namespace tidemark
