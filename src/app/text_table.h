// Rows of text in aligned columns, the first row being the heading; what is behind the last column
// keeps its length. Pure.
#pragma once

#include <string>
#include <vector>

namespace tidemark {

// `numbers`: columns that are aligned to the right.
std::string text_table(const std::vector<std::vector<std::string>>& rows,
                       const std::vector<std::size_t>& numbers);

}  // namespace tidemark
