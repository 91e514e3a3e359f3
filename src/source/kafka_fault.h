// What an error of librdkafka means for the caller, and what the user can do about it: the one
// place that knows its error codes. Pure functions; any thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

namespace tidemark {

enum class KafkaFault {
  none,          // informational
  caught_up,     // the end of a partition
  out_of_range,  // Kafka does not hold the position
  partition,     // this partition cannot be read on: damaged, or in a way we do not know
  topic,         // the same for all its partitions: deleted, or never there
  brokers,       // away, busy or not letting us in: librdkafka tries again by itself
  evicted,       // the group has gone on without us
  stale,         // a commit of an owner that no longer is one: the fence has decided already
  fatal,
};

KafkaFault fault_of(rd_kafka_resp_err_t error);

// Empty where there is nothing better than librdkafka's own text.
std::string hint_of(rd_kafka_resp_err_t error);

}  // namespace tidemark
