// Makes librdkafka fetch on at once where it would wait for up to a second.
//
// Its broker thread decides what to fetch, and then waits for the network or for a command. Two
// things that let it fetch again are no command:
// - Room in the local queue. With the queue full it has asked the broker for nothing, so nothing
//   arrives, and a consumer that empties the queue in a tenth of a second is idle for the rest of
//   the second. From 2.2 on it looks every fetch.queue.backoff.ms; before, taken() makes it look.
// - rd_kafka_resume_partitions(), in 2.8 as well: call wake() after it.
// (rd_kafka_broker_consumer_serve, rd_kafka_toppar_fetch_decide, rd_kafka_toppar_pause_resume.)
//
// Any command ends the wait. The one public call that reaches the broker threads and does nothing
// else, without a request to the broker, is to set the SASL credentials to what they are already.
// With Kerberos it is not used: there an empty name would be one.
//
// One owner, the reader's thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <string>

#include "source/kafka_properties.h"

namespace tidemark {

class FetchWaker {
 public:
  using Clock = std::chrono::steady_clock;
  // The queue must hold what a reader takes in this time, or it runs dry in between.
  static constexpr std::chrono::milliseconds kInterval{2};

  FetchWaker(rd_kafka_t* client, const KafkaProperties& properties);

  // Can this consumer be woken, where it needs to be?
  static bool works_with(const KafkaProperties& properties);

  // A record has left the queue.
  void taken();
  // Records have left since the last wake-up: the thread may be asleep before an empty queue.
  [[nodiscard]] bool owes() const { return for_queue_ && taken_ > 0; }
  void wake();
  // Not more often than each interval: polling without waiting must not turn into waking.
  void wake_if_due();

 private:
  rd_kafka_t* const client_;
  const bool possible_;
  const bool for_queue_;
  const std::string username_, password_;
  std::uint32_t taken_ = 0;
  Clock::time_point last_{};
};

}  // namespace tidemark
