// Connection strings: a user's dsn (libpq's keywords or a URI) with our defaults under it and our
// password over it. Parsed by libpq, never by hand. Thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tidemark {

// Who connects where. `password` wins over the dsn's where it is not empty.
struct ConnectionSettings {
  std::string dsn;
  std::string password;
  std::string application_name = "tidemark";
  std::string password_file = {};  // where it came from: read again for each connection
};

using ConnectionOptions = std::vector<std::pair<std::string, std::string>>;

// Throws Error(fatal) for a dsn that libpq cannot parse; the message never holds any of it.
ConnectionOptions connection_options(const ConnectionSettings& settings);
// As one conninfo string, quoted.
std::string conninfo_string(const ConnectionOptions& options);
// "dbname=warehouse host=db port=5432", for messages: no password, no user.
std::string conninfo_place(const ConnectionOptions& options);

}  // namespace tidemark
