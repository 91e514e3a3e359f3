// JSON for an answer's `result`: RapidJSON's writer with members in one call. One thread.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

class JsonText {
 public:
  JsonText() : writer_(buffer_) {}

  void begin_object(const char* key = nullptr) {
    if (key != nullptr) writer_.Key(key);
    writer_.StartObject();
  }
  void end_object() { writer_.EndObject(); }
  void begin_array(const char* key = nullptr) {
    if (key != nullptr) writer_.Key(key);
    writer_.StartArray();
  }
  void end_array() { writer_.EndArray(); }

  void text(std::string_view value) {
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  void null() { writer_.Null(); }
  void member(const char* key, std::string_view value) {
    writer_.Key(key);
    text(value);
  }
  // Empty: null.
  void member_or_null(const char* key, const std::string& value) {
    writer_.Key(key);
    if (value.empty()) return null();
    text(value);
  }
  void number(const char* key, std::int64_t value) {
    writer_.Key(key);
    writer_.Int64(value);
  }
  void number(const char* key, std::optional<std::int64_t> value) {
    if (value) return number(key, *value);
    writer_.Key(key);
    null();
  }
  void count(const char* key, std::uint64_t value) {
    writer_.Key(key);
    writer_.Uint64(value);
  }
  void flag(const char* key, bool value) {
    writer_.Key(key);
    writer_.Bool(value);
  }
  void key(const char* name) { writer_.Key(name); }
  [[nodiscard]] std::string str() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

}  // namespace tidemark
