// From flags, environment and file to one Config, with the origin of every value. Precedence: flag,
// then environment, then file, then default; a list given at a higher level replaces the whole
// list. Every setting may be given as <key>-file: the file's contents, one trailing newline cut.
//
// All faults are gathered. Reads the files that <key>-file settings name; else pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/config_fault.h"
#include "tidemark/config.h"

namespace tidemark {

struct FlagSetting {
  std::string flag;  // as messages call it: "--set", "-X", "-b"
  std::string name;  // "target.state-schema"
  std::string value;
};

struct SettingInputs {
  std::string file_name;  // empty: no file
  std::string file_text;
  std::vector<std::pair<std::string, std::string>> environment;  // others than ours are passed over
  std::vector<FlagSetting> flags;                                // in the order of the command line
};

// One line of `config show`: secrets are already masked.
struct ShownSetting {
  std::string section;
  std::string table;
  std::string key;
  std::string value;
  std::string origin;  // "inventory.conf:12", "TIDEMARK_TARGET_DSN", "--set", "default"
};

struct LoadedSettings {
  Config config;  // only to be used where there are no faults
  std::vector<ShownSetting> shown;
  std::vector<ConfigFault> faults;
};

LoadedSettings load_settings(const SettingInputs& inputs);

}  // namespace tidemark
