#include "batch/fold.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "base/arena.h"
#include "batch/fold_table.h"
#include "batch/key_change_book.h"
#include "batch/row_image.h"
#include "tidemark/error.h"

namespace tidemark {

struct Fold::State {
  const FoldedBatch& run(const std::vector<EventRef>& events, const FoldContext& context);

 private:
  void clear();
  FoldTable& table_of(const Layout* layout);

  void load(const std::vector<KeyChangeRow>& rows);
  void load_row(const KeyChangeRow& row);
  void link_handover(std::size_t wait, const KeyChangeRow& row);

  void apply(const EventRef& ref);
  void apply_keyless(FoldTable& table, const EventRef& ref);
  void apply_upsert(FoldTable& table, const EventRef& ref);
  void apply_remove(FoldTable& table, const EventRef& ref);
  void apply_truncate(FoldTable& table);

  Image overlay(const EventRef& ref, const Image& under);
  Image take(FoldTable& table, std::size_t entry, const EventRef& ref);
  Image wait_for_delete(const FoldTable& table, std::size_t entry, const EventRef& ref);
  void hand_over(FoldTable& table, std::size_t entry, const EventRef& ref);
  void settle(Wait& wait, const Image& from);
  Image filled(const Image& image, const Image& from);
  void set_image(FoldTable& table, std::size_t entry, const Image& image);
  void move_wait(std::int32_t wait, WaitPlace place, std::size_t index);
  [[nodiscard]] bool row_is_there(const FoldTable& table, const Entry& entry) const;

  void emit_tables();
  void emit_rows(const FoldTable& table, FoldedTable& out);
  void emit_key_changes();
  void emit_wait(const Wait& wait);
  void emit_handover(const Handover& handover);

  const FoldContext* context_ = nullptr;
  std::unordered_map<const Layout*, std::unordered_set<std::string_view>> there_;  // by the probes
  std::deque<FoldTable> tables_;  // kept for their memory; the first `table_count_` are in use
  std::size_t table_count_ = 0;
  std::unordered_map<const Layout*, std::size_t> table_at_;
  FoldTable* last_table_ = nullptr;
  KeyChangeBook book_;
  Arena arena_;
  FoldedBatch out_;
};

Fold::Fold() : state_(std::make_unique<State>()) {}
Fold::~Fold() = default;

const FoldedBatch& Fold::fold(const std::vector<EventRef>& events, const FoldContext& context) {
  return state_->run(events, context);
}

const FoldedBatch& Fold::State::run(const std::vector<EventRef>& events,
                                    const FoldContext& context) {
  clear();
  context_ = &context;
  if (context.probes != nullptr) {
    for (const RowProbe& probe : *context.probes) {
      if (probe.row_is_there) there_[probe.layout].insert(probe.key);
    }
  }
  if (context.key_changes != nullptr) load(*context.key_changes);
  for (const EventRef& ref : events) {
    if (ref.event->op != Op::skip && ref.event->op != Op::bad) apply(ref);
  }
  emit_tables();
  emit_key_changes();
  return out_;
}

void Fold::State::clear() {
  table_count_ = 0;
  table_at_.clear();
  last_table_ = nullptr;
  book_.clear();
  there_.clear();
  arena_.clear();
  out_.tables.clear();
  out_.key_changes_taken.clear();
  out_.key_changes_left.clear();
}

// The last one found is nearly always the next one asked for.
FoldTable& Fold::State::table_of(const Layout* layout) {
  if (last_table_ != nullptr && last_table_->layout == layout) return *last_table_;
  const auto [found, added] = table_at_.try_emplace(layout, table_count_);
  if (added) {
    if (table_count_ == tables_.size()) tables_.emplace_back();
    tables_[table_count_++].reset(layout);
  }
  last_table_ = &tables_[found->second];
  return *last_table_;
}

// ---- what `key_changes` holds
// --------------------------------------------------------------------

void Fold::State::load(const std::vector<KeyChangeRow>& rows) {
  for (const KeyChangeRow& row : rows) load_row(row);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].side != 'c' || !is_link(rows[i].at_key)) continue;
    for (std::size_t w = 0; w < book_.waits.size(); ++w) {
      if (book_.waits[w].row_id == rows[i].id) link_handover(w, rows[i]);
    }
  }
}

