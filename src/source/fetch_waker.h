// Makes librdkafka before 2.2 fetch on as soon as its local queue has room.
//
// There, the broker thread decides what to fetch, and then waits for the network or for a command,
// up to a second. With the queue full it has asked the broker for nothing, so nothing arrives, and
// a consumer that empties the queue in a tenth of a second is idle for the rest of the second
// (rd_kafka_broker_consumer_serve). Any command ends that wait. The one public call that reaches
// the broker threads and does nothing else, without a request to the broker, is to set the SASL
// credentials to what they are already. With Kerberos it is not used: an empty name would be one.
//
// One owner, the reader's thread. From 2.2 on it does nothing: fetch.queue.backoff.ms does it.
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
  static constexpr std::chrono::milliseconds kInterval{5};

  FetchWaker(rd_kafka_t* client, const KafkaProperties& properties);

  // Can this consumer be woken, where it needs to be?
  static bool works_with(const KafkaProperties& properties);

  // A record has left the queue.
  void taken();
  // Records have left since the last wake-up: the thread may be asleep before an empty queue.
  [[nodiscard]] bool owes() const { return active_ && taken_ > 0; }
  void wake();

 private:
  rd_kafka_t* const client_;
  const bool active_;
  const std::string username_, password_;
  std::uint32_t taken_ = 0;
  Clock::time_point last_{};
};

}  // namespace tidemark
