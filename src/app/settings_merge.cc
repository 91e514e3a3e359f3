#include "app/settings_merge.h"

#include <algorithm>
#include <utility>

#include "app/config_file.h"
#include "app/environment.h"
#include "base/nearest_name.h"

namespace tidemark {
namespace {

constexpr std::string_view kFileSuffix = "-file";

bool is_section(std::string_view name) {
  const std::vector<std::string> names = section_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_list(const SettingName& name) {
  const Setting* setting = find_setting(name.section, name.key);
  return setting != nullptr &&
         (setting->kind == SettingKind::words || setting->kind == SettingKind::patterns);
}

// librdkafka has two names for the brokers' addresses; one setting must not be two.
std::string canonical_key(const std::string& section, const std::string& key) {
  return section == "kafka" && key == "metadata.broker.list" ? "bootstrap.servers" : key;
}

// Where a key that its section does not have would be at home.
std::string hint_for_key(const SettingName& name) {
  const std::vector<std::string> keys = keys_of_section(name.section);
  std::string nearest = nearest_hint(name.key, keys);
  if (!nearest.empty()) return nearest;
  for (const Setting& setting : all_settings()) {
    if (setting.key != name.key || setting.section == name.section) continue;
    return setting.section.empty() ? "it belongs above the first section"
                                   : "it belongs to [" + std::string(setting.section) + "]";
  }
  std::string hint = "there are";
  for (const std::string& key : keys) hint += (&key == keys.data() ? " " : ", ") + key;
  return hint;
}

// The same for an environment variable, whose underscores are easily miscounted.
std::string hint_for_variable(const SettingName& name, const std::string& variable) {
  std::vector<std::string> variables;
  for (const std::string& key : keys_of_section(name.section)) {
    const SettingName known{name.section, name.table, key};
    variables.push_back(variable_of_setting(known.display()));
    variables.push_back(variable_of_setting(known.display() + std::string(kFileSuffix)));
  }
  const std::string nearest = nearest_hint(variable, variables);
  return nearest.empty() ? "in a variable _ stands for \".\", __ for \"_\" and ___ for \"-\""
                         : nearest;
}

std::vector<GivenText> lines_of(const std::string& text) {
  std::vector<GivenText> lines;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    lines.push_back({text.substr(from, to - from), false});
    from = to + 1;
  }
  return lines;
}

void cut_newline(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

}  // namespace

std::string SettingName::display() const {
  std::string text = section;
  if (!table.empty()) text += "." + table;
  return text.empty() ? key : text + "." + key;
}

SettingName split_setting_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  const std::string_view section = name.substr(0, dot);
  if (dot == std::string_view::npos || !is_section(section)) return {"", "", std::string(name)};
  const std::string_view rest = name.substr(dot + 1);
  const std::size_t last = rest.rfind('.');
  if (section != "table" || last == std::string_view::npos) {
    return {std::string(section), "", std::string(rest)};
  }
  return {"table", std::string(rest.substr(0, last)), std::string(rest.substr(last + 1))};
}

void SettingsMerge::add_file(const SettingInputs& inputs) {
  ConfigText text = parse_config(inputs.file_text, inputs.file_name);
  faults_.insert(faults_.end(), text.faults.begin(), text.faults.end());
  for (ConfigEntry& entry : text.entries) {
    add({entry.section, entry.table, entry.key}, {std::move(entry.value), entry.quoted},
        SettingLevel::file, entry.place);
  }
}

void SettingsMerge::add_environment(const SettingInputs& inputs) {
  const std::vector<std::string> top = keys_of_section("");
  for (const auto& [variable, value] : inputs.environment) {
    const auto name = setting_of_variable(variable);
    if (!name) continue;
    SettingName split = split_setting_name(*name);
    // Other programs may use our prefix for purposes of their own: above the sections only what is
    // nearly ours is held to be meant for us.
    if (split.section.empty() && nearest_name(split.key, top).empty()) continue;
    add(std::move(split), {value, false}, SettingLevel::environment, variable);
  }
}

void SettingsMerge::add_flags(const SettingInputs& inputs) {
  for (const FlagSetting& flag : inputs.flags) {
    add(split_setting_name(flag.name), {flag.value, false}, SettingLevel::flag, flag.flag);
  }
}

void SettingsMerge::add(SettingName name, GivenText text, SettingLevel level,
                        const std::string& place) {
  bool from_file = false;
  if (name.key.ends_with(kFileSuffix)) {
    from_file = true;
    name.key.resize(name.key.size() - kFileSuffix.size());
  }
  name.key = canonical_key(name.section, name.key);
  GivenSetting added{std::move(name), {std::move(text)}, level, place, from_file};
  if (!is_known(added.name, place)) return;
  if (from_file && added.texts.front().text.empty()) return;  // "token-file =": none
  const auto [at, is_new] = index_.emplace(added.name, given_.size());
  if (is_new) {
    given_.push_back(std::move(added));
  } else {
    combine(given_[at->second], std::move(added));
  }
}

void SettingsMerge::combine(GivenSetting& present, GivenSetting added) {
  const bool mixed = added.from_file != present.from_file;
  // On a command line the last word counts.
  const bool last_word = added.level == SettingLevel::flag && !mixed && !is_list(added.name);
  if (added.level > present.level || last_word) {
    present = std::move(added);
  } else if (mixed) {
    fault("config.duplicate", added.place,
          added.name.display() + " is given twice: itself and as " + added.name.key + "-file (" +
              present.place + ")",
          "remove one of the two");
  } else if (is_list(added.name)) {
    present.texts.push_back(std::move(added.texts.front()));
  } else {
    fault("config.duplicate", added.place,
          added.name.display() + " is given twice, before at " + present.place,
          "remove one of the two");
  }
}

bool SettingsMerge::is_known(const SettingName& name, const std::string& place) {
  if (!name.section.empty() && !is_section(name.section)) {
    // Every key of such a section would say so again.
    const std::string text = "[" + name.section + "]: unknown section";
    const bool said = std::any_of(faults_.begin(), faults_.end(),
                                  [&](const ConfigFault& fault) { return fault.message == text; });
    if (!said) {
      fault("config.unknown_section", place, text, nearest_hint(name.section, section_names()));
    }
    return false;
  }
  if (name.section == "table" && name.table.empty()) {
    fault("config.unknown_key", place, name.display() + ": which table?",
          "settings of a table are named table.<schema>.<table>.<key>");
    return false;
  }
  if (name.section == "kafka" || find_setting(name.section, name.key) != nullptr) return true;
  fault("config.unknown_key", place, name.display() + ": unknown key",
        setting_of_variable(place) ? hint_for_variable(name, place) : hint_for_key(name));
  return false;
}

void SettingsMerge::read_files() {
  for (GivenSetting& given : given_) {
    if (!given.from_file) continue;
    std::vector<GivenText> texts;
    given.path = given.texts.back().text;
    for (const GivenText& path : given.texts) read_into(texts, given, path.text);
    given.texts = texts.empty() ? std::vector<GivenText>(1) : std::move(texts);
  }
}

void SettingsMerge::read_into(std::vector<GivenText>& texts, const GivenSetting& given,
                              const std::string& path) {
  try {
    std::string text = read_file(path, given.place);
    cut_newline(text);
    // A list has one item a line.
    const auto items = is_list(given.name) ? lines_of(text) : std::vector<GivenText>{{text, false}};
    texts.insert(texts.end(), items.begin(), items.end());
  } catch (const ConfigFaults& unreadable) {
    for (ConfigFault one : unreadable.faults()) {
      one.message = given.name.display() + "-file: " + one.message;
      faults_.push_back(std::move(one));
    }
  }
}

const GivenSetting* SettingsMerge::find(const SettingName& name) const {
  const auto at = index_.find(name);
  return at == index_.end() ? nullptr : &given_[at->second];
}

void SettingsMerge::fault(const char* code, const std::string& place, const std::string& message,
                          const std::string& hint) {
  faults_.push_back({code, place, message, hint});
}

}  // namespace tidemark
