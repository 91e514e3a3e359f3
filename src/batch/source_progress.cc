#include "batch/source_progress.h"

#include <charconv>
#include <utility>

namespace tidemark {

namespace {

struct Position {
  bool ok = false;
  std::uint64_t commit = 0;
  std::uint64_t lsn = 0;
  std::uint64_t count = 1;
};

bool read_number(std::string_view& text, std::uint64_t& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  if (result.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return true;
}

Position parse(std::string_view text) {
  Position p;
  if (!read_number(text, p.commit) || text.empty() || text.front() != '/') return p;
  text.remove_prefix(1);
  if (!read_number(text, p.lsn)) return p;
  if (!text.empty() && text.front() == '#') {
    text.remove_prefix(1);
    if (!read_number(text, p.count)) return p;
  }
  p.ok = text.empty();
  return p;
}

}  // namespace

SourceProgress::SourceProgress(std::string_view text) {
  const Position p = parse(text);
  if (!p.ok) return;
  known_ = true;
  commit_ = p.commit;
  lsn_ = p.lsn;
  count_ = p.count;
}

bool SourceProgress::admit(std::string_view source_position) {
  const Position p = parse(source_position);
  if (!p.ok) return true;
  const auto last = std::pair(commit_, lsn_);
  const auto here = std::pair(p.commit, p.lsn);
  if (known_ && here < last) {
    repeating_ = true;
    repeated_ = 0;
    return false;
  }
  if (known_ && here == last) {
    if (repeating_ && repeated_ < count_) {
      ++repeated_;
      return false;
    }
    ++count_;
    return true;
  }
  known_ = true;
  commit_ = p.commit;
  lsn_ = p.lsn;
  count_ = 1;
  repeating_ = false;
  return true;
}

std::string SourceProgress::text() const {
  if (!known_) return {};
  return std::to_string(commit_) + "/" + std::to_string(lsn_) + "#" + std::to_string(count_);
}

}  // namespace tidemark
