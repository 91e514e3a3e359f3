// From the command line to a Config: reads the file and the environment. One thread, at the start.
#pragma once

#include "app/options.h"
#include "app/settings.h"
#include "tidemark/config.h"

namespace tidemark {

// Throws ConfigFaults where the file cannot be read.
LoadedSettings load_all_settings(const CommandLine& line);

// Throws ConfigFaults with everything that is wrong.
Config load_config(const CommandLine& line);

}  // namespace tidemark
