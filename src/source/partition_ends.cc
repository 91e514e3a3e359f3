#include "source/partition_ends.h"

#include <algorithm>

#include "source/kafka_message.h"

namespace tidemark {
namespace {

using Clock = std::chrono::steady_clock;

// `which`: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END.
rd_kafka_resp_err_t ask(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list,
                        std::int64_t which, Clock::time_point deadline) {
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = which;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  const auto patience = static_cast<int>(std::max<std::int64_t>(1, left));
  const auto error = rd_kafka_offsets_for_times(client, list, patience);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& at = list->elems[i];
    if (at.err != RD_KAFKA_RESP_ERR_NO_ERROR) return at.err;
    if (at.offset < 0) return RD_KAFKA_RESP_ERR__TIMED_OUT;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace

EndsAnswer ask_ends(rd_kafka_t* client, const std::vector<StreamPartition>& partitions,
                    std::chrono::milliseconds timeout) {
  EndsAnswer answer;
  if (partitions.empty()) return answer;
  const auto deadline = Clock::now() + timeout;
  const auto low = to_list(partitions);
  const auto high = to_list(partitions);
  answer.error = ask(client, low.get(), RD_KAFKA_OFFSET_BEGINNING, deadline);
  if (answer.error != RD_KAFKA_RESP_ERR_NO_ERROR) return answer;
  answer.error = ask(client, high.get(), RD_KAFKA_OFFSET_END, deadline);
  if (answer.error != RD_KAFKA_RESP_ERR_NO_ERROR) return answer;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    answer.ends[partitions[i]] = {Offset{low->elems[i].offset}, Offset{high->elems[i].offset}};
  }
  return answer;
}

}  // namespace tidemark
