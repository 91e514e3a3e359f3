// Where records come from. One Source belongs to one lane's reader thread; only commit() may be
// called from the writer's. It never moves a position by itself: the lane assigns explicit offsets,
// and commit() is a report for lag tools (I2).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/record.h"
#include "tidemark/types.h"

namespace tidemark {

// What has become of group offsets that were sent to Kafka.
enum class Reported {
  unknown,  // no answer in time, or none was waited for
  taken,
  refused,  // the group is rebalancing, or the sender is no member any more
};

enum class PollKind {
  nothing,   // the timeout has passed
  record,    // `record` is set; its views are valid until the next poll
  assigned,  // `partitions` are ours from now on; call assign() with their positions, at leisure
  revoked,   // all partitions are gone (eager rebalancing); nothing more to do
  halted,  // `partition` cannot go on: `message`, `hint` (out of range, bad message, deleted topic)
  unreachable,  // brokers are away, or a topic is not there yet: heals by itself, show it;
                // `message`, `hint`. Said again every second while no broker can be reached
  reachable,    // a broker answers again
  fatal,        // `message`, `hint`
  caught_up,    // all of `partition` before `offset` has been delivered; above the last record's
                // offset stand only transaction markers and aborted or compacted records
};

struct PollResult {
  PollKind kind = PollKind::nothing;
  RecordView record;
  std::vector<StreamPartition> partitions;
  StreamPartition partition;
  Offset offset;  // of caught_up
  std::string message;
  std::string hint;
};

// A record with bytes of its own, read again for a dead letter or a fingerprint.
struct OwnedRecord {
  std::int64_t timestamp_ms = -1;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  [[nodiscard]] RecordView view(const StreamPartition& at, Offset offset) const;
};

struct PartitionEnds {
  Offset low;   // first offset that Kafka still holds
  Offset high;  // the next offset to be written
};

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  virtual void subscribe() = 0;
  virtual PollResult poll(std::chrono::milliseconds timeout) = 0;
  // From any thread: the poll that is under way, or the next one, need not wait.
  virtual void wake() noexcept {}
  // Starts fetching; no offset: from the beginning. Only after `assigned`; again: of these, and
  // from there, instead.
  virtual void assign(
      const std::vector<std::pair<StreamPartition, std::optional<Offset>>>& from) = 0;
  // Fetching of all assigned partitions; poll() must go on being called.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // One partition, until the next assignment: resume() leaves it alone. A halted one already is.
  virtual void pause(const StreamPartition& partition) = 0;
  // Leaves the group and joins anew: the next poll() results are revoked and assigned.
  virtual void rejoin() = 0;
  // Group offsets; errors are logged, never thrown. Any thread. Waits so long for Kafka's answer;
  // without a patience it is not waited for, and unknown.
  virtual Reported commit(const std::vector<std::pair<StreamPartition, Offset>>& next,
                          std::chrono::milliseconds patience = {}) = 0;

  // Those for which Kafka holds no group offset: of a topic that is deleted it forgets them. None
  // when Kafka does not answer in time. Any thread.
  virtual std::vector<StreamPartition> unreported(const std::vector<StreamPartition>& partitions,
                                                  std::chrono::milliseconds timeout) = 0;

  // The partition's end as the broker gave it with what was fetched last; no value: not known yet.
  // Asks nobody.
  virtual std::optional<Offset> known_end(const StreamPartition& partition) = 0;
  // How many partitions the topic has; 0: it is not there, or not for us. No value: Kafka does not
  // answer, for which it has two seconds, and four after that; others are not asked then.
  virtual std::optional<std::int32_t> partitions_of(std::string_view topic) = 0;
  // Low and high watermarks, asked of the brokers; those that are left out are not to be had now.
  virtual std::map<StreamPartition, PartitionEnds> ends(
      const std::vector<StreamPartition>& partitions, std::chrono::milliseconds timeout) = 0;
  // The record at exactly this offset, by a consumer of its own; no value: not there any more.
  // Throws Error(retry) when the broker is away.
  virtual std::optional<OwnedRecord> read(const StreamPartition& partition, Offset offset,
                                          std::chrono::milliseconds timeout) = 0;
  // Leaves the group, within the timeout.
  virtual void close(std::chrono::milliseconds timeout) = 0;
};

}  // namespace tidemark
