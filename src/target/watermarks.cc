#include "target/watermarks.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "pg/array_literal.h"
#include "target/dead_letters.h"
#include "target/state_sql.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

std::string table_name(const std::string& state_schema) {
  return quote_identifier(state_schema) + ".pipeline_watermarks";
}

// The given partitions as rows of (stream, partition), from $2 and $3.
constexpr const char* kWanted =
    "(SELECT unnest($2::text[]) AS stream, unnest($3::integer[]) AS partition)";

std::string insert_text(const std::string& table) {
  return "INSERT INTO " + table + " (pipeline_name, stream, partition) SELECT $1, w.stream, " +
         "w.partition FROM " + kWanted + " AS w ON CONFLICT DO NOTHING";
}

// The rows are locked in one order first: two owners that take the same partitions must not
// deadlock.
std::string raise_text(const std::string& table) {
  return "WITH locked AS (SELECT p.stream, p.partition FROM " + table + " AS p JOIN " + kWanted +
         " AS w USING (stream, partition) WHERE p.pipeline_name = $1 ORDER BY p.stream, "
         "p.partition "
         "FOR UPDATE OF p) UPDATE " +
         table +
         " AS p SET epoch = p.epoch + 1, owner = $4, last_run_at = now(), state = NULL, "
         "reason = NULL FROM locked AS l "
         "WHERE p.pipeline_name = $1 AND p.stream = l.stream AND p.partition = l.partition "
         "RETURNING p.stream, p.partition, p.epoch, p.last_watermark, p.source_position, "
         "encode(p.fingerprint, 'hex')";
}

std::string move_text(const std::string& table) {
  return "UPDATE " + table +
         " AS p SET last_watermark = m.next, "
         "source_position = coalesce(m.source_position, p.source_position), "
         "source_time = coalesce(timestamptz '1970-01-01 00:00:00+00' + "
         "(m.source_time / 1000000) * interval '1 second' + "
         "(m.source_time % 1000000) * interval '1 microsecond', p.source_time), "
         "records_processed = p.records_processed + m.records, "
         "fingerprint = decode(m.fingerprint, 'hex'), last_run_at = now(), "
         "state = NULL, reason = NULL FROM (SELECT unnest($2::text[]) AS stream, "
         "unnest($3::integer[]) AS partition, "
         "unnest($4::bigint[]) AS epoch, unnest($5::text[]) AS old, unnest($6::text[]) AS next, "
         "unnest($7::bigint[]) AS records, unnest($8::bigint[]) AS source_time, "
         "unnest($9::text[]) AS source_position, unnest($10::text[]) AS fingerprint) AS m "
         "WHERE p.pipeline_name = $1 AND p.stream = m.stream AND p.partition = m.partition "
         "AND p.epoch = m.epoch AND p.last_watermark IS NOT DISTINCT FROM m.old";
}

std::string settle_text(const std::string& table) {
  return "SELECT p.stream, p.partition, p.epoch, p.last_watermark FROM " + table + " AS p JOIN " +
         kWanted +
         " AS w USING (stream, partition) WHERE p.pipeline_name = $1 "
         "ORDER BY p.stream, p.partition FOR UPDATE OF p";
}

std::string note_text(const std::string& table) {
  return "UPDATE " + table +
         " SET state = $5, reason = $6 WHERE pipeline_name = $1 AND stream = $2 AND partition = "
         "$3::integer AND epoch = $4::bigint AND (state, reason) IS DISTINCT FROM ($5, $6)";
}

// Elements that may be null: an unquoted NULL.
class NullableArray {
 public:
  void add(const std::string& value) { add_raw(text_array({value})); }
  void add_null() { add_raw("{NULL}"); }
  [[nodiscard]] std::string finish() const { return text_ + "}"; }

 private:
  void add_raw(const std::string& array_of_one) {
    if (text_.size() > 1) text_ += ',';
    text_ += array_of_one.substr(1, array_of_one.size() - 2);
  }
  std::string text_ = "{";
};

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[15 - i] = kDigits[(value >> (4 * i)) & 15U];
  return text;
}

