#include "batch/source_progress.h"

#include "batch/source_position.h"

namespace tidemark {

SourceProgress::SourceProgress(std::string_view text) {
  SourcePosition position;
  if (!read_position(text, position)) return;
  if (!read_mark(text, '@') || !read_number(text, time_us_)) return;
  if (!read_mark(text, '#') || !read_number(text, count_)) return;
  for (std::uint32_t& hash : key_changes_) {
    if (!read_mark(text, '~') || !read_number(text, hash)) break;
  }
  repeating_ = read_mark(text, '!');
  known_ = true;
  commit_ = position.commit;
  lsn_ = position.lsn;
}

bool SourceProgress::admit_tie(const Event& event) {
  if (event.keyless && repeating_ && repeated_ < count_) {
    ++repeated_;
    return false;
  }
  ++count_;
  if (event.key_change_hash == 0) return true;
  for (std::uint32_t& hash : key_changes_) {
    if (hash == event.key_change_hash) {
      repeating_ = true;
      return false;
    }
    if (hash != 0) continue;
    hash = event.key_change_hash;
    break;
  }
  return true;
}

bool SourceProgress::admit(const Event& event) {
  if (event.tombstone) return !repeating_;
  std::string_view text = event.position;
  SourcePosition here;
  if (!read_position(text, here) || !text.empty()) return true;
  const bool same = known_ && here.commit == commit_ && here.lsn == lsn_;
  if (same) return admit_tie(event);
  // A source that does not know its last commit yet gives none: such a pair has no order.
  const bool ordered = known_ && (here.commit != 0 || commit_ == 0);
  const bool below = ordered && here < SourcePosition{commit_, lsn_};
  if (below && !event.snapshot && event.time_us <= time_us_) {
    repeating_ = true;
    repeated_ = 0;
    return false;
  }
  *this = SourceProgress();
  known_ = true;
  commit_ = here.commit;
  lsn_ = here.lsn;
  time_us_ = event.time_us;
  count_ = 1;
  key_changes_[0] = event.key_change_hash;
  return true;
}

std::string SourceProgress::text() const {
  if (!known_) return {};
  std::string out = std::to_string(commit_) + "/" + std::to_string(lsn_) + "@" +
                    std::to_string(time_us_) + "#" + std::to_string(count_);
  for (const std::uint32_t hash : key_changes_) {
    if (hash != 0) out += "~" + std::to_string(hash);
  }
  if (repeating_) out += "!";
  return out;
}

}  // namespace tidemark
