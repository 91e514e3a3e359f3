// The command line: tidemark <command> [flags], by Boost.Program_options. Abbreviated flags are not
// guessed at, and an unknown one is answered with the nearest known. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/settings.h"

namespace tidemark {

enum class OutputFormat { text, json };
enum class ColorChoice { automatic, always, never };

struct CommandLine {
  std::string command;     // "run", "check", …; empty with --help and --version alone
  std::string subcommand;  // of config: "show", "init"; of dlq: "list", "show", "replay", "drop"
  std::string config_file;
  std::vector<FlagSetting> settings;  // -b, -G, -X, --set, -q, -v, in their order
  OutputFormat format = OutputFormat::text;
  ColorChoice color = ColorChoice::automatic;
  bool help = false;
  bool version = false;
  bool until_current = false;       // run
  bool offline = false;             // check
  std::int64_t sample = 200;        // plan: records of each partition
  std::vector<std::int64_t> ids;    // dlq: of letters
  std::string stream, table, kind;  // dlq
  bool replayed = false;            // dlq
  bool all = false;                 // dlq drop
  bool yes = false;                 // dlq drop
  std::int64_t limit = 100;         // dlq list
  bool ready = false;               // status
  bool watch = false;               // status
};

// `arguments` are those after the program's name. Throws ConfigError (usage).
CommandLine parse_command_line(const std::vector<std::string>& arguments);

// For --help; empty: of the whole program.
std::string help_text(std::string_view command);

// For --version: tidemark's, librdkafka's with its built-in features, libpq's.
std::string version_text();

}  // namespace tidemark
