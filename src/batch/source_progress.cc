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
  log_ = position.log;
  position_ = position;
  position_.log = {};
}

// Below the highest one. A source that does not know its last commit yet gives none: such a pair
// has no order. A server that takes over from another writes a log of its own, where its
// predecessor's transactions may stand at any place, but with their numbers.
bool SourceProgress::is_below(const SourcePosition& here) const {
  if (!known_ || here.log != log_) return false;
  if (here.commit == 0 && position_.commit != 0) return false;
  return here.place() < position_.place() && here.transaction <= position_.transaction;
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
  const bool same = known_ && here.place() == position_.place() && here.log == log_ &&
                    here.transaction == position_.transaction;
  if (same) return admit_tie(event);
  if (is_below(here) && !event.snapshot && event.time_us <= time_us_) {
    repeating_ = true;
    repeated_ = 0;
    return false;
  }
  *this = SourceProgress();
  known_ = true;
  log_ = here.log;
  position_ = here;
  position_.log = {};
  time_us_ = event.time_us;
  count_ = 1;
  key_changes_[0] = event.key_change_hash;
  return true;
}

std::string SourceProgress::text() const {
  if (!known_) return {};
  std::string out = std::to_string(position_.commit) + "/" + std::to_string(position_.lsn);
  if (!log_.empty()) {
    out += "/" + std::to_string(position_.row) + "+" + std::to_string(position_.transaction) + "=" +
           log_;
  }
  out += "@" + std::to_string(time_us_) + "#" + std::to_string(count_);
  for (const std::uint32_t hash : key_changes_) {
    if (hash != 0) out += "~" + std::to_string(hash);
  }
  if (repeating_) out += "!";
  return out;
}

}  // namespace tidemark
