// What `registry-url` holds: one address, or several of one registry with commas between them, each
// perhaps with credentials. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

namespace tidemark {

struct RegistryUrl {
  std::string base;  // without credentials, and without "/" at the end: may be shown
  std::string user;
  std::string password;
};

// Throws ConfigError, whose text never quotes what may hold a password.
std::vector<RegistryUrl> parse_registry_urls(const std::string& text);

}  // namespace tidemark
