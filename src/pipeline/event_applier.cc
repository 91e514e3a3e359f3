#include "pipeline/event_applier.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "batch/row_image.h"

namespace tidemark {
namespace {

constexpr std::size_t kHintsMax = 10000;

bool has_key(const Event& event) {
  return event.layout != nullptr && !event.layout->keyless() && event.key.length != 0;
}

}  // namespace

EventApplier::EventApplier(Target& target, const Config& config)
    : target_(target), config_(config) {}

void EventApplier::adopt(std::vector<FoldPartition> partitions, std::vector<KeyChangeHint> hints) {
  partitions_ = std::move(partitions);
  hints_ = std::move(hints);
  hints_pending_.clear();
  ahead_.reset();
}

void EventApplier::begin() {
  hints_pending_.clear();
}

void EventApplier::committed() {
  hints_.insert(hints_.end(), hints_pending_.begin(), hints_pending_.end());
  hints_pending_.clear();
  if (hints_.size() > kHintsMax) hints_.erase(hints_.begin(), hints_.begin() + kHintsMax / 2);
}

WriteCounts EventApplier::apply(const std::vector<EventRef>& events) {
  // Used or not, it is none any more; its slabs are kept as long as what is made of them is.
  const std::optional<Ahead> mine =
      is_ahead(events) ? std::exchange(ahead_, std::nullopt) : std::nullopt;
  FoldNeeds needs = mine ? FoldNeeds{} : needs_of(events, partitions_);
  const std::vector<KeyChangeRow> rows = lock_key_changes(events, needs.key_changes);
  if (!needs.probes.empty()) answer(needs.probes);
  const auto begin = std::chrono::steady_clock::now();
  if (mine) current_ = 1 - current_;
  const FoldedBatch& folded =
      mine && rows.empty() ? *mine->folded : fold(folds_.at(current_), events, rows, needs.probes);
  const auto folded_at = std::chrono::steady_clock::now();
  const auto waited = target_.waited();
  const WriteCounts counts = target_.write(folded);
  times_.fold += folded_at - begin;
  times_.encode += std::chrono::steady_clock::now() - folded_at - (target_.waited() - waited);
  for (const KeyChangeLeft& left : folded.key_changes_left) {
    if (left.side != 'c' || !left.has_row || is_link(left.at_key)) continue;
    const Layout& layout = *left.id.layout;
    hints_pending_.push_back({{std::string(left.id.stream), Partition{left.partition}},
                              layout.target,
                              lasting_key(layout, left.id.old_key),
                              lasting_key(layout, left.id.new_key),
                              std::string(left.id.position),
                              lasting_key(layout, left.at_key)});
  }
  return counts;
}

const FoldedBatch& EventApplier::fold(Fold& with, const std::vector<EventRef>& events,
                                      const std::vector<KeyChangeRow>& rows,
                                      const std::vector<RowProbe>& probes) const {
  FoldContext context;
  context.partitions = &partitions_;
  context.key_changes = &rows;
  context.probes = &probes;
  context.deletes_enabled = config_.target.delete_enabled;
  return with.fold(events, context);
}

// ---- folding ahead
// -------------------------------------------------------------------------------

void EventApplier::fold_ahead(std::vector<EventRef> events, std::vector<SlabPtr> slabs) {
  ahead_.reset();
  const FoldNeeds needs = needs_of(events, partitions_);
  if (!needs.key_changes.empty() || !needs.probes.empty()) return;
  try {
    const FoldedBatch& folded = fold(folds_.at(1 - current_), events, {}, {});
    ahead_ = Ahead{std::move(events), std::move(slabs), &folded};
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): apply() finds it too, and can say it
  }
}

bool EventApplier::is_ahead(const std::vector<EventRef>& events) const {
  const auto same = [](const EventRef& a, const EventRef& b) { return a.event == b.event; };
  return ahead_ && std::equal(events.begin(), events.end(), ahead_->events.begin(),
                              ahead_->events.end(), same);
}

// ---- key changes
// ---------------------------------------------------------------------------------

// The changes of the run, and those whose incomplete rows live under its keys. Another lane may
// move such a row to a key of ours at any time, but only under the lock of the change that waited
// there before: so once that lock is ours, we look again.
std::vector<KeyChangeRow> EventApplier::lock_key_changes(const std::vector<EventRef>& events,
                                                         const std::vector<KeyChangeId>& needed) {
  std::vector<KeyChangeRow> rows;
  std::set<std::string> locked;
  std::vector<KeyChangeId> ids = needed;
  std::deque<std::vector<KeyChangeHint>> looks;  // ids point into them
  while (true) {
    looks.push_back(waiting_rows());
    const bool more = add_waiting(events, looks.back(), locked, ids);
    if (!ids.empty()) lock_linked(ids, rows);
    if (!more) return rows;
    ids.clear();
  }
}

