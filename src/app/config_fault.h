// What is wrong in flags, environment or file. Faults are gathered, not thrown one by one: a user
// who has made three mistakes sees three. Values only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tidemark/error.h"

namespace tidemark {

struct ConfigFault {
  std::string code;         // stable: config.unknown_key, config.bad_value, …
  std::string place;        // "inventory.conf:12", "TIDEMARK_TARGET_DSN", "--set"; may be empty
  std::string message;      // begins with the setting's name where it is about one; never a secret
  std::string hint;         // what to do
  bool permission = false;  // a file is there and cannot be read: exit code 77

  // "inventory.conf:12: message"
  [[nodiscard]] std::string display() const {
    return place.empty() ? message : place + ": " + message;
  }
};

// All faults of one loading, at least one. what() and hint() are the first one's.
class ConfigFaults : public ConfigError {
 public:
  explicit ConfigFaults(std::vector<ConfigFault> faults)
      : ConfigError(faults.front().display(), faults.front().hint), faults_(std::move(faults)) {}
  [[nodiscard]] const std::vector<ConfigFault>& faults() const { return faults_; }

 private:
  std::vector<ConfigFault> faults_;
};

}  // namespace tidemark
