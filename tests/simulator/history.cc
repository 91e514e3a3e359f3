#include "simulator/history.h"

#include <algorithm>

namespace tidemark::simulator {

namespace {

constexpr std::array<const char*, kColumns> kColumnNames = {"a", "b", "c"};

class Maker {
 public:
  Maker(std::mt19937_64& random, const HistoryOptions& options)
      : random_(random), options_(options) {
    history_.logs.resize(static_cast<std::size_t>(options.partitions));
  }

  History make() {
    snapshot();
    for (int i = 0; i < options_.operations; ++i) {
      ++lsn_;
      operation();
      if (options_.repetitions && pick(12) == 0) repeat();
    }
    return std::move(history_);
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  std::string any_key() {
    return std::string(1, static_cast<char>('A' + pick(static_cast<std::uint64_t>(options_.keys))));
  }
  std::string value() { return "v" + std::to_string(++values_); }

  void operation() {
    if (options_.poison && pick(25) == 0) return unreadable();
    if (options_.partitions == 1 && pick(40) == 0) return truncate();
    const std::uint64_t kind = pick(10);
    if (kind < 2) return insert();
    if (kind < 5 || (!options_.renames && kind > 5)) return update();
    if (kind == 5) return remove();
    rename();
  }

  void snapshot() {
    for (std::uint64_t i = pick(4); i > 0; --i) {
      const std::string key = any_key();
      if (history_.rows.contains(key)) continue;
      upsert("r", key, history_.rows[key] = {value(), value(), value()}, 0);
    }
    sent_.clear();  // Debezium would take another one, of the rows as they are then
  }
  void insert() {
    const std::string key = any_key();
    if (history_.rows.contains(key)) return;
    const Row row = {value(), value(), last_value()};
    upsert("c", key, history_.rows[key] = row, 0);
  }
  void update() {
    const std::string key = any_key();
    if (!history_.rows.contains(key)) return;
    const unsigned unavailable = change(history_.rows[key]);
    upsert("u", key, history_.rows[key], unavailable);
  }
  void remove() {
    const std::string key = any_key();
    if (is_named(key)) return;
    if (history_.rows.erase(key) != 0) leave(key, {});
  }
  void rename() {
    const std::string from = any_key();
    const std::string to = any_key();
    if (!history_.rows.contains(from) || history_.rows.contains(to)) return;
    Row row = history_.rows[from];
    const unsigned unavailable = change(row);
    history_.rows.erase(from);
    history_.rows[to] = row;
    leave(from, to);
    SourceEvent event = upsert_event("c", to, row, unavailable);
    event.other_key = from;
    event.change = lsn_;
    event.takes = true;
    event.headers = {{"__debezium.oldkey", key_json(from)}};
    send(std::move(event));
  }
  void truncate() {
    history_.rows.clear();
    SourceEvent event;
    event.what = What::truncate;
    event.value_bytes = envelope("t", "null", "null");
    send(std::move(event));
  }
  // Debezium writes it; that the bytes are broken on their way is Kafka's or an operator's doing.
  void unreadable() {
    SourceEvent event;
    event.what = What::unreadable;
    event.key = any_key();
    event.key_bytes = key_json(event.key);
    event.value_bytes = "{";
    send(std::move(event));
  }

  // By another row.
  bool is_named(const std::string& key) {
    return std::any_of(history_.rows.begin(), history_.rows.end(), [&](const auto& entry) {
      return entry.first != key && entry.second.back() == kNames + key;
    });
  }
  std::string last_value() {
    const std::string named = any_key();
    if (!options_.foreign_key || !history_.rows.contains(named) || pick(2) == 0) return value();
    return kNames + named;
  }

  // Some columns get new values; of the others some are unavailable in the event.
  unsigned change(Row& row) {
    unsigned unavailable = 0;
    for (unsigned i = 0; i < kColumns; ++i) {
      if (pick(2) == 0) {
        row[i] = i + 1 == kColumns ? last_value() : value();
        if (options_.poison && pick(12) == 0) row[i] = kPoison + row[i];
      } else if (pick(3) != 0) {
        unavailable |= 1U << i;
      }
    }
    return unavailable;
  }

  void upsert(const std::string& op, const std::string& key, const Row& row, unsigned unavailable) {
    send(upsert_event(op, key, row, unavailable));
  }
  SourceEvent upsert_event(const std::string& op, const std::string& key, const Row& row,
                           unsigned unavailable) {
    SourceEvent event;
    event.key = key;
    event.row = row;
    event.unavailable = unavailable;
    event.key_bytes = key_json(key);
    std::string after = R"({"id":")" + key + "\"";
    for (unsigned i = 0; i < kColumns; ++i) {
      const bool lacks = (unavailable & (1U << i)) != 0;
      event.poisoned = event.poisoned || (!lacks && row[i].starts_with(kPoison));
      after +=
          std::string(",\"") + kColumnNames[i] + "\":\"" + (lacks ? kUnavailable : row[i]) + "\"";
    }
    event.value_bytes = envelope(op, "null", after + "}");
    return event;
  }
  // A delete and its tombstone; `to`: the key changes to that.
  void leave(const std::string& key, const std::string& to) {
    SourceEvent event;
    event.what = What::remove;
    event.key = key;
    event.key_bytes = key_json(key);
    event.value_bytes = envelope("d", R"({"id":")" + key + R"("})", "null");
    if (!to.empty()) {
      event.other_key = to;
      event.change = lsn_;
      event.headers = {{"__debezium.newkey", key_json(to)}};
    }
    SourceEvent tombstone = event;
    tombstone.what = What::tombstone;
    tombstone.value_bytes.reset();
    send(std::move(event));
    send(std::move(tombstone));
  }