void Fold::State::load_row(const KeyChangeRow& row) {
  const KeyChangeId id{row.layout, row.stream, row.old_key, row.new_key, row.position};
  const MergedRow classified = classify_row(row.row);
  Image image;
  image.present = row.has_row;
  image.row = row.row;
  image.unavailable = classified.unavailable;
  image.absent = classified.absent;
  image.base_is_none = true;
  if (row.side == 'd') {
    Handover handover;
    handover.id = id;
    handover.image = image;
    handover.row_id = row.id;
    book_.add(handover);
    return;
  }
  Wait wait;
  wait.id = id;
  wait.partition = row.partition;
  wait.row_id = row.id;
  const std::int32_t index = book_.add(wait);
  if (!row.has_row || is_link(row.at_key)) return;
  FoldTable& table = table_of(row.layout);
  const std::size_t entry = table.find_or_add(row.at_key);
  image.wait = index;
  table.entries[entry].image = image;
  move_wait(index, WaitPlace::entry, entry);
  book_.waits[static_cast<std::size_t>(index)].changed = false;
}

// The incomplete row of this wait is being handed over: the image travels with the handover.
void Fold::State::link_handover(std::size_t wait, const KeyChangeRow& row) {
  const KeyChangeLink link = parse_link(row.at_key);
  const KeyChangeId id{row.layout, {}, link.old_key, link.new_key, link.position};
  const std::int32_t found = book_.find_handover(id);
  if (found < 0) return;  // the writer loads both ends; without its end the wait stays as it is
  const MergedRow classified = classify_row(row.row);
  Image& image = book_.handovers[static_cast<std::size_t>(found)].image;
  image.present = true;
  image.row = row.row;
  image.unavailable = classified.unavailable;
  image.absent = classified.absent;
  image.base_is_none = true;
  image.wait = static_cast<std::int32_t>(wait);
  book_.waits[wait].place = WaitPlace::handover;
  book_.waits[wait].index = static_cast<std::size_t>(found);
}

// ---- one event
// -----------------------------------------------------------------------------------

void Fold::State::apply(const EventRef& ref) {
  FoldTable& table = table_of(ref.event->layout);
  if (ref.event->op == Op::truncate) {
    apply_truncate(table);
  } else if (table.layout->keyless()) {
    apply_keyless(table, ref);
  } else if (ref.event->op == Op::remove || ref.event->op == Op::tombstone) {
    apply_remove(table, ref);
  } else {
    apply_upsert(table, ref);
  }
}

void Fold::State::apply_keyless(FoldTable& table, const EventRef& ref) {
  const bool takes = ref.event->op == Op::update || ref.event->op == Op::remove;
  if (takes) table.delete_row(ref.before());
  if (ref.event->op != Op::remove && ref.event->op != Op::tombstone) table.insert_row(ref.row());
}

void Fold::State::apply_truncate(FoldTable& table) {
  for (Wait& wait : book_.waits) {
    if (wait.id.layout != table.layout || wait.done) continue;
    wait.place = WaitPlace::marker;
    wait.changed = true;
  }
  for (Handover& handover : book_.handovers) {
    if (handover.id.layout != table.layout || handover.consumed) continue;
    handover.image = Image{};
    handover.changed = true;
  }
  table.truncate();
}

