// What `tidemark check` has found out: items in the order in which they were looked at, and how
// they are shown. Values; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "app/output.h"

namespace tidemark {

struct CheckItem {
  std::string group;  // "Config", "Kafka", "Target", "Tables"
  Mark mark = Mark::pass;
  std::string code;  // stable: "reachable", "topic.missing", …
  std::string text;
  std::string hint;  // what to do; an SQL statement where one does
};

// "1 topic", "2 topics".
template <typename Number>
std::string counted(Number number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

class CheckReport {
 public:
  void pass(std::string group, std::string code, std::string text);
  void warn(std::string group, std::string code, std::string text, std::string hint);
  void fail(std::string group, std::string code, std::string text, std::string hint);
  // A failure because a server cannot be reached: the exit code is another one.
  void fail_unreachable(std::string group, std::string text, std::string hint);

  void append(const CheckReport& other);

  [[nodiscard]] const std::vector<CheckItem>& items() const { return items_; }
  [[nodiscard]] std::size_t count(Mark mark) const;
  [[nodiscard]] bool unreachable() const { return unreachable_; }
  [[nodiscard]] bool ok() const { return count(Mark::failure) == 0; }

  // "4 passed · 1 warning · 2 failed"
  [[nodiscard]] std::string summary(const Style& style) const;
  [[nodiscard]] std::string text(const Style& style) const;
  [[nodiscard]] std::string json() const;

 private:
  std::vector<CheckItem> items_;
  bool unreachable_ = false;
};

}  // namespace tidemark
