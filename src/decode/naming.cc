#include "decode/naming.h"

#include <algorithm>

#include "decode/refused.h"
#include "tidemark/error.h"

namespace tidemark {

namespace {

constexpr std::size_t kNameBytesMax = 63;  // PostgreSQL cuts longer ones silently

const char* const kTemplateHint =
    "table takes ${schema}, ${table}, ${db}, ${topic} and ${source.…}, with a dot between the "
    "target's schema and table";

TableName parse_target(const std::string& section, const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size() ||
      text.find('.', dot + 1) != std::string::npos) {
    throw ConfigError("[table." + section + "] target = " + text + " does not name a table",
                      "write schema.table, without quotes");
  }
  return {text.substr(0, dot), text.substr(dot + 1)};
}

}  // namespace

std::optional<SourceTableName> table_of_topic(std::string_view topic) {
  const std::size_t last = topic.rfind('.');
  if (last == std::string_view::npos || last == 0 || last + 1 == topic.size()) return std::nullopt;
  const std::size_t before = topic.rfind('.', last - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  if (begin == last) return std::nullopt;
  SourceTableName name;
  name.schema = topic.substr(begin, last - begin);
  name.table = topic.substr(last + 1);
  name.flattened = true;
  return name;
}

TargetNaming::TargetNaming(const Config& config) : state_schema_(config.target.state_schema) {
  for (const auto& [section, table] : config.tables) {
    if (table.target) targets_.emplace(section, parse_target(section, *table.target));
  }
  parse(config.target.table);
}

TargetNaming::Piece TargetNaming::variable(const std::string& name) {
  if (name == "schema") return {Variable::schema, {}, 0};
  if (name == "table") return {Variable::table, {}, 0};
  if (name == "db") return {Variable::db, {}, 0};
  if (name == "topic") {
    uses_topic_ = true;
    return {Variable::topic, {}, 0};
  }
  if (name.starts_with("source.") && name.size() > 7) {
    source_members_.push_back(name.substr(7));
    return {Variable::member, {}, source_members_.size() - 1};
  }
  throw ConfigError("[target] table has an unknown variable ${" + name + "}", kTemplateHint);
}

void TargetNaming::parse(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.compare(at, 2, "${") == 0) {
      const std::size_t close = text.find('}', at);
      if (close == std::string::npos) {
        throw ConfigError("[target] table has a ${ without its }", kTemplateHint);
      }
      table_.push_back(variable(text.substr(at + 2, close - at - 2)));
      at = close + 1;
    } else if (text[at] == '.') {
      if (has_dot_) {
        throw ConfigError("[target] table has more than one dot outside its variables",
                          kTemplateHint);
      }
      has_dot_ = true;
      schema_.swap(table_);
      ++at;
    } else {
      const std::size_t end = std::min(text.find_first_of(".$", at + 1), text.size());
      table_.push_back({Variable::none, text.substr(at, end - at), 0});
      at = end;
    }
  }
}

std::string TargetNaming::expand(const Pieces& pieces, const SourceTableName& source,
                                 std::string_view topic,
                                 const std::vector<std::string>& members) const {
  std::string out;
  for (const Piece& piece : pieces) {
    const bool needs_source = piece.variable == Variable::db || piece.variable == Variable::member;
    if (needs_source && source.flattened) {
      const std::string variable =
          piece.variable == Variable::db ? "db" : "source." + source_members_[piece.member];
      throw Refused("a record without a source block has no ${" + variable + "}",
                    "use ${schema}, ${table} or ${topic} in [target] table, or do not flatten the "
                    "records at the source",
                    true);
    }
    switch (piece.variable) {
      case Variable::none:
        out += piece.text;
        break;
      case Variable::schema:
        out += source.schema;
        break;
      case Variable::table:
        out += source.table;
        break;
      case Variable::db:
        out += source.db;
        break;
      case Variable::topic:
        out += topic;
        break;
      case Variable::member:
        out += members.at(piece.member);
        break;
    }
  }
  return out;
}

void TargetNaming::check(const TableName& name) const {
  const auto refuse = [&name](const std::string& why, const std::string& hint) {
    throw Refused("the target table " + name.display() + " " + why, hint, true);
  };
  const std::string hint = "set [target] table, or target in the table's own section";
  for (const std::string* part : {&name.schema, &name.table}) {
    if (part->empty()) refuse("has an empty name", hint);
    if (part->size() > kNameBytesMax) refuse("has a name of more than 63 bytes", hint);
    if (part->find('\0') != std::string::npos) refuse("has a zero byte in its name", hint);
  }
  if (name.schema.starts_with("pg_") || name.schema == "information_schema") {
    refuse("would be in a schema of PostgreSQL itself", hint);
  }
  if (name.schema == state_schema_) {
    refuse("would be among tidemark's own tables", hint + ", or another state-schema");
  }
}

TableName TargetNaming::name(const SourceTableName& source, std::string_view topic,
                             const std::vector<std::string>& members) const {
  TableName name;
  const auto configured = targets_.find(source.display());
  if (configured != targets_.end()) {
    name = configured->second;
  } else if (has_dot_) {
    name = {expand(schema_, source, topic, members), expand(table_, source, topic, members)};
  } else {
    const std::string whole = expand(table_, source, topic, members);
    const std::size_t dot = whole.rfind('.');
    if (dot == std::string::npos) {
      throw Refused("the target table \"" + whole + "\" has no schema", kTemplateHint, true);
    }
    name = {whole.substr(0, dot), whole.substr(dot + 1)};
  }
  check(name);
  return name;
}

}  // namespace tidemark