// A topic of one partition has one owner: what waits under its keys is what we left there.
std::vector<KeyChangeHint> EventApplier::waiting_rows() {
  std::vector<StreamPartition> shared;
  for (const FoldPartition& partition : partitions_) {
    if (partition.partitions_of_stream == 1) continue;
    shared.push_back({std::string(partition.stream), Partition{partition.partition}});
  }
  std::vector<KeyChangeHint> out = hints_;
  out.insert(out.end(), hints_pending_.begin(), hints_pending_.end());
  if (shared.empty()) return out;
  std::vector<KeyChangeHint> now = target_.waiting_rows(shared);
  out.insert(out.end(), std::make_move_iterator(now.begin()), std::make_move_iterator(now.end()));
  return out;
}

// Adds to `ids` the changes among `waiting` that events touch and that are not locked yet.
bool EventApplier::add_waiting(const std::vector<EventRef>& events,
                               const std::vector<KeyChangeHint>& waiting,
                               std::set<std::string>& locked, std::vector<KeyChangeId>& ids) {
  if (waiting.empty()) return false;
  std::unordered_multimap<std::string_view, const KeyChangeHint*> by_key;
  for (const KeyChangeHint& hint : waiting) by_key.emplace(hint.at_key, &hint);
  bool added = false;
  for (const EventRef& ref : events) {
    if (!has_key(*ref.event)) continue;
    const std::string key = lasting_key(*ref.event->layout, ref.key());
    const auto [first, last] = by_key.equal_range(key);
    for (auto it = first; it != last; ++it) {
      const KeyChangeHint& hint = *it->second;
      if (hint.table != ref.event->layout->target) continue;
      if (!locked.insert(hint.table.quoted() + make_link(hint.old_key, hint.new_key, "")).second) {
        continue;
      }
      ids.push_back({ref.event->layout, hint.at.stream, hint.old_key, hint.new_key, hint.position});
      added = true;
    }
  }
  return added;
}

// A row that is linked to another one brings that one along, until nothing new comes.
void EventApplier::lock_linked(const std::vector<KeyChangeId>& ids,
                               std::vector<KeyChangeRow>& rows) {
  const auto add = [&](std::vector<KeyChangeRow> found) {
    for (KeyChangeRow& row : found) {
      const bool have = std::any_of(rows.begin(), rows.end(),
                                    [&](const KeyChangeRow& other) { return other.id == row.id; });
      if (!have) rows.push_back(std::move(row));
    }
  };
  add(target_.lock_key_changes(ids));
  for (int round = 0; round < 8; ++round) {
    std::vector<KeyChangeLink> links;
    std::vector<KeyChangeId> missing;
    links.reserve(rows.size());
    for (const KeyChangeRow& row : rows) {
      if (!is_link(row.at_key)) continue;
      links.push_back(parse_link(row.at_key));
      const KeyChangeLink& link = links.back();
      const bool have = std::any_of(rows.begin(), rows.end(), [&](const KeyChangeRow& other) {
        return other.layout == row.layout && other.old_key == link.old_key &&
               other.new_key == link.new_key && other.position == link.position;
      });
      if (!have) missing.push_back({row.layout, {}, link.old_key, link.new_key, link.position});
    }
    if (missing.empty()) return;
    add(target_.lock_key_changes(missing));
  }
}

void EventApplier::answer(std::vector<RowProbe>& probes) {
  std::unordered_map<const Layout*, std::vector<std::size_t>> by_layout;
  for (std::size_t i = 0; i < probes.size(); ++i) by_layout[probes[i].layout].push_back(i);
  for (const auto& [layout, indices] : by_layout) {
    std::vector<std::string_view> keys;
    keys.reserve(indices.size());
    for (const std::size_t i : indices) keys.push_back(probes[i].key);
    const std::vector<bool> there = target_.rows_exist(*layout, keys);
    for (std::size_t i = 0; i < indices.size(); ++i) probes[indices[i]].row_is_there = there[i];
  }
}

// The server's error says the type, or the constraint, and not the column.
Error EventApplier::with_column(const EventRef& ref, const Error& error) {
  const std::string& sqlstate = error.sqlstate();
  const bool of_value = sqlstate.starts_with("22") || sqlstate == "23514" || sqlstate == "23502";
  if (error.kind() != ErrorKind::data || !of_value || ref.event->row.length == 0) return error;
  const Layout& layout = *ref.event->layout;
  std::string columns;
  std::string sources;
  for (const std::uint16_t i : target_.refused_columns(layout, ref.row(), error)) {
    const LayoutColumn& column = layout.columns[i];
    columns += (columns.empty() ? "column " : ", column ") + layout.target.display() + "." +
               column.name + " (" + column.type.sql() + ")";
    const std::string type = layout.seen == nullptr ? "" : layout.seen->of(column.name);
    sources += sources.empty() ? "" : "; ";
    sources += type.empty() ? "not in the record" : type;
  }
  if (columns.empty()) return error;
  return Error(
      error.kind(), columns + " cannot hold the record's value (" + sources + "): " + error.what(),
      error.hint().empty() ? "correct the row at the source, or the column's type in the target"
                           : error.hint(),
      error.sqlstate());
}

}  // namespace tidemark
