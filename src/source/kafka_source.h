// Records from Kafka by librdkafka's consumer group.
//
// Promises
// - Positions come from assign() alone: nothing is read from Kafka's group offsets, and a position
//   that Kafka no longer holds halts its partition instead of moving (I2, I7).
// - A new assignment is taken at once as an empty one, so that the group sees a settled member (its
//   heartbeats are answered, a next rebalance reaches it) while the caller reads its positions from
//   the target; assign() then starts the fetching.
// - A revoked or lost assignment is given up within the poll() that reports it.
// - Memory: librdkafka's queue, bounded by queued.max.messages.kbytes and one fetch.
//
// Threads: all calls from the reader's thread, but commit() and unreported(), which any may make.
// librdkafka calls back within poll() and close() only, except for its log.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/fetch_waker.h"
#include "source/kafka_reader.h"
#include "source/rdkafka_handle.h"
#include "tidemark/config.h"
#include "tidemark/source.h"

namespace tidemark {

class KafkaSource final : public Source {
 public:
  // Connects in the background. Throws ConfigError.
  KafkaSource(const KafkaConfig& kafka, const SourceConfig& source, std::uint32_t lane);
  ~KafkaSource() override = default;

  void subscribe() override;
  PollResult poll(std::chrono::milliseconds timeout) override;
  void assign(const std::vector<std::pair<StreamPartition, std::optional<Offset>>>& from) override;
  void pause() override;
  void resume() override;
  void pause(const StreamPartition& partition) override;
  void rejoin() override;
  Reported commit(const std::vector<std::pair<StreamPartition, Offset>>& next,
                  std::chrono::milliseconds patience = {}) override;
  std::vector<StreamPartition> unreported(const std::vector<StreamPartition>& partitions,
                                          std::chrono::milliseconds timeout) override;
  std::optional<Offset> known_end(const StreamPartition& partition) override;
  std::optional<std::int32_t> partitions_of(std::string_view topic) override;
  std::map<StreamPartition, PartitionEnds> ends(const std::vector<StreamPartition>& partitions,
                                                std::chrono::milliseconds timeout) override;
  std::optional<OwnedRecord> read(const StreamPartition& partition, Offset offset,
                                  std::chrono::milliseconds timeout) override;
  void close(std::chrono::milliseconds timeout) override;
  void wake() noexcept override;

 private:
  using Clock = std::chrono::steady_clock;
  struct PartitionCount {
    std::int32_t count = 0;
    std::optional<Clock::time_point> asked;
  };

  static void register_callbacks(rd_kafka_conf_t* conf);
  void on_rebalance(rd_kafka_resp_err_t event, const rd_kafka_topic_partition_list_t& partitions);
  void on_error(rd_kafka_resp_err_t error, const std::string& reason);

  rdkafka::Message take(std::chrono::milliseconds timeout);
  std::optional<PollResult> next_event();
  PollResult result_of(rdkafka::Message message);
  void report_halted(const StreamPartition& partition, rd_kafka_resp_err_t error,
                     const std::string& text);
  void report_unreadable(const StreamPartition& place, rd_kafka_resp_err_t error,
                         const std::string& text);
  std::string out_of_range_text(const StreamPartition& partition, std::int64_t offset);
  void report_revoked();
  void report_fatal(const std::string& reason);
  void report_unreachable(const std::string& message, const std::string& hint);
  void look_for_brokers();
  void release_held();
  void set_paused(const std::vector<StreamPartition>& partitions, bool paused);

  const KafkaConfig config_;
  const std::vector<std::string> topics_;
  const rdkafka::Client client_;
  const rdkafka::Queue polled_;  // of the client
  std::atomic<bool> woken_ = false;

  FetchWaker waker_;
  rdkafka::Message current_;       // what the caller's RecordView looks into
  std::deque<PollResult> events_;  // from callbacks, to be handed out before the next record

  bool member_ = false;  // an assignment has been reported, and no revocation since
  std::set<StreamPartition> owned_;
  std::set<StreamPartition> assigned_;  // of owned_: those that are being fetched
  std::set<StreamPartition> held_;      // of assigned_: paused until the next assignment
  std::set<StreamPartition> halted_;    // of held_: already reported
  bool paused_ = false;

  bool away_ = false;       // no broker can be reached
  bool suspected_ = false;  // perhaps none can
  bool missed_ = false;     // and one question has had no answer
  std::chrono::milliseconds ask_patience_;
  Clock::time_point away_said_{};
  std::string away_message_;
  std::map<std::string, Clock::time_point, std::less<>> said_;  // by message: not too often

  std::map<std::string, PartitionCount, std::less<>> partition_counts_;
  std::chrono::milliseconds count_patience_;  // longer after each question without an answer
  Clock::time_point counts_missed_{};         // the last one
  std::optional<KafkaReader> reader_;
};

}  // namespace tidemark
