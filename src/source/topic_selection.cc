#include "source/topic_selection.h"

#include <regex.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace tidemark {

bool matches_topic(const std::string& pattern, const std::string& topic) {
  constexpr std::array<std::string_view, 3> kOwn = {"__consumer_offsets", "__transaction_state",
                                                    "__share_group_state"};
  if (std::find(kOwn.begin(), kOwn.end(), topic) != kOwn.end()) return false;
  regex_t compiled;
  if (regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
  const bool found = regexec(&compiled, topic.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

bool is_selected(const SourceConfig& source, const std::string& topic) {
  return std::find(source.topics.begin(), source.topics.end(), topic) != source.topics.end() ||
         std::any_of(source.topics_regex.begin(), source.topics_regex.end(),
                     [&](const std::string& pattern) { return matches_topic(pattern, topic); });
}

}  // namespace tidemark