  static std::string key_json(const std::string& key) { return R"({"id":")" + key + "\"}"; }
  std::string envelope(const std::string& op, const std::string& before,
                       const std::string& after) const {
    const std::string lsn = std::to_string(lsn_);
    return R"({"before":)" + before + R"(,"after":)" + after +
           R"(,"source":{"version":"3.6.0.Final","connector":"postgresql","name":"srv","ts_ms":)" +
           lsn + R"(,"snapshot":"false","db":"db","sequence":"[\")" + lsn + R"(\",\")" + lsn +
           R"(\"]","ts_us":)" + lsn + R"(000,"schema":"public","table":"t","txId":9,"lsn":)" + lsn +
           R"(},"op":")" + op + R"(","ts_ms":)" + lsn + "}";
  }

  void send(SourceEvent event) {
    const auto partition =
        event.key.empty() ? 0 : static_cast<std::size_t>(event.key.front()) % history_.logs.size();
    event.lsn = lsn_;
    sent_.push_back({lsn_, partition, event});
    add(partition, std::move(event));
  }
  void add(std::size_t partition, SourceEvent event) {
    history_.order.push_back(partition);
    history_.logs[partition].push_back(std::move(event));
  }
  // Debezium was stopped: what it had sent since its last stored position comes again, in order.
  void repeat() {
    const std::uint64_t from = lsn_ - pick(6);
    for (const Sent& sent : sent_) {
      if (sent.lsn < from) continue;
      SourceEvent again = sent.event;
      if (again.what == What::unreadable) continue;
      again.repeated = true;
      add(sent.partition, std::move(again));
    }
  }

  struct Sent {
    std::uint64_t lsn = 0;
    std::size_t partition = 0;
    SourceEvent event;
  };

  std::mt19937_64& random_;
  const HistoryOptions& options_;
  History history_;
  std::vector<Sent> sent_;
  std::uint64_t lsn_ = 1000;
  std::uint64_t values_ = 0;
};

}  // namespace

std::string text_of(const SourceEvent& event) {
  static constexpr std::array kWhat = {"upsert", "remove", "tombstone", "truncate", "unreadable"};
  std::string out = kWhat.at(static_cast<std::size_t>(event.what)) + (" " + event.key);
  for (std::size_t i = 0; i < kColumns && event.what == What::upsert; ++i) {
    out += " " + ((event.unavailable & (1U << i)) != 0 ? "-" : event.row[i]);
  }
  if (!event.other_key.empty()) out += (event.takes ? " from " : " to ") + event.other_key;
  if (event.repeated) out += " again";
  return out + ", source " + std::to_string(event.lsn);
}

History make_history(std::mt19937_64& random, const HistoryOptions& options) {
  return Maker(random, options).make();
}

}  // namespace tidemark::simulator
