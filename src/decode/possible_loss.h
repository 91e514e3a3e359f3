// What a column may have lost at its source without any schema that tells: some values only, or
// some settings of the connector. What a schema does tell is decode/encoding_loss. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/pg_type.h"
#include "model/source_type.h"

namespace tidemark {

// A column's, each in a few words with the setting that avoids it where there is one. `connector`
// is the source block's ("postgresql"); empty: not known, as of flattened records. Without a schema
// the target's type says what little can be said.
std::vector<std::string> possible_losses(const SourceType& source, const PgType& target,
                                         std::string_view connector);

// A whole table's.
std::vector<std::string> possible_losses(std::string_view connector, bool typed);

}  // namespace tidemark
