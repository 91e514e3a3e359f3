#include "app/environment.h"

#include <cctype>

namespace tidemark {
namespace {

constexpr std::string_view kPrefix = "TIDEMARK_";

bool is_of_a_kubernetes_service(std::string_view variable) {
  if (variable.ends_with("_SERVICE_HOST") || variable.ends_with("_PORT")) return true;
  for (const std::string_view mark : {"_SERVICE_PORT", "_PORT_"}) {
    const std::size_t at = variable.find(mark);
    if (at == std::string_view::npos) continue;
    const std::string_view after = variable.substr(at + mark.size());
    if (mark == "_SERVICE_PORT" || (!after.empty() && after[0] >= '0' && after[0] <= '9')) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> setting_of_variable(std::string_view variable) {
  if (!variable.starts_with(kPrefix) || is_of_a_kubernetes_service(variable)) return std::nullopt;
  std::string name;
  std::string_view rest = variable.substr(kPrefix.size());
  while (!rest.empty()) {
    if (rest.starts_with("___")) {
      name += '-';
      rest.remove_prefix(3);
    } else if (rest.starts_with("__")) {
      name += '_';
      rest.remove_prefix(2);
    } else {
      const char c = rest.front();
      name += c == '_' ? '.' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      rest.remove_prefix(1);
    }
  }
  return name;
}

std::string variable_of_setting(std::string_view setting) {
  std::string variable(kPrefix);
  for (const char c : setting) {
    switch (c) {
      case '.':
        variable += '_';
        break;
      case '_':
        variable += "__";
        break;
      case '-':
        variable += "___";
        break;
      default:
        variable += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
  }
  return variable;
}

}  // namespace tidemark
