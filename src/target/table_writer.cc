#include "target/table_writer.h"

#include <algorithm>
#include <utility>

#include "tidemark/error.h"

namespace tidemark {
namespace {

// Of one statement. The first ones are few, since PostgreSQL waits for them.
constexpr std::size_t kPartRows = 8000;
constexpr std::size_t kPartRowsFirst = 2000;

// Sets of lacking columns that are remembered; records that lack them at random make many.
constexpr std::size_t kVariantsMax = 256;

// The session's plans go by the key's index (pg/session.cc). Where there is none, a scan of the
// table is the better plan, once for all rows.
class ScanAllowed {
 public:
  ScanAllowed(Session& session, bool wanted) : session_(session), wanted_(wanted) {
    if (wanted_) allow(true);
  }
  // Not in the destructor: after an error the transaction is undone, and this with it.
  void end() {
    if (wanted_) allow(false);
  }

 private:
  void allow(bool scans) {
    const std::string on = scans ? "on" : "off";
    session_.run("SET LOCAL enable_seqscan = " + on + "; SET LOCAL enable_hashjoin = " + on +
                 "; SET LOCAL enable_mergejoin = " + on +
                 "; SET LOCAL enable_nestloop = " + (scans ? "off" : "on"));
  }
  Session& session_;
  const bool wanted_;
};

bool same_columns(const LayoutColumn& a, const LayoutColumn& b) {
  return a.name == b.name && a.type == b.type && a.wire == b.wire && a.key == b.key;
}

[[noreturn]] void throw_lost() {
  throw Error(
      ErrorKind::data, "unavailable value for a row that is not there",
      "the source did not send a large value that had not changed, and the target has no row "
      "to keep it from: set REPLICA IDENTITY FULL at the source, or snapshot the table again",
      "22P02");
}

// One statement must add the rows that refer to each other: its end checks them.
bool refers_to_itself(const Table& table) {
  return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                     [&](const ForeignKey& key) { return key.parent == table.name; });
}

// Calls `note(column, length)` for each column that the image lacks.
template <typename Note>
void for_each_lack(const Layout& layout, std::string_view image, const Note& note) {
  const char* at = image.data();
  for (std::size_t i = 0; i < layout.columns.size(); ++i) {
    const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(at));
    at += 4 + (length > 0 ? length : 0);
    if (length == kElementUnavailable || length == kElementAbsent) note(i, length);
  }
}

}  // namespace

TableWriter::TableWriter(const Layout& layout, TablePtr actual)
    : layout_(layout),
      actual_(std::move(actual)),
      statements_(layout_, *actual_),
      key_has_index_(key_has_unique_index(layout_, *actual_)),
      copy_possible_(BulkLoad::possible(layout_, *actual_)),
      refers_to_itself_(refers_to_itself(*actual_)),
      remove_text_(layout.keyless() ? std::string() : statements_.remove()) {}

bool TableWriter::serves(const Layout& layout) const {
  if (layout.target != layout_.target || layout.key != layout_.key) return false;
  const bool same_required = layout.required == layout_.required ||
                             (layout.required != nullptr && layout_.required != nullptr &&
                              *layout.required == *layout_.required);
  return same_required && std::equal(layout.columns.begin(), layout.columns.end(),
                                     layout_.columns.begin(), layout_.columns.end(), same_columns);
}

WriteCounts TableWriter::remove_all(Session& session) const {
  return {0, session.execute(statements_.remove_all(), {}).affected()};
}

// A row is there twice for the target and not for the source: perhaps because the source has
// changed its key, and the target's is still the old one.
std::string TableWriter::key_hint() const {
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<std::string> key;
  for (const std::uint16_t i : layout_.key) key.push_back(layout_.columns[i].name);
  const bool same = key.size() == actual_->key.size() &&
                    std::all_of(key.begin(), key.end(),
                                [&](const std::string& name) { return has(actual_->key, name); });
  if (same || key.empty() || actual_->key.empty()) return {};
  return "the target's primary key is not the records': " + change_key_sql(*actual_, key);
}

WriteCounts TableWriter::write(WriteTools tools, const FoldedTable& table, WritePass pass) {
  try {
    return write_rows(tools, table, pass);
  } catch (const Error& error) {
    const std::string hint = error.sqlstate() == "23505" ? key_hint() : std::string();
    if (hint.empty()) throw;
    throw Error(error.kind(), error.what(), hint, error.sqlstate());
  }
}

