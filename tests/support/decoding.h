// A RecordDecoder with its surroundings, for tests: feed it records as text, look at the events as
// text. Strings are kept until the next record, as a source does. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "decode/record_decoder.h"
#include "support/registry_file.h"

namespace tidemark::test {

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

class Decoding {
 public:
  Config config;
  std::map<TableName, TablePtr> tables;  // of the target
  bool catalog_known = true;             // false: the lookup asks to be asked again
  RegistryFile registry;
  bool with_registry = false;
  Slab slab;

  // The event of a record; null: the decoder asks for the table or a schema.
  const Event* feed(const std::string& topic, const std::optional<std::string>& key,
                    const std::optional<std::string>& value, const Headers& headers = {});
  // The same, as text: "create public.t key(id=1) row(id=1, v='x')", "skip heartbeat",
  // "bad: <message>", "needs answer". A null is `null`, an unavailable value `?`, an absent one
  // `-`.
  std::string decode(const std::string& topic, const std::optional<std::string>& key,
                     const std::optional<std::string>& value, const Headers& headers = {});
  [[nodiscard]] std::string text(const Event& event) const;
  [[nodiscard]] const BadRecord& last_bad() const { return slab.bad.back(); }
  [[nodiscard]] const Event& last() const { return slab.events.back(); }
  RecordDecoder& decoder();

  std::int32_t partition = 0;
  std::int32_t partitions = 1;

 private:
  std::unique_ptr<RecordDecoder> decoder_;
  std::int64_t offset_ = 0;
};

// "id integer!, v text" with `!` for NOT NULL, "key id" behind it where there is one.
std::string text(const Table& table);
// A table for the target: columns as "id integer!", the key's names.
TablePtr table(const std::string& schema, const std::string& name, std::vector<Column> columns,
               std::vector<std::string> key);
Column column(const std::string& name, const PgType& type, bool not_null = false);

// An envelope without a schema; `before` and `after` are JSON, "null" where there is none.
std::string envelope(const std::string& op, const std::string& before, const std::string& after,
                     const std::string& table = "t");
// A source block of PostgreSQL.
std::string source(const std::string& table = "t", const std::string& lsn = "7");
// {"schema":…,"payload":…} of an envelope whose rows have these fields (schema nodes with "field").
std::string with_schema(const std::string& fields, const std::string& payload);
std::string key_with_schema(const std::string& fields, const std::string& payload);

}  // namespace tidemark::test
