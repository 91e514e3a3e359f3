// What differs between the librdkafka versions that tidemark runs with: 2.0.2 (Debian 12) and 2.8.0
// (Debian 13). Asked of the library that is loaded, not of the headers it was compiled with.
#pragma once

#include <string>

namespace tidemark::rdkafka {

// Does the loaded library know this property?
bool knows_property(const std::string& name);

// From 2.2 on a consumer whose local queue was full looks again after this many milliseconds.
// Before, nothing but the broker thread's own second wakes it: source/fetch_waker.h.
inline const char* const kFetchQueueBackoff = "fetch.queue.backoff.ms";

// From 2.3 on: partition discovery by the new group protocol, which has no eager rebalancing.
inline const char* const kGroupProtocol = "group.protocol";

}  // namespace tidemark::rdkafka
