// Decodes a file of captured records (one JSON object a line: topic, partition, offset, timestamp,
// headers, key, value) against a target without tables, and prints one line an event: for looking.
// Usage: decode_fixture FILE [--registry FILE] [--infer] [--hex] [--no-truncate]. Exit code 1: a
// record was bad.
#include <rapidjson/document.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <set>
#include <string>

#include "../support/registry_file.h"
#include "decode/base64.h"
#include "decode/record_decoder.h"

namespace {

using tidemark::Event;
using tidemark::Layout;
using tidemark::Op;
using tidemark::Slab;
using tidemark::Wire;

struct Options {
  std::string file;
  bool hex = false;
  std::string registry;
  tidemark::Config config;
};

const char* name_of(Op op) {
  static constexpr const char* kNames[] = {"snapshot",  "create",   "update", "remove",
                                           "tombstone", "truncate", "skip",   "bad"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string hex_of(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\\x";
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4U];
    out += kDigits[static_cast<unsigned char>(c) & 0xFU];
  }
  return out;
}

std::int64_t signed_of(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = (value << 8U) | static_cast<unsigned char>(c);
  const auto unused = static_cast<unsigned>(64 - 8 * bytes.size());
  return static_cast<std::int64_t>(value << unused) >> unused;
}

std::string text_of(Wire wire, std::string_view bytes) {
  switch (wire) {
    case Wire::boolean:
      return bytes == std::string_view("\1", 1) ? "true" : "false";
    case Wire::int2:
    case Wire::int4:
    case Wire::int8:
    case Wire::date:
    case Wire::time:
    case Wire::timestamp:
    case Wire::timestamptz:
      return std::to_string(signed_of(bytes));
    case Wire::text:
      return "'" + std::string(bytes.substr(0, 60)) + (bytes.size() > 60 ? "…'" : "'");
    default:
      return hex_of(bytes.substr(0, 40)) + (bytes.size() > 40 ? "…" : "");
  }
}

// The elements of an image, as text by the wires of its columns.
std::string image(std::string_view bytes, const std::vector<const tidemark::LayoutColumn*>& columns,
                  bool hex) {
  if (hex) return hex_of(bytes);
  std::string out = "(";
  std::size_t at = 0;
  for (const tidemark::LayoutColumn* column : columns) {
    const auto length =
        static_cast<std::int32_t>(tidemark::load_big<std::uint32_t>(bytes.data() + at));
    at += 4;
    out += (out.size() > 1 ? ", " : "") + column->name + "=";
    if (length >= 0) {
      out += text_of(column->wire, bytes.substr(at, static_cast<std::size_t>(length)));
      at += static_cast<std::size_t>(length);
    } else {
      out += length == tidemark::kElementNull          ? "null"
             : length == tidemark::kElementUnavailable ? "UNAVAILABLE"
                                                       : "ABSENT";
    }
  }
  return out + ")" + (at == bytes.size() ? "" : " TRAILING BYTES");
}

void print(const Event& event, const Slab& slab, const Options& options) {
  std::string line = std::to_string(event.offset.value) + " " + name_of(event.op);
  if (event.op == Op::skip) line += std::string(" ") + to_string(event.skip);
  if (event.op == Op::bad) {
    const auto& bad = slab.bad[event.bad];
    line +=
        " " + bad.table + ": " + bad.message + " [" + bad.hint + "]" + (bad.halt ? " HALT" : "");
  }
  if (event.layout != nullptr) {
    const Layout& layout = *event.layout;
    std::vector<const tidemark::LayoutColumn*> columns;
    std::vector<const tidemark::LayoutColumn*> key;
    for (const auto& column : layout.columns) columns.push_back(&column);
    for (const auto i : layout.key) key.push_back(&layout.columns[i]);
    line += " " + layout.target.display();
    const auto part = [&](const char* name, tidemark::Span span, const auto& of) {
      if (span.length != 0)
        line += std::string(" ") + name + image(slab.bytes(span), of, options.hex);
    };
    part("key", event.key, key);
    part("other", event.other_key, key);
    part("row", event.row, columns);
    part("before", event.before, columns);
    line += event.has_unavailable ? " has-unavailable" : "";
    line += event.has_absent ? " has-absent" : "";
    line += " at=" + std::string(slab.bytes(event.source_position)) +
            " time=" + std::to_string(event.source_time_us);
  }
  std::cout << line << '\n';
}

void print_table(const Layout& layout) {
  std::cout << "-- " << layout.target.display() << ":";
  for (const auto& column : layout.required->columns) {
    std::cout << ' ' << column.name << ' ' << column.type.sql()
              << (column.not_null ? " not null" : "")
              << (column.default_sql ? " default " + *column.default_sql : "") << ',';
  }
  std::cout << " key";
  for (const auto& name : layout.required->key) std::cout << ' ' << name;
  std::cout << '\n';
}

// Text, or {"base64":…}, which is decoded into `bytes`.
std::optional<std::string_view> bytes_member(const rapidjson::Value& object, const char* name,
                                             tidemark::Bytes& bytes) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || found->value.IsNull()) return std::nullopt;
  if (found->value.IsString()) {
    return std::string_view(found->value.GetString(), found->value.GetStringLength());
  }
  bytes.clear();
  tidemark::append_base64_decoded(found->value["base64"].GetString(), bytes);
  return bytes.view();
}

