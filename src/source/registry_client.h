// Asks a schema registry with Confluent's API (also Apicurio's, Karapace's and Redpanda's): a
// schema by its id, with those that it refers to. One question at a time, to each of the registry's
// addresses until one answers, beginning with the one that did last. Not thread-safe, but for
// cancel().
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "decode/schema_lookup.h"
#include "source/http_get.h"
#include "source/registry_url.h"
#include "tidemark/config.h"

namespace tidemark {

enum class RegistryVerdict : std::uint8_t {
  found,
  absent,        // it says that it has no such schema; perhaps not yet
  unauthorized,  // 401 or 403
  away,          // no answer, or none that a registry gives
};

struct RegistryReply {
  RegistryVerdict verdict = RegistryVerdict::away;
  RegisteredSchema schema;  // where found; may be refused
  std::string message;      // else: what happened, and where
  std::string hint;
};

// Of one schema, with the schemas that it refers to.
struct RegistryLimits {
  std::size_t references_max = 256;
  std::size_t depth_max = 16;
  std::size_t bytes_max = 16U << 20U;
};

HttpSettings http_settings(const RegistryConfig& config);
// "the schema with id 7", "the schema with GUID 550e…"
std::string described(const SchemaId& id);

class RegistryClient {
 public:
  explicit RegistryClient(const RegistryConfig& config)
      : RegistryClient(config, http_settings(config)) {}
  RegistryClient(const RegistryConfig& config, HttpSettings http, RegistryLimits limits = {});

  RegistryReply schema(const SchemaId& id);
  // Whether address `index` is that of a registry which lets us in. Only for `tidemark check`.
  RegistryReply probe(std::size_t index);
  [[nodiscard]] const std::vector<RegistryUrl>& urls() const { return urls_; }
  void cancel() noexcept { http_.cancel(); }

 private:
  struct Reference;
  struct Answer;
  struct Walk;
  Answer ask(const std::string& path, const std::string& what);
  Answer ask_at(std::size_t index, const std::string& path, const std::string& what);
  static void read_schema(const rapidjson::Value& body, const std::string& what, Answer& answer);
  static Answer judge(const RegistryUrl& url, const HttpAnswer& http, const std::string& what);
  RegistryReply follow(const Answer& from, std::size_t depth, Walk& walk);

  const RegistryLimits limits_;
  std::vector<RegistryUrl> urls_;
  std::size_t first_ = 0;  // the address that answered last
  HttpGet http_;
};

}  // namespace tidemark
