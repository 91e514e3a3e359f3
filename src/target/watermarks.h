// The positions, kept in the target and moved with the data (I1, I2), and the fence (I3). Owns the
// texts of the statements on pipeline_watermarks and the making of the state schema.
// Not thread-safe; it belongs to one target.
#pragma once

#include <string>
#include <vector>

#include "pg/session.h"
#include "tidemark/target.h"

namespace tidemark {

class Watermarks {
 public:
  // `owner` is for people: who holds a partition.
  Watermarks(std::string state_schema, std::string pipeline, std::string owner);

  // Makes the state schema if a table of it is missing, in a transaction of its own.
  void ensure_state(Session& session) const;
  // Raises the epochs; in the caller's transaction.
  std::vector<TakenPartition> take(Session& session,
                                   const std::vector<StreamPartition>& partitions) const;
  // Moves the positions: the first statement of a transaction. Throws fenced.
  void move(Session& session, const std::vector<PositionMove>& moves) const;
  // Why a partition does not go on, for `status`. In a transaction of its own; nothing where the
  // partition is another's by now, and gone with its next move.
  void note(Session& session, const StreamPartition& at, Epoch epoch, const std::string& state,
            const std::string& reason) const;
  // What has become of these moves. Waits for the transaction that made them, if it still runs,
  // since a plain read could see the positions as they were while it commits.
  CommitFate settle(Session& session, const std::vector<PositionMove>& moves) const;

 private:
  const std::string state_schema_;
  const std::string pipeline_;
  const std::string owner_;
  const std::string insert_text_;
  const std::string raise_text_;
  const std::string move_text_;
  const std::string settle_text_;
  const std::string note_text_;
};

}  // namespace tidemark