void Fold::State::apply_upsert(FoldTable& table, const EventRef& ref) {
  const std::size_t entry = table.find_or_add(ref.key());
  if (!table.entries[entry].touched) {
    const bool inserts = ref.event->op == Op::create || ref.event->op == Op::snapshot;
    table.entries[entry].born = inserts && !ref.is_key_change();
  }
  const Image image =
      ref.is_key_change() ? take(table, entry, ref) : overlay(ref, table.entries[entry].image);
  set_image(table, entry, image);
  // Whoever owns the key's partition must be told of the row that waits under it.
  if (image.wait != kNoWait) {
    book_.waits[static_cast<std::size_t>(image.wait)].partition =
        (*context_->partitions)[ref.event->partition].partition;
  }
}

void Fold::State::apply_remove(FoldTable& table, const EventRef& ref) {
  const std::size_t index = table.find_or_add(ref.key());
  if (!ref.is_key_change()) {
    set_image(table, index, Image{});
    return;
  }
  Entry& entry = table.entries[index];
  const bool there = row_is_there(table, entry);
  if (!there) entry.image = Image{};
  if (there || ref.event->op == Op::remove) {
    hand_over(table, index, ref);
  } else {
    set_image(table, index, Image{});
  }
}

bool Fold::State::row_is_there(const FoldTable& table, const Entry& entry) const {
  if (!entry.image.present) return false;
  if (entry.touched || !entry.image.row.empty()) return true;
  const auto rows = there_.find(table.layout);
  return rows != there_.end() && rows->second.contains(entry.key);
}

// F1.
Image Fold::State::overlay(const EventRef& ref, const Image& under) {
  Image image;
  image.present = true;
  image.row = ref.row();
  image.unavailable = ref.event->has_unavailable;
  image.absent = ref.event->has_absent;
  if (image.complete()) return image;
  if (under.present) return filled(image, under);
  if (image.unavailable) {
    throw Error(ErrorKind::data, "unavailable value for a row that is not there",
                "the source sent a placeholder for a column it did not change, and the target has "
                "no such row: was the table's snapshot read?");
  }
  image.base_is_none = true;
  return image;
}

// `image` with the columns that it lacks from `from`, and from's base for what is lacking still.
Image Fold::State::filled(const Image& image, const Image& from) {
  Image out = image;
  if (!from.row.empty()) {
    const MergedRow merged = merge_rows(image.row, from.row, arena_);
    out.row = merged.row;
    out.unavailable = merged.unavailable;
    out.absent = merged.absent;
  }
  out.base = from.base;
  out.base_is_none = from.base_is_none;
  out.wait = out.complete() ? kNoWait : from.wait;
  return out;
}

// Where the wait of a replaced image is not carried on, its delete has nothing to give any more.
void Fold::State::set_image(FoldTable& table, std::size_t index, const Image& image) {
  Entry& entry = table.entries[index];
  if (entry.image.wait != kNoWait && entry.image.wait != image.wait) {
    move_wait(entry.image.wait, WaitPlace::marker, 0);
  }
  entry.image = image;
  entry.touched = true;
  if (image.wait != kNoWait) move_wait(image.wait, WaitPlace::entry, index);
}

void Fold::State::move_wait(std::int32_t index, WaitPlace place, std::size_t at) {
  Wait& wait = book_.waits[static_cast<std::size_t>(index)];
  wait.place = place;
  wait.index = at;
  wait.changed = true;
}

// ---- key changes
// ---------------------------------------------------------------------------------

// F2, the create half.
Image Fold::State::take(FoldTable& table, std::size_t index, const EventRef& ref) {
  const KeyChangeId id = key_change_of(ref, *context_->partitions);
  const std::int32_t found = book_.find_handover(id);
  if (found >= 0) {
    Handover& handover = book_.handovers[static_cast<std::size_t>(found)];
    handover.consumed = true;
    const Image from = handover.image;
    const Image image = overlay(ref, from.present ? from : table.entries[index].image);
    // What the old row waited for, and this one does not lack, is settled.
    if (from.wait != kNoWait && image.wait != from.wait) move_wait(from.wait, WaitPlace::marker, 0);
    return image;
  }
  if (!context_->deletes_enabled) {
    Image stored;
    stored.present = true;
    stored.base = ref.other_key();
    return overlay(ref, stored);
  }
  return wait_for_delete(table, index, ref);
}

