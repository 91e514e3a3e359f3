#include "target/dead_letters.h"

#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "decode/base64.h"
#include "pg/array_literal.h"

namespace tidemark {
namespace {

// One more than a writer takes (pipeline/held_keys), so that it notices.
constexpr std::size_t kHeldMost = 100'001;

std::string table_name(const std::string& state_schema) {
  return quote_identifier(state_schema) + ".dead_letters";
}

std::string json_string(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : storable_text(text)) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += "\\u00";
      json += kDigits[static_cast<unsigned char>(c) >> 4U];
      json += kDigits[static_cast<unsigned char>(c) & 15U];
    } else {
      json += c;
    }
  }
  return json + "\"";
}

std::string headers_json(const DeadLetter& letter) {
  std::string json = "[";
  for (const auto& [name, value] : letter.headers) {
    if (json.size() > 1) json += ',';
    json +=
        '[' + json_string(name) + ',' + (value ? '"' + base64_encoded(*value) + '"' : "null") + ']';
  }
  return json + "]";
}

// The length of the UTF-8 sequence at the start of `text`, 0 if it is none that PostgreSQL takes.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string storable_text(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    clean += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

DeadLetters::DeadLetters(const std::string& state_schema, std::string pipeline)
    : pipeline_(std::move(pipeline)),
      add_text_(
          "INSERT INTO " + table_name(state_schema) +
          " (pipeline_name, stream, partition, position, key, value, headers, table_name, "
          "row_key, kind, sqlstate, message, hint, next_key, not_kept) VALUES ($1, $2, "
          "$3::integer, "
          "$4, $5::bytea, $6::bytea, $7::jsonb, nullif($8, ''), $9::bytea, $10, nullif($11, ''), "
          "$12, nullif($13, ''), $14::bytea, nullif($15, ''))"),
      held_text_("SELECT DISTINCT d.stream, d.partition, d.table_name, k.key FROM " +
                 table_name(state_schema) +
                 " AS d JOIN (SELECT unnest($2::text[]) AS stream, unnest($3::integer[]) AS "
                 "partition) AS w USING (stream, partition) CROSS JOIN LATERAL "
                 "unnest(ARRAY[d.row_key, d.next_key]) AS k(key) WHERE d.pipeline_name = $1 "
                 "AND d.replayed_at IS NULL AND NOT d.passed AND k.key IS NOT NULL LIMIT " +
                 std::to_string(kHeldMost)),
      pass_text_("UPDATE " + table_name(state_schema) +
                 " SET passed = true WHERE pipeline_name = $1 AND table_name = $2 AND (row_key = "
                 "$3::bytea OR next_key = $3::bytea) AND replayed_at IS NULL AND NOT passed"),
      close_text_("UPDATE " + table_name(state_schema) +
                  " SET replayed_at = now(), hint = 'closed: the table was emptied by a later "
                  "truncate' WHERE pipeline_name = $1 AND (table_name = $2 OR (stream = $3 AND "
                  "table_name = $4)) AND replayed_at IS NULL") {}

void DeadLetters::add(Session& session, const DeadLetter& letter) const {
  const std::string stream = storable_text(letter.at.stream);
  const std::string position = std::to_string(letter.offset.value);
  const std::string headers = headers_json(letter);
  const std::string table = storable_text(letter.table);
  const std::string message = storable_text(letter.message);
  const std::string hint = storable_text(letter.hint);
  Parameters parameters;
  const auto bytes = [&](const std::optional<std::string>& value) {
    value ? parameters.binary(*value) : parameters.null();
  };
  parameters.text(pipeline_);
  parameters.text(stream);
  parameters.number(letter.at.partition.value);
  parameters.text(position);
  bytes(letter.key);
  bytes(letter.value);
  parameters.text(headers);
  parameters.text(table);
  letter.row_key.empty() ? parameters.null() : parameters.binary(letter.row_key);
  parameters.text(letter.kind);
  parameters.text(letter.sqlstate);
  parameters.text(message);
  parameters.text(hint);
  letter.next_key.empty() ? parameters.null() : parameters.binary(letter.next_key);
  const std::string not_kept = storable_text(letter.not_kept);
  parameters.text(not_kept);
  session.execute(add_text_, parameters);
}

void DeadLetters::pass(Session& session, const TableName& table, std::string_view key) const {
  const std::string name = storable_text(table.display());
  Parameters parameters;
  parameters.text(pipeline_);
  parameters.text(name);
  parameters.binary(key);
  session.execute(pass_text_, parameters);
}

void DeadLetters::close(Session& session, const Layout& layout, const std::string& stream) const {
  const std::string target = storable_text(layout.target.display());
  const std::string source = storable_text(layout.source_table);
  const std::string topic = storable_text(stream);
  Parameters parameters;
  for (const std::string* text : {&pipeline_, &target, &topic, &source}) parameters.text(*text);
  session.execute(close_text_, parameters);
}

std::vector<HeldKey> DeadLetters::held(Session& session,
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
  const Result result = session.query(held_text_, parameters, ResultFormat::binary);
  std::vector<HeldKey> held;
  for (int row = 0; row < result.rows(); ++row) {
    HeldKey& key = held.emplace_back();
    key.at.stream = result.value(row, 0);
    key.at.partition.value =
        static_cast<std::int32_t>(load_big<std::uint32_t>(result.value(row, 1).data()));
    const std::string_view table = result.value(row, 2);
    const std::size_t dot = table.find('.');
    key.table.schema = dot == std::string_view::npos ? std::string_view() : table.substr(0, dot);
    key.table.table = dot == std::string_view::npos ? table : table.substr(dot + 1);
    key.key = result.value(row, 3);
  }
  return held;
}

}  // namespace tidemark