WriteCounts TableWriter::write_rows(WriteTools tools, const FoldedTable& table, WritePass pass) {
  WriteCounts counts;
  if (layout_.keyless()) {
    // Deletes last: a row of this batch may be the one that is meant.
    if (pass != WritePass::removes) counts.upserted = insert_keyless(tools, table.inserts);
    if (pass != WritePass::upserts) counts.removed = take_keyless(tools, table.deletes);
    return counts;
  }
  sort_rows(table, pass);
  const bool copies = choose_copy(tools.bulk_load);
  ScanAllowed scan(tools.session, !key_has_index_);
  std::uint64_t touched = 0;
  std::uint64_t upserts = complete_.size() + born_.size();
  for (const auto& [variant, rows] : lacking_) {
    if (rows.empty()) continue;
    upserts += rows.size();
    touched += merge(tools, variant, rows);
  }
  if (!complete_.empty()) touched += merge(tools, {}, complete_);
  if (!removes_.empty()) touched += remove(tools);
  // Last: what was freed before, a second unique key for one, is free for the new rows.
  if (copies) touched += copy(tools);
  scan.end();
  counts.upserted = upserts;
  counts.removed = touched > upserts ? touched - upserts : 0;
  return counts;
}

// ---- rows to statements
// --------------------------------------------------------------------------

// True: born_ is for COPY. False: its rows are among complete_.
bool TableWriter::choose_copy(BulkLoad& bulk_load) {
  const bool alone = complete_.empty() && removes_.empty() &&
                     std::all_of(lacking_.begin(), lacking_.end(),
                                 [](const auto& variant) { return variant.second.empty(); });
  if (copy_possible_ && (alone || !refers_to_itself_) &&
      bulk_load.worth_it(layout_.target, born_.size())) {
    return true;
  }
  // Both are in the order of their keys, and so shall be what is sent.
  Rows all(complete_.size() + born_.size());
  std::merge(complete_.begin(), complete_.end(), born_.begin(), born_.end(), all.begin());
  complete_ = std::move(all);
  born_.clear();
  return false;
}

std::uint64_t TableWriter::copy(WriteTools tools) {
  if (tools.bulk_load.load(tools.session, statements_, layout_, born_)) return born_.size();
  return merge(tools, {}, born_);
}

void TableWriter::sort_rows(const FoldedTable& table, WritePass pass) {
  removes_.clear();
  complete_.clear();
  born_.clear();
  if (lacking_.size() > kVariantsMax) lacking_.clear();
  for (auto& [variant, rows] : lacking_) rows.clear();
  for (const RowChange& row : table.rows) {
    if (row.remove) {
      if (pass != WritePass::upserts) removes_.push_back(&row);
    } else if (pass == WritePass::removes) {
      continue;
    } else if (row.unavailable || row.absent) {
      sort_lacking(row);
    } else if (row.born) {
      born_.push_back(&row);
    } else {
      complete_.push_back(&row);
    }
  }
}

void TableWriter::sort_lacking(const RowChange& row) {
  MergeVariant variant;
  for_each_lack(layout_, row.row, [&](std::size_t i, std::int32_t length) {
    if (length == kElementUnavailable) variant.unavailable = true;
    if (length == kElementAbsent) variant.absent.push_back(static_cast<std::uint16_t>(i));
  });
  if (!row.base_is_self && !row.base_is_none) {
    variant = {LackBase::other, true, {}};
  } else if (row.base_is_none) {
    if (variant.unavailable) throw_lost();
    variant.base = LackBase::none;
  }
  lacking_[variant].push_back(&row);
}

const std::string& TableWriter::merge_text(const MergeVariant& variant) {
  if (merge_texts_.size() > kVariantsMax) merge_texts_.clear();
  const auto [at, added] = merge_texts_.try_emplace(variant);
  if (added) at->second = statements_.merge(variant);
  return at->second;
}

// May a statement's rows come in several? Not where only the end of all satisfies what PostgreSQL
// checks, triggers see them together, two keys may be one to the target, or each would scan it.
bool TableWriter::may_part() const {
  return key_has_index_ && !refers_to_itself_ && actual_->unique_keys.size() == 1 &&
         !actual_->has_deferrable_unique_keys && !actual_->has_triggers &&
         statements_.equal_keys_are_same();
}

