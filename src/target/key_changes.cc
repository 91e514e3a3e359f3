#include "target/key_changes.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "batch/fold.h"
#include "batch/row_image.h"
#include "pg/array_literal.h"
#include "target/merge_statement.h"

namespace tidemark {
namespace {

// Locks are as many as this for a table, whatever the number of keys: the server's lock table is
// small, and a lock too coarse only waits.
constexpr std::uint32_t kLocksPerTable = 256;

// Columns of read_text() before those of the row.
enum Place : int {
  kId,
  kSide,
  kStream,
  kOldKey,
  kNewKey,
  kPosition,
  kAtKey,
  kPartition,
  kPresent,
  kFirst
};

std::string wire_name(Wire wire) {
  std::string name(wire_array_sql(wire));
  name.resize(name.size() - 2);
  return name;
}

std::int32_t hash_of(std::string_view text) {
  return static_cast<std::int32_t>(XXH32(text.data(), text.size(), 0));
}

std::int32_t to_int(std::string_view binary) {
  return static_cast<std::int32_t>(load_big<std::uint32_t>(binary.data()));
}

// Without the lengths in front.
std::vector<Element> elements_of(std::string_view image) {
  std::vector<Element> elements;
  for (ElementReader reader(image); !reader.done();) {
    Element& element = elements.emplace_back(reader.next());
    element.bytes.remove_prefix(4);
  }
  return elements;
}

// The ledger outlives layouts, so keys are in their lasting form in it; links hold keys too.
template <std::string (*form)(const Layout&, std::string_view)>
std::string formed(const Layout& layout, std::string_view at_key) {
  if (!is_link(at_key)) return form(layout, at_key);
  const KeyChangeLink link = parse_link(at_key);
  return make_link(form(layout, link.old_key), form(layout, link.new_key), link.position);
}

// "\"schema\".\"table\"", as TableName::quoted() writes it: a display name could be read two ways.
TableName parse_quoted(std::string_view text) {
  TableName name;
  std::string* part = &name.schema;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\".\"")) {
      part = &name.table;
      i += 2;
      continue;
    }
    if (rest.starts_with("\"\"")) ++i;
    *part += text[i];
  }
  return name;
}

void append_mark(std::string& image, std::int32_t mark) {
  image.resize(image.size() + 4);
  store_big(image.data() + image.size() - 4, static_cast<std::uint32_t>(mark));
}

void append_value(std::string& image, std::string_view bytes) {
  append_mark(image, static_cast<std::int32_t>(bytes.size()));
  image += bytes;
}

}  // namespace

KeyChanges::KeyChanges(const std::string& state_schema, std::string pipeline)
    : state_schema_(state_schema),
      table_(quote_identifier(state_schema) + ".key_changes"),
      pipeline_(std::move(pipeline)) {}

// ---- reading
// -------------------------------------------------------------------------------------

std::vector<KeyChangeRow> KeyChanges::lock(Session& session,
                                           const std::vector<KeyChangeId>& ids) const {
  std::vector<KeyChangeRow> rows;
  if (ids.empty()) return rows;
  lock_all(session, ids);
  std::vector<const Layout*> layouts;
  for (const KeyChangeId& id : ids) {
    if (std::find(layouts.begin(), layouts.end(), id.layout) == layouts.end()) {
      layouts.push_back(id.layout);
    }
  }
  for (const Layout* layout : layouts) read(session, *layout, ids, rows);
  return rows;
}

void KeyChanges::lock_all(Session& session, const std::vector<KeyChangeId>& ids) const {
  std::vector<std::pair<std::int64_t, std::int64_t>> locks;
  for (const KeyChangeId& id : ids) {
    const std::string keys =
        lasting_key(*id.layout, id.old_key) + lasting_key(*id.layout, id.new_key);
    const auto bucket = static_cast<std::uint32_t>(hash_of(keys)) % kLocksPerTable;
    locks.emplace_back(
        hash_of("tidemark key change\n" + state_schema_ + "\n" + id.layout->target.display()),
        bucket);
  }
  std::sort(locks.begin(), locks.end());
  locks.erase(std::unique(locks.begin(), locks.end()), locks.end());
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  for (const auto& [table, bucket] : locks) {
    first.push_back(table);
    second.push_back(bucket);
  }
  const std::string first_text = number_array(first);
  const std::string second_text = number_array(second);
  Parameters parameters;
  parameters.text(first_text);
  parameters.text(second_text);
  session.execute("SELECT pg_advisory_xact_lock(unnest($1::integer[]), unnest($2::integer[]))",
                  parameters);
}

