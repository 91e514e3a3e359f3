// Why a record cannot be decoded, thrown from wherever it is found and caught by the record
// decoder, which makes a BadRecord of it. It never leaves src/decode and is never thrown for a good
// record.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace tidemark {

class Refused : public std::exception {
 public:
  // `message` names the field, never its value; `hint` says what the user can do.
  explicit Refused(std::string message, std::string hint = {}, bool halt = false)
      : message_(std::move(message)), hint_(std::move(hint)), halt_(halt) {}
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }
  [[nodiscard]] bool halt() const { return halt_; }

 private:
  std::string message_;
  std::string hint_;
  bool halt_;  // the partition stops, whatever the policy (I7)
};

}  // namespace tidemark
