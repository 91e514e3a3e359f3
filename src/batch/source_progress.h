// How far the source's own order has been applied in one partition, for tables without a key: a
// repeated event cannot be told from a new one by its row, only by its position at the source.
// Rule: an event below the last position applied is a repetition and skipped; while a repetition
// goes on, so are as many events *at* the last position as had been applied (positions tie: all rows
// of one COPY share one). Without a position, or an order between positions, nothing is skipped.
// Text form: "<commit>/<lsn>" with "#<count>" behind it, stored in pipeline_watermarks.
// A value; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark {

class SourceProgress {
 public:
  SourceProgress() = default;
  explicit SourceProgress(std::string_view text);

  // True: apply it (and it counts as applied from now on); false: it is a repetition.
  bool admit(std::string_view source_position);
  [[nodiscard]] std::string text() const;

 private:
  bool known_ = false;
  std::uint64_t commit_ = 0;
  std::uint64_t lsn_ = 0;
  std::uint64_t count_ = 0;      // events applied at exactly this position
  bool repeating_ = false;
  std::uint64_t repeated_ = 0;   // of them, seen again
};

}  // namespace tidemark
