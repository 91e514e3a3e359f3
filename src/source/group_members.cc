#include "source/group_members.h"

#include <memory>

#include "source/kafka_client.h"
#include "source/kafka_properties.h"

namespace tidemark {

std::optional<std::size_t> group_members(const KafkaConfig& kafka,
                                         std::chrono::milliseconds timeout) {
  const rdkafka::Client client = make_client(reader_properties(kafka), nullptr, nullptr);
  const rd_kafka_group_list* raw = nullptr;
  const auto error = rd_kafka_list_groups(client.get(), kafka.group_id.c_str(), &raw,
                                          static_cast<int>(timeout.count()));
  const std::unique_ptr<const rd_kafka_group_list, rdkafka::Deleter<rd_kafka_group_list_destroy>>
      groups(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || groups == nullptr) return std::nullopt;
  if (groups->group_cnt == 0) return 0;
  const rd_kafka_group_info& group = groups->groups[0];
  if (group.err != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return static_cast<std::size_t>(group.member_cnt);
}

}  // namespace tidemark
