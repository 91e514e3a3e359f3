#include "decode/avro_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "decode/base64.h"
#include "decode/refused.h"

namespace tidemark {

namespace {

constexpr std::size_t kNumberTextMax = 32;

void set(JsonValue& out, JsonKind kind, std::string_view raw) {
  out.kind = kind;
  out.escaped = false;
  out.raw = raw;
}

// As Jackson writes what is not finite: in quotes. Empty: it is finite.
template <typename T>
std::string_view special_name(T number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return {};
}

template <typename T>
std::string_view to_text(T number, std::array<char, kNumberTextMax>& room) {
  const auto written = std::to_chars(room.data(), room.data() + room.size(), number);
  return {room.data(), static_cast<std::size_t>(written.ptr - room.data())};
}

std::int64_t place_of(const std::string& name, const FieldNames& names) {
  return names.find(name);
}
std::int64_t place_of(const std::string& name, FieldNames& names) {
  return names.add(name);
}

}  // namespace

AvroReader::AvroReader(const AvroSchema& schema, std::string_view bytes, AvroScratch& scratch,
                       const char* what)
    : schema_(schema),
      scratch_(scratch),
      what_(what),
      begin_(bytes.data()),
      at_(bytes.data()),
      end_(bytes.data() + bytes.size()) {}

void AvroReader::refuse(const char* reason) const {
  throw Refused(std::string("the record's ") + what_ + " is not in the form of its Avro schema: " +
                    reason + ", at byte " + std::to_string(position()),
                "the schema's id in the record and the registry do not belong together (Apicurio's "
                "converters must have apicurio.registry.use-id=contentId), or the record was cut");
}

void AvroReader::finish() const {
  if (at_ != end_) refuse("it goes on behind its end");
}

// ---- what values are made of

std::uint64_t AvroReader::varint() {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at_ == end_) refuse("it ends inside a number");
    const std::uint64_t byte = static_cast<unsigned char>(*at_++);
    if (shift == 63 && byte > 1) refuse("a number of more than 64 bits");
    number |= (byte & 0x7FU) << shift;
    if (byte < 0x80) return number;
  }
  refuse("a number of more than 64 bits");
}

std::int64_t AvroReader::int64() {
  const std::uint64_t zigzag = varint();
  return static_cast<std::int64_t>(zigzag >> 1U) ^ -static_cast<std::int64_t>(zigzag & 1U);
}

std::int64_t AvroReader::int32() {
  const std::int64_t number = int64();
  if (number < std::numeric_limits<std::int32_t>::min() ||
      number > std::numeric_limits<std::int32_t>::max()) {
    refuse("an int of more than 32 bits");
  }
  return number;
}

std::string_view AvroReader::take(std::uint64_t length) {
  if (length > left()) refuse("it ends inside a value");
  const std::string_view bytes(at_, length);
  at_ += length;
  return bytes;
}

std::string_view AvroReader::sized() {
  const std::int64_t length = int64();
  if (length < 0) refuse("a negative length");
  return take(static_cast<std::uint64_t>(length));
}

std::string_view AvroReader::text() {
  const std::string_view bytes = sized();
  if (!is_utf8(bytes)) refuse("a string that is not UTF-8");
  return bytes;
}

bool AvroReader::boolean() {
  const char byte = take(1).front();
  if (byte != '\0' && byte != '\1') refuse("a boolean that is neither 0 nor 1");
  return byte == '\1';
}

template <typename T>
T AvroReader::real() {
  T number = 0;
  std::memcpy(&number, take(sizeof number).data(), sizeof number);
  return number;
}

std::string_view AvroReader::symbol(const AvroNode& node) {
  const std::int64_t at = int64();
  if (at < 0 || at >= std::int64_t{node.count}) refuse("an enum's symbol that is not there");
  return schema_.symbol(node, static_cast<std::size_t>(at));
}

std::uint32_t AvroReader::branch(std::uint32_t node) {
  const AvroNode& choice = schema_.node(node);
  if (choice.type != AvroType::choice) return node;
  const std::int64_t at = int64();
  if (at < 0 || at >= std::int64_t{choice.count}) refuse("a union's branch that is not there");
  return schema_.child(choice, static_cast<std::size_t>(at)).node;
}

