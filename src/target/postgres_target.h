// Target on PostgreSQL: one connection, and the order of the statements in a transaction:
//
//   begin()   BEGIN; the fence moves the positions
//   ensure()  DDL, under an advisory lock, the catalog read again after it
//   write()   key changes taken and left; truncates; the tables, parents first where foreign keys
//             join them; then the deletes of those tables, children first
//   commit()
//
// What it knows of tables is kept from batch to batch and dropped when the catalog turns out to be
// another, or when the transaction that changed it is undone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pg/session.h"
#include "target/bulk_load.h"
#include "target/catalog.h"
#include "target/dead_letters.h"
#include "target/evolution.h"
#include "target/key_changes.h"
#include "target/parameter_arrays.h"
#include "target/table_writer.h"
#include "target/watermarks.h"
#include "tidemark/config.h"
#include "tidemark/target.h"

namespace tidemark {

// Of a configuration, for whoever connects.
ConnectionSettings connection_settings(const Config& config);

class PostgresTarget : public Target {
 public:
  // The catalog is the process's, and outlives every target.
  PostgresTarget(const Config& config, Catalog& catalog);
  ~PostgresTarget() override;

  Assignment take(const std::vector<StreamPartition>& partitions) override;
  void begin(const std::vector<PositionMove>& moves) override;
  // A transaction that moves no position, for one who replays or drops letters of these partitions:
  // raises their epochs, so that whoever reads them joins the group anew and reads held keys again.
  Assignment begin_letters(const std::vector<StreamPartition>& partitions);
  // In the transaction at hand.
  TextQuery text_query();
  bool ensure(const Layout& layout) override;
  std::vector<std::uint16_t> refused_columns(const Layout& layout, std::string_view row,
                                             const Error& error) override;
  void savepoint() override;
  void rollback_to_savepoint() override;
  void release_savepoint() override;
  std::vector<KeyChangeRow> lock_key_changes(const std::vector<KeyChangeId>& ids) override;
  std::vector<KeyChangeHint> waiting_rows(const std::vector<StreamPartition>& partitions) override;
  std::vector<bool> rows_exist(const Layout& layout,
                               const std::vector<std::string_view>& keys) override;
  WriteCounts write(const FoldedBatch& batch) override;
  void dead_letter(const DeadLetter& letter) override;
  void pass_letters(const TableName& table, std::string_view key) override;
  void close_letters(const Layout& layout, const std::string& stream) override;
  void commit() override;
  void rollback() noexcept override;
  void note(const StreamPartition& at, Epoch epoch, const std::string& state,
            const std::string& reason) override;
  CommitFate settle(const std::vector<PositionMove>& moves) override;
  [[nodiscard]] std::chrono::nanoseconds waited() const override { return session_.waited(); }
  void cancel() noexcept override;

 private:
  using Writers = std::vector<std::unique_ptr<TableWriter>>;

  TableWriter* known_writer(const Layout& layout);
  TableWriter& writer_of(const Layout& layout);
  TableWriter& add_writer(const Layout& layout, const TablePtr& actual);
  TablePtr read_now(const TableName& name);
  bool change_schema(const Layout& layout);
  void execute_ddl(const Table& required, const SchemaChange& change);
  void allow_extension_types(const Table& required);
  void write_tables(const FoldedBatch& batch, WriteCounts& counts);
  void forget_changed() noexcept;
  void forget_after(const Error& error);
  WriteTools tools() { return {session_, arrays_, arrays_ahead_, bulk_load_}; }

  const Config& config_;
  Catalog& catalog_;
  Session session_;
  const Watermarks watermarks_;
  const DeadLetters dead_letters_;
  const KeyChanges key_changes_;
  ParameterArrays arrays_;
  ParameterArrays arrays_ahead_;
  BulkLoad bulk_load_;
  std::map<TableName, Writers> writers_;
  // Of the transaction at hand, for the catalog after COMMIT:
  std::vector<TablePtr> changed_;  // as they are now
  std::set<TableName> touched_;    // perhaps changed: the change may be behind a savepoint
};

}  // namespace tidemark
