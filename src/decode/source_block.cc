#include "decode/source_block.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include "decode/byte_runs.h"

namespace tidemark {

namespace {

// Members that connectors add are learned for ${source.…}, up to so many.
constexpr std::size_t kNamesMax = 256;
constexpr std::size_t kPositionPartMax = 512;

constexpr std::array<std::string_view, 30> kNames = {"version",    "connector",
                                                     "name",       "ts_ms",
                                                     "snapshot",   "db",
                                                     "sequence",   "ts_us",
                                                     "ts_ns",      "schema",
                                                     "table",      "txId",
                                                     "lsn",        "xmin",
                                                     "origin",     "origin_lsn",
                                                     "server_id",  "gtid",
                                                     "file",       "pos",
                                                     "row",        "thread",
                                                     "query",      "change_lsn",
                                                     "commit_lsn", "event_serial_no",
                                                     "scn",        "commit_scn",
                                                     "txSeq",      "keyspace"};

// The text of a value as one part of a position; `none` where it has none.
void append_part(const JsonValue& value, std::string_view none, Bytes& out) {
  const bool usable = value.kind == JsonKind::number || value.is_string();
  out.append(usable && value.raw.size() <= kPositionPartMax ? value.raw : none);
}

bool has(const JsonValue& value) {
  return value.kind == JsonKind::number || (value.is_string() && !value.raw.empty());
}

// The next run of digits in the raw text of `sequence`, [\"1\",\"2\"]; "0" for null; empty:
// neither.
std::string_view next_number(std::string_view& raw) {
  std::size_t at = 0;
  while (at < raw.size() && (raw[at] < '0' || raw[at] > '9') && raw[at] != 'n') ++at;
  const char* const last = end_of_digits(raw.data() + at, raw.data() + raw.size());
  const auto end = static_cast<std::size_t>(last - raw.data());
  const bool null = raw.substr(at).starts_with("null");
  const std::string_view found = null ? "0" : raw.substr(at, end - at);
  raw.remove_prefix(null ? at + 4 : end);
  return found;
}

struct NumberedName {
  std::string_view name;
  std::string_view number;
};

// What stands behind a separator at the end: the number of a file, binlog.000007, or of a GTID,
// 0-1-99 or UUID:99, without leading zeros; and what stands in front. No value: it has no such end.
std::optional<NumberedName> numbered(std::string_view text, std::string_view separators) {
  const std::size_t at = text.find_last_of(separators);
  if (at == std::string_view::npos || !is_digits(text.substr(at + 1))) return std::nullopt;
  std::string_view number = text.substr(at + 1);
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size() - 1));
  return NumberedName{text.substr(0, at), number};
}

bool is_plain(std::string_view name) {
  return name.size() <= kPositionPartMax &&
         name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEF-:_") ==
             std::string_view::npos;
}

}  // namespace

SourceBlock::SourceBlock() {
  for (const std::string_view name : kNames) names_.add(name);
  values_.values.resize(kNames.size());
}

// A stray member must neither grow the list for ever nor make later records fail.
void SourceBlock::bound_names() {
  if (names_.size() > kNamesMax) *this = SourceBlock();
}

bool SourceBlock::read(JsonReader& reader) {
  if (const std::size_t size = template_.match(reader.rest(), values_)) {
    const std::string_view object = reader.rest().substr(0, size);
    if (reader.pass_flat_object(size)) {
      if (template_.is_young()) template_.learn(object, values_);
      return true;
    }
  }
  template_.forget();
  bound_names();
  const std::size_t begin = reader.position();
  if (!learn_fields(reader, names_, "source block", values_)) return false;
  template_.learn(reader.text().substr(begin, reader.position() - begin), values_);
  return true;
}

void SourceBlock::read(AvroReader& reader, std::uint32_t record) {
  template_.forget();
  bound_names();
  reader.learn_fields(record, names_, values_);
}

void SourceBlock::clear() {
  template_.forget();
  values_.values.assign(names_.size(), JsonValue{});
}