// The next run of elements of an array or map; false: there is none. A negative count has the
// run's size behind it.
bool AvroReader::block(std::uint64_t element_size_min, Block& out) {
  const std::int64_t given = int64();
  out.end = nullptr;
  if (given == 0) return false;
  out.count = static_cast<std::uint64_t>(given);
  if (given < 0) {
    out.count = 0 - out.count;
    const std::int64_t size = int64();
    if (size < 0 || static_cast<std::uint64_t>(size) > left()) refuse("a block that has no end");
    out.end = at_ + size;
  }
  if (element_size_min > 0) {
    if (out.count > left() / element_size_min) refuse("more elements than bytes");
    return true;
  }
  empty_elements_ += std::min(out.count, kEmptyElementsMax + 1);
  if (empty_elements_ > kEmptyElementsMax) refuse("too many elements without bytes");
  return true;
}

void AvroReader::check_end(const Block& block) const {
  if (block.end != nullptr && at_ != block.end) refuse("a block of another size than it says");
}

void AvroReader::count(std::uint64_t bytes) {
  if (bytes > scratch_.bytes_max_ - std::min(scratch_.bytes_, scratch_.bytes_max_)) {
    throw Refused(std::string("the record's ") + what_ + " has arrays or structs of more than " +
                      std::to_string(scratch_.bytes_max_) + " bytes as JSON",
                  "raise record-max-bytes in [source] if such records are to be taken");
  }
}

// ---- what nobody asks for

void AvroReader::skip(std::uint32_t index) {
  const AvroNode& node = schema_.node(index);
  switch (node.type) {
    case AvroType::null:
      return;
    case AvroType::boolean:
      boolean();
      return;
    case AvroType::int32:
      int32();
      return;
    case AvroType::int64:
      int64();
      return;
    case AvroType::float32:
    case AvroType::float64:
    case AvroType::fixed:
      take(node.size_min);
      return;
    case AvroType::bytes:
      sized();
      return;
    case AvroType::string:
      text();
      return;
    case AvroType::enumeration:
      symbol(node);
      return;
    case AvroType::choice:
      return skip(branch(index));
    case AvroType::record:
      for (std::size_t i = 0; i < node.count; ++i) skip(schema_.child(node, i).node);
      return;
    case AvroType::array:
    case AvroType::map:
    case AvroType::entries:
      return skip_elements(node);
  }
}

// The bytes that one element of an array, a map or a map's entries has at least.
static std::uint64_t element_size_min(const AvroSchema& schema, const AvroNode& node) {
  std::uint64_t size = node.type == AvroType::map ? 1 : 0;
  for (std::size_t i = 0; i < node.count; ++i) {
    size += schema.node(schema.child(node, i).node).size_min;
  }
  return size;
}

void AvroReader::skip_elements(const AvroNode& node) {
  const std::uint64_t size_min = element_size_min(schema_, node);
  Block run;
  while (block(size_min, run)) {
    for (std::uint64_t i = 0; i < run.count; ++i) {
      if (node.type == AvroType::map) text();
      for (std::size_t part = 0; part < node.count; ++part) skip(schema_.child(node, part).node);
    }
    check_end(run);
  }
}

// ---- values

template <typename T>
void AvroReader::set_number(T number, JsonValue& out) {
  std::array<char, kNumberTextMax> room;  // NOLINT(*-member-init): written by to_text
  set(out, JsonKind::number, scratch_.texts_.copy(to_text(number, room)));
}

template <typename T>
void AvroReader::set_real(T number, JsonValue& out) {
  const std::string_view special = special_name(number);
  if (special.empty()) return set_number(number, out);
  set(out, JsonKind::string, special);
}

void AvroReader::value(std::uint32_t index, JsonValue& out) {
  const AvroNode& node = schema_.node(index);
  switch (node.type) {
    case AvroType::null:
      return set(out, JsonKind::null, "null");
    case AvroType::boolean:
      return boolean() ? set(out, JsonKind::boolean_true, "true")
                       : set(out, JsonKind::boolean_false, "false");
    case AvroType::int32:
      return set_number(int32(), out);
    case AvroType::int64:
      return set_number(int64(), out);
    case AvroType::float32:
      return set_real(real<float>(), out);
    case AvroType::float64:
      return set_real(real<double>(), out);
    case AvroType::bytes:
      return set(out, JsonKind::bytes, sized());
    case AvroType::fixed:
      return set(out, JsonKind::bytes, take(node.size_min));
    case AvroType::string:
      return set(out, JsonKind::string, text());
    case AvroType::enumeration:
      return set(out, JsonKind::string, symbol(node));
    case AvroType::choice:
      return value(branch(index), out);
    case AvroType::array:
    case AvroType::map:
    case AvroType::entries:
    case AvroType::record:
      break;
  }
  Bytes& json = scratch_.json_;
  json.clear();
  append_json(index, json);
  scratch_.bytes_ += json.size();
  const bool list = node.type == AvroType::array || node.type == AvroType::entries;
  set(out, list ? JsonKind::array : JsonKind::object, scratch_.texts_.copy(json.view()));
}

