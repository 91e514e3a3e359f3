// tidemark run: moves changes until a signal stops it, or until everything that was there at the
// start is applied. Owns the process's stop signals while it runs.
#pragma once

#include "app/options.h"

namespace tidemark {

// Returns the exit code. Throws ConfigError, Error.
int run_command(const CommandLine& line);

}  // namespace tidemark
