// What a decoder has learned of one table of the source, for those who show it (`plan`, `check`);
// the stream itself needs none of it. Values.
#pragma once

#include <string>
#include <vector>

#include "model/layout.h"
#include "model/source_type.h"
#include "tidemark/types.h"

namespace tidemark {

enum class FieldFate : std::uint8_t {
  written,
  excluded,   // columns-exclude
  metadata,   // metadata-prefix, of flattened records
  generated,  // the target computes the column
  no_column,  // `none`: the target has no such column; schemaless: only nulls so far
};

struct FieldAccount {
  std::string name;   // of the field, and of the column
  SourceType source;  // base unknown: there is no schema
  PgType target;      // where it is written
  bool key = false;
  bool former = false;  // records before had it, the last schema has not
  FieldFate fate = FieldFate::written;
};

struct TableAccount {
  std::string topic;
  std::string source_table;  // "inventory.orders"
  std::string connector;     // "postgresql"; empty: not known
  TableName target;
  bool typed = false;                // the records have schemas
  bool key_configured = false;       // [table.…] key
  std::vector<std::string> key;      // columns
  std::vector<FieldAccount> fields;  // in the source's order
  TablePtr required;                 // null: no record has asked for the table yet
  LayoutPtr layout;                  // of the last rows; null: none
};

}  // namespace tidemark
