#include "pg/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string_view>

#include "tidemark/error.h"

namespace tidemark {
namespace {

const std::string* find_option(const ConnectionOptions& options, std::string_view name) {
  for (const auto& [key, value] : options) {
    if (key == name) return &value;
  }
  return nullptr;
}

void set_default(ConnectionOptions& options, const char* name, std::string value) {
  if (find_option(options, name) == nullptr) options.emplace_back(name, std::move(value));
}

void set_option(ConnectionOptions& options, const char* name, const std::string& value) {
  std::erase_if(options, [&](const auto& option) { return option.first == name; });
  options.emplace_back(name, value);
}

// A password that was changed at the server is found in its file. While that cannot be read, or is
// being written, the one before stands.
std::string password_of(const ConnectionSettings& settings) {
  if (settings.password_file.empty()) return settings.password;
  std::ifstream file(settings.password_file);
  std::string text;
  if (!std::getline(file, text)) return settings.password;
  if (text.ends_with('\r')) text.pop_back();
  return text.empty() ? settings.password : text;
}

}  // namespace

ConnectionOptions connection_options(const ConnectionSettings& settings) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(settings.dsn.c_str(), &why), &PQconninfoFree);
  // libpq's reason quotes the dsn, which may hold the password.
  PQfreemem(why);
  if (parsed == nullptr) {
    throw Error(ErrorKind::fatal, "the target's dsn cannot be parsed",
                "write it as libpq does: host=db dbname=warehouse user=cdc, or "
                "postgresql://cdc@db/warehouse");
  }
  ConnectionOptions options;
  const auto is_port = [](const char* text) {
    return std::string_view(text).find_first_not_of("0123456789, ") == std::string_view::npos;
  };
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    // libpq only says so when it connects, and as if the server were away.
    if (std::string_view(option->keyword) == "port" && !is_port(option->val)) {
      throw Error(ErrorKind::fatal, "the target's dsn has a port that is not a number",
                  "look at port in [target] dsn");
    }
    options.emplace_back(option->keyword, option->val);
  }
  // A service file may hold what the dsn does not; our defaults would hide it.
  if (find_option(options, "service") == nullptr) {
    set_default(options, "connect_timeout", "10");
    set_default(options, "keepalives_idle", "30");
    set_default(options, "keepalives_interval", "10");
    set_default(options, "keepalives_count", "3");
    set_default(options, "tcp_user_timeout", "30000");
  }
  set_default(options, "application_name", settings.application_name);
  set_option(options, "client_encoding", "UTF8");
  const std::string password = password_of(settings);
  if (!password.empty()) set_option(options, "password", password);
  return options;
}

std::string conninfo_string(const ConnectionOptions& options) {
  std::string text;
  for (const auto& [key, value] : options) {
    if (!text.empty()) text += ' ';
    text += key + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

std::string conninfo_place(const ConnectionOptions& options) {
  std::string text;
  for (const char* name : {"service", "host", "hostaddr", "port", "dbname"}) {
    const std::string* value = find_option(options, name);
    if (value == nullptr) continue;
    if (!text.empty()) text += ' ';
    text += std::string(name) + "=" + *value;
  }
  return text.empty() ? "the default server" : text;
}

}  // namespace tidemark
