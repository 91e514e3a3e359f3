#include "app/config_command.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "app/config_file.h"
#include "app/exit_code.h"
#include "app/load_config.h"
#include "app/output.h"
#include "app/settings_table.h"

namespace tidemark {
namespace {

std::string section_header(const ShownSetting& setting) {
  if (setting.table.empty()) return setting.section;
  return setting.section + "." + setting.table;
}

// What a stranger must fill in, in the example.
const std::map<std::string_view, std::string_view> kToFillIn = {
    {"pipeline", "inventory"},
    {"bootstrap.servers", "localhost:9092"},
    {"topics", "dbserver1.inventory.orders"},
    {"dsn", "host=localhost dbname=warehouse user=cdc"},
};

// What would say nothing without one.
const std::map<std::string_view, std::string_view> kExamples = {
    {"registry-url", "http://localhost:8081"},
};

std::string served_choices(const Setting& setting) {
  std::string text;
  const std::vector<std::string> words = split_choices(setting.choices);
  for (std::size_t i = 0; i < setting.choices_served; ++i) text += (i == 0 ? "" : " | ") + words[i];
  return text;
}

void append_example(std::string& text, const Setting& setting) {
  text += fmt::format("# {}", setting.doc);
  if (setting.choices_served > 1) text += ": " + served_choices(setting);
  text += '\n';
  const auto to_fill_in = kToFillIn.find(setting.key);
  const bool needed = to_fill_in != kToFillIn.end();
  if (needed) {
    text += fmt::format("{} = {}\n", setting.key, to_fill_in->second);
  } else if (const auto example = kExamples.find(setting.key); example != kExamples.end()) {
    text += fmt::format("#{} = {}\n", setting.key, example->second);
  } else if (setting.secret) {
    text += fmt::format("#{}-file = /run/secrets/{}\n", setting.key, setting.key);
  } else {
    text += fmt::format("#{} ={}{}\n", setting.key, setting.fallback.empty() ? "" : " ",
                        setting.fallback);
  }
}

int show(const CommandLine& line) {
  LoadedSettings loaded = load_all_settings(line);
  const bool good = loaded.faults.empty();
  const ShownError error{good ? "" : loaded.faults.front().display(),
                         good ? "" : loaded.faults.front().hint, loaded.faults};
  if (line.format == OutputFormat::json) {
    const OutputEnvelope envelope{"config show", good,
                                  fmt::format("{} settings", loaded.shown.size()),
                                  shown_settings_json(loaded), good ? nullptr : &error};
    std::fputs(envelope_json(envelope).c_str(), stdout);
  } else {
    std::fputs(shown_settings_text(loaded).c_str(), stdout);
  }
  if (good) return kExitOk;
  std::fputs(error_text(error, Style::of(stderr, line.color)).c_str(), stderr);
  return judge_exception(ConfigFaults(std::move(loaded.faults))).code;
}

}  // namespace

std::string shown_settings_text(const LoadedSettings& loaded) {
  constexpr std::size_t kColumnMax = 48;
  std::size_t column = 0;
  std::vector<std::string> lines;
  for (const ShownSetting& setting : loaded.shown) {
    lines.push_back(printable(setting.key + " = " + setting.value));
    column = std::max(column, std::min(lines.back().size(), kColumnMax));
  }
  std::string text;
  std::string header;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ShownSetting& setting = loaded.shown[i];
    if (section_header(setting) != header) {
      header = section_header(setting);
      text += fmt::format("\n[{}]\n", header);
    }
    text += fmt::format("{:<{}}  # {}\n", lines[i], column, setting.origin);
  }
  return text;
}

std::string shown_settings_json(const LoadedSettings& loaded) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartArray();
  for (const ShownSetting& setting : loaded.shown) {
    writer.StartObject();
    for (const auto& [key, value] :
         {std::pair("section", &setting.section), std::pair("table", &setting.table),
          std::pair("key", &setting.key), std::pair("value", &setting.value),
          std::pair("origin", &setting.origin)}) {
      writer.Key(key);
      writer.String(value->data(), static_cast<rapidjson::SizeType>(value->size()));
    }
    writer.EndObject();
  }
  writer.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string example_config() {
  std::string text =
      "# tidemark: Debezium topics in Kafka to PostgreSQL tables. Lines that begin with # show "
      "defaults.\n# \"tidemark check -c FILE\" says what is missing.\n";
  std::string_view section;
  for (const Setting& setting : all_settings()) {
    if (setting.section == "http") continue;  // not in this version
    if (setting.section != section) {
      section = setting.section;
      const bool table = section == "table";
      text +=
          fmt::format("\n{}[{}]\n", table ? "# One for each source table that needs it:\n#" : "",
                      table ? "table.inventory.orders" : section);
      if (section == "kafka") text += "# any librdkafka property, verbatim\n";
    }
    append_example(text, setting);
  }
  return text;
}

int config_command(const CommandLine& line) {
  if (line.subcommand == "show") return show(line);
  std::fputs(example_config().c_str(), stdout);
  return kExitOk;
}

}  // namespace tidemark
