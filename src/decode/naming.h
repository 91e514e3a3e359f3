// Which table of the target a table of the source goes to: `[table.x] target`, else the template
// `table` of `[target]`. Constant after construction; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/config.h"
#include "tidemark/types.h"

namespace tidemark {

// A table as the source calls it. `schema` is the database where the source has no schemas.
struct SourceTableName {
  std::string db;
  std::string schema;
  std::string table;
  bool flattened = false;  // known from the topic alone: there is no source block
  [[nodiscard]] std::string display() const { return schema + "." + table; }
};

// A flattened record has no source: the last two parts of the topic's name. No value: it has fewer.
std::optional<SourceTableName> table_of_topic(std::string_view topic);

class TargetNaming {
 public:
  // Throws ConfigError for a template or a target that cannot name a table.
  explicit TargetNaming(const Config& config);

  // The members of `source` that the template asks for, by ${source.…}.
  [[nodiscard]] const std::vector<std::string>& source_members() const { return source_members_; }

  // Does the template hold ${topic}?
  [[nodiscard]] bool uses_topic() const { return uses_topic_; }

  // `members` is parallel to source_members(). Throws Refused if the name is not one for a table.
  [[nodiscard]] TableName name(const SourceTableName& source, std::string_view topic,
                               const std::vector<std::string>& members) const;

 private:
  enum class Variable : unsigned char { none, schema, table, db, topic, member };
  struct Piece {
    Variable variable = Variable::none;
    std::string text;        // a literal
    std::size_t member = 0;  // index into source_members_
  };
  using Pieces = std::vector<Piece>;

  void parse(const std::string& text);
  Piece variable(const std::string& name);
  [[nodiscard]] std::string expand(const Pieces& pieces, const SourceTableName& source,
                                   std::string_view topic,
                                   const std::vector<std::string>& members) const;
  void check(const TableName& name) const;

  std::string state_schema_;
  std::map<std::string, TableName> targets_;  // by the source's "schema.table"
  Pieces schema_;                             // before the template's dot
  Pieces table_;                              // behind it; if it has none, the whole template
  bool has_dot_ = false;
  bool uses_topic_ = false;
  std::vector<std::string> source_members_;
};

}  // namespace tidemark
