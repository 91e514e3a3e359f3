// What `tidemark status` knows of a pipeline, how it is judged, and how it is shown. Values, and
// pure functions of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/output.h"
#include "target/letter_store.h"
#include "tidemark/types.h"

namespace tidemark {

enum class PipelineState {
  never_run,  // it has no positions
  running,    // its group has members
  stalled,    // it has, and there is something to read, and nothing was committed for two minutes
  halted,     // it has, and every partition has stopped
  stopped,    // its group has none
  unknown,    // Kafka does not tell
};
const char* to_string(PipelineState state);

struct PartitionStatus {
  StreamPartition at;
  std::optional<std::int64_t> position;  // the next to be read; none: nothing is applied yet
  std::optional<std::int64_t> begin;     // Kafka's, where it answers
  std::optional<std::int64_t> end;
  std::string state;          // "stopped", "waiting"; empty: it goes on
  std::string reason;         // of the state
  std::string applied_up_to;  // the source's time of the last change, UTC
  std::string committed_at;   // UTC
  std::int64_t committed_ago_s = 0;
  std::string source_position, owner;
  std::uint64_t records = 0;
  LetterCounts letters;
  [[nodiscard]] std::optional<std::int64_t> lag() const;
  // What comes next is not held by Kafka any more.
  [[nodiscard]] bool is_lost() const { return position && begin && *position < *begin; }
};

struct StatusFacts {
  std::string pipeline, group;
  std::optional<std::size_t> members;  // of the group
  bool kafka_answers = false;
  std::vector<PartitionStatus> partitions;
  std::uint64_t key_changes = 0;  // halves that wait for each other
  std::vector<std::pair<std::string, std::uint64_t>> tables_with_letters;

  [[nodiscard]] PipelineState state() const;
  [[nodiscard]] std::optional<std::int64_t> lag() const;  // of all
  [[nodiscard]] LetterCounts letters() const;
  // Why it is not ready; empty: it is.
  [[nodiscard]] std::string not_ready() const;
};

std::string status_summary(const StatusFacts& facts, const Style& style);
std::string status_text(const StatusFacts& facts, const Style& style);
std::string status_json(const StatusFacts& facts);

}  // namespace tidemark
