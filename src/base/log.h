// Logging with stable event codes: log_event(Level::info, "batch.committed", "message", {field…}).
// Text on a terminal, one JSON object a line elsewhere, always to stderr. Row values never get here
// unless [log] values = true. Thread-safe; configured once, before threads start.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace tidemark {

enum class Level { debug, info, warning, error };

struct Field {
  std::string_view name;  // of interface's list: topic, partition, offset, table, op, rows, …
  std::variant<std::string_view, std::int64_t, double, bool> value;
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  template <typename T>
  requires std::is_integral_v<T> Field(std::string_view n, T v)
      : name(n), value(static_cast<std::int64_t>(v)) {}
};

// format: auto | text | json; level: debug | info | warning | error.
void configure_log(const std::string& format, const std::string& level, const std::string& pipeline,
                   bool color);
void log_event(Level level, std::string_view event, std::string_view message,
               std::initializer_list<Field> fields = {});

}  // namespace tidemark
