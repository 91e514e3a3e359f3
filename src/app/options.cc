#include "app/options.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <charconv>
#include <sstream>

#include "app/settings_table.h"
#include "base/nearest_name.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

namespace po = boost::program_options;

struct Command {
  std::string_view name;
  std::string_view usage;
  std::string_view doc;
};

constexpr std::array kCommands = {
    Command{"run", "run -c FILE [--until-current]",
            "move changes until stopped, or until the ends seen at the start are applied"},
    Command{"check", "check -c FILE [--offline]",
            "every precondition, each with what to do about it"},
    Command{"plan", "plan -c FILE [--sample N]",
            "the DDL, the type mapping and its losses, the SQL; writes nothing"},
    Command{"status", "status -c FILE [--ready] [--watch]",
            "positions, lag, dead letters and what is being waited for"},
    Command{
        "dlq",
        "dlq list|replay|drop -c FILE [ID]... [--stream S] [--table T] [--kind K] | dlq show ID",
        "dead letters: list them, show one, apply them again in order, or give them up"},
    Command{"config", "config show -c FILE | config init",
            "effective settings and where each came from; or an example file"},
};

// Named in the documentation of what is to come, so that asking for them gets a clear answer.
constexpr std::array<std::string_view, 2> kCommandsToCome = {"verify", "seek"};
constexpr std::array<std::string_view, 2> kFlagsToCome = {"--dry-run", "--from-connector"};

[[noreturn]] void throw_usage(const std::string& message, std::string hint = {}) {
  throw ConfigError(message, std::move(hint), true);
}

po::options_description common_options() {
  using Texts = std::vector<std::string>;
  po::options_description options("Common flags");
  auto add = options.add_options();
  add("config,c", po::value<std::string>()->value_name("FILE"), "the configuration file");
  add("brokers,b", po::value<std::string>()->value_name("BROKERS"), "kafka.bootstrap.servers");
  add("group,G", po::value<std::string>()->value_name("GROUP"), "kafka.group.id");
  add("property,X", po::value<Texts>()->composing()->value_name("PROP=VALUE"),
      "any librdkafka property; repeatable");
  add("set", po::value<Texts>()->composing()->value_name("SECTION.KEY=VALUE"),
      "any setting; repeatable");
  add("output,o", po::value<std::string>()->value_name("text|json"), "what stdout gets");
  add("quiet,q", "log errors only");
  add("verbose,v", "log more");
  add("color", po::value<std::string>()->value_name("auto|always|never"),
      "colours, and signs beyond ASCII");
  add("version", "versions of tidemark and its libraries");
  add("help,h", "this text");
  return options;
}

po::options_description command_options(std::string_view command) {
  po::options_description options("Flags of " + std::string(command));
  if (command == "run") {
    options.add_options()("until-current",
                          "stop when everything that was there at the start is applied");
  } else if (command == "check") {
    options.add_options()("offline", "the configuration alone: ask neither Kafka nor PostgreSQL");
  } else if (command == "status") {
    auto add = options.add_options();
    add("ready", "only say whether it is ready, by the exit code 0 or 1");
    add("watch", "again every two seconds, until interrupted");
  } else if (command == "dlq") {
    auto add = options.add_options();
    add("stream", po::value<std::string>()->value_name("S"), "letters of this topic");
    add("table", po::value<std::string>()->value_name("T"), "letters of this table, schema.table");
    add("kind", po::value<std::string>()->value_name("decode|data|held"), "letters of this kind");
    add("replayed", "list, drop: those that are done, instead of those that are open");
    add("limit", po::value<std::string>()->value_name("N"), "list: at most so many (default: 100)");
    add("all", "drop: all of them, where nothing else is chosen");
    add("yes", "drop: really; without it nothing is changed");
  } else if (command == "plan") {
    options.add_options()("sample", po::value<std::string>()->value_name("N"),
                          "records of each partition to look at, half of them from where the "
                          "pipeline stands, half from the end (default: 200)");
  }
  return options;
}

// Boost takes "-X a=b" for an option with a value only if its style says so; guessing, that is
// taking --ver for --version, would make every new flag a breaking change.
int style() {
  namespace cls = po::command_line_style;
  return cls::default_style & ~cls::allow_guessing;
}

std::vector<std::string> flag_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back("--" + option->long_name());
  return names;
}

[[noreturn]] void throw_unknown_flag(const std::string& flag,
                                     const po::options_description& options) {
  const std::string name = flag.substr(0, flag.find('='));
  if (std::find(kFlagsToCome.begin(), kFlagsToCome.end(), name) != kFlagsToCome.end()) {
    throw_usage(name + " is not in this version");
  }
  throw_usage("unknown flag " + name, nearest_hint(name, flag_names(options)));
}

