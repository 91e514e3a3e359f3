#include "target/letter_store.h"

#include <rapidjson/document.h>

#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "decode/base64.h"
#include "pg/array_literal.h"
#include "target/dead_letters.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

constexpr const char* kHeadColumns =
    "id, stream, partition, position, coalesce(table_name, ''), kind, coalesce(sqlstate, ''), "
    "coalesce(message, ''), coalesce(hint, ''), to_char(created_at AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), coalesce(to_char(replayed_at AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), ''), coalesce(octet_length(key), 0) + "
    "coalesce(octet_length(value), 0), passed";
constexpr std::size_t kHeadCount = 13;

std::int64_t number(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::string text(const std::optional<std::string>& value) {
  return value.value_or("");
}

void read_head(const TextRow& row, LetterHead& head) {
  head.id = number(row[0]);
  head.at = {text(row[1]), Partition{static_cast<std::int32_t>(number(row[2]))}};
  head.offset = Offset{number(row[3])};
  head.table = text(row[4]);
  head.kind = text(row[5]);
  head.sqlstate = text(row[6]);
  head.message = text(row[7]);
  head.hint = text(row[8]);
  head.created_at = text(row[9]);
  head.replayed_at = text(row[10]);
  head.bytes = static_cast<std::uint64_t>(number(row[11]));
  head.passed = text(row[12]) == "t";
}

std::optional<std::string> from_hex(const std::optional<std::string>& hex) {
  if (!hex) return std::nullopt;
  Bytes bytes;
  append_hex_decoded(*hex, bytes);
  return std::string(bytes.view());
}

void read_headers(const std::string& json, OwnedRecord& record) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (!document.IsArray()) return;
  for (const auto& header : document.GetArray()) {
    if (!header.IsArray() || header.Size() != 2 || !header[0].IsString()) continue;
    auto& [name, value] = record.headers.emplace_back();
    name.assign(header[0].GetString(), header[0].GetStringLength());
    if (!header[1].IsString()) continue;
    Bytes bytes;
    append_base64_decoded({header[1].GetString(), header[1].GetStringLength()}, bytes);
    value = std::string(bytes.view());
  }
}

// $1 pipeline, $2 ids, $3 stream, $4 table, $5 kind; empty: any.
std::string where(const LetterSelection& selection) {
  return std::string(
             " WHERE pipeline_name = $1 AND ($2::text = '' OR id = ANY(nullif($2::text, "
             "'')::bigint[])) AND ($3::text = '' OR stream = $3) AND ($4::text = '' OR "
             "table_name = $4) AND ($5::text = '' OR kind = $5) "
             "AND replayed_at IS ") +
         (selection.replayed ? "NOT NULL" : "NULL");
}

std::vector<std::string> parameters(const std::string& pipeline, const LetterSelection& selection) {
  return {pipeline, selection.ids.empty() ? "" : number_array(selection.ids), selection.stream,
          selection.table, selection.kind};
}

}  // namespace

LetterStore::LetterStore(TextQuery query, const std::string& state_schema, std::string pipeline)
    : query_(std::move(query)),
      schema_(quote_identifier(state_schema)),
      table_(schema_ + ".dead_letters"),
      pipeline_(std::move(pipeline)) {}

bool LetterStore::exists() const {
  const TextRows found = query_("SELECT to_regclass($1) IS NOT NULL", {table_});
  return text(found.at(0).at(0)) == "t";
}

std::vector<LetterHead> LetterStore::list(const LetterSelection& selection,
                                          std::int64_t most) const {
  std::vector<LetterHead> heads;
  for (const TextRow& row :
       query_(std::string("SELECT ") + kHeadColumns + " FROM " + table_ + where(selection) +
                  " ORDER BY id LIMIT " + std::to_string(most),
              parameters(pipeline_, selection))) {
    read_head(row, heads.emplace_back());
  }
  return heads;
}

std::uint64_t LetterStore::count(const LetterSelection& selection) const {
  const TextRows rows =
      query_("SELECT count(*) FROM " + table_ + where(selection), parameters(pipeline_, selection));
  return static_cast<std::uint64_t>(number(rows.at(0).at(0)));
}

