#include "app/load_config.h"

#include <unistd.h>

#include <string_view>

#include "app/config_file.h"

namespace tidemark {
namespace {

std::vector<std::pair<std::string, std::string>> environment_variables() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace

LoadedSettings load_all_settings(const CommandLine& line) {
  SettingInputs inputs;
  if (!line.config_file.empty()) {
    inputs.file_name = line.config_file;
    inputs.file_text = read_file(line.config_file);
  }
  inputs.environment = environment_variables();
  inputs.flags = line.settings;
  LoadedSettings loaded = load_settings(inputs);
  for (ConfigFault& fault : loaded.faults) {
    if (line.config_file.empty() && fault.code == "config.missing") {
      fault.hint = "name the configuration file: -c FILE";
    }
  }
  return loaded;
}

Config load_config(const CommandLine& line) {
  LoadedSettings loaded = load_all_settings(line);
  if (!loaded.faults.empty()) throw ConfigFaults(std::move(loaded.faults));
  return std::move(loaded.config);
}

}  // namespace tidemark
