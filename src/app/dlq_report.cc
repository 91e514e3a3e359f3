#include "app/dlq_report.h"

#include <fmt/format.h>

#include "app/check_report.h"
#include "app/json_text.h"
#include "app/text_table.h"
#include "decode/base64.h"
#include "target/dead_letters.h"

namespace tidemark {
namespace {

// Bytes that are text are shown as text.
bool is_text(std::string_view bytes) {
  return storable_text(bytes) == bytes;
}

std::string shown(const std::optional<std::string>& bytes) {
  if (!bytes) return "null";
  if (is_text(*bytes)) return bytes->empty() ? "\"\"" : printable(*bytes);
  return "base64 " + base64_encoded(*bytes);
}

// As the test fixtures have it: text, {"base64": …}, or null.
void write_bytes(JsonText& json, const std::optional<std::string>& bytes) {
  if (!bytes) return json.null();
  if (is_text(*bytes)) return json.text(*bytes);
  json.begin_object();
  json.member("base64", base64_encoded(*bytes));
  json.end_object();
}

void write_head(JsonText& json, const LetterHead& letter) {
  json.number("id", letter.id);
  json.member("stream", letter.at.stream);
  json.number("partition", letter.at.partition.value);
  json.number("position", letter.offset.value);
  json.member_or_null("table", letter.table);
  json.member("kind", letter.kind);
  json.member_or_null("sqlstate", letter.sqlstate);
  json.member("message", letter.message);
  json.member("hint", letter.hint);
  json.flag("passed", letter.passed);
  json.count("bytes", letter.bytes);
  json.member("created_at", letter.created_at);
  json.member_or_null("replayed_at", letter.replayed_at);
}

}  // namespace

std::string letters_summary(const std::vector<LetterHead>& letters, std::uint64_t total,
                            bool replayed) {
  const std::string what = (replayed ? "replayed letter" : "dead letter");
  if (letters.size() == total) return counted(total, what);
  return fmt::format("{} of {}", letters.size(), counted(total, what));
}

std::string letters_text(const std::vector<LetterHead>& letters, std::uint64_t total,
                         const LetterSelection& selection, const Style& style) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "TOPIC", "POSITION", "TABLE", "KIND", "SINCE", "WHAT"}};
  for (const LetterHead& letter : letters) {
    rows.push_back({std::to_string(letter.id), letter.at.display(),
                    std::to_string(letter.offset.value), letter.table, letter.kind,
                    selection.replayed ? letter.replayed_at : letter.created_at,
                    (letter.sqlstate.empty() ? "" : letter.sqlstate + " ") + letter.message});
  }
  std::string text = letters.empty() ? "" : text_table(rows, {0, 2});
  text += letters_summary(letters, total, selection.replayed) + "\n";
  if (letters.empty() || selection.replayed) return text;
  return text + fmt::format("{} tidemark dlq show {}; then replay, or drop\n", style.arrow(),
                            letters.front().id);
}

std::string letters_json(const std::vector<LetterHead>& letters, std::uint64_t total) {
  JsonText json;
  json.begin_object();
  json.count("total", total);
  json.begin_array("letters");
  for (const LetterHead& letter : letters) {
    json.begin_object();
    write_head(json, letter);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.str();
}

std::string letter_text(const Letter& letter, const Style& style) {
  std::string text = fmt::format("letter {}  {}@{}  {}  {}\n", letter.id, letter.at.display(),
                                 letter.offset.value, letter.table, letter.kind);
  text += fmt::format("since    {}\n", letter.created_at);
  if (!letter.replayed_at.empty()) text += fmt::format("replayed {}\n", letter.replayed_at);
  text += fmt::format("what     {}{}\n", letter.sqlstate.empty() ? "" : letter.sqlstate + " ",
                      printable(letter.message));
  if (!letter.hint.empty()) {
    text += fmt::format("         {} {}\n", style.arrow(), printable(letter.hint));
  }
  if (letter.passed) text += "passed   a later event of its key is applied\n";
  if (letter.behind != 0)
    text += fmt::format("behind   letter {} of the same key\n", letter.behind);
  if (!letter.not_kept.empty()) text += fmt::format("not kept {}\n", printable(letter.not_kept));
  text += fmt::format("key      {}\nvalue    {}\n", shown(letter.record.key),
                      shown(letter.record.value));
  for (const auto& [name, value] : letter.record.headers) {
    text += fmt::format("header   {}: {}\n", printable(name), shown(value));
  }
  return text;
}

std::string letter_json(const Letter& letter) {
  JsonText json;
  json.begin_object();
  write_head(json, letter);
  json.member_or_null("not_kept", letter.not_kept);
  json.number("behind",
              letter.behind == 0 ? std::nullopt : std::optional<std::int64_t>(letter.behind));
  json.key("key");
  write_bytes(json, letter.record.key);
  json.key("value");
  write_bytes(json, letter.record.value);
  json.begin_array("headers");
  for (const auto& [name, value] : letter.record.headers) {
    json.begin_array();
    json.text(name);
    write_bytes(json, value);
    json.end_array();
  }
  json.end_array();
  json.end_object();
  return json.str();
}

std::string replay_summary(const ReplaySummary& summary, const Style& style) {
  std::string text =
      fmt::format("{} replayed {} {} applied {} {} dead-lettered again", summary.replayed,
                  style.dot(), summary.applied, style.dot(), summary.failed);
  if (summary.skipped != 0) text += fmt::format(" {} {} skipped", style.dot(), summary.skipped);
  if (summary.behind != 0) {
    text += fmt::format(" {} {} behind another letter of their key", style.dot(), summary.behind);
  }
  return text;
}

std::string replay_json(const ReplaySummary& summary) {
  JsonText json;
  json.begin_object();
  json.count("replayed", summary.replayed);
  json.count("applied", summary.applied);
  json.count("skipped", summary.skipped);
  json.count("failed", summary.failed);
  json.count("behind", summary.behind);
  json.end_object();
  return json.str();
}

}  // namespace tidemark
