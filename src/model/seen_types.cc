#include "model/seen_types.h"

#include <algorithm>

namespace tidemark {

void SeenTypes::note(const std::string& column, const std::string& type) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string>& known = types_[column];
  if (std::find(known.begin(), known.end(), type) == known.end()) known.push_back(type);
}

std::string SeenTypes::of(const std::string& column) const {
  const std::lock_guard lock(mutex_);
  const auto found = types_.find(column);
  std::string text;
  if (found == types_.end()) return text;
  for (const std::string& type : found->second) text += (text.empty() ? "" : " or ") + type;
  return text;
}

}  // namespace tidemark