void check_command(const std::string& command) {
  std::vector<std::string> names;
  for (const Command& known : kCommands) names.emplace_back(known.name);
  if (std::find(names.begin(), names.end(), command) != names.end()) return;
  if (std::find(kCommandsToCome.begin(), kCommandsToCome.end(), command) != kCommandsToCome.end()) {
    throw_usage("\"" + command + "\" is not in this version",
                "commands: " + fmt::format("{}", fmt::join(names, ", ")));
  }
  const std::string nearest = nearest_hint(command, names);
  throw_usage("unknown command \"" + command + "\"",
              nearest.empty() ? fmt::format("commands: {}", fmt::join(names, ", ")) : nearest);
}

FlagSetting split_assignment(const std::string& flag, const std::string& text,
                             const std::string& prefix) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw_usage(flag + " needs a name and a value: " + flag +
                (prefix.empty() ? " target.mode=merge" : " debug=broker"));
  }
  return {flag, prefix + text.substr(0, equals), text.substr(equals + 1)};
}

template <typename Choice, std::size_t Count>
Choice choice_of(const std::string& flag, const std::string& word,
                 const std::array<std::pair<std::string_view, Choice>, Count>& choices) {
  std::string words;
  for (const auto& [name, choice] : choices) {
    if (name == word) return choice;
    words += (words.empty() ? "" : ", ") + std::string(name);
  }
  throw_usage(flag + ": there is no \"" + word + "\"", "use " + words);
}

std::int64_t positive_number(const std::string& flag, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) {
    throw_usage(flag + " takes a number from 1 on, not \"" + text + "\"");
  }
  return value;
}

std::string kind_of_letter(const std::string& word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kKinds = {
      {{"decode", "decode"}, {"data", "data"}, {"held", "held"}}};
  return std::string(choice_of("--kind", word, kKinds));
}

void apply(const po::option& option, CommandLine& line) {
  const std::string& name = option.string_key;
  const std::string value = option.value.empty() ? std::string() : option.value.front();
  if (name == "config") line.config_file = value;
  if (name == "brokers") line.settings.push_back({"-b", "kafka.bootstrap.servers", value});
  if (name == "group") line.settings.push_back({"-G", "kafka.group.id", value});
  if (name == "property") line.settings.push_back(split_assignment("-X", value, "kafka."));
  if (name == "set") line.settings.push_back(split_assignment("--set", value, ""));
  if (name == "quiet") line.settings.push_back({"-q", "log.level", "error"});
  if (name == "verbose") line.settings.push_back({"-v", "log.level", "debug"});
  if (name == "help") line.help = true;
  if (name == "version") line.version = true;
  if (name == "until-current") line.until_current = true;
  if (name == "offline") line.offline = true;
  if (name == "ready") line.ready = true;
  if (name == "watch") line.watch = true;
  if (name == "stream") line.stream = value;
  if (name == "table") line.table = value;
  if (name == "kind") line.kind = kind_of_letter(value);
  if (name == "replayed") line.replayed = true;
  if (name == "all") line.all = true;
  if (name == "yes") line.yes = true;
  if (name == "limit") line.limit = positive_number("--limit", value);
  if (name == "sample") line.sample = positive_number("--sample", value);
  if (name == "output") {
    constexpr std::array<std::pair<std::string_view, OutputFormat>, 2> kFormats = {
        {{"text", OutputFormat::text}, {"json", OutputFormat::json}}};
    line.format = choice_of("-o", value, kFormats);
  }
  if (name == "color") {
    constexpr std::array<std::pair<std::string_view, ColorChoice>, 3> kColors = {
        {{"auto", ColorChoice::automatic},
         {"always", ColorChoice::always},
         {"never", ColorChoice::never}}};
    line.color = choice_of("--color", value, kColors);
  }
}

// The words of a command that has commands of its own; empty: it has none.
std::vector<std::string> subcommands(const std::string& command) {
  if (command == "config") return {"show", "init"};
  if (command == "dlq") return {"list", "show", "replay", "drop"};
  return {};
}

