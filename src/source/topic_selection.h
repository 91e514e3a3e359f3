// Which topics a configuration means: the rule of librdkafka's subscription, for those who look at
// topics outside of a group. Pure.
#pragma once

#include <string>

#include "tidemark/config.h"

namespace tidemark {

// A topic of topics-regex, as the consumer takes it: without ^, anywhere in the name; never one of
// Kafka's own.
bool matches_topic(const std::string& pattern, const std::string& topic);
bool is_selected(const SourceConfig& source, const std::string& topic);

}  // namespace tidemark
