// tidemark plan: what `run` would do to the target, from a look at the records and at the catalog.
// Joins no group, commits nothing, and writes nothing to the target.
#pragma once

#include "app/options.h"

namespace tidemark {

// Returns the exit code: 65 if records were found at which `run` would stop, 78 if a table is
// refused. Throws ConfigError, Error.
int plan_command(const CommandLine& line);

}  // namespace tidemark
