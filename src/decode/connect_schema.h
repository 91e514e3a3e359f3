// Kafka Connect's schema, as JsonConverter writes it beside the payload, into a SourceType.
// Pure; thread-safe. A schema that is not one is refused with the place in it.
#pragma once

#include <string_view>

#include "model/source_type.h"

namespace tidemark {

// Schemas nest by the types of a database, not by its values: a struct in an array in a struct.
inline constexpr std::uint32_t kSchemaDepthMax = 64;

// `json` has been validated. Throws Refused.
SourceType parse_connect_schema(std::string_view json);

}  // namespace tidemark
