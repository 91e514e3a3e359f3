// A Target in memory, for tests of the fold and the batch writer without a server: tables are maps
// from key image to row image, a transaction is a copy that COMMIT puts in place. It keeps to the
// contract of include/tidemark/target.h and batch/folded.h, row by row and without cleverness, and
// so is the reading of that contract against which the real one is compared.
// Several lanes share one ModelDatabase; transactions run one after the other.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "batch/row_image.h"
#include "tidemark/error.h"
#include "tidemark/target.h"

namespace tidemark::test {

struct ModelPosition {
  Epoch epoch;
  std::optional<Offset> next;
  std::string source_position;
  std::optional<std::uint64_t> fingerprint;
  bool operator==(const ModelPosition&) const = default;
};

struct ModelKeyChange {
  KeyChangeRow row;  // without a layout: it outlives those
  TableName table;
  StreamPartition home;
};

struct ModelDatabase {
  std::map<TableName, std::map<std::string, std::string>> tables;  // key image -> row image
  std::map<TableName, std::vector<std::string>> keyless;
  std::map<StreamPartition, ModelPosition> positions;
  std::map<std::int64_t, ModelKeyChange> key_changes;
  std::vector<DeadLetter> dead_letters;
  std::set<std::size_t> passed, closed;  // of dead_letters
  std::int64_t next_id = 1;
  // Rows that were not expected to be there, and of these those that were.
  std::uint64_t born = 0;
  std::uint64_t born_twice = 0;
};

class ModelTarget : public Target {
 public:
  explicit ModelTarget(ModelDatabase& database) : database_(database) {}

  Assignment take(const std::vector<StreamPartition>& partitions) override;
  void begin(const std::vector<PositionMove>& moves) override;
  bool ensure(const Layout& /*layout*/) override { return false; }
  void savepoint() override { savepoint_ = *work_; }
  void rollback_to_savepoint() override { *work_ = savepoint_; }
  void release_savepoint() override {}
  std::vector<KeyChangeRow> lock_key_changes(const std::vector<KeyChangeId>& ids) override;
  std::vector<KeyChangeHint> waiting_rows(const std::vector<StreamPartition>& partitions) override;
  std::vector<bool> rows_exist(const Layout& layout,
                               const std::vector<std::string_view>& keys) override;
  WriteCounts write(const FoldedBatch& batch) override;
  void dead_letter(const DeadLetter& letter) override { work_->dead_letters.push_back(letter); }
  void pass_letters(const TableName& table, std::string_view key) override;
  void close_letters(const Layout& layout, const std::string& stream) override;
  void commit() override;
  void rollback() noexcept override { work_.reset(); }
  CommitFate settle(const std::vector<PositionMove>& moves) override;
  void note(const StreamPartition& /*at*/, Epoch /*epoch*/, const std::string& /*state*/,
            const std::string& /*reason*/) override {}
  void cancel() noexcept override {}

  // Rows whose column 0.. holds this text are refused, for tests of the splitting.
  std::string poison;

 protected:
  // The transaction's own view; savepoint() keeps it.
  ModelDatabase& database_;
  std::optional<ModelDatabase> work_;
  ModelDatabase savepoint_;

 private:
  void leave(const KeyChangeLeft& left, const ModelDatabase& before);
  void write_table(const FoldedTable& table, const ModelDatabase& before, WriteCounts& counts);
  std::string complete(const RowChange& row, const FoldedTable& table, const ModelDatabase& before);

  Arena arena_;
};

}  // namespace tidemark::test
