// What the tests against a real PostgreSQL share: a schema and a state schema of their own, row and
// key images written by hand, and a target. The server is TIDEMARK_TEST_TARGET_DSN's.
#pragma once

#include <cstdlib>
#include <deque>
#include <initializer_list>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "pg/session.h"
#include "support/catch.h"
#include "target/catalog.h"
#include "target/postgres_target.h"

namespace tidemark::testing {

// ---- elements of row and key images
// --------------------------------------------------------------

inline std::string mark(std::int32_t length) {
  std::string bytes(4, '\0');
  store_big(bytes.data(), static_cast<std::uint32_t>(length));
  return bytes;
}
inline std::string null() {
  return mark(kElementNull);
}
inline std::string unavailable() {
  return mark(kElementUnavailable);
}
inline std::string absent() {
  return mark(kElementAbsent);
}
inline std::string bytes(std::string_view value) {
  return mark(static_cast<std::int32_t>(value.size())) + std::string(value);
}
template <typename T>
std::string number(T value) {
  std::string image(sizeof(T), '\0');
  store_big(image.data(), static_cast<std::make_unsigned_t<T>>(value));
  return bytes(image);
}
inline std::string int8(std::int64_t value) {
  return number(value);
}
inline std::string int4(std::int32_t value) {
  return number(value);
}
inline std::string boolean(bool value) {
  return bytes(std::string(1, value ? '\1' : '\0'));
}
inline std::string row(std::initializer_list<std::string> elements) {
  std::string image;
  for (const std::string& element : elements) image += element;
  return image;
}

// ---- layouts
// -------------------------------------------------------------------------------------

struct ColumnSpec {
  std::string name;
  PgType type;
};

inline PgType named_type(TypeKind kind, std::string name) {
  PgType type = pg_type(kind);
  type.name = std::move(name);
  return type;
}

inline LayoutPtr make_layout(const TableName& target, const std::vector<ColumnSpec>& columns,
                             const std::vector<std::string>& key, bool with_required = true) {
  auto layout = std::make_shared<Layout>();
  auto required = std::make_shared<Table>();
  layout->target = target;
  layout->source_table = target.display();
  required->name = target;
  required->key = key;
  for (const ColumnSpec& spec : columns) {
    const bool is_key = std::find(key.begin(), key.end(), spec.name) != key.end();
    layout->columns.push_back({spec.name, spec.type, spec.type.wire(), is_key});
    required->columns.push_back({spec.name, spec.type, false, std::nullopt, false, false});
  }
  for (const std::string& name : key) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].name == name) layout->key.push_back(static_cast<std::uint16_t>(i));
    }
  }
  if (with_required) layout->required = required;
  return layout;
}

// ---- batches
// -------------------------------------------------------------------------------------

// A folded batch written by hand; owns the bytes that it points to.
class BatchOf {
 public:
  explicit BatchOf(const LayoutPtr& layout) { table(layout); }
  BatchOf& table(const LayoutPtr& layout) {
    batch_.tables.emplace_back();
    batch_.tables.back().layout = layout.get();
    return *this;
  }
  BatchOf& upsert(const std::string& key, const std::string& image) {
    add(key, image);
    return *this;
  }
  BatchOf& remove(const std::string& key) {
    RowChange change;
    change.remove = true;
    change.key = keep(key);
    rows().push_back(change);
    return *this;
  }
  // Lacking columns come from the same key's stored row.
  BatchOf& overlay(const std::string& key, const std::string& image) {
    note_lacks(add(key, image));
    return *this;
  }
  BatchOf& overlay_from(const std::string& key, const std::string& image, const std::string& base) {
    RowChange& change = add(key, image);
    note_lacks(change);
    change.base_is_self = false;
    change.base = keep(base);
    return *this;
  }
  BatchOf& overlay_from_nothing(const std::string& key, const std::string& image) {
    RowChange& change = add(key, image);
    note_lacks(change);
    change.base_is_self = false;
    change.base_is_none = true;
    return *this;
  }
  BatchOf& insert(const std::string& image) {
    batch_.tables.back().inserts.push_back(keep(image));
    return *this;
  }
  BatchOf& take(const std::string& image) {
    batch_.tables.back().deletes.push_back(keep(image));
    return *this;
  }
  BatchOf& truncate() {
    batch_.tables.back().truncate = true;
    return *this;
  }
  // The rows so far.
  BatchOf& born() {
    for (RowChange& row : batch_.tables.back().rows) row.born = true;
    return *this;
  }
  std::string_view keep(const std::string& text) { return kept_.emplace_back(text); }
  FoldedBatch& get() { return batch_; }

