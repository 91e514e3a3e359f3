// What the user sees on stdout: text with signs and colours where a terminal takes them, or one
// JSON object {"command","ok","summary","result","error"}. Logs go elsewhere (base/log, stderr).
// One thread.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "app/config_fault.h"
#include "app/options.h"

namespace tidemark {

enum class Mark { pass, warning, failure };

// Signs and colours for one stream.
class Style {
 public:
  // Beyond ASCII, and coloured: on a terminal without NO_COLOR, or if --color always says so.
  static Style of(FILE* stream, ColorChoice choice);
  explicit Style(bool rich) : rich_(rich) {}

  [[nodiscard]] bool rich() const { return rich_; }
  [[nodiscard]] std::string mark(Mark mark) const;  // ✓ ⚠ ✗, or ok ! x of the same width
  [[nodiscard]] const char* arrow() const;          // →
  [[nodiscard]] const char* dot() const;            // ·
  [[nodiscard]] std::string bold(std::string_view text) const;

 private:
  bool rich_;
};

// What went wrong, for the envelope.
struct ShownError {
  std::string message;
  std::string hint;
  std::vector<ConfigFault> faults;  // all of them, where it is the configuration
};

struct OutputEnvelope {
  std::string command;
  bool ok = true;
  std::string summary;
  std::string result = "null";  // JSON
  const ShownError* error = nullptr;
};

std::string envelope_json(const OutputEnvelope& envelope);

// "tidemark: place: message", and the hint behind an arrow on the next line.
std::string error_text(const ShownError& error, const Style& style);

// Text that came from elsewhere, for a terminal: control characters as spaces.
std::string printable(std::string_view text);

}  // namespace tidemark
