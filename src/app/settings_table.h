// The one table of all settings: name, kind, default, where its value goes, and what it is for. The
// file, the environment, flags, `config show` and `config init` all follow from it. Constant.
//
// [kafka] is open: what is not here is a librdkafka property of that name. [table.…] settings
// belong to one source table each.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/setting_value.h"
#include "tidemark/config.h"

namespace tidemark {

struct Setting {
  std::string_view section;  // "" for the top level, "table" for every [table.…]
  std::string_view key;
  SettingKind kind = SettingKind::text;
  std::string_view fallback = {};  // the default, as it would stand in a file; empty: none
  std::string_view doc;
  void (*store)(Config& config, TableConfig& table, const SettingValue& value) = nullptr;
  bool secret = false;             // never shown
  std::string_view choices = {};   // of a choice: "merge|append"
  std::size_t choices_served = 0;  // the first ones are in this version
  std::uint64_t number_min = 0;    // of counts, sizes, lanes, and times in milliseconds
  std::uint64_t number_max = std::numeric_limits<std::int64_t>::max();
};

std::span<const Setting> all_settings();
const Setting* find_setting(std::string_view section, std::string_view key);

std::vector<std::string> section_names();
std::vector<std::string> keys_of_section(std::string_view section);

// Reads the texts given as the setting's kind says. Throws BadValue.
SettingValue read_setting(const Setting& setting, const std::vector<GivenText>& given);

}  // namespace tidemark
