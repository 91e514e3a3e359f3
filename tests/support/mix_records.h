// The records of a mix like that of `scripts/bench mix` (inserts, updates, deletes with tombstones
// of a six-column table), as Debezium writes them for PostgreSQL, for the benchmarks of single
// pieces: always the same ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decode/schema_lookup.h"
#include "model/table.h"
#include "support/registry_file.h"
#include "tidemark/config.h"

namespace tidemark::test {

struct MixRecord {
  std::string key;
  std::string value;  // empty: a tombstone
};

// 20,000 of them. `form`: schemas, schemaless, flattened, avro.
std::vector<MixRecord> mix_records(const std::string& form);
// The table in the target.
TablePtr mix_table();
// With the two Avro schemas by their ids.
RegistryFile mix_registry();
std::string mix_avro_schema();

}  // namespace tidemark::test