// F3, the create half: its delete is still to come.
Image Fold::State::wait_for_delete(const FoldTable& table, std::size_t index, const EventRef& ref) {
  Wait wait;
  wait.id = key_change_of(ref, *context_->partitions);
  wait.partition = (*context_->partitions)[ref.event->partition].partition;
  const std::int32_t added = book_.add(wait);
  const Entry& entry = table.entries[index];
  // A row under the new key already: Debezium repeats the change, the row is complete.
  if (row_is_there(table, entry)) return overlay(ref, entry.image);
  Image nothing;
  nothing.present = true;
  nothing.base_is_none = true;
  Image image = overlay(ref, nothing);
  // In a topic of one partition its delete would have come before: there is no row to wait for.
  const bool alone = (*context_->partitions)[ref.event->partition].partitions_of_stream == 1;
  if (image.unavailable || (image.absent && !alone)) image.wait = added;
  return image;
}

// F2 and F3, the delete half.
void Fold::State::hand_over(FoldTable& table, std::size_t index, const EventRef& ref) {
  Image from = table.entries[index].image;
  const KeyChangeId id = key_change_of(ref, *context_->partitions);
  const std::int32_t found = book_.find_wait(id);
  table.entries[index].image = Image{};
  table.entries[index].touched = true;
  if (found >= 0) {
    settle(book_.waits[static_cast<std::size_t>(found)], from);
    return;
  }
  Handover handover;
  handover.id = id;
  handover.image = from;
  handover.only_if_row = ref.event->op == Op::tombstone;
  const std::int32_t added = book_.add(handover);
  if (from.wait != kNoWait) {
    move_wait(from.wait, WaitPlace::handover, static_cast<std::size_t>(added));
  }
}

// The delete has come: the waiting row gets what it lacks from the old one.
void Fold::State::settle(Wait& wait, const Image& from) {
  wait.done = true;
  Image none;
  none.present = true;
  none.base_is_none = true;
  const Image& giver = from.present ? from : none;
  bool carried = false;
  if (wait.place == WaitPlace::entry) {
    FoldTable& table = table_of(wait.id.layout);
    Entry& entry = table.entries[wait.index];
    entry.image = filled(entry.image, giver);
    entry.touched = true;
    if (entry.image.wait != kNoWait) {
      move_wait(entry.image.wait, WaitPlace::entry, wait.index);
      book_.waits[static_cast<std::size_t>(entry.image.wait)].partition = wait.partition;
      carried = true;
    }
  } else if (wait.place == WaitPlace::handover) {
    Handover& handover = book_.handovers[wait.index];
    handover.image = filled(handover.image, giver);
    handover.changed = true;
    if (handover.image.wait != kNoWait) {
      move_wait(handover.image.wait, WaitPlace::handover, wait.index);
      carried = true;
    }
  }
  // What the old row itself waited for has no place any more unless it has just been given one.
  if (from.wait != kNoWait && !carried) move_wait(from.wait, WaitPlace::marker, 0);
}

// ---- the result
// ----------------------------------------------------------------------------------

void Fold::State::emit_tables() {
  out_.tables.reserve(table_count_);
  for (std::size_t i = 0; i < table_count_; ++i) {
    const FoldTable& table = tables_[i];
    FoldedTable out;
    out.layout = table.layout;
    out.truncate = table.truncated;
    emit_rows(table, out);
    std::copy_if(table.inserts.begin(), table.inserts.end(), std::back_inserter(out.inserts),
                 [](std::string_view row) { return !row.empty(); });
    out.deletes = table.deletes;
    out_.tables.push_back(std::move(out));
  }
}

namespace {

// The first bytes after the first element's length: enough to order most keys without a call.
std::uint64_t sort_prefix(std::string_view key) {
  char buffer[8] = {};  // NOLINT(*-avoid-c-arrays)
  if (key.size() > 4) std::memcpy(buffer, key.data() + 4, std::min<std::size_t>(8, key.size() - 4));
  return load_big<std::uint64_t>(buffer);
}

struct SortedRow {
  std::uint64_t prefix = 0;
  const Entry* entry = nullptr;
  bool upsert = false;
};

}  // namespace