// The rows, and in front of them the deletes that are still to be done.
std::uint64_t TableWriter::merge(WriteTools tools, const MergeVariant& variant, const Rows& rows) {
  Rows all = std::exchange(removes_, {});
  all.insert(all.end(), rows.begin(), rows.end());
  const std::span<const RowChange* const> todo(all);
  const bool whole = all.size() < kPartRows || variant.base == LackBase::other || !may_part();
  std::size_t size = whole ? all.size() : kPartRowsFirst;
  ParameterArrays* now = &tools.arrays;
  ParameterArrays* next = &tools.arrays_ahead;
  const Parameters* filled = &fill(*now, variant, todo.first(size));
  std::uint64_t touched = 0;
  for (std::size_t done = size;; done += size) {
    size = std::min(kPartRows, all.size() - done);
    if (size == 0) return touched + merge_part(tools.session, variant, *filled);
    const Parameters* ahead = nullptr;
    const auto fill_next = [&] { ahead = &fill(*next, variant, todo.subspan(done, size)); };
    {
      const Session::First first(tools.session, fill_next);
      touched += merge_part(tools.session, variant, *filled);
    }
    if (ahead == nullptr) fill_next();
    filled = ahead;
    std::swap(now, next);
  }
}

std::uint64_t TableWriter::merge_part(Session& session, const MergeVariant& variant,
                                      const Parameters& parameters) {
  try {
    return session.execute(merge_text(variant), parameters).affected();
  } catch (const Error& error) {
    if (std::string_view(error.what()).find(kLostMarker) != std::string_view::npos) throw_lost();
    throw;
  }
}

const Parameters& TableWriter::fill(ParameterArrays& arrays, const MergeVariant& variant,
                                    std::span<const RowChange* const> rows) {
  arrays.begin(layout_, statements_.columns(variant));
  const std::size_t op = arrays.add_array(Wire::boolean);
  const bool other = variant.base == LackBase::other;
  const bool lacks = variant.unavailable || other;
  const std::size_t masks = statements_.masks();
  if (lacks) {
    for (std::size_t m = 0; m < masks; ++m) arrays.add_array(Wire::int8);
  }
  if (other) {
    for (std::size_t m = 0; m < masks; ++m) arrays.add_array(Wire::int8);
    for (const std::uint16_t i : layout_.key) arrays.add_array(layout_.columns[i].wire);
  }
  for (const RowChange* row : rows) {
    if (row->remove) {
      arrays.add_key(row->key);
    } else {
      arrays.add_row(row->row);
    }
    arrays.append_bool(op, row->remove);
    if (lacks) add_lacks(arrays, variant, op, *row);
  }
  return arrays.finish(rows.size());
}

// Masks, and the base's key, of one row, to the arrays behind `op`.
void TableWriter::add_lacks(ParameterArrays& arrays, const MergeVariant& variant, std::size_t op,
                            const RowChange& row) {
  const std::size_t masks = statements_.masks();
  masks_.assign(masks * 2, 0);
  if (!row.remove) {
    for_each_lack(layout_, row.row, [&](std::size_t i, std::int32_t length) {
      const std::size_t which = length == kElementAbsent ? masks : 0;
      masks_[which + i / 63] |= std::uint64_t{1} << (i % 63);
    });
  }
  const bool other = variant.base == LackBase::other;
  const std::size_t used = other ? masks * 2 : masks;
  for (std::size_t m = 0; m < used; ++m) arrays.append_int8(op + 1 + m, masks_[m]);
  if (!other) return;
  const std::size_t first = op + 1 + used;
  if (!row.remove) {
    arrays.append_key(first, row.base);
    return;
  }
  for (std::size_t k = 0; k < layout_.key.size(); ++k) arrays.append_null(first + k);
}

std::uint64_t TableWriter::remove(WriteTools tools) const {
  tools.arrays.begin(layout_, layout_.key);
  for (const RowChange* row : removes_) tools.arrays.add_key(row->key);
  return tools.session.execute(remove_text_, tools.arrays.finish(removes_.size())).affected();
}

