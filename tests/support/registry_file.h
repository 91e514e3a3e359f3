// A schema registry for tests: schemas by id from a file of a fixture ({"3":"<schema>",…}), or
// given one by one; asked as the decoder asks the real one. Header only: tools use it too.
#pragma once

#include <rapidjson/document.h>

#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "decode/schema_lookup.h"

namespace tidemark::test {

class RegistryFile {
 public:
  void add(const SchemaId& id, RegisteredSchema schema) {
    schemas_[id] = std::make_shared<const RegisteredSchema>(std::move(schema));
  }
  void add(std::uint32_t id, const std::string& text,
           SchemaLanguage language = SchemaLanguage::avro) {
    RegisteredSchema schema;
    schema.language = language;
    schema.text = text;
    add(SchemaId(id), std::move(schema));
  }
  void read(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    rapidjson::Document json;
    json.Parse(text.str().c_str());
    if (json.HasParseError() || !json.IsObject()) throw std::runtime_error("cannot read " + path);
    // By iterator: RapidJSON's comparison of them is ambiguous to clang in a range-based for.
    const auto end = json.MemberEnd();
    for (auto it = json.MemberBegin(); it.operator->() != end.operator->(); ++it) {
      add(static_cast<std::uint32_t>(std::stoul(it->name.GetString())), it->value.GetString());
    }
  }

  // What is not there is refused; while `known` is false nothing is known yet.
  SchemaLookup lookup() {
    return [this](const SchemaId& id) -> RegisteredSchemaPtr {
      ++asked;
      if (!known) return nullptr;
      const auto found = schemas_.find(id);
      if (found != schemas_.end()) return found->second;
      RegisteredSchema refused;
      refused.refused = "the registry has no such schema";
      return std::make_shared<const RegisteredSchema>(std::move(refused));
    };
  }

  bool known = true;
  int asked = 0;

 private:
  std::map<SchemaId, RegisteredSchemaPtr> schemas_;
};

}  // namespace tidemark::test
