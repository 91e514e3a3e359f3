// A lane's reader: polls the source, decodes at once, and fills the buffer. It never waits for
// PostgreSQL: where it needs a table's definition, or room, or positions, it goes on polling with
// its partitions paused. Only for pipeline/lane; run() is the thread's body.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "pipeline/lane_shared.h"

namespace tidemark {

class Lane::Reader {
 public:
  explicit Reader(Shared& shared);
  void run();

 private:
  struct Assigned {
    StreamPartition at;
    std::int32_t partitions_of_stream = 1;
    std::optional<Offset> delivered_next;  // behind the last record decoded
    std::optional<Offset> caught_up;
    std::optional<Clock::time_point> idle_since;  // no record since then
    std::optional<Offset> end;
    bool reading = false;
  };
  struct Backlog {
    std::string topic;
    Partition partition;
    Offset offset;
    OwnedRecord record;
  };

  using Place = std::pair<std::string_view, std::int32_t>;  // a topic's partition
  struct PlaceHash {
    std::size_t operator()(const Place& place) const {
      return std::hash<std::string_view>{}(place.first) + static_cast<std::size_t>(place.second);
    }
  };

  void turn();
  bool take_one(std::chrono::milliseconds patience);
  void on_nothing();
  void handle(const PollResult& result);
  void note_unreachable(const PollResult& result);
  void on_assigned(const PollResult& result);
  void request_positions();
  void on_revoked();
  void on_record(const RecordView& record);
  void on_halted(const PollResult& result);
  void report_halts();
  void on_caught_up(const PollResult& result);
  void serve_writer();
  void start_fetching(const TakenPositions& positions);
  void ask_ends();
  void change_reading(const ReadingChange& change);
  void read_again();
  bool decode(const RecordView& record);
  void note_resumed(Assigned& assigned, std::uint32_t index);
  void work_off_backlog();
  void wait_for_answers();
  void keep_for_later(const RecordView& record);
  PollResult poll(std::chrono::milliseconds patience);
  void make_room();
  // To be written at once, or by then.
  void flush(Clock::time_point due = {});
  [[nodiscard]] std::chrono::milliseconds poll_patience() const;
  bool far_behind();
  [[nodiscard]] bool is_slab_large() const;
  void flush_if_due();
  void set_paused(bool paused);
  void note_progress();
  [[nodiscard]] std::optional<std::uint32_t> index_of(std::string_view topic, Partition partition);

  Shared& shared_;
  Source& source_;
  RecordDecoder decoder_;
  std::uint64_t generation_ = 0;
  std::vector<Assigned> assigned_;
  std::unordered_map<Place, std::uint32_t, PlaceHash> places_;  // names are those of assigned_
  std::uint32_t last_index_ = 0;
  bool to_request_ = false;  // the positions of what is assigned
  Clock::time_point asked_counts_;
  Clock::time_point asked_ends_;
  Clock::time_point assigned_at_;
  std::vector<ReadingChange> to_read_again_;
  std::vector<PartitionStop> halts_;  // for the writer, once the backlog before them is decoded
  bool fetching_ = false;
  bool paused_ = false;
  bool more_coming_ = false;  // Kafka is known to have more, only it is not here yet
  std::shared_ptr<Slab> slab_;
  Clock::time_point slab_since_;
  std::deque<Backlog> backlog_;  // read, but a table's or a schema's definition is not there yet
  std::size_t backlog_bytes_ = 0;
  std::string unreachable_;  // what was last said about Kafka's brokers, and when
  Clock::time_point unreachable_said_{};
  ReaderTimes times_;
  std::uint64_t polls_ = 0;  // and decodes_: to tell which one is timed
  std::uint64_t decodes_ = 0;
  std::string answers_missing_;  // why what the backlog needs does not come, as the state has it
};

}  // namespace tidemark