std::string KeyChanges::read_text(const Layout& layout) const {
  // Of the layout's columns, one letter each: in the row, lacking (true), not in it.
  std::string text =
      "SELECT k.id, k.side::text, k.stream, k.old_key, k.new_key, k.position, k.at_key, "
      "k.partition, "
      "(SELECT string_agg(CASE jsonb_typeof(k.\"row\" -> c.name) WHEN 'boolean' THEN 'u' "
      "WHEN 'string' THEN 'v' WHEN 'null' THEN 'v' ELSE 'a' END, '' ORDER BY c.n) "
      "FROM unnest($5::text[]) WITH ORDINALITY AS c(name, n) WHERE k.\"row\" IS NOT NULL)";
  for (const LayoutColumn& column : layout.columns) {
    const std::string name = quote_literal(column.name);
    text += ", (CASE jsonb_typeof(k.\"row\" -> " + name + ") WHEN 'string' THEN k.\"row\" ->> " +
            name + " END)::" + wire_name(column.wire);
  }
  return text + " FROM " + table_ +
         " AS k WHERE k.pipeline_name = $1 AND k.table_name = $2 AND (k.old_key, k.new_key) IN "
         "(SELECT unnest($3::bytea[]), unnest($4::bytea[])) ORDER BY k.id";
}

void KeyChanges::read(Session& session, const Layout& layout, const std::vector<KeyChangeId>& ids,
                      std::vector<KeyChangeRow>& rows) const {
  std::vector<std::string> lasting;
  for (const KeyChangeId& id : ids) {
    if (id.layout != &layout) continue;
    lasting.push_back(lasting_key(layout, id.old_key));
    lasting.push_back(lasting_key(layout, id.new_key));
  }
  std::vector<std::string_view> old_keys;
  std::vector<std::string_view> new_keys;
  for (std::size_t i = 0; i < lasting.size(); i += 2) {
    old_keys.emplace_back(lasting[i]);
    new_keys.emplace_back(lasting[i + 1]);
  }
  std::vector<std::string> names;
  for (const LayoutColumn& column : layout.columns) names.push_back(column.name);
  const std::vector<std::string> texts = {pipeline_, layout.target.quoted(), bytea_array(old_keys),
                                          bytea_array(new_keys), text_array(names)};
  Parameters parameters;
  for (const std::string& text : texts) parameters.text(text);
  const Result result = session.execute(read_text(layout), parameters, ResultFormat::binary);
  for (int r = 0; r < result.rows(); ++r) {
    KeyChangeRow& row = rows.emplace_back();
    row.id = static_cast<std::int64_t>(load_big<std::uint64_t>(result.value(r, kId).data()));
    row.side = result.value(r, kSide).front();
    row.layout = &layout;
    row.stream = result.value(r, kStream);
    row.old_key = key_of_lasting(layout, result.value(r, kOldKey));
    row.new_key = key_of_lasting(layout, result.value(r, kNewKey));
    row.position = result.value(r, kPosition);
    row.at_key = formed<key_of_lasting>(layout, result.value(r, kAtKey));
    row.partition = to_int(result.value(r, kPartition));
    row.has_row = !result.is_null(r, kPresent);
    if (!row.has_row) continue;
    const std::string_view present = result.value(r, kPresent);
    for (std::size_t i = 0; i < layout.columns.size(); ++i) {
      const int place = kFirst + static_cast<int>(i);
      if (present[i] != 'v') {
        // Not in it: the table did not have the column then. A row that is only a link says
        // nothing.
        const bool absent = present[i] == 'a' && !is_link(row.at_key);
        append_mark(row.row, absent ? kElementAbsent : kElementUnavailable);
      } else if (result.is_null(r, place)) {
        append_mark(row.row, kElementNull);
      } else {
        append_value(row.row, result.value(r, place));
      }
    }
  }
}

std::vector<KeyChangeHint> KeyChanges::hints(Session& session,
                                             const std::vector<StreamPartition>& partitions) const {
  std::vector<std::string> streams;
  std::vector<std::int64_t> numbers;
  for (const StreamPartition& at : partitions) {
    streams.push_back(at.stream);
    numbers.push_back(at.partition.value);
  }
  const std::string streams_text = text_array(streams);
  const std::string numbers_text = number_array(numbers);
  Parameters parameters;
  parameters.text(pipeline_);
  parameters.text(streams_text);
  parameters.text(numbers_text);
  const Result result = session.query(
      "SELECT k.stream, k.partition, k.table_name, k.old_key, k.new_key, k.position, k.at_key "
      "FROM " +
          table_ +
          " AS k JOIN (SELECT unnest($2::text[]) AS stream, unnest($3::integer[]) AS partition) AS "
          "w "
          "USING (stream, partition) WHERE k.pipeline_name = $1 AND k.side = 'c' "
          "AND k.\"row\" IS NOT NULL AND k.at_key <> '' ORDER BY k.id",
      parameters, ResultFormat::binary);
  std::vector<KeyChangeHint> hints;
  for (int r = 0; r < result.rows(); ++r) {
    KeyChangeHint& hint = hints.emplace_back();
    hint.at = {std::string(result.value(r, 0)), Partition{to_int(result.value(r, 1))}};
    hint.table = parse_quoted(result.value(r, 2));
    hint.old_key = result.value(r, 3);
    hint.new_key = result.value(r, 4);
    hint.position = result.value(r, 5);
    hint.at_key = result.value(r, 6);
  }
  return hints;
}

