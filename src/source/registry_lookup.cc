#include "source/registry_lookup.h"

#include <memory>
#include <utility>

#include "tidemark/error.h"

namespace tidemark {

RegisteredSchemaPtr RegistryLookup::find(const SchemaId& id) {
  RegisteredSchemaPtr& known = known_[id];
  if (known != nullptr) return known;
  RegistryReply reply = client_->schema(id);
  const std::string message = "the schema registry: " + reply.message;
  switch (reply.verdict) {
    case RegistryVerdict::away:
      throw Error(ErrorKind::retry, message, reply.hint);
    case RegistryVerdict::unauthorized:
      throw PermissionError(message, reply.hint);
    case RegistryVerdict::absent:
      reply.schema.refused = reply.message;
      reply.schema.hint = reply.hint;
      break;
    case RegistryVerdict::found:
      break;
  }
  return known = std::make_shared<const RegisteredSchema>(std::move(reply.schema));
}

}  // namespace tidemark
