#include "app/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

namespace tidemark {
namespace {

constexpr std::string_view kBlanks = " \t\r\f\v";

bool is_blank(char c) {
  return kBlanks.find(c) != std::string_view::npos;
}
bool begins_comment(char c) {
  return c == '#' || c == ';';
}

std::string_view trim(std::string_view text) {
  const std::size_t from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

// The text before a comment. `text` is what follows a character of the line, so a comment can only
// begin after white space inside it.
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (begins_comment(text[i]) && is_blank(text[i - 1])) return text.substr(0, i);
  }
  return text;
}

// Nothing but white space and a comment.
bool is_rest_of_line(std::string_view text) {
  const std::string_view rest = trim(text);
  return rest.empty() || (begins_comment(rest.front()) && is_blank(text.front()));
}

// `text` begins with a double quote: the value up to the quote that ends it. Quotes inside stand
// for themselves, so the end is the first quote that nothing but a comment follows.
std::optional<std::string_view> quoted_value(std::string_view text) {
  for (std::size_t end = text.find('"', 1); end != std::string_view::npos;
       end = text.find('"', end + 1)) {
    if (is_rest_of_line(text.substr(end + 1))) return text.substr(1, end - 1);
  }
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(const std::string& name) : name_(name) {}

  void line(std::string_view text) {
    ++line_;
    const std::string_view content = trim(text);
    if (content.empty() || begins_comment(content.front())) return;
    if (text.find('\0') != std::string_view::npos) {
      fault("a zero byte: this is not a text file");
    } else if (content.front() == '[') {
      section(content);
    } else {
      entry(content);
    }
  }
  ConfigText take() { return std::move(result_); }

 private:
  void section(std::string_view content) {
    known_section_ = false;
    constexpr std::string_view kQuotedTable = "[table.\"";
    std::string_view name;
    bool quoted = content.starts_with(kQuotedTable);
    if (quoted) {
      const std::size_t end = content.rfind("\"]");
      quoted = end != std::string_view::npos && end >= kQuotedTable.size() &&
               is_rest_of_line(content.substr(end + 2));
      if (quoted) name = content.substr(kQuotedTable.size(), end - kQuotedTable.size());
    } else {
      const std::string_view header = trim(without_comment(content));
      if (header.back() == ']') name = trim(header.substr(1, header.size() - 2));
    }
    if (name.empty()) {
      fault("this section's header cannot be read", "write [kafka] or [table.inventory.orders]");
      return;
    }
    enter(name, quoted);
  }

  void enter(std::string_view name, bool table_only) {
    constexpr std::string_view kTable = "table.";
    known_section_ = true;
    if (table_only) {
      section_ = "table";
      table_ = name;
    } else if (name.starts_with(kTable)) {
      section_ = "table";
      table_ = name.substr(kTable.size());
    } else {
      section_ = name;
      table_.clear();
    }
  }

  void entry(std::string_view content) {
    const std::size_t equals = content.find('=');
    const std::string_view key = trim(content.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      fault("neither a section nor key = value", "comments begin with # or ;");
      return;
    }
    if (!known_section_) return;  // its header is the fault
    ConfigEntry entry{section_, table_, std::string(key), {}, false, place()};
    const std::string_view after = content.substr(equals);
    const std::string_view value = trim(without_comment(after).substr(1));
    if (value.starts_with('"')) {
      const auto text = quoted_value(trim(after.substr(1)));
      if (!text) {
        fault(std::string(key) + ": the double quote is not closed");
        return;
      }
      entry.value = *text;
      entry.quoted = true;
    } else {
      entry.value = value;
    }
    result_.entries.push_back(std::move(entry));
  }

  [[nodiscard]] std::string place() const { return name_ + ":" + std::to_string(line_); }
  void fault(std::string message, std::string hint = {}) {
    result_.faults.push_back({"config.syntax", place(), std::move(message), std::move(hint)});
  }

  const std::string& name_;
  int line_ = 0;
  std::string section_;
  std::string table_;
  bool known_section_ = true;
  ConfigText result_;
};

[[noreturn]] void throw_unreadable(const std::string& path, const std::string& place, int error) {
  throw ConfigFaults({{"config.unreadable", place, path + ": " + std::strerror(error), "",
                       error == EACCES || error == EPERM}});
}

}  // namespace

ConfigText parse_config(std::string_view text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Parser parser(name);
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    parser.line(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return parser.take();
}

std::string read_file(const std::string& path, const std::string& place) {
  constexpr std::size_t kFileBytesMax = std::size_t{16} << 20;
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (file == nullptr) throw_unreadable(path, place, errno);
  std::string text;
  std::string chunk(std::size_t{64} << 10, '\0');
  for (;;) {
    const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk, 0, got);
    if (text.size() > kFileBytesMax) throw_unreadable(path, place, EFBIG);
    if (got < chunk.size()) break;
  }
  if (std::ferror(file.get()) != 0) throw_unreadable(path, place, errno);
  return text;
}

}  // namespace tidemark
