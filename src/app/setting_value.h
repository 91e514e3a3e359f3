// How a setting's text becomes a value: sizes with KiB MiB GiB, times with ms s min h, percents,
// booleans, lists, one word of several. Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark {

enum class SettingKind {
  text,
  words,     // a list: repeated, or with commas
  patterns,  // a list: repeated only, for a comma is a character of a regular expression
  choice,
  boolean,
  count,
  size,
  time,
  percent,
  lanes,  // a count or "auto"
};

// A value as given, before it is understood.
struct GivenText {
  std::string text;
  bool quoted = false;
};

// The member that the setting's kind says is set.
struct SettingValue {
  std::string text;                // text, and the word of a choice
  std::vector<std::string> items;  // words, patterns
  std::size_t choice = 0;          // index into the setting's choices
  bool flag = false;               // boolean
  std::uint64_t number = 0;        // count, size, lanes (0: auto)
  std::chrono::milliseconds time{};
  double fraction = 0;  // percent: 0.01 is 1%
};

// What is wrong with a value, and how to write it. Never repeats the value.
class BadValue : public std::runtime_error {
 public:
  explicit BadValue(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

bool parse_boolean(std::string_view text);
std::uint64_t parse_count(std::string_view text);
std::uint64_t parse_size(std::string_view text);
std::chrono::milliseconds parse_time(std::string_view text);
double parse_percent(std::string_view text);
std::vector<std::string> parse_words(const std::vector<GivenText>& given);

// "a|b|c" as {"a", "b", "c"}.
std::vector<std::string> split_choices(std::string_view choices);

}  // namespace tidemark
