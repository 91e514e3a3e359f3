#include "app/settings.h"

#include <algorithm>
#include <utility>

#include "app/secrets.h"
#include "app/settings_merge.h"
#include "app/settings_rules.h"
#include "app/settings_table.h"
#include "source/kafka_properties.h"

namespace tidemark {
namespace {

// A value as it could stand in a file.
std::string shown_text(const std::string& text) {
  const bool plain = !text.starts_with('"') && text.find(" #") == std::string::npos &&
                     text.find(" ;") == std::string::npos && !text.starts_with(' ') &&
                     !text.ends_with(' ');
  return plain ? text : "\"" + text + "\"";
}

std::string shown_value(const GivenSetting& given, const Setting* setting) {
  const std::string& text = given.texts.back().text;
  if (given.name.section == "target" && given.name.key == "dsn") return shown_dsn(text);
  if (given.name.section == "source" && given.name.key == "registry-url") return shown_urls(text);
  const bool secret = setting != nullptr
                          ? setting->secret
                          : given.name.section == "kafka" && is_secret_property(given.name.key);
  if (secret) return text.empty() ? text : std::string(kMasked);
  std::string shown;
  for (const GivenText& one : given.texts) {
    shown += (shown.empty() ? "" : ", ") + shown_text(one.text);
  }
  return shown;
}

class Loading {
 public:
  explicit Loading(const SettingInputs& inputs) : merge_(loaded_.faults) {
    merge_.add_file(inputs);
    merge_.add_environment(inputs);
    merge_.add_flags(inputs);
    merge_.read_files();
  }

  LoadedSettings finish() {
    for (const Setting& setting : all_settings()) {
      if (setting.section != "table") store_one(setting);
    }
    for (const GivenSetting& given : merge_.given()) {
      if (given.name.section == "table") store_for_table(given);
    }
    if (const GivenSetting* password = merge_.find({"target", "", "password"})) {
      loaded_.config.target.password_file = password->path;
    }
    check_rules(
        loaded_.config, [this](const std::string& setting) { return place_of(setting); },
        loaded_.faults);
    return std::move(loaded_);
  }

 private:
  // A setting of ours, given or by default; behind [kafka]'s two come the properties of librdkafka.
  void store_one(const Setting& setting) {
    const SettingName name{std::string(setting.section), "", std::string(setting.key)};
    const GivenSetting* given = merge_.find(name);
    if (given != nullptr) {
      TableConfig none;
      if (setting.section != "kafka" || is_accepted(*given)) store(setting, *given, none);
      show(*given, &setting);
    } else if (!setting.fallback.empty() || is_group_id(setting)) {
      store_default(setting, name);
    }
    if (is_group_id(setting)) store_properties();
  }

  static bool is_group_id(const Setting& setting) {
    return setting.section == "kafka" && setting.key == "group.id";
  }

  void store_default(const Setting& setting, const SettingName& name) {
    const std::string text = is_group_id(setting) ? "tidemark-" + loaded_.config.pipeline
                                                  : std::string(setting.fallback);
    TableConfig none;
    const GivenSetting given{name, {{text, false}}, SettingLevel::file, "default", false};
    store(setting, given, none);
    show(given, &setting);
  }

  void store_properties() {
    for (const GivenSetting& given : merge_.given()) {
      if (given.name.section != "kafka" || find_setting("kafka", given.name.key) != nullptr)
        continue;
      if (is_accepted(given)) {
        loaded_.config.kafka.properties.emplace_back(given.name.key, given.texts.back().text);
      }
      show(given, nullptr);
    }
  }

  bool is_accepted(const GivenSetting& given) {
    try {
      check_kafka_property(given.name.key, given.texts.back().text);
      return true;
    } catch (const ConfigError& error) {
      loaded_.faults.push_back({"config.kafka_property", given.place, error.what(), error.hint()});
      return false;
    }
  }

  void store_for_table(const GivenSetting& given) {
    const Setting* setting = find_setting("table", given.name.key);
    store(*setting, given, loaded_.config.tables[given.name.table]);
    show(given, setting);
  }

  void store(const Setting& setting, const GivenSetting& given, TableConfig& table) {
    try {
      setting.store(loaded_.config, table, read_setting(setting, given.texts));
    } catch (const BadValue& bad) {
      const std::string value = setting.secret ? "" : " = " + given.texts.back().text;
      loaded_.faults.push_back({"config.bad_value", given.place,
                                given.name.display() + value + ": " + bad.what(), bad.hint()});
    }
  }

  void show(const GivenSetting& given, const Setting* setting) {
    loaded_.shown.push_back({given.name.section, given.name.table, given.name.key,
                             shown_value(given, setting), given.place});
  }

  std::string place_of(const std::string& setting) const {
    const GivenSetting* given = merge_.find(split_setting_name(setting));
    return given == nullptr ? std::string() : given->place;
  }

  LoadedSettings loaded_;
  SettingsMerge merge_;
};

}  // namespace

LoadedSettings load_settings(const SettingInputs& inputs) {
  return Loading(inputs).finish();
}

}  // namespace tidemark