 private:
  std::vector<RowChange>& rows() { return batch_.tables.back().rows; }
  RowChange& add(const std::string& key, const std::string& image) {
    RowChange change;
    change.key = keep(key);
    change.row = keep(image);
    rows().push_back(change);
    return rows().back();
  }
  static void note_lacks(RowChange& change) {
    for (std::size_t at = 0; at < change.row.size();) {
      const auto length =
          static_cast<std::int32_t>(load_big<std::uint32_t>(change.row.data() + at));
      change.unavailable = change.unavailable || length == kElementUnavailable;
      change.absent = change.absent || length == kElementAbsent;
      at += 4 + (length > 0 ? static_cast<std::size_t>(length) : 0);
    }
  }

  FoldedBatch batch_;
  std::deque<std::string> kept_;
};

// ---- the server
// ----------------------------------------------------------------------------------

inline std::string test_dsn() {
  const char* dsn = std::getenv("TIDEMARK_TEST_TARGET_DSN");
  if (dsn == nullptr || *dsn == '\0') {
    throw std::runtime_error(
        "TIDEMARK_TEST_TARGET_DSN is not set: it must name a PostgreSQL database for tests");
  }
  return dsn;
}

inline ErrorKind kind_of_error(const std::function<void()>& action,
                               std::string* sqlstate = nullptr) {
  try {
    action();
  } catch (const Error& error) {
    if (sqlstate != nullptr) *sqlstate = error.sqlstate();
    UNSCOPED_INFO(error.what());
    return error.kind();
  }
  throw std::runtime_error("no error was thrown");
}

class TargetFixture {
 public:
  TargetFixture() : schema(unique_name()), sql({test_dsn(), {}, "tidemark-test"}) {
    configure_log("text", "error", {}, false);
    config.pipeline = "test";
    config.target.dsn = test_dsn();
    config.target.state_schema = schema + "_state";
    sql.open();
    sql.run("CREATE SCHEMA " + schema);
    catalog = std::make_unique<Catalog>(connection_settings(config));
    target = make_target();
  }
  TargetFixture(const TargetFixture&) = delete;
  TargetFixture& operator=(const TargetFixture&) = delete;
  ~TargetFixture() {
    target.reset();
    sql.rollback();
    sql.run("DROP SCHEMA IF EXISTS " + schema + " CASCADE; DROP SCHEMA IF EXISTS " +
            config.target.state_schema + " CASCADE");
  }

  std::unique_ptr<PostgresTarget> make_target() {
    return std::make_unique<PostgresTarget>(config, *catalog);
  }
  [[nodiscard]] TableName name(const std::string& table) const { return {schema, table}; }
  // "$" stands for the schema.
  void run(std::string text) { sql.run(expand(std::move(text))); }
  // The rows as "1,x|2,NULL".
  std::string ask(std::string text) {
    std::string answer;
    for (const TextRow& row : sql.query_text(expand(std::move(text)))) {
      answer += answer.empty() ? "" : "|";
      for (std::size_t i = 0; i < row.size(); ++i) {
        answer += (i == 0 ? "" : ",") + row[i].value_or("NULL");
      }
    }
    return answer;
  }

  // Takes partition 0 of "topic" if need be, and moves its position by one.
  PositionMove next_move(PostgresTarget& by) {
    if (!taken) {
      const Assignment assignment = by.take({{"topic", Partition{0}}});
      taken = assignment.partitions.front();
    }
    PositionMove move{taken->at, taken->epoch, taken->next, {}, 1, 0, {}, 7};
    move.to = taken->next ? taken->next->next() : Offset{1};
    return move;
  }
  void begin() {
    const PositionMove move = next_move(*target);
    target->begin({move});
    pending = move.to;
  }
  void commit() {
    target->commit();
    taken->next = pending;
  }
  // One batch in one transaction.
  WriteCounts write(BatchOf& batch) {
    begin();
    try {
      for (const FoldedTable& table : batch.get().tables) target->ensure(*table.layout);
      const WriteCounts counts = target->write(batch.get());
      commit();
      return counts;
    } catch (...) {
      target->rollback();
      throw;
    }
  }

  const std::string schema;
  Session sql;
  Config config;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<PostgresTarget> target;
  std::optional<TakenPartition> taken;
  Offset pending;

 private:
  static std::string unique_name() {
    std::random_device random;
    return "tidemark_test_" + std::to_string(random());
  }
  std::string expand(std::string text) const {
    for (std::size_t at = 0; (at = text.find("$.", at)) != std::string::npos; at += schema.size()) {
      text.replace(at, 1, schema);
    }
    return text;
  }
};

}  // namespace tidemark::testing