template <typename Names>  // FieldNames, which is added to, or const FieldNames
void AvroReader::fields(std::uint32_t record, Names& names, FieldValues& out) {
  const AvroNode& node = schema_.node(record);
  out.unknown.clear();
  out.values.assign(names.size(), JsonValue{});
  std::size_t next = 0;
  for (std::size_t i = 0; i < node.count; ++i) {
    const AvroChild& child = schema_.child(node, i);
    std::size_t place = next;
    if (next >= names.size() || names.name(next) != child.name) {
      const std::int64_t found = place_of(child.name, names);
      if (found < 0) {
        if (out.unknown.empty()) out.unknown = child.name.empty() ? "(empty)" : child.name;
        skip(child.node);
        continue;
      }
      place = static_cast<std::size_t>(found);
      if (place >= out.values.size()) out.values.resize(names.size());
    }
    value(child.node, out.values[place]);
    next = place + 1;
  }
}

void AvroReader::read_fields(std::uint32_t record, const FieldNames& names, FieldValues& out) {
  fields(record, names, out);
}

void AvroReader::learn_fields(std::uint32_t record, FieldNames& names, FieldValues& out) {
  fields(record, names, out);
}

// ---- arrays, maps and records inside a row, as JSON

template <typename T>
void AvroReader::append_real(T number, Bytes& out) {
  const std::string_view special = special_name(number);
  std::array<char, kNumberTextMax> room;  // NOLINT(*-member-init): written by to_text
  if (special.empty()) return out.append(to_text(number, room));
  out.append('"');
  out.append(special);
  out.append('"');
}

namespace {

void append_quoted(std::string_view text, Bytes& out) {
  out.append('"');
  append_escaped(text, out);
  out.append('"');
}

void append_base64(std::string_view bytes, Bytes& out) {
  out.append('"');
  out.append(base64_encoded(bytes));
  out.append('"');
}

}  // namespace

void AvroReader::append_json(std::uint32_t index, Bytes& out) {
  const AvroNode& node = schema_.node(index);
  std::array<char, kNumberTextMax> room;  // NOLINT(*-member-init): written by to_text
  count(out.size());
  switch (node.type) {
    case AvroType::null:
      return out.append("null");
    case AvroType::boolean:
      return out.append(boolean() ? "true" : "false");
    case AvroType::int32:
      return out.append(to_text(int32(), room));
    case AvroType::int64:
      return out.append(to_text(int64(), room));
    case AvroType::float32:
      return append_real(real<float>(), out);
    case AvroType::float64:
      return append_real(real<double>(), out);
    case AvroType::bytes:
      return append_base64(sized(), out);
    case AvroType::fixed:
      return append_base64(take(node.size_min), out);
    case AvroType::string:
      return append_quoted(text(), out);
    case AvroType::enumeration:
      return append_quoted(symbol(node), out);
    case AvroType::choice:
      return append_json(branch(index), out);
    case AvroType::record:
      return append_record(node, out);
    case AvroType::array:
    case AvroType::map:
    case AvroType::entries:
      return append_elements(node, out);
  }
}

void AvroReader::append_record(const AvroNode& node, Bytes& out) {
  out.append('{');
  for (std::size_t i = 0; i < node.count; ++i) {
    const AvroChild& child = schema_.child(node, i);
    if (i > 0) out.append(',');
    out.append(child.member);
    append_json(child.node, out);
  }
  out.append('}');
}

// An array is [a,b], a map {"k":a}, a map whose keys are no strings [[k,a]].
void AvroReader::append_elements(const AvroNode& node, Bytes& out) {
  const std::uint64_t size_min = element_size_min(schema_, node);
  const bool map = node.type == AvroType::map;
  const bool entries = node.type == AvroType::entries;
  bool first = true;
  Block run;
  out.append(map ? '{' : '[');
  while (block(size_min, run)) {
    for (std::uint64_t i = 0; i < run.count; ++i) {
      if (!first) out.append(',');
      first = false;
      if (map) {
        append_quoted(text(), out);
        out.append(':');
      }
      if (entries) out.append('[');
      append_json(schema_.child(node, 0).node, out);
      if (!entries) continue;
      out.append(',');
      append_json(schema_.child(node, 1).node, out);
      out.append(']');
    }
    check_end(run);
  }
  out.append(map ? '}' : ']');
}

}  // namespace tidemark