// schemas/state.sql for this schema. CREATE SCHEMA needs a privilege on the database even where the
// schema exists.
std::string state_sql(const std::string& state_schema, bool schema_exists) {
  constexpr std::string_view kVariable = ":\"state_schema\"";
  std::string sql = kStateSql;
  const std::string name = quote_identifier(state_schema);
  for (std::size_t at = 0; (at = sql.find(kVariable, at)) != std::string::npos; at += name.size()) {
    sql.replace(at, kVariable.size(), name);
  }
  if (schema_exists) sql.erase(0, sql.find("CREATE TABLE"));
  return sql;
}

// A position is a number only for Kafka; other sources have their own.
std::optional<Offset> parse_offset(const StreamPartition& at, const std::string& text) {
  Offset offset;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset.value);
  if (error == std::errc() && end == text.data() + text.size() && offset.value >= 0) return offset;
  throw Error(ErrorKind::fatal,
              "the position of " + at.display() + " in pipeline_watermarks is not an offset",
              "write an offset into last_watermark, or delete the row to begin anew");
}

std::int32_t to_int(std::string_view text) {
  std::int32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::int64_t to_long(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

TakenPartition taken_of(const Result& result, int row) {
  TakenPartition taken;
  taken.at = {std::string(result.value(row, 0)), Partition{to_int(result.value(row, 1))}};
  taken.epoch = Epoch{to_long(result.value(row, 2))};
  if (!result.is_null(row, 3))
    taken.next = parse_offset(taken.at, std::string(result.value(row, 3)));
  taken.source_position = result.value(row, 4);
  const std::string_view fingerprint = result.value(row, 5);
  if (fingerprint.size() == 16) {
    std::uint64_t value = 0;
    std::from_chars(fingerprint.data(), fingerprint.data() + fingerprint.size(), value, 16);
    taken.fingerprint = value;
  }
  return taken;
}

// $1 to $3: pipeline, streams, partitions.
struct Wanted {
  std::string streams;
  std::string partitions;
};

template <typename Items, typename At>
Wanted wanted(const Items& items, const At& at) {
  std::vector<std::string> streams;
  std::vector<std::int64_t> partitions;
  for (const auto& item : items) {
    streams.push_back(at(item).stream);
    partitions.push_back(at(item).partition.value);
  }
  return {text_array(streams), number_array(partitions)};
}

}  // namespace

Watermarks::Watermarks(std::string state_schema, std::string pipeline, std::string owner)
    : state_schema_(std::move(state_schema)),
      pipeline_(std::move(pipeline)),
      owner_(std::move(owner)),
      insert_text_(insert_text(table_name(state_schema_))),
      raise_text_(raise_text(table_name(state_schema_))),
      move_text_(move_text(table_name(state_schema_))),
      settle_text_(settle_text(table_name(state_schema_))),
      note_text_(note_text(table_name(state_schema_))) {}

void Watermarks::ensure_state(Session& session) const {
  const TextRows found = session.query_text(
      "SELECT n.oid IS NOT NULL, count(c.oid) FROM (SELECT 1) AS one "
      "LEFT JOIN pg_namespace n ON n.nspname = $1 LEFT JOIN pg_class c ON c.relnamespace = n.oid "
      "AND c.relname IN ('pipeline_watermarks', 'dead_letters', 'key_changes') GROUP BY n.oid",
      {state_schema_});
  if (found.at(0).at(1) == "3") return;
  try {
    // Two processes that start at once would both find it missing.
    session.run("BEGIN; SELECT pg_advisory_xact_lock(hashtext('tidemark ddl'))");
    session.run(state_sql(state_schema_, found.at(0).at(0) == "t"));
    session.commit();
  } catch (const Error& error) {
    session.rollback();
    if (error.kind() == ErrorKind::retry || error.kind() == ErrorKind::in_doubt) throw;
    throw Error(ErrorKind::fatal,
                "the state schema \"" + state_schema_ + "\" cannot be made: " + error.what(),
                "grant CREATE on the database to tidemark's role, or let an owner run: psql -v "
                "state_schema=" +
                    state_schema_ + " -f state.sql, and grant on what it makes",
                error.sqlstate());
  }
}

std::vector<TakenPartition> Watermarks::take(Session& session,
                                             const std::vector<StreamPartition>& partitions) const {
  const Wanted want = wanted(partitions, [](const StreamPartition& at) { return at; });
  Parameters parameters;
  parameters.text(pipeline_);
  parameters.text(want.streams);
  parameters.text(want.partitions);
  session.query(insert_text_, parameters);
  parameters.text(owner_);
  const Result result = session.query(raise_text_, parameters);
  std::vector<TakenPartition> taken;
  for (int row = 0; row < result.rows(); ++row) taken.push_back(taken_of(result, row));
  if (taken.size() != partitions.size()) {
    throw Error(ErrorKind::retry, "not all positions could be taken over", {}, "40001");
  }
  // In the order in which they were asked for.
  std::map<StreamPartition, std::size_t> places;
  for (std::size_t i = 0; i < partitions.size(); ++i) places.emplace(partitions[i], i);
  std::sort(taken.begin(), taken.end(), [&](const TakenPartition& a, const TakenPartition& b) {
    return places.at(a.at) < places.at(b.at);
  });
  return taken;
}

void Watermarks::move(Session& session, const std::vector<PositionMove>& moves) const {
  const Wanted want = wanted(moves, [](const PositionMove& move) { return move.at; });
  std::vector<std::int64_t> epochs;
  std::vector<std::int64_t> records;
  NullableArray from;
  std::vector<std::string> to;
  NullableArray times;
  NullableArray positions;
  NullableArray fingerprints;
  for (const PositionMove& move : moves) {
    epochs.push_back(move.epoch.value);
    records.push_back(static_cast<std::int64_t>(move.records));
    move.from ? from.add(std::to_string(move.from->value)) : from.add_null();
    to.push_back(std::to_string(move.to.value));
    move.source_time_us != 0 ? times.add(std::to_string(move.source_time_us)) : times.add_null();
    move.source_position.empty() ? positions.add_null() : positions.add(move.source_position);
    // The fingerprint is of the record before `to`: an unknown one must not leave an older one.
    move.fingerprint != 0 ? fingerprints.add(hex(move.fingerprint)) : fingerprints.add_null();
  }
  const std::vector<std::string> texts = {
      pipeline_,          want.streams,         want.partitions,       number_array(epochs),
      from.finish(),      text_array(to),       number_array(records), times.finish(),
      positions.finish(), fingerprints.finish()};
  Parameters parameters;
  for (const std::string& text : texts) parameters.text(text);
  if (session.execute(move_text_, parameters).affected() == moves.size()) return;
  throw Error(ErrorKind::fenced, "another owner has taken over a partition of this batch");
}

void Watermarks::note(Session& session, const StreamPartition& at, Epoch epoch,
                      const std::string& state, const std::string& reason) const {
  Parameters parameters;
  parameters.text(pipeline_);
  parameters.text(at.stream);
  parameters.number(at.partition.value);
  parameters.number(epoch.value);
  parameters.text(state);
  const std::string text = storable_text(reason);
  parameters.text(text);
  session.query(note_text_, parameters);
}

CommitFate Watermarks::settle(Session& session, const std::vector<PositionMove>& moves) const {
  const Wanted want = wanted(moves, [](const PositionMove& move) { return move.at; });
  Parameters parameters;
  parameters.text(pipeline_);
  parameters.text(want.streams);
  parameters.text(want.partitions);
  const Result result = session.query(settle_text_, parameters);
  std::map<StreamPartition, const PositionMove*> by_place;
  for (const PositionMove& move : moves) by_place.emplace(move.at, &move);
  std::size_t before = 0;
  std::size_t after = 0;
  for (int row = 0; row < result.rows(); ++row) {
    const StreamPartition at{std::string(result.value(row, 0)),
                             Partition{to_int(result.value(row, 1))}};
    const PositionMove& move = *by_place.at(at);
    std::optional<Offset> next;
    if (!result.is_null(row, 3)) next = parse_offset(at, std::string(result.value(row, 3)));
    if (to_long(result.value(row, 2)) != move.epoch.value) break;
    if (next == move.to) ++after;
    if (next == move.from) ++before;
  }
  if (after == moves.size()) return CommitFate::committed;
  if (before == moves.size()) return CommitFate::rolled_back;
  throw Error(ErrorKind::fenced, "another owner has taken over a partition of a batch in doubt");
}

}  // namespace tidemark
