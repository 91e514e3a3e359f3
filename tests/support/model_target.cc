#include "support/model_target.h"

#include <algorithm>

namespace tidemark::test {

namespace {

// What is still lacking becomes null: the default of a new row, or a column not known.
std::string without_absent(std::string_view row) {
  std::string out;
  for (ElementReader reader(row); !reader.done();) {
    const Element element = reader.next();
    if (element.length == kElementAbsent) {
      char null[4];
      store_big(null, static_cast<std::uint32_t>(kElementNull));
      out.append(null, 4);
    } else {
      out.append(element.bytes);
    }
  }
  return out;
}

std::string_view stored(const ModelDatabase& database, const TableName& table,
                        std::string_view key) {
  const auto rows = database.tables.find(table);
  if (rows == database.tables.end()) return {};
  const auto row = rows->second.find(std::string(key));
  return row == rows->second.end() ? std::string_view{} : std::string_view(row->second);
}

bool contains(const std::vector<StreamPartition>& partitions, const StreamPartition& at) {
  return std::find(partitions.begin(), partitions.end(), at) != partitions.end();
}

std::vector<KeyChangeHint> waiting_in(const ModelDatabase& database,
                                      const std::vector<StreamPartition>& partitions) {
  std::vector<KeyChangeHint> out;
  for (const auto& [id, kept] : database.key_changes) {
    const KeyChangeRow& row = kept.row;
    if (row.side != 'c' || !row.has_row || !contains(partitions, kept.home)) continue;
    out.push_back({kept.home, kept.table, row.old_key, row.new_key, row.position, row.at_key});
  }
  return out;
}

}  // namespace

Assignment ModelTarget::take(const std::vector<StreamPartition>& partitions) {
  Assignment out;
  for (const StreamPartition& at : partitions) {
    ModelPosition& position = database_.positions[at];
    position.epoch.value += 1;
    out.partitions.push_back(
        {at, position.epoch, position.next, position.source_position, position.fingerprint});
  }
  for (std::size_t i = 0; i < database_.dead_letters.size(); ++i) {
    const DeadLetter& letter = database_.dead_letters[i];
    if (letter.row_key.empty() || database_.passed.contains(i) || database_.closed.contains(i) ||
        !contains(partitions, letter.at)) {
      continue;
    }
    const std::size_t dot = letter.table.find('.');
    const TableName table{letter.table.substr(0, dot), letter.table.substr(dot + 1)};
    for (const std::string& key : {letter.row_key, letter.next_key}) {
      if (!key.empty()) out.held.push_back({letter.at, table, key});
    }
  }
  out.hints = waiting_in(database_, partitions);
  return out;
}

std::vector<KeyChangeHint> ModelTarget::waiting_rows(
    const std::vector<StreamPartition>& partitions) {
  return waiting_in(*work_, partitions);
}

void ModelTarget::begin(const std::vector<PositionMove>& moves) {
  arena_.clear();
  work_ = database_;
  for (const PositionMove& move : moves) {
    ModelPosition& position = work_->positions[move.at];
    if (position.epoch != move.epoch || position.next != move.from) {
      throw Error(ErrorKind::fenced, "fenced");
    }
    position.next = move.to;
    if (!move.source_position.empty()) position.source_position = move.source_position;
    position.fingerprint.reset();
    if (move.fingerprint != 0) position.fingerprint = move.fingerprint;
  }
}

std::vector<KeyChangeRow> ModelTarget::lock_key_changes(const std::vector<KeyChangeId>& ids) {
  std::vector<KeyChangeRow> out;
  for (const auto& [id, kept] : work_->key_changes) {
    const ModelKeyChange& there = kept;
    const auto asked = std::find_if(ids.begin(), ids.end(), [&](const KeyChangeId& wanted) {
      return wanted.layout->target == there.table && wanted.old_key == there.row.old_key &&
             wanted.new_key == there.row.new_key;
    });
    if (asked == ids.end()) continue;
    out.push_back(there.row);
    out.back().layout = asked->layout;
  }
  return out;
}

std::vector<bool> ModelTarget::rows_exist(const Layout& layout,
                                          const std::vector<std::string_view>& keys) {
  std::vector<bool> out;
  for (const auto key : keys) out.push_back(!stored(*work_, layout.target, key).empty());
  return out;
}

WriteCounts ModelTarget::write(const FoldedBatch& batch) {
  const ModelDatabase before = *work_;
  WriteCounts counts;
  if (meanwhile_) meanwhile_();
  for (const std::int64_t id : batch.key_changes_taken) {
    work_->key_changes.erase(id);
  }
  for (const KeyChangeLeft& left : batch.key_changes_left) leave(left, before);
  for (const FoldedTable& table : batch.tables) write_table(table, before, counts);
  return counts;
}

void ModelTarget::leave(const KeyChangeLeft& left, const ModelDatabase& before) {
  KeyChangeRow row;
  row.id = work_->next_id++;
  row.side = left.side;
  row.stream = left.id.stream;
  row.old_key = left.id.old_key;
  row.new_key = left.id.new_key;
  row.position = left.id.position;
  row.at_key = left.at_key;
  row.partition = left.partition;
  row.has_row = left.has_row;
  row.row = left.row;
  if (left.has_row && left.has_base) {
    const std::string_view base = stored(before, left.id.layout->target, left.base);
    row.has_row = !base.empty();
    row.row = base.empty() ? std::string() : std::string(merge_rows(left.row, base, arena_).row);
    if (base.empty() && left.only_if_row) return;
  }
  const StreamPartition home{std::string(left.id.stream), Partition{left.partition}};
  work_->key_changes.insert({row.id, {row, left.id.layout->target, home}});
}

std::string ModelTarget::complete(const RowChange& row, const FoldedTable& table,
                                  const ModelDatabase& before) {
  std::string_view image = row.row;
  if (row.unavailable || row.absent) {
    std::string_view base;
    if (!row.base_is_none && !table.truncate) {
      base = stored(before, table.layout->target, row.base_is_self ? row.key : row.base);
    }
    if (base.empty() && row.unavailable) {
      throw Error(ErrorKind::data, "unavailable value for a row that is not there");
    }
    if (!base.empty()) image = merge_rows(image, base, arena_).row;
  }
  if (!poison.empty() && image.find(poison) != std::string_view::npos) {
    throw Error(ErrorKind::data, "poison", {}, "22000");
  }
  return without_absent(image);
}

void ModelTarget::write_table(const FoldedTable& table, const ModelDatabase& before,
                              WriteCounts& counts) {
  auto& rows = work_->tables[table.layout->target];
  auto& multiset = work_->keyless[table.layout->target];
  if (table.truncate) {
    rows.clear();
    multiset.clear();
  }
  std::set<std::string_view> seen;
  for (const RowChange& row : table.rows) {
    if (!seen.insert(row.key).second) throw Error(ErrorKind::fatal, "a row is touched twice");
    if (row.remove) {
      counts.removed += rows.erase(std::string(row.key));
    } else {
      if (row.born) ++work_->born;
      if (row.born && rows.contains(std::string(row.key))) ++work_->born_twice;
      rows[std::string(row.key)] = complete(row, table, before);
      ++counts.upserted;
    }
  }
  for (const auto row : table.deletes) {
    const auto found = std::find(multiset.begin(), multiset.end(), row);
    if (found != multiset.end()) multiset.erase(found);
  }
  for (const auto row : table.inserts) multiset.emplace_back(row);
}

void ModelTarget::pass_letters(const TableName& table, std::string_view key) {
  for (std::size_t i = 0; i < work_->dead_letters.size(); ++i) {
    const DeadLetter& letter = work_->dead_letters[i];
    const bool of_key = letter.row_key == key || letter.next_key == key;
    if (letter.table == table.display() && of_key) work_->passed.insert(i);
  }
}

void ModelTarget::close_letters(const Layout& layout, const std::string& /*stream*/) {
  for (std::size_t i = 0; i < work_->dead_letters.size(); ++i) {
    const std::string& table = work_->dead_letters[i].table;
    if (table == layout.target.display() || table == layout.source_table) work_->closed.insert(i);
  }
}

void ModelTarget::commit() {
  database_ = std::move(*work_);
  work_.reset();
}

CommitFate ModelTarget::settle(const std::vector<PositionMove>& moves) {
  const auto& position = database_.positions[moves.front().at];
  return position.next == moves.front().to ? CommitFate::committed : CommitFate::rolled_back;
}

}  // namespace tidemark::test
