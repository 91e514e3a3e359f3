// Where the time of a lane's two threads goes: always counted, since it costs a look at the clock a
// batch, and at the reader one in kSampleEvery records. Plain values; each half belongs to its
// thread, and readers of LaneState get copies.
#pragma once

#include <chrono>
#include <cstdint>

namespace tidemark {

using StageTime = std::chrono::nanoseconds;

struct ReaderTimes {
  // Taking a record and decoding it are too short to be timed each: one in so many is, and stands
  // for all. A prime, so that no period of the records meets it.
  static constexpr std::uint32_t kSampleEvery = 61;

  StageTime fetch{};   // Kafka had nothing: waiting for it
  StageTime poll{};    // taking records from librdkafka
  StageTime decode{};  // records into rows
  StageTime room{};    // waiting for the writer to make room
};

struct WriterTimes {
  StageTime idle{};        // waiting for rows
  StageTime fold{};        // rows into one change a key
  StageTime encode{};      // changes into arrays and COPY's pieces
  StageTime postgresql{};  // statements: from sending to the answer
  StageTime commit{};
  StageTime rest{};  // cutting batches, positions, reports, pauses after errors
};

struct StageTimes {
  ReaderTimes reader;
  WriterTimes writer;

  StageTimes& operator+=(const StageTimes& other);
};

}  // namespace tidemark
