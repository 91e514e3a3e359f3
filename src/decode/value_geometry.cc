// Points, circles and lines into PostgreSQL's own geometric types, geometries into PostGIS's, and
// vectors into pgvector's.
#include <charconv>
#include <cstring>

#include "decode/base64.h"
#include "decode/value_steps.h"
#include "decode/wkb.h"

namespace tidemark {
namespace {

// The members of a geometric struct that are there; the others stay null.
struct Members {
  JsonValue x, y, wkb, srid, center, radius, a, b, c, dimensions, vector, extensions, type, closed;
};

JsonValue* member_named(std::string_view name, Members& members) {
  if (name == "x") return &members.x;
  if (name == "y") return &members.y;
  if (name == "wkb") return &members.wkb;
  if (name == "srid") return &members.srid;
  if (name == "center") return &members.center;
  if (name == "radius") return &members.radius;
  if (name == "a") return &members.a;
  if (name == "b") return &members.b;
  if (name == "c") return &members.c;
  if (name == "dimensions") return &members.dimensions;
  if (name == "vector") return &members.vector;
  if (name == "extensions") return &members.extensions;
  if (name == "type") return &members.type;
  if (name == "closed") return &members.closed;
  return nullptr;
}

bool read_members(const JsonValue& value, Members& members) {
  if (value.kind != JsonKind::object) return false;
  JsonReader reader(value.raw, 16);
  std::string_view name;
  bool escaped = false;
  if (!reader.enter_object()) return false;
  while (reader.member(name, escaped)) {
    JsonValue member;
    if (!reader.value(member)) return false;
    if (JsonValue* known = member_named(name, members)) *known = member;
  }
  return !reader.failed();
}

// A coordinate's own digits, or "NaN", "Infinity", "-Infinity", which PostgreSQL reads as well.
bool append_coordinate(const JsonValue& value, Bytes& out) {
  const bool word = value.is_string() &&
                    (value.raw == "NaN" || value.raw == "Infinity" || value.raw == "-Infinity");
  if (value.kind != JsonKind::number && !word) return false;
  out.append(value.raw);
  return true;
}

bool append_list(char open, std::initializer_list<const JsonValue*> values, char close,
                 Bytes& out) {
  out.append(open);
  bool first = true;
  for (const JsonValue* value : values) {
    if (!first) out.append(',');
    first = false;
    if (!append_coordinate(*value, out)) return false;
  }
  out.append(close);
  return true;
}

// "(1.5,-2.0)"
EncodeStatus encode_point(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                          EncodeFailure& why) {
  Members members;
  const std::size_t at = begin_element(out);
  if (!read_members(value, members) || !append_list('(', {&members.x, &members.y}, ')', out)) {
    return bad(at, out, why, "not a point");
  }
  end_element(at, out);
  return finish_text(plan, at, out, why);
}

// "<(1,2),3>"
EncodeStatus encode_circle(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                           EncodeFailure& why) {
  Members members;
  Members center;
  const std::size_t at = begin_element(out);
  out.append('<');
  bool good = read_members(value, members) && read_members(members.center, center) &&
              append_list('(', {&center.x, &center.y}, ')', out);
  out.append(',');
  good = good && append_coordinate(members.radius, out);
  out.append('>');
  if (!good) return bad(at, out, why, "not a circle");
  end_element(at, out);
  return finish_text(plan, at, out, why);
}

// "{1,-1,0}"
EncodeStatus encode_line(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                         EncodeFailure& why) {
  Members members;
  const std::size_t at = begin_element(out);
  if (!read_members(value, members) ||
      !append_list('{', {&members.a, &members.b, &members.c}, '}', out)) {
    return bad(at, out, why, "not a line");
  }
  end_element(at, out);
  return finish_text(plan, at, out, why);
}

bool read_srid(const JsonValue& value, std::int64_t& srid) {
  srid = 0;
  if (value.is_null()) return true;
  const char* end = value.raw.data() + value.raw.size();
  const auto parsed = std::from_chars(value.raw.data(), end, srid);
  return value.kind == JsonKind::number && parsed.ec == std::errc() && parsed.ptr == end &&
         srid >= 0 && srid <= 0x7fffffff;
}

// Raw into bytea, in hexadecimal into PostGIS's types and text.
EncodeStatus encode_geometry(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                             EncodeFailure& why) {
  thread_local Bytes scratch;
  thread_local Bytes wkb;
  thread_local Bytes ewkb;
  wkb.clear();
  ewkb.clear();
  Members members;
  std::int64_t srid = 0;
  const std::size_t at = begin_element(out);
  if (!read_members(value, members) || !members.wkb.is_string() || !read_srid(members.srid, srid) ||
      !append_base64_decoded(string_content(members.wkb, scratch), wkb) ||
      !append_ewkb(wkb.view(), srid, ewkb)) {
    return bad(at, out, why, "not a geometry in well-known binary");
  }
  if (plan.target.kind == TypeKind::bytea) {
    out.append(ewkb.view());
  } else {
    append_hex(ewkb.view(), out);
  }
  end_element(at, out);
  return finish_text(plan, at, out, why);
}

// The type's name without its schema.
std::string_view bare_name(const PgType& type) {
  const std::string_view name = type.name;
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

bool is_other(const PgType& target, std::string_view name) {
  return target.kind == TypeKind::other && bare_name(target) == name;
}

// {"wkb":…,"srid":null,"extensions":{"type":"path","closed":"true"}} into PostgreSQL's own type.
EncodeStatus encode_native_geometry(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                    EncodeFailure& why) {
  thread_local Bytes scratch;
  thread_local Bytes wkb;
  wkb.clear();
  Members members;
  Members extensions;
  if (!read_members(value, members) || !members.wkb.is_string() ||
      !append_base64_decoded(string_content(members.wkb, scratch), wkb)) {
    return bad(out.size(), out, why, "not a geometry in well-known binary");
  }
  if (!read_members(members.extensions, extensions) || !extensions.type.is_string() ||
      extensions.type.raw != bare_name(plan.target)) {
    return bad(out.size(), out, why, "a geometry that is not said to be of the column's type");
  }
  const std::size_t at = begin_element(out);
  const bool closed = extensions.closed.is_string() && extensions.closed.raw == "true";
  if (!append_native_geometry(extensions.type.raw, closed, wkb.view(), out)) {
    return bad(at, out, why, "not a geometry of the type that it is said to be");
  }
  end_element(at, out);
  return EncodeStatus::ok;
}

// Schemaless: the object or array of a schema, or the type's own text.
template <EncodeFunction structured>
EncodeStatus encode_any(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                        EncodeFailure& why) {
  const bool text = value.is_string() || value.kind == JsonKind::number;
  return (text ? plan_text(Shape::any, plan) : structured)(plan, value, out, why);
}

// An array of numbers is a vector's own text.
EncodeStatus encode_vector(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                           EncodeFailure& why) {
  if (value.kind != JsonKind::array) return wrong_kind(value, "a vector", why);
  const std::size_t at = append_text_element(value.raw, out);
  return finish_text(plan, at, out, why);
}

// "{1:0.5,3:2}/5" from [[1,0.5],[3,2]], or from {"1":0.5}, as a map with string keys would be.
bool append_entries(const JsonValue& vector, Bytes& out) {
  JsonReader reader(vector.raw, 4);
  bool first = true;
  const auto append_entry = [&](std::string_view index, const JsonValue& value) {
    if (!first) out.append(',');
    first = false;
    out.append(index);
    out.append(':');
    return append_coordinate(value, out);
  };
  JsonValue value;
  if (vector.kind == JsonKind::object) {
    std::string_view name;
    bool escaped = false;
    reader.enter_object();
    while (reader.member(name, escaped)) {
      if (!reader.value(value) || !append_entry(name, value)) return false;
    }
    return !reader.failed();
  }
  if (vector.kind != JsonKind::array) return false;
  reader.enter_array();
  while (reader.element()) {
    JsonValue index;
    if (!reader.enter_array() || !reader.element() || !reader.value(index) || !reader.element() ||
        !reader.value(value) || reader.element() || index.kind != JsonKind::number ||
        !append_entry(index.raw, value)) {
      return false;
    }
  }
  return !reader.failed();
}

EncodeStatus encode_sparse_vector(const ValuePlan& plan, const JsonValue& value, Bytes& out,
                                  EncodeFailure& why) {
  Members members;
  const std::size_t at = begin_element(out);
  out.append('{');
  if (!read_members(value, members) || members.dimensions.kind != JsonKind::number ||
      !append_entries(members.vector, out)) {
    return bad(at, out, why, "not a sparse vector");
  }
  out.append("}/");
  out.append(members.dimensions.raw);
  end_element(at, out);
  return finish_text(plan, at, out, why);
}

bool is_native(const PgType& target) {
  return is_other(target, "box") || is_other(target, "lseg") || is_other(target, "path") ||
         is_other(target, "polygon");
}

EncodeFunction plan_any_geometry(const PgType& target) {
  if (target.kind == TypeKind::point) return encode_any<encode_point>;
  if (is_native(target)) return encode_any<encode_native_geometry>;
  if (is_other(target, "geometry") || is_other(target, "geography")) {
    return encode_any<encode_geometry>;
  }
  if (is_other(target, "circle")) return encode_any<encode_circle>;
  if (is_other(target, "line")) return encode_any<encode_line>;
  if (is_other(target, "vector") || is_other(target, "halfvec")) return encode_any<encode_vector>;
  return is_other(target, "sparsevec") ? encode_any<encode_sparse_vector> : nullptr;
}

}  // namespace

EncodeFunction plan_geometry(Shape shape, const ValuePlan& plan) {
  const PgType& target = plan.target;
  const bool text = is_text_like(target);
  const bool postgis = is_other(target, "geometry") || is_other(target, "geography");
  switch (shape) {
    case Shape::any:
      return plan_any_geometry(target);
    case Shape::point:
      if (target.kind == TypeKind::point || text) return encode_point;
      return postgis || target.kind == TypeKind::bytea ? encode_geometry : nullptr;
    case Shape::geometry:
      if (is_native(target)) return encode_native_geometry;
      return postgis || text || target.kind == TypeKind::bytea ? encode_geometry : nullptr;
    case Shape::circle:
      return is_other(target, "circle") || text ? encode_circle : nullptr;
    case Shape::line:
      return is_other(target, "line") || text ? encode_line : nullptr;
    case Shape::vector:
      return target.kind == TypeKind::other || text ? encode_vector : nullptr;
    case Shape::sparse_vector:
      return target.kind == TypeKind::other || text ? encode_sparse_vector : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace tidemark
