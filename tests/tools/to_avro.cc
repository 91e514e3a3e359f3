// Records in JSON with schemas, as `produce` takes them, in Avro, as AvroConverter would have
// written them. What has no schema in it (null, other JSON) stays as it is.
//
//   to_avro REGISTRY.json <RECORDS.ndjson >OUT.ndjson
//
// REGISTRY.json has the schemas by id; it is read if it is there, and written with the new ones.
// Exits 1 where a value is not of its schema.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "../support/avro_bytes.h"
#include "../support/connect_to_avro.h"
#include "decode/base64.h"

namespace {

namespace test = tidemark::test;
using rapidjson::Value;

class Registry {
 public:
  explicit Registry(std::string path) : path_(std::move(path)) {
    std::ifstream in(path_);
    if (!in) return;
    std::ostringstream text;
    text << in.rdbuf();
    known_ = test::parse_json(text.str());
    const auto end = known_.MemberEnd();
    for (auto it = known_.MemberBegin(); it.operator->() != end.operator->(); ++it) {
      ids_[it->value.GetString()] = static_cast<std::uint32_t>(std::stoul(it->name.GetString()));
    }
  }

  std::uint32_t id(const std::string& schema) {
    const auto [at, is_new] = ids_.try_emplace(schema, static_cast<std::uint32_t>(ids_.size() + 1));
    if (is_new) {
      auto& allocator = known_.GetAllocator();
      known_.AddMember(Value(std::to_string(at->second).c_str(), allocator),
                       Value(schema.c_str(), allocator), allocator);
    }
    return at->second;
  }
  void write() const { std::ofstream(path_) << test::json_text(known_) << "\n"; }

 private:
  std::string path_;
  rapidjson::Document known_{rapidjson::kObjectType};
  std::map<std::string, std::uint32_t> ids_;
};

class Transcoder {
 public:
  explicit Transcoder(Registry& registry) : registry_(registry) {}

  // Of a key or value as ndjson has it.
  void transcode(Value& bytes, rapidjson::Document& record) {
    if (!bytes.IsString() || bytes.GetStringLength() == 0) return;
    const rapidjson::Document json = test::parse_json({bytes.GetString(), bytes.GetStringLength()});
    if (!json.IsObject() || !json.HasMember("schema") || !json.HasMember("payload")) return;
    if (json["schema"].IsNull()) {
      bytes.SetNull();
      return;
    }
    const Known& known = find(json["schema"]);
    const std::string wire =
        test::AvroBytes().raw(known.writer->encode(json["payload"])).with_id(known.id);
    const std::string text = tidemark::base64_encoded(wire);
    bytes.SetObject().AddMember("base64", Value(text.c_str(), record.GetAllocator()),
                                record.GetAllocator());
  }

 private:
  struct Known {
    std::uint32_t id = 0;
    std::unique_ptr<const test::ConnectToAvro> writer;
  };
  const Known& find(const Value& schema) {
    Known& known = known_[test::json_text(schema)];
    if (known.writer == nullptr) {
      known.writer = std::make_unique<const test::ConnectToAvro>(schema);
      known.id = registry_.id(known.writer->avro_schema());
    }
    return known;
  }

  Registry& registry_;
  std::map<std::string, Known> known_;  // by the Connect schema
};

void run(const std::string& registry_file) {
  Registry registry(registry_file);
  Transcoder transcoder(registry);
  for (std::string line; std::getline(std::cin, line);) {
    rapidjson::Document record = test::parse_json(line);
    transcoder.transcode(record["key"], record);
    transcoder.transcode(record["value"], record);
    std::cout << test::json_text(record) << "\n";
  }
  registry.write();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: to_avro REGISTRY.json <RECORDS.ndjson >OUT.ndjson\n";
    return 64;
  }
  try {
    run(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "to_avro: " << error.what() << "\n";
    return 1;
  }
}
