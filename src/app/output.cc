#include "app/output.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <unistd.h>

#include <cstdlib>

namespace tidemark {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_text(Writer& writer, const char* key, const std::string& value) {
  writer.Key(key);
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void write_error(Writer& writer, const ShownError& error) {
  writer.StartObject();
  write_text(writer, "message", error.message);
  write_text(writer, "hint", error.hint);
  if (!error.faults.empty()) {
    writer.Key("faults");
    writer.StartArray();
    for (const ConfigFault& fault : error.faults) {
      writer.StartObject();
      write_text(writer, "code", fault.code);
      write_text(writer, "place", fault.place);
      write_text(writer, "message", fault.message);
      write_text(writer, "hint", fault.hint);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.EndObject();
}

void append_error_line(std::string& text, const std::string& message, const std::string& hint,
                       const Style& style) {
  text += "tidemark: " + printable(message) + "\n";
  if (!hint.empty()) text += std::string("  ") + style.arrow() + " " + printable(hint) + "\n";
}

}  // namespace

Style Style::of(FILE* stream, ColorChoice choice) {
  if (choice != ColorChoice::automatic) return Style(choice == ColorChoice::always);
  const char* const no_color = std::getenv("NO_COLOR");
  return Style((no_color == nullptr || *no_color == '\0') && isatty(fileno(stream)) != 0);
}

std::string Style::mark(Mark mark) const {
  switch (mark) {
    case Mark::pass:
      return rich_ ? "\x1b[32m✓\x1b[0m" : "ok";
    case Mark::warning:
      return rich_ ? "\x1b[33m⚠\x1b[0m" : "! ";
    case Mark::failure:
      return rich_ ? "\x1b[31m✗\x1b[0m" : "x ";
  }
  return {};
}

const char* Style::arrow() const {
  return rich_ ? "→" : "->";
}
const char* Style::dot() const {
  return rich_ ? "·" : "|";
}

std::string Style::bold(std::string_view text) const {
  return rich_ ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
}

std::string envelope_json(const OutputEnvelope& envelope) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  write_text(writer, "command", envelope.command);
  writer.Key("ok");
  writer.Bool(envelope.ok);
  write_text(writer, "summary", envelope.summary);
  writer.Key("result");
  writer.RawValue(envelope.result.data(), envelope.result.size(), rapidjson::kObjectType);
  writer.Key("error");
  if (envelope.error == nullptr) {
    writer.Null();
  } else {
    write_error(writer, *envelope.error);
  }
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

std::string error_text(const ShownError& error, const Style& style) {
  std::string text;
  if (error.faults.empty()) append_error_line(text, error.message, error.hint, style);
  for (const ConfigFault& fault : error.faults) {
    append_error_line(text, fault.display(), fault.hint, style);
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  while (shown.ends_with(' ')) shown.pop_back();
  return shown;
}

}  // namespace tidemark
