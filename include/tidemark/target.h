// Where changes are written, and where positions live. One Target belongs to one lane's writer
// thread; it is one connection and at most one transaction at a time. Every call may throw Error,
// whose kind says what to do; after a throw of kind retry, in_doubt or fenced the transaction is
// gone and the connection may be too: the next take() or begin() makes it anew.
// Promise: after commit() returned, or settle() said committed, rows and positions are both in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "batch/folded.h"
#include "tidemark/error.h"
#include "tidemark/types.h"

namespace tidemark {

// A partition as taken over: its position row, with the epoch raised for us (I2, I3).
struct TakenPartition {
  StreamPartition at;
  Epoch epoch;
  std::optional<Offset> next;                // none: never seen, start at the beginning
  std::string source_position;               // of the last event applied, where known
  std::optional<std::uint64_t> fingerprint;  // of the record before `next`
};

// A key with dead letters not replayed: its later events follow it (kind `held`).
// By lasting_key() (batch/row_image.h).
struct HeldKey {
  StreamPartition at;
  TableName table;
  std::string key;  // key image
};

// An incomplete row of ours that waits in `key_changes` under `at_key`.
struct KeyChangeHint {
  StreamPartition at;
  TableName table;
  std::string old_key, new_key, position, at_key;
};

struct Assignment {
  std::vector<TakenPartition> partitions;
  std::vector<HeldKey> held;
  std::vector<KeyChangeHint> hints;
};

struct PositionMove {
  StreamPartition at;
  Epoch epoch;
  std::optional<Offset> from;
  Offset to;
  std::uint64_t records = 0;
  std::int64_t source_time_us = 0;  // 0: unknown, keep
  std::string source_position;      // empty: keep
  std::uint64_t fingerprint = 0;
};

struct DeadLetter {
  StreamPartition at;
  Offset offset;
  std::optional<std::string> key, value;  // byte for byte
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::string table;
  std::string row_key;   // lasting_key(), for holding; empty: unknown
  std::string next_key;  // of the first half of a key change: the key that is held with it
  std::string not_kept;  // why key and value are not here, and what is known of them
  std::string kind;      // decode | data | held
  std::string sqlstate, message, hint;
};

struct WriteCounts {
  std::uint64_t upserted = 0;
  std::uint64_t removed = 0;
};

enum class CommitFate { committed, rolled_back };

class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  // Makes the state tables if need be, inserts missing position rows, raises the epochs.
  virtual Assignment take(const std::vector<StreamPartition>& partitions) = 0;

  // BEGIN, then the fence: moves the positions. Throws fenced if any row is not as expected.
  virtual void begin(const std::vector<PositionMove>& moves) = 0;
  // DDL that the layout's `required` table needs, if any, under the advisory lock, the catalog read
  // anew after it. Throws fatal if evolution does not allow it. True if something was changed.
  virtual bool ensure(const Layout& layout) = 0;
  virtual void savepoint() = 0;
  virtual void rollback_to_savepoint() = 0;
  virtual void release_savepoint() = 0;
  // Advisory transaction locks on (table, old key, new key), in one order, then the rows there.
  virtual std::vector<KeyChangeRow> lock_key_changes(const std::vector<KeyChangeId>& ids) = 0;
  // Incomplete rows that wait under keys of these partitions, as of now: another lane's delete may
  // have put one there, or taken one away, since the last batch.
  virtual std::vector<KeyChangeHint> waiting_rows(
      const std::vector<StreamPartition>& partitions) = 0;
  // For each key image: is the row there now?
  virtual std::vector<bool> rows_exist(const Layout& layout,
                                       const std::vector<std::string_view>& keys) = 0;
  virtual WriteCounts write(const FoldedBatch& batch) = 0;
  // Which of the layout's columns do not take the row's values: those of the CHECK that it
  // violates, or the first one that does not take its value; none: each does by itself. For
  // messages; changes nothing.
  virtual std::vector<std::uint16_t> refused_columns(const Layout& /*layout*/,
                                                     std::string_view /*row*/,
                                                     const Error& /*error*/) {
    return {};
  }
  virtual void dead_letter(const DeadLetter& letter) = 0;
  // An event of this key is applied although the key has letters: to replay them would go back.
  virtual void pass_letters(const TableName& table, std::string_view key) = 0;
  // The table is emptied: what its letters would have changed is gone with it.
  virtual void close_letters(const Layout& layout, const std::string& stream) = 0;
  // Throws in_doubt if the connection is lost on the way.
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;

  // Why the partition does not go on ("stopped" or "waiting"), for those who look at the target.
  // Between transactions.
  virtual void note(const StreamPartition& at, Epoch epoch, const std::string& state,
                    const std::string& reason) = 0;
  // After in_doubt: reconnects and reads the positions with a lock.
  virtual CommitFate settle(const std::vector<PositionMove>& moves) = 0;
  // How long calls have waited for the server so far, from sending to its answer.
  [[nodiscard]] virtual std::chrono::nanoseconds waited() const { return {}; }
  // From another thread: ends what the connection is waiting for (a signal has come).
  virtual void cancel() noexcept = 0;

  // Something to do in a write() while the server works on it, the next batch's preparation; called
  // again until it says that it is done. It must not call the target, nor throw.
  void set_meanwhile(std::function<bool()> work) { meanwhile_ = std::move(work); }

 protected:
  std::function<bool()> meanwhile_;  // may be empty
};

}  // namespace tidemark
