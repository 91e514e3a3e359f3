#include "decode/table_claims.h"

#include <algorithm>

namespace tidemark {

namespace {

bool go_together(const TableClaim& a, const TableClaim& b) {
  if (a.topic == b.topic && (a.source_table == b.source_table || (a.by_topic && b.by_topic))) {
    return true;
  }
  return a.named && b.named;
}

}  // namespace

std::optional<TableClaim> TableClaims::claim(const TableName& target, const TableClaim& mine) {
  const std::lock_guard lock(mutex_);
  std::vector<TableClaim>& claims = claims_[target];
  const bool known = std::find(claims.begin(), claims.end(), mine) != claims.end();
  if (!known) claims.push_back(mine);
  for (const TableClaim& other : claims) {
    if (go_together(mine, other)) continue;
    if (!known) ++disputes_;
    return other;
  }
  return std::nullopt;
}

}  // namespace tidemark
