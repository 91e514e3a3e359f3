// Reads a few records of each partition to look at them: the first, the last, or both, within a
// time. Outside of any consumer group: nothing is committed and nobody's position moves.
// One owner; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "source/partition_ends.h"
#include "source/rdkafka_handle.h"
#include "tidemark/config.h"
#include "tidemark/record.h"
#include "tidemark/types.h"

namespace tidemark {

struct SampleBounds {
  std::int64_t first = 0;                     // records of each partition from its beginning
  std::int64_t last = 0;                      // offsets before its end
  std::chrono::milliseconds longest{10'000};  // for all of it
};

// Where to look; `from`: the position of a pipeline, instead of the beginning.
struct SampleRequest {
  StreamPartition at;
  std::optional<Offset> from;
};

struct SampledPartition {
  StreamPartition at;
  Offset begin, end;  // of what there was to read
  std::int64_t records = 0;
  bool complete = false;  // all that the bounds ask for was read
  bool removed = false;   // Kafka had deleted what was to be read before it was
  std::string problem;    // why it was not; empty: the time was over
};

class TopicSampler {
 public:
  // The record is valid during the call. In each partition the records come in their order.
  using Take = std::function<void(const RecordView&)>;

  explicit TopicSampler(const KafkaConfig& config);
  TopicSampler(const TopicSampler&) = delete;
  TopicSampler& operator=(const TopicSampler&) = delete;

  // Parallel to `requests`. Throws Error(retry) if no broker answers.
  std::vector<SampledPartition> read(const std::vector<SampleRequest>& requests,
                                     const SampleBounds& bounds, const Take& take);

 private:
  struct Reading;
  using Clock = std::chrono::steady_clock;

  static bool find_ends(const SampleRequest& request, Reading& reading, const EndsAnswer& answer);
  void plan_parts(const SampleBounds& bounds, Reading& reading) const;
  void start_next_part(Reading& reading, rd_kafka_queue_t* queue);
  void handle(const rd_kafka_message_t& message, Reading& reading, rd_kafka_queue_t* queue,
              const Take& take);

  rdkafka::Client client_;
};

}  // namespace tidemark
