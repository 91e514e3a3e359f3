// tidemark status: where a pipeline stands, from what the target holds and where the topics end:
// who only looks takes no lock, joins no group and changes nothing.
#pragma once

#include "app/options.h"

namespace tidemark {

// Returns the exit code; with --ready 0 or 1. Throws ConfigError, Error.
int status_command(const CommandLine& line);

}  // namespace tidemark
