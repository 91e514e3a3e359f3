#include "simulator/checker.h"

#include <algorithm>

namespace tidemark::simulator {

namespace {

std::map<std::string, Row> rows_of(const test::ModelDatabase& database) {
  std::map<std::string, Row> out;
  const auto table = database.tables.find({"public", "t"});
  if (table == database.tables.end()) return out;
  for (const auto& [key, image] : table->second) {
    const std::vector<std::string> texts = texts_of(image);
    Row& row = out[texts.front()];
    for (std::size_t i = 0; i < kColumns; ++i) row[i] = texts.at(i + 1);
  }
  return out;
}

std::string text_of(const std::map<std::string, Row>& rows) {
  std::string out;
  for (const auto& [key, row] : rows) {
    out += " " + key + "=(" + row[0] + "," + row[1] + "," + row[2] + ")";
  }
  return out.empty() ? " none" : out;
}

}  // namespace

Checker::Checker(Schedule& schedule, const History& history, const FakeKafka& kafka,
                 const FakeServer& server, bool hold_key)
    : schedule_(schedule),
      history_(history),
      kafka_(kafka),
      server_(server),
      hold_key_(hold_key),
      oracle_(history),
      letters_(history.logs.size()),
      held_(history.logs.size()),
      passed_(history.logs.size(), 0) {}

// I1, after each transaction.
void Checker::check() {
  ++schedule_.counts["transaction"];
  check_letters();
  check_positions();
  const auto expected = oracle_.rows();
  const auto found = rows_of(server_.committed());
  if (expected == found) return;
  schedule_.fail("I1: the rows are not those of the records before the positions: expected" +
                 text_of(expected) + "; found" + text_of(found));
}

void Checker::check_positions() {
  for (const auto& [at, position] : server_.committed().positions) {
    test::ModelPosition& seen = seen_[at];
    if (position.epoch < seen.epoch) schedule_.fail("I3: an epoch falls: " + at.display());
    if (position.next < seen.next) schedule_.fail("I1: a position falls: " + at.display());
    seen = position;
    if (!position.next) continue;
    const auto i = static_cast<std::size_t>(at.partition.value);
    if (*position.next > kafka_.end(i)) schedule_.fail("a position is past the end");
    check_passed(i, *position.next);
    oracle_.advance(i, position.next->value, letters_[i]);
  }
}

// I4: a record is a dead letter once, and for a reason.
void Checker::check_letters() {
  const auto& all = server_.committed().dead_letters;
  for (; letters_seen_ < all.size(); ++letters_seen_) check_letter(letters_seen_);
}

void Checker::check_letter(std::size_t number) {
  const DeadLetter& letter = server_.committed().dead_letters[number];
  const auto i = static_cast<std::size_t>(letter.at.partition.value);
  const std::string where = letter.at.display() + " " + std::to_string(letter.offset.value);
  if (!letters_[i].emplace(letter.offset.value, number).second) {
    schedule_.fail("I4: a record is a dead letter twice: " + where);
  }
  const auto& log = history_.logs[i];
  const auto event = std::find_if(log.begin(), log.end(), [&](const SourceEvent& one) {
    return one.offset == letter.offset.value;
  });
  if (event == log.end()) schedule_.fail("a dead letter of no record: " + where);
  if (letter.key != event->key_bytes || letter.value != event->value_bytes) {
    schedule_.fail("I4: a dead letter without its bytes: " + where);
  }
  const bool behind = std::any_of(log.begin(), event, [&](const SourceEvent& earlier) {
    return earlier.key == event->key && letters_[i].contains(earlier.offset);
  });
  const bool bad = event->what == What::unreadable || event->poisoned;
  if (!behind && !bad) schedule_.fail("I4: a good record is a dead letter: " + where);
}

void Checker::check_passed(std::size_t partition, Offset position) {
  const auto& log = history_.logs[partition];
  std::size_t& next = passed_[partition];
  for (; next < log.size() && log[next].offset < position.value; ++next) {
    check_event(partition, log[next]);
  }
}

// I4: what comes behind a dead letter of its key follows it, or says that it has passed it; what
// cannot be read is one.
void Checker::check_event(std::size_t partition, const SourceEvent& event) {
  const test::ModelDatabase& database = server_.committed();
  const std::string where = std::to_string(partition) + " " + std::to_string(event.offset);
  Held& held = held_[partition];
  const auto letter = letters_[partition].find(event.offset);
  if (letter != letters_[partition].end()) {
    if (!database.dead_letters[letter->second].row_key.empty()) {
      held[event.key].push_back(letter->second);
    }
    return;
  }
  if (event.what == What::unreadable)
    schedule_.fail("I4: an unreadable record is nowhere: " + where);
  if (event.what == What::truncate) {
    // A repetition is skipped, or applied again: then it has closed them too.
    const auto closed = [&](std::size_t number) { return database.closed.contains(number); };
    std::erase_if(held, [&](const auto& entry) {
      const bool all = std::all_of(entry.second.begin(), entry.second.end(), closed);
      if (!all && !event.repeated) {
        schedule_.fail("I4: a truncate leaves a dead letter open: " + where);
      }
      return all;
    });
  }
  const auto passes = held.find(event.key);
  if (passes == held.end() || event.repeated) return;
  if (hold_key_) schedule_.fail("I4: a record passes a dead letter of its key: " + where);
  for (const std::size_t number : passes->second) {
    if (database.passed.contains(number)) continue;
    schedule_.fail("I4: a dead letter may be replayed over what has passed it: " + where);
  }
  held.erase(passes);
}

void Checker::check_offset(const StreamPartition& at, Offset offset) {
  const auto position = server_.committed().positions.find(at);
  if (position != server_.committed().positions.end() && position->second.next >= offset) return;
  schedule_.fail("I2: the group's offset " + std::to_string(offset.value) + " of " + at.display() +
                 " is ahead of the position");
}

void Checker::check_end(bool poison) {
  if (!server_.committed().key_changes.empty()) schedule_.fail("a half of a key change is left");
  if (!poison && rows_of(server_.committed()) != history_.rows) {
    schedule_.fail("the rows are not the source's: expected" + text_of(history_.rows) + "; found" +
                   text_of(rows_of(server_.committed())));
  }
}

}  // namespace tidemark::simulator
