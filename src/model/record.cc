#include "tidemark/record.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace tidemark {

namespace {

constexpr std::size_t kTailBytes = 64;
// Stands for the length of a null, which is not that of an empty text.
constexpr std::uint64_t kNullLength = ~std::uint64_t{0};

std::uint64_t mix(std::uint64_t seed, std::string_view text) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

}  // namespace

// Stored in pipeline_watermarks: what goes into it, and in which order, must not change.
std::uint64_t fingerprint_of(const RecordView& record) {
  const std::uint64_t lengths[3] = {static_cast<std::uint64_t>(record.timestamp_ms),
                                    record.key ? record.key->size() : kNullLength,
                                    record.value ? record.value->size() : kNullLength};
  std::uint64_t hash = XXH3_64bits(lengths, sizeof lengths);
  if (record.key) hash = mix(hash, *record.key);
  if (record.value) {
    const std::size_t tail = std::min(record.value->size(), kTailBytes);
    hash = mix(hash, record.value->substr(record.value->size() - tail));
  }
  return hash;
}

}  // namespace tidemark
