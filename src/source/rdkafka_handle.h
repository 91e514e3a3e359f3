// librdkafka's objects with an owner: each handle frees what it holds by librdkafka's own function.
// Move-only, no thread safety of their own (rd_kafka_t itself may be used by any thread).
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

namespace tidemark::rdkafka {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

// Without leaving the group: whoever wants to leave calls rd_kafka_consumer_close*() before, with a
// time limit of its own. Waits a few seconds at most and then leaves the client to its own threads:
// 2.0.2 never ends where a topic was deleted that was being read (fixed in 2.1 and 2.6.1).
void destroy_without_leaving(rd_kafka_t* client);

using Client = std::unique_ptr<rd_kafka_t, Deleter<destroy_without_leaving>>;
using Producer = std::unique_ptr<rd_kafka_t, Deleter<rd_kafka_destroy>>;
using Conf = std::unique_ptr<rd_kafka_conf_t, Deleter<rd_kafka_conf_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Deleter<rd_kafka_message_destroy>>;
using Headers = std::unique_ptr<rd_kafka_headers_t, Deleter<rd_kafka_headers_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Deleter<rd_kafka_topic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Deleter<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Deleter<rd_kafka_event_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Deleter<rd_kafka_error_destroy>>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Deleter<rd_kafka_metadata_destroy>>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                      Deleter<rd_kafka_topic_partition_list_destroy>>;

inline PartitionList make_partition_list(std::size_t size) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

}  // namespace tidemark::rdkafka
