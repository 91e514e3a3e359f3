// One lane: a member of the consumer group, a connection to the target, a reader and a writer
// thread with one buffer of decoded rows between them. It keeps, with target and source, the
// invariants on which everything rests (docs/guarantees.md says them as promises, each with its
// test):
//
//  I1 Atomic prefix: in every snapshot of the target, for every partition, the tables are the fold
//  of
//     exactly the records before `last_watermark`.
//  I2 The target is the authority: on assignment the position row is read, and reading starts
//  there;
//     a partition never seen starts at the beginning. Kafka's group offsets are a report.
//  I3 One writer: the epoch is raised on assignment, and the first statement of every batch moves
//  the
//     positions only under that epoch; else the batch is rolled back and the group joined anew.
//  I4 Accounting: every record is applied, folded, skipped by a named rule, or dead-lettered in the
//     transaction that moves the position past it. Offset gaps are legal.
//  I5 Per-key order: any batching equals one record at a time (batch/fold).
//  I7 Halt, don't guess: what cannot be told stops its partition, visibly; the others go on.
//  I8 Bounds: the buffer by bytes, the record by size and depth, waits by time.
//
// Threads: start() makes two; state() and the stopping calls may come from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "decode/record_decoder.h"
#include "pipeline/batch_writer.h"
#include "pipeline/lane_buffer.h"
#include "pipeline/stage_times.h"
#include "tidemark/config.h"
#include "tidemark/source.h"
#include "tidemark/target.h"

namespace tidemark {

// What a lane works with. The functions must be callable from the lane's threads.
struct LaneParts {
  std::unique_ptr<Source> source;
  std::unique_ptr<Target> target;
  RawRead raw_read;  // by a consumer of its own; the writer's thread
  // Nothing is to be read so for now: what was fetched beyond it is memory.
  std::function<void()> end_raw_reads = [] {};
  TableLookup find_table;               // never blocks
  SchemaLookup find_schema;             // never blocks; may be empty
  std::shared_ptr<TableClaims> claims;  // the process's
  // The process's: the target has let somebody in. Credentials that it refuses later are rotated.
  std::shared_ptr<std::atomic<bool>> let_in = std::make_shared<std::atomic<bool>>(false);
  // Until one of the two has an answer that was missing, or the time is over.
  std::function<void(std::chrono::milliseconds)> wait_for_answers;
  std::function<std::string()> missing_answers;  // why they do not come; empty while all is well
  std::function<void()> forget_tables;
  // Of the pauses between tries: those of two lanes must not be the same.
  std::uint64_t random_seed = std::random_device{}();
};

enum class LaneEnd { running, stopped, failed };

// What one partition has come to, for status and for `--until-current`.
struct PartitionProgress {
  StreamPartition at;
  std::optional<Offset> committed;  // the next position, as in the target
  std::optional<Offset> end;        // Kafka's, as seen when the lane got the partition
  bool stopped = false;
  bool waiting = false;                  // for a row that comes by another partition
  bool delivered = false;                // everything before `end` has been read
  std::optional<Offset> delivered_next;  // and this is behind the last record of it
  std::string stop_reason;
  // Everything before `end` is in the target, or never will be.
  [[nodiscard]] bool reached() const {
    return stopped ||
           (delivered && (!delivered_next || (committed && *committed >= *delivered_next)));
  }
};

struct LaneState {
  LaneEnd end = LaneEnd::running;
  bool assigned = false;  // positions taken, reading
  bool joined = false;    // has been assigned before
  std::vector<PartitionProgress> partitions;
  std::uint64_t events = 0;  // applied since the start
  std::uint64_t batches = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t buffer_bytes = 0;
  StageTimes times;         // as of the last slab and the last batch
  std::string waiting_for;  // a server; empty: not waiting
  // Once it has stopped: of the group offsets; and the last positions that it knew, of partitions
  // that it had before, too.
  Reported last_report = Reported::unknown;
  std::map<StreamPartition, Offset> known;
  // of `failed`
  std::string error, hint, sqlstate;
};

class Lane {
 public:
  Lane(const Config& config, unsigned number, LaneParts parts);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void start();
  // While others of the process are still to join, a lane may lose what it has read to them.
  void hold_back(bool back);
  // Asks it to stop after the batch at hand; returns at once.
  void stop();
  // Ends what the writer waits for in PostgreSQL; the batch is rolled back.
  void cancel();
  // Until both threads have ended.
  void join();
  // Leaves the group, when both have ended: until then nobody else starts on what may still be
  // committed.
  void leave();
  // The bodies of the two threads, for who brings threads of his own.
  void read();
  void write();
  [[nodiscard]] LaneState state() const;

 private:
  class Reader;
  class Writer;
  struct Shared;

  std::unique_ptr<Shared> shared_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Writer> writer_;
  std::thread reader_thread_;
  std::thread writer_thread_;
  bool in_group_ = false;  // or on its way
};

}  // namespace tidemark
