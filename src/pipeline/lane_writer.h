// A lane's writer: takes partitions over, cuts batches from the buffer, writes each until it is in,
// reports the offsets to Kafka. Here, and only here, is decided what an Error means (by its kind).
// Only for pipeline/lane; run() is the thread's body.
#pragma once

#include <deque>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "pipeline/batch_size.h"
#include "pipeline/lane_shared.h"
#include "pipeline/waiting_partitions.h"

namespace tidemark {

class Lane::Writer {
 public:
  explicit Writer(Shared& shared);
  void run();

 private:
  struct Pending {
    SlabPtr slab;
    std::size_t next = 0;  // first event not cut yet
    bool begun = false;
  };

  void turn();
  [[nodiscard]] LaneBuffer::Wanted wanted() const;
  [[nodiscard]] Clock::time_point wait_until() const;
  void take(const TakeRequest& request);
  void check_taken(OwnedPartition& partition);
  void check_resumed(const std::vector<std::uint32_t>& resumed);
  [[nodiscard]] bool made_anew(const OwnedPartition& partition) const;
  void begin_generation(std::uint64_t generation);
  void stop_partition(std::uint32_t partition, const std::string& message, const std::string& hint,
                      std::int64_t offset);

  std::vector<EventRef> cut();
  bool fold_ahead();
  void make_room();
  void release_done();
  bool write(const std::vector<EventRef>& batch);
  // No outcome: given up; where `parted`, to be written in parts.
  struct Written {
    std::optional<WriteOutcome> outcome;
    Clock::duration took{};
    bool parted = false;
  };
  Written write_until_done(const std::vector<EventRef>& batch);
  bool write_parts(const std::vector<EventRef>& batch);
  bool back_off(const Error& error, unsigned& tries);
  [[nodiscard]] bool heals(const Error& error) const;
  void note_fall(const TakenPartition& taken);
  void settle_events(const std::vector<EventRef>& batch, const WriteOutcome& outcome);
  void forget_rows();
  void after(const WriteOutcome& outcome, std::size_t events, Clock::duration took);
  Reported report_offsets(std::chrono::milliseconds patience = {});
  void give_up(const Error& error);
  void note_partitions();
  [[nodiscard]] WriterTimes times() const;
  void note_state(std::uint32_t partition, const std::string& state, const std::string& reason);

  Shared& shared_;
  Target& target_;
  BatchWriter batch_;
  BatchSize size_;
  std::uint64_t generation_ = 0;
  bool owns_ = false;  // positions taken for this generation
  std::deque<Pending> pending_;
  WaitingPartitions waiting_;
  std::vector<PartitionStop> stops_;  // once what came before them is written
  std::size_t ready_ = 0;             // events pending and not cut
  bool of_waiting_ = false;           // the batch at hand is of what waits
  unsigned parting_ = 0;              // write_parts() under way
  bool looked_ahead_ = false;         // folded, in this turn
  Clock::time_point reset_at_{};      // when tables were bound anew after an error
  Clock::time_point commit_at_{};
  std::map<StreamPartition, Offset> known_;  // the last positions that we knew
  std::mt19937_64 random_;
  const Clock::time_point began_ = Clock::now();
  StageTime idle_{};
};

}  // namespace tidemark
