// librdkafka's properties, as [kafka] and -X give them: which are refused and why, which do not
// exist and what was probably meant, and what tidemark sets itself. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/rdkafka_handle.h"
#include "tidemark/config.h"

namespace tidemark {

using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

// Throws ConfigError with the reason, or with the nearest known name as hint. Values that hold
// secrets are not repeated in messages.
void check_kafka_property(const std::string& name, const std::string& value);

// The properties of one lane's consumer, in the order in which they are set: tidemark's defaults,
// the user's, and last those on which the guarantees rest.
KafkaProperties consumer_properties(const KafkaConfig& config, std::uint32_t lane);

// The same for a consumer outside of the group, which reads single records again.
KafkaProperties reader_properties(const KafkaConfig& config);

// Only how to reach the brokers (addresses, TLS, SASL): for producers and admin clients of tools.
KafkaProperties connection_properties(const KafkaConfig& config);

// A configuration object with these properties. Throws ConfigError.
rdkafka::Conf make_conf(const KafkaProperties& properties);

// The last value given; empty where there is none. Aliases are not followed.
std::string_view property_value(const KafkaProperties& properties, std::string_view name);

}  // namespace tidemark
