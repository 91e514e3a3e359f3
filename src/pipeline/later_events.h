// Whether events that came after a record have changed the same row: asked of Kafka, for dead
// letters whose key was not known when they were written. Reads everything from the first of them
// on to the partition's position. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "decode/record_decoder.h"
#include "source/kafka_reader.h"
#include "source/topic_ends.h"
#include "tidemark/config.h"

namespace tidemark {

class LaterEvents {
 public:
  static constexpr std::int64_t kRecordsMost = 2'000'000;

  // A row that was written by the record at `offset`; `key`: a key image in its
  // lasting form (batch/row_image.h), or without a key the
  // row's.
  struct Question {
    Offset offset;
    TableName table;
    std::string key;
    bool keyless = false;
    bool changed = false;  // the answer: a later event is in the target
    std::string unknown;   // or why there is none
  };

  // `decoder` reads what comes after the records that are asked about.
  LaterEvents(const Config& config, RecordDecoder& decoder, std::int32_t partitions_of_topic);

  // `next`: the partition's position. `letters`: offsets of dead letters, which are not in the
  // target.
  void answer(const StreamPartition& at, Offset next, const std::vector<std::int64_t>& letters,
              std::vector<Question>& questions);

 private:
  void read(const StreamPartition& at, Offset from, Offset next,
            const std::vector<std::int64_t>& letters, std::vector<Question>& questions);
  static void compare(const Slab& slab, Offset offset, std::vector<Question>& questions);

  const Config& config_;
  RecordDecoder& decoder_;
  const std::int32_t partitions_;
};

}  // namespace tidemark
