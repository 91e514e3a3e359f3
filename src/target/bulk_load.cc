#include "target/bulk_load.h"

#include <algorithm>

namespace tidemark {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;

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

bool BulkLoad::possible(const Layout& layout, const Table& actual) const {
  if (layout.keyless() || actual.has_row_security || actual.view) return false;
  if (conflicted_.contains(layout.target) || !key_has_unique_index(layout, actual)) return false;
  return std::all_of(layout.columns.begin(), layout.columns.end(), [&](const LayoutColumn& column) {
    const Column* stored = actual.find(column.name);
    return stored != nullptr && !stored->generated && column.wire == stored->type.wire() &&
           stored->type.kind == column.type.kind && reads_wire(stored->type);
  });
}

bool BulkLoad::load(Session& session, const TableStatements& statements, const FoldedTable& table) {
  session.run("SAVEPOINT tidemark_copy");
  try {
    session.copy_begin(statements.copy());
    buffer_.clear();
    buffer_.append(std::string_view("PGCOPY\n\377\r\n\0", 11));
    buffer_.append_big<std::uint32_t>(0);  // flags
    buffer_.append_big<std::uint32_t>(0);  // header extension
    const auto columns = static_cast<std::uint16_t>(table.layout->columns.size());
    for (const RowChange& row : table.rows) {
      buffer_.append_big(columns);
      buffer_.append(row.row);
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
    conflicted_.insert(table.layout->target);
    return false;
  }
  session.run("RELEASE SAVEPOINT tidemark_copy");
  return true;
}

}  // namespace tidemark
