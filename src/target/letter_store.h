// The dead letters of a pipeline for those who look at them, replay or drop them: `tidemark dlq`
// and `status`. What writes them in the stream is target/dead_letters. Works on whatever runs its
// queries: a connection beside the stream to look, a session's transaction to change. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target/catalog.h"
#include "tidemark/source.h"
#include "tidemark/types.h"

namespace tidemark {

// All that are given must hold.
struct LetterSelection {
  std::vector<std::int64_t> ids;
  std::string stream, table, kind;
  bool replayed = false;  // those that are done, instead of those that are open
  [[nodiscard]] bool is_all() const {
    return ids.empty() && stream.empty() && table.empty() && kind.empty();
  }
};

struct LetterHead {
  std::int64_t id = 0;
  StreamPartition at;
  Offset offset;
  std::string table, kind, sqlstate, message, hint, created_at, replayed_at;
  std::uint64_t bytes = 0;  // of key and value
  bool passed = false;      // a later event of its key is applied
};

struct Letter : LetterHead {
  OwnedRecord record;
  std::string not_kept;  // why the record is not here; empty: it is
  std::string row_key, next_key;
  std::int64_t behind = 0;  // the first open letter of its key that is not read with it; 0: none
};

struct LetterCounts {
  std::uint64_t open = 0;
  std::uint64_t held = 0;  // of them, those that wait behind another one
  std::uint64_t keys = 0;  // whose events wait
};

class LetterStore {
 public:
  LetterStore(TextQuery query, const std::string& state_schema, std::string pipeline);

  // False: the pipeline has never run.
  bool exists() const;
  // In the order in which they came; at most `most`.
  std::vector<LetterHead> list(const LetterSelection& selection, std::int64_t most) const;
  std::uint64_t count(const LetterSelection& selection) const;
  // Those of `ids` that are still there, whole. `lock`: for a transaction that changes them, only
  // open ones.
  std::vector<Letter> read(const std::vector<std::int64_t>& ids, bool lock) const;
  void settle(const std::vector<std::int64_t>& ids) const;
  void fail(std::int64_t id, const std::string& kind, const std::string& sqlstate,
            const std::string& message, const std::string& hint) const;
  void drop(const std::vector<std::int64_t>& ids) const;
  // By stream and partition.
  std::vector<std::pair<StreamPartition, LetterCounts>> counts() const;
  // How many partitions of the stream this pipeline has had.
  std::int32_t partitions_of(const std::string& stream) const;

 private:
  const TextQuery query_;
  const std::string schema_;
  const std::string table_;
  const std::string pipeline_;
};

}  // namespace tidemark
