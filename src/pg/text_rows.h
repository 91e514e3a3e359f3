// Rows of text, as a query off the data path gives them; no value: null. Values only.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tidemark {

using TextRow = std::vector<std::optional<std::string>>;
using TextRows = std::vector<TextRow>;

}  // namespace tidemark