std::vector<Letter> LetterStore::read(const std::vector<std::int64_t>& ids, bool lock) const {
  const std::string array = number_array(ids);
  const std::string sql =
      std::string("SELECT ") + kHeadColumns +
      ", encode(key, 'hex'), encode(value, 'hex'), headers::text, coalesce(not_kept, ''), "
      "encode(row_key, 'hex'), encode(next_key, 'hex'), coalesce((SELECT min(e.id) FROM " +
      table_ +
      " AS e WHERE e.pipeline_name = $1 AND e.table_name = d.table_name AND e.replayed_at IS NULL "
      "AND (e.row_key = d.row_key OR e.next_key = d.row_key) AND e.id < d.id AND NOT e.passed AND "
      "e.id <> ALL($2::bigint[])), 0) FROM " +
      table_ + " AS d WHERE pipeline_name = $1 AND id = ANY($2::bigint[])" +
      (lock ? " AND replayed_at IS NULL ORDER BY id FOR UPDATE OF d" : " ORDER BY id");
  std::vector<Letter> letters;
  for (const TextRow& row : query_(sql, {pipeline_, array})) {
    Letter& letter = letters.emplace_back();
    read_head(row, letter);
    letter.record.key = from_hex(row[kHeadCount]);
    letter.record.value = from_hex(row[kHeadCount + 1]);
    read_headers(text(row[kHeadCount + 2]), letter.record);
    letter.not_kept = text(row[kHeadCount + 3]);
    letter.row_key = from_hex(row[kHeadCount + 4]).value_or("");
    letter.next_key = from_hex(row[kHeadCount + 5]).value_or("");
    letter.behind = number(row[kHeadCount + 6]);
  }
  return letters;
}

void LetterStore::settle(const std::vector<std::int64_t>& ids) const {
  if (ids.empty()) return;
  query_("UPDATE " + table_ +
             " SET replayed_at = now() WHERE pipeline_name = $1 AND id = ANY($2::bigint[])",
         {pipeline_, number_array(ids)});
}

void LetterStore::fail(std::int64_t id, const std::string& kind, const std::string& sqlstate,
                       const std::string& message, const std::string& hint) const {
  query_(
      "UPDATE " + table_ +
          " SET kind = $3, sqlstate = nullif($4, ''), message = $5, hint = nullif($6, '') WHERE "
          "pipeline_name = $1 AND id = $2::bigint",
      {pipeline_, std::to_string(id), kind, sqlstate, storable_text(message), storable_text(hint)});
}

void LetterStore::drop(const std::vector<std::int64_t>& ids) const {
  query_("DELETE FROM " + table_ + " WHERE pipeline_name = $1 AND id = ANY($2::bigint[])",
         {pipeline_, number_array(ids)});
}

std::vector<std::pair<StreamPartition, LetterCounts>> LetterStore::counts() const {
  std::vector<std::pair<StreamPartition, LetterCounts>> all;
  for (const TextRow& row :
       query_("SELECT stream, partition, count(*), count(*) FILTER (WHERE kind = 'held'), "
              "count(DISTINCT (table_name, row_key)) FILTER (WHERE row_key IS NOT NULL AND NOT "
              "passed) FROM " +
                  table_ +
                  " WHERE pipeline_name = $1 AND replayed_at IS NULL GROUP BY stream, partition "
                  "ORDER BY stream, partition",
              {pipeline_})) {
    const StreamPartition at{text(row[0]), Partition{static_cast<std::int32_t>(number(row[1]))}};
    all.push_back(
        {at,
         {static_cast<std::uint64_t>(number(row[2])), static_cast<std::uint64_t>(number(row[3])),
          static_cast<std::uint64_t>(number(row[4]))}});
  }
  return all;
}

std::int32_t LetterStore::partitions_of(const std::string& stream) const {
  const TextRows rows = query_("SELECT count(*) FROM " + schema_ +
                                   ".pipeline_watermarks WHERE pipeline_name = $1 AND stream = $2",
                               {pipeline_, stream});
  return static_cast<std::int32_t>(number(rows.at(0).at(0)));
}

}  // namespace tidemark