void take_ids(CommandLine& line, const std::vector<std::string>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    line.ids.push_back(positive_number("dlq " + words.front(), words[i]));
  }
  if (words.front() == "show" && line.ids.size() != 1) {
    throw_usage("dlq show takes the number of one letter", "tidemark dlq list -c FILE shows them");
  }
  const bool chosen = !line.ids.empty() || !line.stream.empty() || !line.table.empty() ||
                      !line.kind.empty() || line.replayed;
  if (words.front() == "drop" && chosen == line.all) {
    throw_usage(
        "dlq drop needs to know which: numbers, --stream, --table, --kind, --replayed, or "
        "--all alone");
  }
  if (words.front() != "drop" && (line.all || line.yes)) {
    throw_usage(std::string(line.all ? "--all" : "--yes") + " belongs to dlq drop");
  }
  if (words.front() == "replay" && line.replayed) {
    throw_usage("--replayed: those are done and are not applied again");
  }
}

void check_subcommand(CommandLine& line, const std::vector<std::string>& words) {
  const std::vector<std::string> known = subcommands(line.command);
  if (known.empty()) {
    if (!words.empty())
      throw_usage("\"" + words.front() + "\": " + line.command + " takes flags only");
    return;
  }
  const std::string choice = fmt::format("{}", fmt::join(known, ", "));
  if (words.size() > 1 && line.command != "dlq") {
    throw_usage("\"" + words[1] + "\": " + line.command + " takes one word: " + choice);
  }
  if (line.help) return;
  if (words.empty()) {
    throw_usage(line.command + ": which of " + choice + "?",
                "tidemark " + line.command + " " + known.front() + " -c FILE");
  }
  if (std::find(known.begin(), known.end(), words.front()) == known.end()) {
    const std::string nearest = nearest_hint(words.front(), known);
    throw_usage(line.command + ": there is no \"" + words.front() + "\"",
                nearest.empty() ? choice : nearest);
  }
  if (line.command == "dlq") take_ids(line, words);
}

po::parsed_options parse(const std::vector<std::string>& arguments,
                         const po::options_description& options) {
  po::positional_options_description positional;
  positional.add("word", -1);
  po::options_description all;
  all.add(options).add_options()("word", po::value<std::vector<std::string>>());
  try {
    po::parsed_options parsed =
        po::command_line_parser(arguments).options(all).positional(positional).style(style()).run();
    po::variables_map values;  // finds what is given twice
    po::store(parsed, values);
    parsed.description = nullptr;
    return parsed;
  } catch (const po::unknown_option& error) {
    throw_unknown_flag(error.get_option_name(), options);
  } catch (const po::error& error) {
    throw_usage(error.what());
  }
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
  CommandLine line;
  std::vector<std::string> flags = arguments;
  if (!flags.empty() && !flags.front().starts_with('-')) {
    line.command = flags.front();
    flags.erase(flags.begin());
    check_command(line.command);
  }
  po::options_description options = common_options();
  const po::options_description of_command = command_options(line.command);
  if (!of_command.options().empty()) options.add(of_command);

  std::vector<std::string> words;
  for (const po::option& option : parse(flags, options).options) {
    if (option.string_key == "word") {
      words.push_back(option.value.front());
    } else {
      apply(option, line);
    }
  }
  if (line.command.empty()) {
    if (line.help || line.version) return line;
    if (!words.empty()) throw_usage("the command comes first: tidemark " + words.front() + " …");
    throw_usage("which command?", "tidemark --help");
  }
  check_subcommand(line, words);
  if (!words.empty()) line.subcommand = words.front();
  return line;
}

std::string help_text(std::string_view command) {
  std::ostringstream text;
  if (command.empty()) {
    text
        << "tidemark keeps PostgreSQL tables equal to the tables of another database, by applying\n"
           "the change events that Debezium writes to Kafka.\n\n";
  }
  for (const Command& known : kCommands) {
    if (!command.empty() && known.name != command) continue;
    text << fmt::format("tidemark {}\n    {}\n", known.usage, known.doc);
  }
  const po::options_description of_command = command_options(command);
  if (!of_command.options().empty()) text << "\n" << of_command;
  text << "\n" << common_options();
  text << "\nPrecedence: flag, environment (TIDEMARK_TARGET_DSN), file, default.\n"
          "Exit codes: 0 ok, 1 findings, 64 usage, 65 bad data, 69 Kafka or PostgreSQL "
          "unavailable,\n"
          "70 a bug, 77 permission, 78 configuration, 128+n a second signal.\n";
  return text.str();
}

std::string version_text() {
  std::array<char, 512> features{};
  std::size_t size = features.size();
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_get(conf, "builtin.features", features.data(), &size);
  rd_kafka_conf_destroy(conf);
  const int libpq = PQlibVersion();
  return fmt::format("tidemark {}\nlibrdkafka {} (builtin.features {})\nlibpq {}.{}\n",
                     TIDEMARK_VERSION, rd_kafka_version_str(), features.data(), libpq / 10000,
                     libpq % 10000);
}

}  // namespace tidemark
