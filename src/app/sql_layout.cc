#include "app/sql_layout.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace tidemark {
namespace {

constexpr std::size_t kLineMax = 90;

// Words that begin a line outside of all parentheses.
constexpr std::array<std::string_view, 5> kArms = {" USING (", " ON ", " WHEN ", " FROM (",
                                                   " SELECT "};

// Depth of parentheses, and whether inside of quotes, as a statement is walked through.
class Walk {
 public:
  void step(char c) {
    if (quote_ != '\0') {
      if (c == quote_) quote_ = '\0';
    } else if (c == '\'' || c == '"') {
      quote_ = c;
    } else if (c == '(') {
      ++depth_;
    } else if (c == ')') {
      --depth_;
    }
  }
  [[nodiscard]] bool in_quotes() const { return quote_ != '\0'; }
  [[nodiscard]] int depth() const { return depth_; }

 private:
  char quote_ = '\0';
  int depth_ = 0;
};

bool begins_arm(std::string_view rest) {
  for (const std::string_view arm : kArms) {
    if (rest.starts_with(arm)) return true;
  }
  return false;
}

}  // namespace

std::string broken_into_lines(const std::string& statement, const std::string& indent) {
  if (statement.size() <= kLineMax) return statement;
  const bool merge = statement.starts_with("MERGE") || statement.starts_with("WITH");
  const int list_depth = statement.starts_with("CREATE TABLE") ? 1 : 0;
  std::string text;
  Walk walk;
  for (std::size_t i = 0; i < statement.size(); ++i) {
    const char c = statement[i];
    const bool in_list = !merge && !walk.in_quotes() && walk.depth() == list_depth;
    if (merge && !walk.in_quotes() && walk.depth() == 0 && c == ' ' &&
        begins_arm(std::string_view(statement).substr(i))) {
      text += "\n" + indent;
      continue;
    }
    if (in_list && list_depth == 1 && c == ')') text += "\n" + indent.substr(0, indent.size() - 2);
    walk.step(c);
    text += c;
    const bool opens_list = !merge && list_depth == 1 && c == '(' && walk.depth() == 1;
    if (opens_list || (in_list && c == ',')) {
      text += "\n" + indent;
      if (i + 1 < statement.size() && statement[i + 1] == ' ') ++i;
    }
  }
  return text;
}

}  // namespace tidemark
