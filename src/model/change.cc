#include "tidemark/change.h"

namespace tidemark {

const char* to_string(SkipReason reason) {
  switch (reason) {
    case SkipReason::none:
      return "none";
    case SkipReason::heartbeat:
      return "heartbeat";
    case SkipReason::transaction_marker:
      return "transaction_marker";
    case SkipReason::schema_change:
      return "schema_change";
    case SkipReason::logical_message:
      return "logical_message";
    case SkipReason::notification:
      return "notification";
    case SkipReason::delete_disabled:
      return "delete_disabled";
    case SkipReason::truncate_disabled:
      return "truncate_disabled";
    case SkipReason::excluded:
      return "excluded";
    case SkipReason::duplicate:
      return "duplicate";
    case SkipReason::keyless_tombstone:
      return "keyless_tombstone";
  }
  return "unknown";
}

}  // namespace tidemark
