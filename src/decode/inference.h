// What a schemaless row says about a table: types by the kinds of its JSON values, and the CREATE
// TABLE that would do. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "decode/json.h"
#include "model/table.h"

namespace tidemark {

// text, numeric, boolean or jsonb; no value for null, which says nothing.
std::optional<PgType> inferred_type(const JsonValue& value);

// Without IF NOT EXISTS: the user is to look at it and choose better types.
std::string create_table_sql(const Table& table);

}  // namespace tidemark
