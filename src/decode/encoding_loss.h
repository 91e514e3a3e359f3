// What the source's connector and converter have made of a column's values before they came here:
// losses that nothing behind them can undo, each in words for the user, with the setting that
// avoids it where there is one. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "model/source_type.h"

namespace tidemark {

// In a few words; empty: none that the schema tells of.
std::vector<std::string> encoding_losses(const SourceType& source);

// The column's own type where it is propagated: "varchar(20) at the source"; empty: it is not.
std::string propagated_type(const SourceType& source);

// A type as Debezium states it: "MicroTimestamp (int64)", "Decimal(12,2)", "array of string",
// "string, varchar(20) at the source".
std::string stated_type(const SourceType& source);

}  // namespace tidemark
