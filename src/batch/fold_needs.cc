#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/bytes.h"
#include "batch/fold.h"

namespace tidemark {

namespace {

constexpr char kLinkMark = '\xff';  // no key image begins so: its first byte is a length's

// A key with its table, for the small sets below.
std::string spot(const Layout* layout, std::string_view key) {
  return std::to_string(reinterpret_cast<std::uintptr_t>(layout)).append(1, '/').append(key);
}

std::string change_spot(const KeyChangeId& id) {
  std::string out = spot(id.layout, id.old_key);
  out.append(id.new_key).append(1, '/').append(id.position);
  return out;
}

void append_part(std::string& out, std::string_view part) {
  char length[4];  // NOLINT(*-avoid-c-arrays)
  store_big(length, static_cast<std::uint32_t>(part.size()));
  out.append(length, sizeof length).append(part);
}

std::string next_part(std::string_view& text) {
  const std::uint32_t length = load_big<std::uint32_t>(text.data());
  std::string part(text.substr(4, length));
  text.remove_prefix(4 + length);
  return part;
}

}  // namespace

bool is_link(std::string_view at_key) {
  return !at_key.empty() && at_key.front() == kLinkMark;
}

std::string make_link(std::string_view old_key, std::string_view new_key,
                      std::string_view position) {
  std::string link(1, kLinkMark);
  append_part(link, old_key);
  append_part(link, new_key);
  append_part(link, position);
  return link;
}

KeyChangeLink parse_link(std::string_view at_key) {
  at_key.remove_prefix(1);
  KeyChangeLink link;
  link.old_key = next_part(at_key);
  link.new_key = next_part(at_key);
  link.position = next_part(at_key);
  return link;
}

KeyChangeId key_change_of(const EventRef& ref, const std::vector<FoldPartition>& partitions) {
  const bool is_delete = ref.event->op == Op::remove || ref.event->op == Op::tombstone;
  KeyChangeId id;
  id.layout = ref.event->layout;
  id.stream = partitions[ref.event->partition].stream;
  id.old_key = is_delete ? ref.key() : ref.other_key();
  id.new_key = is_delete ? ref.other_key() : ref.key();
  id.position = ref.source_position();
  return id;
}

// In a topic of one partition the delete comes before its create: a pair in the run needs nothing
// from `key_changes`. In others every change asks, since either half, or a repetition of it, may
// have come by another partition.
FoldNeeds needs_of(const std::vector<EventRef>& events,
                   const std::vector<FoldPartition>& partitions) {
  FoldNeeds needs;
  std::unordered_multimap<std::string, std::size_t>
      open;                                 // deletes without their create, by change
  std::unordered_set<std::string> removed;  // keys deleted in the run
  std::vector<KeyChangeId> ids;
  std::vector<bool> paired;
  for (const EventRef& ref : events) {
    if (ref.event->layout == nullptr || !ref.is_key_change()) continue;
    const KeyChangeId id = key_change_of(ref, partitions);
    const bool alone = partitions[ref.event->partition].partitions_of_stream == 1;
    const std::string key_spot = spot(id.layout, ref.key());
    if (ref.event->op == Op::tombstone) {
      if (removed.contains(key_spot)) continue;
      needs.probes.push_back({id.layout, ref.key(), false});
    } else if (ref.event->op == Op::remove) {
      removed.insert(key_spot);
      needs.probes.push_back({id.layout, ref.key(), false});
      if (alone) open.emplace(change_spot(id), ids.size());
    } else {
      const auto pair = open.find(change_spot(id));
      if (alone && pair != open.end()) {
        paired[pair->second] = true;
        open.erase(pair);
        continue;
      }
      if (ref.event->has_unavailable || ref.event->has_absent) {
        needs.probes.push_back({id.layout, ref.key(), false});
      }
    }
    ids.push_back(id);
    paired.push_back(false);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!paired[i]) needs.key_changes.push_back(ids[i]);
  }
  return needs;
}

}  // namespace tidemark
