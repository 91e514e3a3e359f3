// Errors, described by what the caller must do. One place, pipeline/lane, decides by `kind`.
// Every message says what happened and where; `hint` says what the user can do.
// An Error is a value that is thrown; it is never used for the flow of good records.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tidemark {

enum class ErrorKind {
  retry,     // the server is away, busy or full: roll back, back off with jitter, replay
  in_doubt,  // the connection was lost during COMMIT: read the position with a lock, it tells
  fenced,    // another owner has the partition: roll back, drop the buffers, rejoin
  data,      // this record cannot be applied: dead letter, or its partition stops
  waiting,   // a foreign key whose parent comes by another partition: commit the rest, retry this
  fatal,     // nobody can go on: stop, naming the place
};

const char* to_string(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  // What PostgreSQL names beside its message, where it does.
  struct About {
    std::string column;
    std::string constraint;
  };

  Error(ErrorKind kind, const std::string& message, std::string hint = {},
        std::string sqlstate = {}, About about = {})
      : std::runtime_error(message),
        kind_(kind),
        hint_(std::move(hint)),
        sqlstate_(std::move(sqlstate)),
        about_(std::move(about)) {}

  [[nodiscard]] ErrorKind kind() const { return kind_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }
  // Five characters, or empty where the error does not come from PostgreSQL.
  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }

  [[nodiscard]] const About& about() const { return about_; }

 private:
  ErrorKind kind_;
  std::string hint_;
  std::string sqlstate_;
  About about_;
};

// Another server than PostgreSQL does not let us in: exit code 77.
class PermissionError : public Error {
 public:
  PermissionError(const std::string& message, std::string hint)
      : Error(ErrorKind::fatal, message, std::move(hint)) {}
};

// A mistake in flags, environment or file: exit code 64 or 78.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(const std::string& message, std::string hint = {}, bool usage = false)
      : std::runtime_error(message), hint_(std::move(hint)), usage_(usage) {}
  [[nodiscard]] const std::string& hint() const { return hint_; }
  [[nodiscard]] bool usage() const { return usage_; }

 private:
  std::string hint_;
  bool usage_;
};

}  // namespace tidemark
