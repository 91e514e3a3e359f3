// tidemark dlq: the dead letters of a pipeline. `list` and `show` only look; `replay` applies
// letters again, in order; `drop` deletes them, with --yes. All of it works while `run` is running.
#pragma once

#include "app/options.h"

namespace tidemark {

// Returns the exit code: 1 where letters are left that were to be replayed, or there is none to
// show. Throws ConfigError, Error.
int dlq_command(const CommandLine& line);

}  // namespace tidemark
