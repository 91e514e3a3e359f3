// How fast records become events, on one core: the mix's records (support/mix_records.h), held in
// memory, decoded into slabs of 20,000.
// Usage: bench_decode [schemas|schemaless|flattened|avro] [millions of records] [FILE]
// With FILE: writes the values there instead, the Avro schema first, each behind its length in four
// bytes, big-endian; for who wants to decode them in another way.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "../support/mix_records.h"
#include "decode/record_decoder.h"

namespace {

using tidemark::test::MixRecord;

constexpr std::size_t kSlabEvents = 20000;

void write_block(std::ofstream& out, const std::string& bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.put(static_cast<char>(bytes.size() >> static_cast<unsigned>(shift) & 0xFFU));
  }
  out << bytes;
}

int write_records(const char* path, const std::vector<MixRecord>& records) {
  std::ofstream out(path, std::ios::binary);
  write_block(out, tidemark::test::mix_avro_schema());
  for (const MixRecord& record : records) write_block(out, record.value);
  return out.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string form = argc > 1 ? argv[1] : "schemas";
  const double millions = argc > 2 ? std::strtod(argv[2], nullptr) : 1.0;
  const bool avro = form == "avro";
  const std::vector<MixRecord> records = tidemark::test::mix_records(form);
  if (argc > 3) return write_records(argv[3], records);
  std::size_t bytes = 0;
  for (const MixRecord& record : records) bytes += record.key.size() + record.value.size();
  tidemark::Config config;
  tidemark::test::RegistryFile registry = tidemark::test::mix_registry();
  tidemark::RecordDecoder decoder(
      config, [](const tidemark::TableName&) { return tidemark::test::mix_table(); },
      avro ? registry.lookup() : tidemark::SchemaLookup());
  const auto count = static_cast<std::size_t>(millions * 1e6);
  auto slab = std::make_unique<tidemark::Slab>();
  std::size_t image_bytes = 0;
  const std::clock_t start = std::clock();  // of this process: other load does not count
  for (std::size_t i = 0; i < count; ++i) {
    const MixRecord& record = records[i % records.size()];
    tidemark::RecordView view;
    view.topic = "bench.public.orders";
    view.offset = tidemark::Offset{static_cast<std::int64_t>(i)};
    view.timestamp_ms = 1795221717900;
    view.key = record.key;
    if (!record.value.empty()) view.value = record.value;
    decoder.decode(view, 0, 1, *slab);
    if (slab->events.size() == kSlabEvents) {
      if (!slab->bad.empty()) {
        std::printf("bad: %s\n", slab->bad.front().message.c_str());
        return 1;
      }
      image_bytes += slab->arena.size();
      slab = std::make_unique<tidemark::Slab>();
    }
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf(
      "%s: %zu events of %zu bytes in %.2f CPU s: %.0f events/s, %.0f MB/s, %zu bytes an event "
      "decoded\n",
      form.c_str(), count, bytes / records.size(), seconds, static_cast<double>(count) / seconds,
      static_cast<double>(bytes) / static_cast<double>(records.size()) *
          static_cast<double>(count) / seconds / 1e6,
      image_bytes / count);
  return 0;
}
