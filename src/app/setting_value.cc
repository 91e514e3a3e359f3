#include "app/setting_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace tidemark {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

std::string_view trim(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// The digits at the start, and what follows them.
std::uint64_t leading_number(std::string_view text, std::string_view& rest, const char* hint) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) throw BadValue("the number is too large", hint);
  if (error != std::errc{}) throw BadValue("not a number", hint);
  rest = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  return number;
}

template <std::size_t Count>
std::uint64_t number_in_units(std::string_view text, const std::array<Unit, Count>& units,
                              const char* hint) {
  std::string_view unit;
  const std::uint64_t number = leading_number(text, unit, hint);
  if (number == 0 && unit.empty()) return 0;
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / known.factor) {
      throw BadValue("the number is too large", hint);
    }
    return number * known.factor;
  }
  throw BadValue(unit.empty() ? "a number without a unit" : "an unknown unit", hint);
}

}  // namespace

bool parse_boolean(std::string_view text) {
  for (const std::string_view word : {"true", "yes", "on", "1"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"false", "no", "off", "0"}) {
    if (text == word) return false;
  }
  throw BadValue("neither true nor false", "write true or false");
}

std::uint64_t parse_count(std::string_view text) {
  const char* const hint = "write a whole number, such as 20000";
  std::string_view rest;
  const std::uint64_t number = leading_number(text, rest, hint);
  if (!rest.empty()) throw BadValue("not a whole number", hint);
  return number;
}

std::uint64_t parse_size(std::string_view text) {
  constexpr std::array kUnits = {Unit{"B", 1}, Unit{"KiB", 1ULL << 10}, Unit{"MiB", 1ULL << 20},
                                 Unit{"GiB", 1ULL << 30}};
  return number_in_units(text, kUnits, "write a size with KiB, MiB or GiB, such as 64MiB");
}

std::chrono::milliseconds parse_time(std::string_view text) {
  constexpr std::array kUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"min", 60'000},
                                 Unit{"h", 3'600'000}};
  return std::chrono::milliseconds(
      number_in_units(text, kUnits, "write a time with ms, s, min or h, such as 200ms or 20s"));
}

double parse_percent(std::string_view text) {
  const char* const hint = "write a percentage from 0% to 100%, such as 1%";
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest =
      error == std::errc{} ? trim(text.substr(static_cast<std::size_t>(end - text.data()))) : "";
  if (rest != "%" || !std::isfinite(number) || number < 0 || number > 100) {
    throw BadValue("not a percentage", hint);
  }
  return number / 100;
}

std::vector<std::string> parse_words(const std::vector<GivenText>& given) {
  std::vector<std::string> words;
  for (const GivenText& one : given) {
    if (one.quoted) {
      words.push_back(one.text);
      continue;
    }
    std::string_view rest = one.text;
    if (trim(rest).empty()) continue;
    for (;;) {
      const std::size_t comma = rest.find(',');
      const std::string_view word = trim(rest.substr(0, comma));
      if (word.empty()) throw BadValue("an empty word in a list", "one comma between two words");
      words.emplace_back(word);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return words;
}

std::vector<std::string> split_choices(std::string_view choices) {
  std::vector<std::string> words;
  while (!choices.empty()) {
    const std::size_t length = std::min(choices.find('|'), choices.size());
    words.emplace_back(choices.substr(0, length));
    choices.remove_prefix(std::min(length + 1, choices.size()));
  }
  return words;
}

}  // namespace tidemark
