#include "tidemark/types.h"

namespace tidemark {

namespace {

std::string enclosed(std::string_view text, char quote) {
  std::string out;
  out.reserve(text.size() + 2);
  out += quote;
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  out += quote;
  return out;
}

}  // namespace

std::string StreamPartition::display() const {
  return stream + "[" + std::to_string(partition.value) + "]";
}

std::string TableName::quoted() const {
  return quote_identifier(schema) + "." + quote_identifier(table);
}

std::string quote_identifier(std::string_view name) {
  return enclosed(name, '"');
}

std::string quote_literal(std::string_view text) {
  return enclosed(text, '\'');
}

}  // namespace tidemark
