#include "target/bulk_load.h"

#include <algorithm>

namespace tidemark {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
// For fewer rows, MERGE's one round trip to the server is the better way.
constexpr std::size_t kRowsMin = 200;
constexpr std::uint32_t kBatchesToPassMax = 4096;

// Types whose binary input reads what the wire sends, though the wire's name is another. (A text's
// binary form is its bytes; an enumeration's is its label.)
bool reads_wire(const PgType& type) {
  if (type.array) return false;
  switch (type.kind) {
    case TypeKind::boolean:
    case TypeKind::int2:
    case TypeKind::int4:
    case TypeKind::int8:
    case TypeKind::float4:
    case TypeKind::float8:
    case TypeKind::numeric:
    case TypeKind::text:
    case TypeKind::varchar:
    case TypeKind::bpchar:
    case TypeKind::citext:
    case TypeKind::bytea:
    case TypeKind::date:
    case TypeKind::time:
    case TypeKind::timestamp:
    case TypeKind::timestamptz:
    case TypeKind::uuid:
    case TypeKind::json:
    case TypeKind::jsonb:
    case TypeKind::enumeration:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool BulkLoad::possible(const Layout& layout, const Table& actual) {
  if (layout.keyless() || actual.has_row_security || actual.view) return false;
  if (!key_has_unique_index(layout, actual) || actual.has_deferrable_unique_keys) return false;
  return std::all_of(layout.columns.begin(), layout.columns.end(), [&](const LayoutColumn& column) {
    const Column* stored = actual.find(column.name);
    return stored != nullptr && !stored->generated && column.wire == stored->type.wire() &&
           stored->type.kind == column.type.kind && reads_wire(stored->type);
  });
}

bool BulkLoad::worth_it(const TableName& table, std::size_t rows) {
  if (rows < kRowsMin) return false;
  const auto found = conflicts_.find(table);
  if (found == conflicts_.end() || found->second.batches_to_pass == 0) return true;
  --found->second.batches_to_pass;
  return false;
}

bool BulkLoad::load(Session& session, const TableStatements& statements, const Layout& layout,
                    const Rows& rows) {
  try {
    session.copy_begin("SAVEPOINT tidemark_copy; " + statements.copy() +
                       "; RELEASE SAVEPOINT tidemark_copy");
    buffer_.clear();
    buffer_.append(std::string_view("PGCOPY\n\377\r\n\0", 11));
    buffer_.append_big<std::uint32_t>(0);  // flags
    buffer_.append_big<std::uint32_t>(0);  // header extension
    const auto columns = static_cast<std::uint16_t>(layout.columns.size());
    for (const RowChange* row : rows) {
      buffer_.append_big(columns);
      buffer_.append(row->row);
      if (buffer_.size() < kPieceBytes) continue;
      session.copy_data(buffer_.view());
      buffer_.clear();
    }
    buffer_.append_big(static_cast<std::uint16_t>(0xFFFF));  // the end
    session.copy_data(buffer_.view());
    session.copy_end();
  } catch (const Error& error) {
    if (error.sqlstate() != "23505") throw;
    session.run("ROLLBACK TO SAVEPOINT tidemark_copy; RELEASE SAVEPOINT tidemark_copy");
    Conflict& conflict = conflicts_[layout.target];
    conflict.batches_to_pass = conflict.batches_after_next;
    conflict.batches_after_next = std::min(conflict.batches_after_next * 2, kBatchesToPassMax);
    return false;
  }
  return true;
}

}  // namespace tidemark
