// Walking and merging row images (model/layout.h): the only arithmetic on their bytes outside the
// decoder and the target. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/bytes.h"
#include "model/layout.h"

namespace tidemark {

// One element of a row or key image: its length (or a negative kElement… mark) and all its bytes.
struct Element {
  std::int32_t length = kElementNull;
  std::string_view bytes;  // with the length in front
  [[nodiscard]] bool lacking() const {
    return length == kElementUnavailable || length == kElementAbsent;
  }
};

class ElementReader {
 public:
  explicit ElementReader(std::string_view image) : image_(image) {}
  [[nodiscard]] bool done() const { return at_ >= image_.size(); }
  Element next() {
    const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(image_.data() + at_));
    const std::size_t size = 4 + (length > 0 ? static_cast<std::size_t>(length) : 0);
    const Element element{length, image_.substr(at_, size)};
    at_ += size;
    return element;
  }

 private:
  std::string_view image_;
  std::size_t at_ = 0;
};

struct MergedRow {
  std::string_view row;
  bool unavailable = false;
  bool absent = false;
};

// Is any column lacking, and how.
MergedRow classify_row(std::string_view row);
// `over`'s columns where it has them, else `under`'s; what both lack stays lacking, unavailable if
// either says so. An empty image lacks every column. The result is in `arena`.
MergedRow merge_rows(std::string_view over, std::string_view under, Arena& arena);
// A row with all columns unavailable.
std::string_view unavailable_row(std::size_t columns, Arena& arena);
// The row with its key columns set to those of `key` (they may be lacking in it).
std::string_view with_key(const Layout& layout, std::string_view row, std::string_view key,
                          Arena& arena);

// The key image in the one form that it has under every layout of its table, now and later: where
// keys are kept or sent to other lanes. A key column may become a wider integer (why_type_stays),
// so integers have eight bytes in it. Of such a form it is that form.
std::string lasting_key(const Layout& layout, std::string_view key);
// And back. A number beyond the layout's type stays as it is, and equals no key of the layout.
std::string key_of_lasting(const Layout& layout, std::string_view key);

}  // namespace tidemark