// ---- writing
// -------------------------------------------------------------------------------------

void KeyChanges::take(Session& session, const std::vector<std::int64_t>& ids) const {
  if (ids.empty()) return;
  const std::string ids_text = number_array(ids);
  Parameters parameters;
  parameters.text(ids_text);
  session.execute("DELETE FROM " + table_ + " WHERE id = ANY ($1::bigint[])", parameters);
}

// The text of one half's INSERT, after the nine parameters that every half has; adds the others.
std::string KeyChanges::leave_text(const KeyChangeLeft& left, Parameters& parameters) const {
  const Layout& layout = *left.id.layout;
  const std::vector<Element> elements = elements_of(left.has_row ? left.row : std::string_view());
  std::string names;
  std::string values;
  std::string lacking;
  for (std::size_t i = 0; i < layout.columns.size(); ++i) {
    const LayoutColumn& column = layout.columns[i];
    const bool given = i < elements.size() && elements[i].length >= kElementNull;
    if (!given && !left.has_base) {
      if (i >= elements.size() || elements[i].length == kElementAbsent) continue;
      lacking += (lacking.empty() ? "" : ", ") + quote_literal(column.name);
      continue;
    }
    names += (names.empty() ? "" : ", ") + quote_literal(column.name);
    values += values.empty() ? "" : ", ";
    if (!given) {
      values += "b." + quote_identifier(column.name) + "::" + wire_name(column.wire) + "::text";
      continue;
    }
    if (elements[i].length < 0) {
      parameters.null();
    } else {
      parameters.binary(elements[i].bytes);
    }
    values += "$" + std::to_string(parameters.count()) + "::" + wire_name(column.wire) + "::text";
  }
  std::string row = "NULL";
  if (left.has_row || left.has_base) {
    row = "jsonb_object(ARRAY[" + names + "]::text[], ARRAY[" + values + "]::text[])";
    if (!lacking.empty()) {
      row +=
          " || (SELECT jsonb_object_agg(c, true) FROM unnest(ARRAY[" + lacking + "]::text[]) AS c)";
    }
  }
  std::string from;
  if (left.has_base) {
    std::string match;
    const std::vector<Element> key = elements_of(left.base);
    for (std::size_t k = 0; k < layout.key.size(); ++k) {
      const LayoutColumn& column = layout.columns[layout.key[k]];
      key[k].length < 0 ? parameters.null() : parameters.binary(key[k].bytes);
      const std::string value =
          "$" + std::to_string(parameters.count()) + "::" + wire_name(column.wire);
      match += (match.empty() ? "" : " AND ") +
               key_equality(column.type, "b." + quote_identifier(column.name), value);
    }
    const std::string found =
        "b." + quote_identifier(layout.columns[layout.key.front()].name) + " IS NOT NULL";
    row = "CASE WHEN " + found + " THEN " + row + " END";
    from = " FROM (SELECT 1) AS one LEFT JOIN " + layout.target.quoted() + " AS b ON " + match;
    if (left.only_if_row) from += " WHERE " + found;
  }
  return "INSERT INTO " + table_ +
         " (pipeline_name, stream, partition, table_name, old_key, new_key, position, side, "
         "at_key, "
         "\"row\") SELECT $1, $2, $3::integer, $4, $5::bytea, $6::bytea, $7, $8::\"char\", "
         "$9::bytea, " +
         row + from;
}

void KeyChanges::leave(Session& session, const KeyChangeLeft& left) const {
  const std::string stream(left.id.stream);
  const std::string table = left.id.layout->target.quoted();
  const std::string position(left.id.position);
  const std::string side(1, left.side);
  const std::string old_key = lasting_key(*left.id.layout, left.id.old_key);
  const std::string new_key = lasting_key(*left.id.layout, left.id.new_key);
  const std::string at_key = formed<lasting_key>(*left.id.layout, left.at_key);
  Parameters parameters;
  parameters.text(pipeline_);
  parameters.text(stream);
  parameters.number(left.partition);
  parameters.text(table);
  parameters.binary(old_key);
  parameters.binary(new_key);
  parameters.text(position);
  parameters.text(side);
  parameters.binary(at_key);
  const std::string text = leave_text(left, parameters);
  session.execute(text, parameters);
}

}  // namespace tidemark
