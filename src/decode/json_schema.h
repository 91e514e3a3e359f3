// A JSON Schema as Confluent's JsonSchemaConverter registers it for a Connect schema, into the type
// that the Connect schema was. Pure; thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "model/source_type.h"

namespace tidemark {

// No value: the schema does not tell every type exactly (it was not made from a Connect schema, or
// uses references): its records are read as records without a schema. Never throws for its content.
std::optional<SourceType> parse_json_schema(std::string_view json);

}  // namespace tidemark
