// tidemark check: every precondition of `run`, each with what to do about it. Changes nothing.
#pragma once

#include "app/options.h"

namespace tidemark {

// Returns the exit code: 0, 1 if something failed, 69 if a server cannot be reached, 78 if it is
// the configuration. Throws ConfigError if there is no configuration to be read.
int check_command(const CommandLine& line);

}  // namespace tidemark
