// tidemark config show: the effective settings, each with its origin, secrets masked, in a form
// that is a configuration file again. tidemark config init: an example with every setting.
#pragma once

#include <string>

#include "app/options.h"
#include "app/settings.h"

namespace tidemark {

// Returns the exit code. Throws ConfigError.
int config_command(const CommandLine& line);

// The parts, for tests.
std::string shown_settings_text(const LoadedSettings& loaded);
std::string shown_settings_json(const LoadedSettings& loaded);
std::string example_config();

}  // namespace tidemark