void SourceBlock::set(std::size_t place, const JsonValue& value) {
  JsonValue& slot = values_.values[place];
  slot = value;
  const bool integer =
      std::find(kIntegers.begin(), kIntegers.end(), static_cast<Place>(place)) != kIntegers.end();
  if (integer && slot.is_string() && is_digits(slot.raw)) slot.kind = JsonKind::number;
}

std::size_t SourceBlock::known_names() {
  return kNames.size();
}

std::string_view SourceBlock::known_name(std::size_t place) {
  return kNames.at(place);
}

const JsonValue* SourceBlock::member(std::string_view name) const {
  const std::int32_t place = names_.find(name);
  if (place < 0 || static_cast<std::size_t>(place) >= values_.values.size()) return nullptr;
  const JsonValue& found = values_.at(static_cast<std::size_t>(place));
  return found.is_present() ? &found : nullptr;
}

std::int64_t integer_of(const JsonValue& value) {
  std::int64_t number = 0;
  return value.kind == JsonKind::number && parse_integer(value.raw, number) ? number : 0;
}

std::int64_t SourceBlock::time_us() const {
  const std::int64_t us = integer_of(value(Place::ts_us));
  if (us != 0) return us;
  std::int64_t from_ms = 0;
  const bool overflow = __builtin_mul_overflow(integer_of(value(Place::ts_ms)), 1000, &from_ms);
  return overflow ? 0 : from_ms;
}

bool SourceBlock::append_postgres(Bytes& out) const {
  const JsonValue& lsn = value(Place::lsn);
  if (lsn.kind != JsonKind::number || !is_digits(lsn.raw)) return false;
  std::string_view sequence = value(Place::sequence).is_string() ? value(Place::sequence).raw : "";
  const std::string_view commit = next_number(sequence);
  const std::string_view own = next_number(sequence);
  if (!commit.empty() && !own.empty()) {
    out.append(commit);
    out.append('/');
  } else {
    out.append("lsn:");
  }
  out.append(lsn.raw);
  return true;
}

// False, and nothing is appended: it is no row of a binary log, or not one with an order.
bool SourceBlock::append_binlog(Bytes& out) const {
  const JsonValue& pos = value(Place::pos);
  const JsonValue& server = value(Place::server_id);
  if (!value(Place::file).is_string() || pos.kind != JsonKind::number || !is_digits(pos.raw)) {
    return false;
  }
  const auto file = numbered(value(Place::file).raw, ".");
  const JsonValue& row = value(Place::row);
  const bool has_row = row.kind == JsonKind::number && is_digits(row.raw);
  if (!file || server.kind != JsonKind::number || !is_digits(server.raw)) return false;
  const std::string_view gtid = value(Place::gtid).is_string() ? value(Place::gtid).raw : "";
  const auto transaction = numbered(gtid, "-:");
  if (!gtid.empty() && (!transaction || !is_plain(transaction->name))) return false;
  for (const std::string_view piece :
       {file->number, std::string_view("/"), pos.raw, std::string_view("/"),
        has_row ? row.raw : std::string_view("0"), std::string_view("+"),
        transaction ? transaction->number : std::string_view("0"), std::string_view("="),
        transaction ? transaction->name : std::string_view(), std::string_view("."), server.raw}) {
    out.append(piece);
  }
  return true;
}

void SourceBlock::append_position(Bytes& out) const {
  if (value(Place::snapshot).is_string() && value(Place::snapshot).raw == "incremental") return;
  if (append_postgres(out) || append_binlog(out)) return;
  const auto part = [&](Place place, std::string_view none, bool last = false) {
    append_part(value(place), none, out);
    if (!last) out.append(':');
  };
  if (has(value(Place::file)) && has(value(Place::pos))) {
    part(Place::file, "");
    part(Place::pos, "");
    part(Place::row, "0", true);
  } else if (has(value(Place::commit_lsn))) {
    part(Place::commit_lsn, "");
    part(Place::change_lsn, "");
    part(Place::event_serial_no, "0", true);
  } else if (has(value(Place::scn))) {
    part(Place::commit_scn, "0");
    part(Place::scn, "");
    part(Place::tx_id, "");
    part(Place::tx_seq, "", true);
  }
}

}  // namespace tidemark
