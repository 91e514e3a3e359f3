#include "pipeline/stage_times.h"

namespace tidemark {

StageTimes& StageTimes::operator+=(const StageTimes& other) {
  reader.fetch += other.reader.fetch;
  reader.poll += other.reader.poll;
  reader.decode += other.reader.decode;
  reader.room += other.reader.room;
  writer.idle += other.writer.idle;
  writer.fold += other.writer.fold;
  writer.encode += other.writer.encode;
  writer.postgresql += other.writer.postgresql;
  writer.commit += other.writer.commit;
  writer.rest += other.writer.rest;
  return *this;
}

}  // namespace tidemark
