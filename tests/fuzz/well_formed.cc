#include "fuzz/well_formed.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/bytes.h"
#include "decode/json.h"

namespace tidemark::fuzz {
namespace {

template <typename Signed, typename Unsigned>
Signed load(std::string_view bytes) {
  return static_cast<Signed>(load_big<Unsigned>(bytes.data()));
}

// As numeric_recv checks it.
const char* fault_of_numeric(std::string_view bytes) {
  if (bytes.size() < 8) return "numeric: no header";
  const auto digits = load<std::uint16_t, std::uint16_t>(bytes);
  const auto sign = load<std::uint16_t, std::uint16_t>(bytes.substr(4));
  const auto scale = load<std::uint16_t, std::uint16_t>(bytes.substr(6));
  if (bytes.size() != 8U + 2U * digits) return "numeric: length";
  if (sign != 0 && sign != 0x4000 && sign != 0xC000 && sign != 0xD000 && sign != 0xF000) {
    return "numeric: sign";
  }
  if (scale > 0x3FFF) return "numeric: scale";
  for (std::size_t i = 0; i < digits; ++i) {
    if (load<std::uint16_t, std::uint16_t>(bytes.substr(8 + 2 * i)) >= 10'000) {
      return "numeric: digit";
    }
  }
  return nullptr;
}

// RFC 3629, and no zero byte.
const char* fault_of_text(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    };
    const unsigned first = byte(i);
    if (first == 0) return "text: zero byte";
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0) return "text: not UTF-8";
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80) return "text: not UTF-8";
    }
    if ((first == 0xE0 && byte(i + 1) < 0xA0) || (first == 0xED && byte(i + 1) > 0x9F) ||
        (first == 0xF0 && byte(i + 1) < 0x90) || (first == 0xF4 && byte(i + 1) > 0x8F)) {
      return "text: not UTF-8";
    }
    i += length;
  }
  return nullptr;
}

const char* fault_of_jsonb(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != '\1') return "jsonb: version";
  const std::string_view text = bytes.substr(1);
  if (const char* fault = fault_of_text(text)) return fault;
  JsonReader reader(text, JsonReader::kDepthCeiling);
  JsonValue value;
  if (!reader.value(value) || !reader.at_end()) return "jsonb: not JSON";
  return nullptr;
}

const char* fault_of_timestamp(std::string_view bytes) {
  constexpr std::int64_t kBegin = -211'813'488'000'000'000;
  constexpr std::int64_t kEnd = 9'223'371'331'200'000'000;
  const auto value = load<std::int64_t, std::uint64_t>(bytes);
  const bool infinite = value == std::numeric_limits<std::int64_t>::min() ||
                        value == std::numeric_limits<std::int64_t>::max();
  return infinite || (value >= kBegin && value < kEnd) ? nullptr : "timestamp: out of range";
}

const char* fault_of_date(std::string_view bytes) {
  const auto value = load<std::int32_t, std::uint32_t>(bytes);
  const bool infinite = value == std::numeric_limits<std::int32_t>::min() ||
                        value == std::numeric_limits<std::int32_t>::max();
  return infinite || (value >= -2'451'545 && value < 2'145'031'949) ? nullptr
                                                                    : "date: out of range";
}

const char* fault_of_time(std::string_view bytes) {
  const auto value = load<std::int64_t, std::uint64_t>(bytes);
  return value >= 0 && value <= 86'400'000'000 ? nullptr : "time: out of range";
}

const char* of_size(std::string_view bytes, std::size_t size) {
  return bytes.size() == size ? nullptr : "length";
}

}  // namespace

const char* fault_of(Wire wire, std::string_view bytes) {
  switch (wire) {
    case Wire::boolean:
      return bytes.size() == 1 && (bytes[0] == '\0' || bytes[0] == '\1') ? nullptr : "boolean";
    case Wire::int2:
      return of_size(bytes, 2);
    case Wire::int4:
    case Wire::float4:
      return of_size(bytes, 4);
    case Wire::int8:
    case Wire::float8:
      return of_size(bytes, 8);
    case Wire::uuid:
      return of_size(bytes, 16);
    case Wire::bytea:
      return nullptr;
    case Wire::numeric:
      return fault_of_numeric(bytes);
    case Wire::text:
      return fault_of_text(bytes);
    case Wire::jsonb:
      return fault_of_jsonb(bytes);
    case Wire::date:
      return bytes.size() == 4 ? fault_of_date(bytes) : "date: length";
    case Wire::time:
      return bytes.size() == 8 ? fault_of_time(bytes) : "time: length";
    case Wire::timestamp:
    case Wire::timestamptz:
      return bytes.size() == 8 ? fault_of_timestamp(bytes) : "timestamp: length";
  }
  return "no such wire";
}

void require_image(std::string_view image, const std::vector<const LayoutColumn*>& columns,
                   std::string_view source) {
  for (const LayoutColumn* column : columns) {
    if (image.size() < 4) die("an image ends within an element");
    const auto length = load<std::int32_t, std::uint32_t>(image);
    image.remove_prefix(4);
    if (length < kElementAbsent) die("an element of a length that means nothing");
    if (length < 0) continue;
    const auto size = static_cast<std::size_t>(length);
    if (image.size() < size) die("an image ends within a value");
    if (const char* fault = fault_of(column->wire, image.substr(0, size))) {
      const std::string value(image.substr(0, size));
      die((std::string(fault) + ", into " + column->type.sql() + " from \"" + std::string(source) +
           "\": " + value)
              .c_str());
    }
    image.remove_prefix(size);
  }
  if (!image.empty()) die("an image has more than its columns");
}

void die(const char* what) {
  std::fprintf(stderr, "FUZZER FINDING: %s\n", what);
  std::abort();
}

}  // namespace tidemark::fuzz
