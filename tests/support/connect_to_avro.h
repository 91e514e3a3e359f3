// Kafka Connect's JSON as its AvroConverter writes the same data: a Connect schema becomes the Avro
// schema that is registered (as Confluent's AvroData makes it), a value its bytes. Tests so have in
// Avro what they have in JSON. Constant after construction; thread-safe.
#pragma once

#include <rapidjson/document.h>

#include <stdexcept>
#include <string>

namespace tidemark::test {

// No converter could have written this JSON by that schema: a text where the schema says int, more
// than the type holds, a member that the schema does not have, no JSON at all.
class NotOfSchema : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ConnectToAvro {
 public:
  // As JsonConverter writes it: {"type":"struct","fields":[…],…}.
  explicit ConnectToAvro(const rapidjson::Value& connect_schema);

  [[nodiscard]] const std::string& avro_schema() const { return avro_schema_; }
  // Throws NotOfSchema.
  [[nodiscard]] std::string encode(const rapidjson::Value& value) const;

 private:
  rapidjson::Document schema_;
  std::string avro_schema_;
};

// Throws NotOfSchema.
rapidjson::Document parse_json(const std::string& text);
std::string json_text(const rapidjson::Value& value);

}  // namespace tidemark::test
