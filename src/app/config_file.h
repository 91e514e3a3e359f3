// The configuration file's syntax, and nothing of its meaning: which keys exist is
// app/settings_table's to know.
//
//   line     = blank | comment | "[" section "]" | key "=" value
//   comment  = "#" or ";" at the start of a line or after white space; elsewhere both are
//   characters value    = text up to the end or a comment, trimmed | '"' text as it stands '"'
//   section  = a word | "table." name | 'table."' name as it stands '"'
//
// Every entry keeps its line. A line that cannot be read becomes a fault and the next one is tried.
// Pure but for read_file(); any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config_fault.h"

namespace tidemark {

struct ConfigEntry {
  std::string
      section;  // "kafka"; "table" for [table.inventory.orders]; empty above the first section
  std::string table;  // "inventory.orders"
  std::string key;
  std::string value;
  bool quoted = false;
  std::string place;  // "inventory.conf:12"
};

struct ConfigText {
  std::vector<ConfigEntry> entries;
  std::vector<ConfigFault> faults;
};

// `name` is how messages call the file.
ConfigText parse_config(std::string_view text, const std::string& name);

// A whole file, at most 16 MiB of it. Throws ConfigFaults naming the path and the system's reason.
std::string read_file(const std::string& path, const std::string& place = {});

}  // namespace tidemark
