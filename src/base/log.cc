#include "base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <iterator>
#include <mutex>

#include "tidemark/error.h"

namespace tidemark {
namespace {

// Constant after configure_log(), but for the level, which tests change while threads run.
struct Settings {
  bool json = isatty(STDERR_FILENO) == 0;
  bool color = false;
  std::string pipeline;
};

Settings& settings() {
  static Settings instance;
  return instance;
}

std::atomic<Level> level_min{Level::info};

Level level_of(const std::string& name) {
  if (name == "debug") return Level::debug;
  if (name == "info") return Level::info;
  if (name == "warning" || name == "warn") return Level::warning;
  if (name == "error") return Level::error;
  throw ConfigError("log.level: \"" + name + "\" is no level", "debug, info, warning or error");
}

std::string_view json_name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

std::string_view text_name(Level level) {
  switch (level) {
    case Level::debug:
      return "DEBUG";
    case Level::info:
      return "INFO ";
    case Level::warning:
      return "WARN ";
    case Level::error:
      return "ERROR";
  }
  return "ERROR";
}

std::string_view color_of(Level level) {
  switch (level) {
    case Level::debug:
      return "\x1b[2m";
    case Level::info:
      return "\x1b[32m";
    case Level::warning:
      return "\x1b[33m";
    case Level::error:
      return "\x1b[31m";
  }
  return "";
}

// How many bytes the well-formed UTF-8 sequence at the start of `text` has; 0: it is not one.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80                    ? 1
                             : lead >= 0xC2 && lead <= 0xDF ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what is above U+10FFFF show in the second byte.
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// Escapes as JSON does, so that a line stays a line and the output is valid UTF-8 whatever a server
// or a driver put into its message.
void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const char c = text.front();
    std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      length = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

void append_json_field(std::string& out, std::string_view name, std::string_view text) {
  out += out.empty() ? '{' : ',';
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
}

struct JsonValue {
  std::string& out;
  void operator()(std::string_view v) const { append_json_string(out, v); }
  void operator()(std::int64_t v) const { fmt::format_to(std::back_inserter(out), "{}", v); }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(double v) const {
    if (std::isfinite(v)) {
      fmt::format_to(std::back_inserter(out), "{}", v);
    } else {
      out += "null";  // JSON has no other way
    }
  }
};

struct TextValue {
  std::string& out;
  void operator()(std::string_view v) const {
    const bool plain = !v.empty() && v.find_first_of(" \t\"=\\") == std::string_view::npos;
    if (!plain) out += '"';
    append_escaped(out, v);
    if (!plain) out += '"';
  }
  void operator()(std::int64_t v) const { fmt::format_to(std::back_inserter(out), "{}", v); }
  void operator()(double v) const { fmt::format_to(std::back_inserter(out), "{}", v); }
  void operator()(bool v) const { out += v ? "true" : "false"; }
};

std::string json_line(Level level, std::string_view event, std::string_view message,
                      std::initializer_list<Field> fields, const timeval& now) {
  std::string line;
  line.reserve(256);
  append_json_field(
      line, "ts",
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(now.tv_sec), now.tv_usec / 1000));
  append_json_field(line, "level", json_name(level));
  append_json_field(line, "event", event);
  append_json_field(line, "msg", message);
  append_json_field(line, "pipeline", settings().pipeline);
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    std::visit(JsonValue{line}, field.value);
  }
  line += "}\n";
  return line;
}

// Messages keep their quotes and backslashes on a terminal; only what would break the line, or
// steer the terminal, is escaped.
void append_text_message(std::string& out, std::string_view message) {
  for (std::size_t from = 0; from < message.size();) {
    std::size_t to = message.find_first_of("\"\\", from);
    if (to == std::string_view::npos) to = message.size();
    append_escaped(out, message.substr(from, to - from));
    if (to < message.size()) out += message[to];
    from = to + 1;
  }
}

std::string text_line(Level level, std::string_view event, std::string_view message,
                      std::initializer_list<Field> fields, const timeval& now) {
  const bool color = settings().color;
  std::string line =
      fmt::format("{:%H:%M:%S}.{:03} {}{}{} {}  ", fmt::localtime(now.tv_sec), now.tv_usec / 1000,
                  color ? color_of(level) : "", text_name(level), color ? "\x1b[0m" : "", event);
  append_text_message(line, message);
  const char* gap = "  ";
  for (const Field& field : fields) {
    line += gap;
    gap = " ";
    line += field.name;
    line += '=';
    std::visit(TextValue{line}, field.value);
  }
  line += '\n';
  return line;
}

void write_whole(std::string_view line) {
  static std::mutex one_line_at_a_time;
  const std::lock_guard lock(one_line_at_a_time);
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads us: a log must not stop the work
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void configure_log(const std::string& format, const std::string& level, const std::string& pipeline,
                   bool color) {
  if (format != "auto" && format != "text" && format != "json") {
    throw ConfigError("log.format: \"" + format + "\" is no format", "auto, text or json");
  }
  level_min = level_of(level);
  settings().json = format == "json" || (format == "auto" && isatty(STDERR_FILENO) == 0);
  settings().color = color;
  settings().pipeline = pipeline;
}

void log_event(Level level, std::string_view event, std::string_view message,
               std::initializer_list<Field> fields) {
  if (level < level_min.load(std::memory_order_relaxed)) return;
  timeval now{};
  gettimeofday(&now, nullptr);
  write_whole(settings().json ? json_line(level, event, message, fields, now)
                              : text_line(level, event, message, fields, now));
}

}  // namespace tidemark
