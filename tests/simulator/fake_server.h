// PostgreSQL, as far as a lane sees it: a ModelDatabase under transactions that run at the same
// time, in READ COMMITTED: each statement sees what is committed then, and writes under locks that
// last to the end; a waiter gives up after a time, and a circle of waiters is broken. A backend
// goes on without its client: its transaction, with its locks, ends only later, and a COMMIT that
// had been sent may still be done. And FakeTarget, the connection that a lane has. The rows
// themselves are ModelTarget's. Only for running threads of the Schedule.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulator/fake_kafka.h"
#include "simulator/schedule.h"
#include "support/model_target.h"

namespace tidemark::simulator {

// How often a statement meets what.
struct FaultRates {
  double lost = 0;      // the connection, at any statement
  double refused = 0;   // errors that go away: serialization, deadlock, disk full, cancelled
  double doubt = 0;     // the connection, during COMMIT
  double slow = 0;      // an answer that takes up to slow_most
  double catalog = 0;   // a table that is not as it was
  double password = 0;  // credentials that are being changed
  double frozen = 0;    // its process stands still, for up to a minute and a half
  Millis slow_most{2000};
};

// Guards of the server that can be taken out, to see that the simulator misses them.
struct Unguarded {
  bool fence = false;       // positions are moved whoever asks
  bool doubt_lock = false;  // a doubt is settled by a plain SELECT
  bool atomic = false;      // the positions go in by themselves, before the rows
};

// The elements of a key or row image.
std::vector<std::string> texts_of(std::string_view image);

class FakeServer {
 public:
  explicit FakeServer(Schedule& schedule) : schedule_(schedule), counts_(schedule.counts) {}

  [[nodiscard]] const test::ModelDatabase& committed() const { return committed_; }
  // After each transaction that was committed.
  std::function<void()> on_commit;
  FaultRates rates;
  Unguarded unguarded;
  std::string poison;         // values that a CHECK refuses
  bool foreign_key = false;   // the last column may name a row, which must be there
  std::size_t rows_most = 0;  // a statement with more takes longer than it may; 0: none does

  void set_away(bool away);
  // The backends' own work, for a thread of the server: what is left of lost connections.
  void serve();
  // Transactions that are open, or left over.
  [[nodiscard]] bool idle() const { return locks_.empty() && left_.empty(); }

 private:
  friend class FakeTarget;
  struct Transaction {
    test::ModelDatabase base;  // what the client's view was made from
    std::uint64_t version = 0;
    std::set<std::string> locks;
    Transaction* waits_for = nullptr;
    bool ended = false;  // by the server
    Time last;
  };
  using TransactionPtr = std::shared_ptr<Transaction>;
  struct Left {
    Time at;
    TransactionPtr transaction;
    std::optional<test::ModelDatabase> commit;  // none: it is rolled back
  };

  TransactionPtr begin();
  void refresh(Transaction& transaction, test::ModelDatabase& work) const;
  void lock(Transaction& transaction, const std::string& what);
  void commit(Transaction& transaction, const test::ModelDatabase& work);
  void end(Transaction& transaction);
  void leave(TransactionPtr transaction, Millis after, std::optional<test::ModelDatabase> commit);
  [[nodiscard]] bool would_deadlock(const Transaction& waiting, const Transaction& owner) const;
  void changed();

  Schedule& schedule_;
  Counts& counts_;
  test::ModelDatabase committed_;
  std::uint64_t version_ = 1;
  std::uint64_t life_ = 1;  // connections of an earlier one are lost
  bool away_ = false;
  std::map<std::string, Transaction*> locks_;
  std::vector<Left> left_;
};

class FakeTarget final : public test::ModelTarget {
 public:
  explicit FakeTarget(FakeServer& server)
      : ModelTarget(server.committed_), server_(server), schedule_(server.schedule_) {
    poison = server.poison;
  }
  ~FakeTarget() override;

  Assignment take(const std::vector<StreamPartition>& partitions) override;
  void begin(const std::vector<PositionMove>& moves) override;
  bool ensure(const Layout& layout) override;
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
  CommitFate settle(const std::vector<PositionMove>& moves) override;
  void note(const StreamPartition& at, Epoch epoch, const std::string& state,
            const std::string& reason) override;
  void cancel() noexcept override { cancelled_ = true; }

 private:
  void connect();
  void start(const char* what);
  // Whatever a statement may meet; then what is committed now is seen.
  void statement(const char* what);
  void lock(const std::string& what);
  void check_foreign_key(const FoldedTable& table);
  void lose(Millis longest);
  [[noreturn]] void refuse(const char* what, const std::string& sqlstate);
  void check_connection(const char* what);

  FakeServer& server_;
  Schedule& schedule_;
  FakeServer::TransactionPtr transaction_;
  test::ModelDatabase savepoint_base_;
  std::uint64_t savepoint_version_ = 0;
  std::uint64_t life_ = 0;  // of the server, when it was connected; 0: not connected
  bool committing_ = false;
  bool cancelled_ = false;
};

}  // namespace tidemark::simulator
