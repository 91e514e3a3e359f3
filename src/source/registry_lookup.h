// What a command that only looks at records asks the schema registry: each schema once, and waiting
// for the answer. For `plan` and `check`; who must not wait asks SchemaRegistry. One thread.
#pragma once

#include <map>
#include <optional>

#include "decode/schema_lookup.h"
#include "source/registry_client.h"
#include "tidemark/config.h"

namespace tidemark {

class RegistryLookup {
 public:
  explicit RegistryLookup(const RegistryConfig& config) {
    if (!config.url.empty()) client_.emplace(config);
  }

  // Empty where there is no registry; else valid as long as this is. It throws Error while the
  // registry is away, PermissionError where it refuses us.
  SchemaLookup lookup() {
    return client_ ? [this](const SchemaId& id) { return find(id); } : SchemaLookup();
  }

 private:
  RegisteredSchemaPtr find(const SchemaId& id);

  std::optional<RegistryClient> client_;
  std::map<SchemaId, RegisteredSchemaPtr> known_;
};

}  // namespace tidemark
