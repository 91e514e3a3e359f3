// Dead letters, once more through the decoder and into the tables, in the order in which they came.
//
//  R1 Each transaction raises the epochs of the partitions concerned (I3), applies letters and
//  marks
//     them as replayed: whoever reads the partitions rolls back, joins its group anew and finds the
//     keys that are held as they are then. No position moves.
//  R2 A letter that still fails stays, with its new error, and with it the later letters of its
//  key. R3 Nothing goes back behind what the target has: a letter whose key has had a later event
//  applied
//     stays. Where the letter's key was not known when it was written, Kafka is asked for later
//     events; where Kafka cannot tell, the letter stays.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "decode/record_decoder.h"
#include "pg/admin_connection.h"
#include "pipeline/event_applier.h"
#include "pipeline/later_events.h"
#include "source/registry_lookup.h"
#include "target/letter_store.h"
#include "target/postgres_target.h"

namespace tidemark {

struct ReplaySummary {
  std::uint64_t replayed = 0;  // done with: applied or skipped
  std::uint64_t applied = 0;
  std::uint64_t skipped = 0;  // by a named rule
  std::uint64_t failed = 0;   // still dead letters, with a new error
  std::uint64_t behind = 0;   // untouched: behind another letter of their key
};

// Deletes letters; whoever holds their keys learns of it. Throws Error.
std::uint64_t drop_letters(const Config& config, const LetterSelection& selection);

class LetterReplay {
 public:
  explicit LetterReplay(const Config& config);
  // Throws Error; what was replayed before stays so.
  ReplaySummary run(const LetterSelection& selection);

 private:
  // A letter of the transaction at hand.
  struct Item {
    Letter letter;
    bool decoded = false;
    std::size_t event = 0;  // of slab_, if decoded
    bool done = false;
    bool skipped = false;
    std::optional<Error> error;
    bool behind = false;
  };
  using Items = std::vector<Item*>;

  void replay(const std::vector<LetterHead>& heads);
  void attempt(const std::vector<LetterHead>& heads, ReplaySummary& summary);
  void decode(Item& item, std::uint32_t partition);
  bool refuse_early(Item& item);
  void refuse_passed(std::vector<Item>& items, const Assignment& assignment);
  void apply_in_order(std::vector<Item>& items);
  void apply_halves(const Items& items);
  void note_failure(Item& item, const Error& error);
  [[nodiscard]] bool is_behind_failed(const Item& item) const;
  void mark(std::vector<Item>& items, ReplaySummary& summary);
  void make_decoder();
  EventRef ref(const Item& item) const { return {slab_.get(), &slab_->events[item.event]}; }

  const Config& config_;
  AdminConnection admin_;
  Catalog catalog_;
  PostgresTarget target_;
  LetterStore store_;    // of the transaction at hand
  LetterStore outside_;  // of no transaction
  EventApplier applier_;
  RegistryLookup registry_;
  std::unique_ptr<RecordDecoder> decoder_;
  std::unique_ptr<Slab> slab_;
  std::vector<StreamPartition> partitions_;
  std::vector<std::int32_t> counts_;                      // of partitions, parallel
  std::set<std::pair<std::string, std::string>> failed_;  // table, key: what is behind them stays
  ReplaySummary summary_;
};

}  // namespace tidemark
