#include "source/partition_ends.h"

#include <algorithm>

#include "source/kafka_message.h"

namespace tidemark {
namespace {

using Clock = std::chrono::steady_clock;

// `which`: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END. Where there is no answer the element
// has an error.
void ask(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list, std::int64_t which,
         Clock::time_point deadline) {
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = which;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  const auto patience = static_cast<int>(std::max<std::int64_t>(1, left));
  const auto error = rd_kafka_offsets_for_times(client, list, patience);
  for (int i = 0; i < list->cnt; ++i) {
    rd_kafka_topic_partition_t& at = list->elems[i];
    if (at.err == RD_KAFKA_RESP_ERR_NO_ERROR) at.err = error;
    if (at.err == RD_KAFKA_RESP_ERR_NO_ERROR && at.offset < 0)
      at.err = RD_KAFKA_RESP_ERR__TIMED_OUT;
  }
}

}  // namespace

std::string EndsAnswer::problem() const {
  if (failed.empty()) return {};
  return failed.begin()->first.display() + ": " + rd_kafka_err2str(failed.begin()->second);
}

EndsAnswer ask_ends(rd_kafka_t* client, const std::vector<StreamPartition>& partitions,
                    std::chrono::milliseconds timeout) {
  EndsAnswer answer;
  if (partitions.empty()) return answer;
  const auto begin = Clock::now();
  const auto low = to_list(partitions);
  const auto high = to_list(partitions);
  ask(client, low.get(), RD_KAFKA_OFFSET_BEGINNING, begin + timeout / 2);
  ask(client, high.get(), RD_KAFKA_OFFSET_END, begin + timeout);
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const rd_kafka_topic_partition_t& first = low->elems[i];
    const rd_kafka_topic_partition_t& end = high->elems[i];
    const auto error = first.err != RD_KAFKA_RESP_ERR_NO_ERROR ? first.err : end.err;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      answer.failed[partitions[i]] = error;
    } else {
      answer.ends[partitions[i]] = {Offset{first.offset}, Offset{end.offset}};
    }
  }
  return answer;
}

}  // namespace tidemark
