// How settings that may hold secrets are shown: never in full. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

inline constexpr std::string_view kMasked = "********";

// A connection string as key=value pairs, with what libpq itself marks as a password masked. Parsed
// by libpq; what it cannot parse is not shown at all.
std::string shown_dsn(const std::string& dsn);
// Does the connection string hold a password?
bool dsn_holds_password(const std::string& dsn);

// Addresses with their credentials' passwords masked; what cannot be parsed is not shown at all.
std::string shown_urls(const std::string& urls);
bool urls_hold_password(const std::string& urls);

// Is the value of this librdkafka property a secret?
bool is_secret_property(std::string_view name);

}  // namespace tidemark