void Fold::State::emit_rows(const FoldTable& table, FoldedTable& out) {
  std::vector<SortedRow> order;
  order.reserve(table.entries.size());
  for (const Entry& entry : table.entries) {
    // An entry that nothing but a key change looked at, or an update without any column: as stored.
    if (!entry.touched || (entry.image.present && entry.image.row.empty())) continue;
    const bool waits = entry.image.wait != kNoWait;
    order.push_back({sort_prefix(entry.key), &entry, entry.image.present && !waits});
  }
  std::sort(order.begin(), order.end(), [](const SortedRow& a, const SortedRow& b) {
    if (a.upsert != b.upsert) return b.upsert;
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return a.entry->key < b.entry->key;
  });
  out.rows.reserve(order.size());
  for (const SortedRow& sorted : order) {
    const Image& image = sorted.entry->image;
    RowChange row;
    row.remove = !sorted.upsert;
    row.key = sorted.entry->key;
    if (sorted.upsert) {
      row.row = image.row;
      row.born = sorted.entry->born;
      row.unavailable = image.unavailable;
      row.absent = image.absent;
      row.base_is_none = image.base_is_none;
      row.base_is_self = !image.base_is_none && (image.base.empty() || image.base == row.key);
      if (!row.base_is_self) row.base = image.base;
    }
    out.rows.push_back(row);
  }
}

void Fold::State::emit_key_changes() {
  for (const Wait& wait : book_.waits) emit_wait(wait);
  for (const Handover& handover : book_.handovers) emit_handover(handover);
}

void Fold::State::emit_wait(const Wait& wait) {
  bool changed = wait.changed || wait.done;
  if (wait.place == WaitPlace::entry && !wait.done) {
    changed = changed || table_of(wait.id.layout).entries[wait.index].touched;
  }
  if (wait.row_id != 0) {
    if (!changed) return;
    out_.key_changes_taken.push_back(wait.row_id);
  }
  if (wait.done) return;
  KeyChangeLeft left;
  left.side = 'c';
  left.id = wait.id;
  left.partition = wait.partition;
  if (wait.place == WaitPlace::entry) {
    const Entry& entry = table_of(wait.id.layout).entries[wait.index];
    left.has_row = true;
    left.row = entry.image.row;
    left.at_key = entry.key;
  } else if (wait.place == WaitPlace::handover) {
    const Handover& handover = book_.handovers[wait.index];
    left.has_row = true;
    left.row = handover.image.row;
    left.at_key =
        arena_.copy(make_link(handover.id.old_key, handover.id.new_key, handover.id.position));
  }
  out_.key_changes_left.push_back(left);
}

void Fold::State::emit_handover(const Handover& handover) {
  if (handover.row_id != 0) {
    if (!handover.consumed && !handover.changed) return;
    out_.key_changes_taken.push_back(handover.row_id);
  }
  if (handover.consumed) return;
  const Image& image = handover.image;
  KeyChangeLeft left;
  left.side = 'd';
  left.id = handover.id;
  left.only_if_row = handover.only_if_row;
  left.has_row = image.present;
  if (image.wait != kNoWait) {
    const KeyChangeId& id = book_.waits[static_cast<std::size_t>(image.wait)].id;
    left.at_key = arena_.copy(make_link(id.old_key, id.new_key, id.position));
    left.row = unavailable_row(handover.id.layout->columns.size(), arena_);
  } else if (image.present) {
    left.row =
        image.row.empty() ? unavailable_row(handover.id.layout->columns.size(), arena_) : image.row;
    left.has_base = !image.base_is_none && !image.complete();
    left.base = image.base;
  }
  out_.key_changes_left.push_back(left);
}

}  // namespace tidemark