struct Decoded {
  tidemark::Bytes key;
  tidemark::Bytes value;
};

tidemark::RecordView record_of(const rapidjson::Value& line, Decoded& decoded) {
  tidemark::RecordView record;
  record.topic = line["topic"].GetString();
  record.partition = {line["partition"].GetInt()};
  record.offset = {line["offset"].GetInt64()};
  record.timestamp_ms = line["timestamp"].GetInt64();
  record.key = bytes_member(line, "key", decoded.key);
  record.value = bytes_member(line, "value", decoded.value);
  for (const auto& header : line["headers"].GetArray()) {
    tidemark::HeaderView view{header[0].GetString(), std::nullopt};
    if (header[1].IsString()) view.value = {header[1].GetString(), header[1].GetStringLength()};
    record.headers.push_back(view);
  }
  return record;
}

int run(const Options& options) {
  std::ifstream in(options.file);
  std::string text;
  Slab slab;
  tidemark::test::RegistryFile registry;
  if (!options.registry.empty()) registry.read(options.registry);
  tidemark::RecordDecoder decoder(
      options.config, [](const tidemark::TableName&) { return tidemark::TablePtr(); },
      options.registry.empty() ? tidemark::SchemaLookup() : registry.lookup());
  Decoded decoded;
  std::set<const Layout*> seen;
  int bad = 0;
  while (std::getline(in, text)) {
    rapidjson::Document line;
    line.Parse(text.c_str());
    if (line.HasParseError()) {
      std::cerr << "not JSON: " << text.substr(0, 80) << '\n';
      return 2;
    }
    decoder.decode(record_of(line, decoded), 0, 1, slab);
    const Event& event = slab.events.back();
    if (event.layout != nullptr && seen.insert(event.layout).second) print_table(*event.layout);
    print(event, slab, options);
    bad += event.op == Op::bad ? 1 : 0;
  }
  std::cout << slab.events.size() << " events, " << bad << " bad, " << slab.layouts.size()
            << " layouts\n";
  return bad == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--hex") {
      options.hex = true;
    } else if (argument == "--registry" && i + 1 < argc) {
      options.registry = argv[++i];
    } else if (argument == "--infer") {
      options.config.target.schema_inference = true;
    } else if (argument == "--no-truncate") {
      options.config.target.truncate_enabled = false;
    } else {
      options.file = argument;
    }
  }
  return run(options);
}