// Of a CHECK of the table's, which may be of several columns; a domain's is not among them.
std::vector<std::uint16_t> TableWriter::columns_of_check(Session& session,
                                                         const std::string& constraint) const {
  Parameters parameters;
  const std::string table = layout_.target.quoted();
  parameters.text(table);
  parameters.text(constraint);
  const Result found = session.query(
      "SELECT a.attname FROM pg_constraint AS c JOIN pg_attribute AS a ON a.attrelid = c.conrelid "
      "AND a.attnum = ANY (c.conkey) WHERE c.conrelid = $1::regclass AND c.contype = 'c' "
      "AND c.conname = $2 ORDER BY a.attnum",
      parameters);
  std::vector<std::uint16_t> columns;
  for (int r = 0; r < found.rows(); ++r) {
    for (std::size_t i = 0; i < layout_.columns.size(); ++i) {
      if (layout_.columns[i].name == found.value(r, 0)) {
        columns.push_back(static_cast<std::uint16_t>(i));
      }
    }
  }
  return columns;
}

bool TableWriter::holds(WriteTools tools, std::uint16_t column, std::string_view row) const {
  tools.arrays.begin(layout_, {column});
  tools.arrays.add_row(row);
  tools.session.run("SAVEPOINT tidemark_value");
  bool held = true;
  try {
    tools.session.execute(statements_.hold(column), tools.arrays.finish(1));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;
    held = false;
  }
  tools.session.run("ROLLBACK TO SAVEPOINT tidemark_value; RELEASE SAVEPOINT tidemark_value");
  return held;
}

std::vector<std::uint16_t> TableWriter::refused_columns(WriteTools tools, std::string_view row,
                                                        const Error& error) const {
  for (std::size_t i = 0; i < layout_.columns.size(); ++i) {
    if (!error.about().column.empty() && layout_.columns[i].name == error.about().column) {
      return {static_cast<std::uint16_t>(i)};
    }
  }
  if (error.sqlstate() == "23514") {
    std::vector<std::uint16_t> columns = columns_of_check(tools.session, error.about().constraint);
    if (!columns.empty()) return columns;
  }
  for (const std::uint16_t i : statements_.columns({})) {
    if (!holds(tools, i, row)) return {i};
  }
  return {};
}

std::vector<bool> TableWriter::rows_exist(WriteTools tools,
                                          const std::vector<std::string_view>& keys) const {
  ScanAllowed scan(tools.session, !key_has_index_);
  tools.arrays.begin(layout_, layout_.key);
  for (const std::string_view key : keys) tools.arrays.add_key(key);
  const Result result =
      tools.session.execute(statements_.exist(), tools.arrays.finish(keys.size()));
  scan.end();
  std::vector<bool> there;
  there.reserve(keys.size());
  for (int r = 0; r < result.rows(); ++r) there.push_back(result.value(r, 0) == "t");
  return there;
}

// ---- tables without a key
// ------------------------------------------------------------------------

std::map<TableWriter::Absent, std::vector<std::string_view>> TableWriter::by_absent(
    const std::vector<std::string_view>& rows) const {
  std::map<Absent, std::vector<std::string_view>> groups;
  for (const std::string_view row : rows) {
    Absent absent;
    for_each_lack(layout_, row, [&](std::size_t i, std::int32_t length) {
      if (length == kElementUnavailable) throw_lost();
      absent.push_back(static_cast<std::uint16_t>(i));
    });
    groups[absent].push_back(row);
  }
  return groups;
}

std::uint64_t TableWriter::insert_keyless(WriteTools tools,
                                          const std::vector<std::string_view>& rows) {
  std::uint64_t count = 0;
  for (const auto& [absent, group] : by_absent(rows)) {
    tools.arrays.begin(layout_, statements_.columns({LackBase::self, false, absent}));
    for (const std::string_view row : group) tools.arrays.add_row(row);
    const Parameters& parameters = tools.arrays.finish(group.size());
    count += tools.session.execute(statements_.insert(absent), parameters).affected();
  }
  return count;
}

std::uint64_t TableWriter::take_keyless(WriteTools tools,
                                        const std::vector<std::string_view>& rows) {
  if (rows.empty()) return 0;
  // Another lane that takes an equal row at the same time must not choose the very same one.
  Parameters lock;
  const std::string name = "tidemark take " + layout_.target.display();
  lock.text(name);
  tools.session.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock);
  ScanAllowed scan(tools.session, true);
  std::uint64_t count = 0;
  for (const auto& [absent, group] : by_absent(rows)) {
    tools.arrays.begin(layout_, statements_.columns({LackBase::self, false, absent}));
    for (const std::string_view row : group) tools.arrays.add_row(row);
    const Parameters& parameters = tools.arrays.finish(group.size());
    count += tools.session.execute(statements_.take(absent), parameters).affected();
  }
  scan.end();
  return count;
}

}  // namespace tidemark
