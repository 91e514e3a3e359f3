// Who said what about which setting, and who wins: the middle of app/settings. Knows which settings
// exist, not what their values mean. One thread.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/setting_value.h"
#include "app/settings.h"
#include "app/settings_table.h"

namespace tidemark {

struct SettingName {
  std::string section;
  std::string table;  // of section "table" only
  std::string key;
  auto operator<=>(const SettingName&) const = default;

  // "table.inventory.orders.target"
  [[nodiscard]] std::string display() const;
};

// "kafka.sasl.username" and the like; a table's name may hold dots, a key of ours does not.
SettingName split_setting_name(std::string_view name);

enum class SettingLevel { file, environment, flag };

struct GivenSetting {
  SettingName name;
  std::vector<GivenText> texts;  // not empty
  SettingLevel level = SettingLevel::file;
  std::string place;       // "inventory.conf:12"
  bool from_file = false;  // given as <key>-file
  std::string path = {};   // of that file, once it is read
};

class SettingsMerge {
 public:
  explicit SettingsMerge(std::vector<ConfigFault>& faults) : faults_(faults) {}

  void add_file(const SettingInputs& inputs);
  void add_environment(const SettingInputs& inputs);
  void add_flags(const SettingInputs& inputs);
  // What was given as <key>-file, read.
  void read_files();

  // In the order in which they were first given.
  [[nodiscard]] const std::vector<GivenSetting>& given() const { return given_; }
  [[nodiscard]] const GivenSetting* find(const SettingName& name) const;

 private:
  void add(SettingName name, GivenText text, SettingLevel level, const std::string& place);
  void combine(GivenSetting& present, GivenSetting added);
  void read_into(std::vector<GivenText>& texts, const GivenSetting& given, const std::string& path);
  bool is_known(const SettingName& name, const std::string& place);
  void fault(const char* code, const std::string& place, const std::string& message,
             const std::string& hint = {});

  std::vector<ConfigFault>& faults_;
  std::vector<GivenSetting> given_;
  std::map<SettingName, std::size_t> index_;  // into given_
};

}  // namespace tidemark
