// A consumer of librdkafka whose log goes to ours, under the event `kafka.library`.
#pragma once

#include <librdkafka/rdkafka.h>

#include "source/kafka_properties.h"
#include "source/rdkafka_handle.h"

namespace tidemark {

// What a consumer wants to hear of, registered before the client exists; `owner` is what the
// callbacks get as their opaque and must outlive the client. Throws ConfigError.
using RegisterCallbacks = void (*)(rd_kafka_conf_t* conf);

rdkafka::Client make_client(const KafkaProperties& properties, RegisterCallbacks callbacks,
                            void* owner);

}  // namespace tidemark
