#include "app/secrets.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "source/registry_url.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

using ParsedDsn = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

ParsedDsn parse_dsn(const std::string& dsn) {
  char* why = nullptr;  // quotes the dsn: never shown
  ParsedDsn parsed(PQconninfoParse(dsn.c_str(), &why), &PQconninfoFree);
  PQfreemem(why);
  return parsed;
}

bool is_password(const PQconninfoOption& option) {
  return option.dispchar != nullptr && std::string_view(option.dispchar) == "*";
}

std::string quoted_if_needed(const std::string& value) {
  if (!value.empty() && value.find_first_of(" '\\\t") == std::string::npos) return value;
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

std::string shown_dsn(const std::string& dsn) {
  const ParsedDsn parsed = parse_dsn(dsn);
  if (parsed == nullptr) return std::string(kMasked);
  std::string shown;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (!shown.empty()) shown += ' ';
    shown += option->keyword;
    shown += '=';
    shown += is_password(*option) ? std::string(kMasked) : quoted_if_needed(option->val);
  }
  return shown;
}

bool dsn_holds_password(const std::string& dsn) {
  const ParsedDsn parsed = parse_dsn(dsn);
  if (parsed == nullptr) return false;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr && is_password(*option)) return true;
  }
  return false;
}

std::string shown_urls(const std::string& urls) {
  std::string shown;
  try {
    for (const RegistryUrl& url : parse_registry_urls(urls)) {
      std::string one = url.base;
      std::string who = url.user;
      if (!url.password.empty()) who += ":" + std::string(kMasked);
      if (!who.empty()) one.insert(one.find("://") + 3, who + "@");
      shown += (shown.empty() ? "" : ",") + one;
    }
  } catch (const ConfigError&) {
    return std::string(kMasked);
  }
  return shown;
}

bool urls_hold_password(const std::string& urls) {
  try {
    const std::vector<RegistryUrl> parsed = parse_registry_urls(urls);
    return std::any_of(parsed.begin(), parsed.end(),
                       [](const RegistryUrl& url) { return !url.password.empty(); });
  } catch (const ConfigError&) {
    return false;
  }
}

bool is_secret_property(std::string_view name) {
  constexpr std::array<std::string_view, 6> kMarks = {"password", "secret", ".pem",
                                                      "token",    "jaas",   "oauthbearer.config"};
  // An address or a path with such a word in its name is none.
  if (name.ends_with(".url") || name.ends_with(".location") || name.ends_with(".strategy")) {
    return false;
  }
  return std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) {
    return name.find(mark) != std::string_view::npos;
  });
}

}  // namespace tidemark
