#include "source/kafka_message.h"

namespace tidemark {
namespace {

std::optional<std::string_view> bytes_or_null(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

void parse_headers(const void* message, HeaderList& to) {
  rd_kafka_headers_t* headers = nullptr;  // the message keeps them
  if (rd_kafka_message_headers(static_cast<const rd_kafka_message_t*>(message), &headers) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  to.reserve(rd_kafka_header_cnt(headers));
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    to.push_back({name, bytes_or_null(value, size)});
  }
}

}  // namespace

RecordView view_of(const rd_kafka_message_t& message) {
  RecordView record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = Partition{message.partition};
  record.offset = Offset{message.offset};
  record.key = bytes_or_null(message.key, message.key_len);
  record.value = bytes_or_null(message.payload, message.len);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  record.timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp;
  record.headers = HeaderList(&message, parse_headers);
  return record;
}

StreamPartition place_of(const rd_kafka_message_t& message) {
  if (message.rkt == nullptr) return {"", Partition{-1}};
  return {rd_kafka_topic_name(message.rkt), Partition{message.partition}};
}

rdkafka::PartitionList to_list(const std::vector<StreamPartition>& partitions) {
  auto list = rdkafka::make_partition_list(partitions.size());
  for (const StreamPartition& at : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), at.stream.c_str(), at.partition.value);
  }
  return list;
}

}  // namespace tidemark
