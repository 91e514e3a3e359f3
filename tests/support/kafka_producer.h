// A producer for tests and tools: records exactly as given, topics with a given number of
// partitions, transactions. Throws std::runtime_error. One owner; not thread-safe.
#pragma once

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "source/kafka_properties.h"
#include "source/rdkafka_handle.h"

namespace tidemark::test {

struct ProducedRecord {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t timestamp_ms = 0;  // 0: now
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

class KafkaProducer {
 public:
  explicit KafkaProducer(const KafkaProperties& properties) {
    rdkafka::Conf conf = make_conf(properties);
    rd_kafka_conf_set_opaque(conf.get(), failures_.get());
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivered);
    std::array<char, 512> text{};
    client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), text.data(), text.size()));
    if (!client_) throw std::runtime_error(text.data());
    static_cast<void>(conf.release());
  }

  [[nodiscard]] rd_kafka_t* client() const { return client_.get(); }

  // Topics that exist are left as they are.
  void create_topics(const std::map<std::string, std::int32_t>& partitions) {
    std::vector<rd_kafka_NewTopic_t*> topics;
    std::array<char, 512> text{};
    for (const auto& [name, count] : partitions) {
      topics.push_back(rd_kafka_NewTopic_new(name.c_str(), count, 1, text.data(), text.size()));
      if (topics.back() == nullptr) throw std::runtime_error(text.data());
    }
    const rdkafka::Queue queue(rd_kafka_queue_new(client_.get()));
    rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), nullptr, queue.get());
    rd_kafka_NewTopic_destroy_array(topics.data(), topics.size());
    const rdkafka::Event event = wait_for_answer(queue.get());
    check_topics(event.get());
  }

  void produce(const ProducedRecord& record) {
    for (;;) {
      const rdkafka::ErrorHandle error = try_produce(record);
      if (!error) return;
      if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        throw std::runtime_error(record.topic + ": " + rd_kafka_error_string(error.get()));
      }
      rd_kafka_poll(client_.get(), 100);
    }
  }

  // A transaction; the first one registers the properties' transactional.id.
  void begin() {
    if (!transactional_) throw_if(rd_kafka_init_transactions(client_.get(), 30000));
    transactional_ = true;
    throw_if(rd_kafka_begin_transaction(client_.get()));
  }
  void end(bool commit) {
    flush();
    throw_if(commit ? rd_kafka_commit_transaction(client_.get(), 30000)
                    : rd_kafka_abort_transaction(client_.get(), 30000));
  }

  // As retention does it.
  void delete_records_before(const std::string& topic, std::int32_t partition,
                             std::int64_t offset) {
    const auto list = rdkafka::make_partition_list(1);
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
    rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list.get());
    const rdkafka::Queue queue(rd_kafka_queue_new(client_.get()));
    rd_kafka_DeleteRecords(client_.get(), &request, 1, nullptr, queue.get());
    rd_kafka_DeleteRecords_destroy(request);
    wait_for_answer(queue.get());
  }
  void delete_topic(const std::string& topic) {
    rd_kafka_DeleteTopic_t* request = rd_kafka_DeleteTopic_new(topic.c_str());
    const rdkafka::Queue queue(rd_kafka_queue_new(client_.get()));
    rd_kafka_DeleteTopics(client_.get(), &request, 1, nullptr, queue.get());
    rd_kafka_DeleteTopic_destroy(request);
    wait_for_answer(queue.get());
  }

  // Waits until everything is delivered; how many records have failed so far.
  std::size_t flush(std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    if (rd_kafka_flush(client_.get(), static_cast<int>(timeout.count())) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw std::runtime_error("not all records were delivered in time");
    }
    return failures_->count;
  }
  [[nodiscard]] const std::string& last_failure() const { return failures_->last; }

 private:
  struct Failures {
    std::size_t count = 0;
    std::string last;
  };

  static void on_delivered(rd_kafka_t* /*client*/, const rd_kafka_message_t* message,
                           void* opaque) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    auto& failures = *static_cast<Failures*>(opaque);
    ++failures.count;
    failures.last =
        std::string(rd_kafka_topic_name(message->rkt)) + ": " + rd_kafka_err2str(message->err);
  }

  static rdkafka::Event wait_for_answer(rd_kafka_queue_t* queue) {
    rdkafka::Event event(rd_kafka_queue_poll(queue, 30000));
    if (!event) throw std::runtime_error("the broker does not answer");
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw std::runtime_error(rd_kafka_event_error_string(event.get()));
    }
    return event;
  }

  static void throw_if(rd_kafka_error_t* raw) {
    const rdkafka::ErrorHandle error(raw);
    if (error) throw std::runtime_error(rd_kafka_error_string(error.get()));
  }

  static void check_topics(rd_kafka_event_t* event) {
    std::size_t count = 0;
    const auto* results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto error = rd_kafka_topic_result_error(results[i]);
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        throw std::runtime_error(std::string(rd_kafka_topic_result_name(results[i])) + ": " +
                                 rd_kafka_err2str(error));
      }
    }
  }

  static rd_kafka_vu_t bytes(rd_kafka_vtype_t type, const std::optional<std::string>& from) {
    rd_kafka_vu_t out{};
    out.vtype = type;
    out.u.mem.ptr = from ? const_cast<char*>(from->data()) : nullptr;
    out.u.mem.size = from ? from->size() : 0;
    return out;
  }

  rdkafka::ErrorHandle try_produce(const ProducedRecord& record) {
    std::vector<rd_kafka_vu_t> arguments(5);
    arguments[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    arguments[0].u.cstr = record.topic.c_str();
    arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    arguments[1].u.i32 = record.partition;
    arguments[2].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    arguments[2].u.i64 = record.timestamp_ms;
    arguments[3] = bytes(RD_KAFKA_VTYPE_KEY, record.key);
    arguments[4] = bytes(RD_KAFKA_VTYPE_VALUE, record.value);
    rd_kafka_vu_t copy{};
    copy.vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    copy.u.i = RD_KAFKA_MSG_F_COPY;
    arguments.push_back(copy);
    for (const auto& [name, value] : record.headers) {
      rd_kafka_vu_t header{};
      header.vtype = RD_KAFKA_VTYPE_HEADER;
      header.u.header.name = name.c_str();
      header.u.header.val = value ? value->data() : nullptr;
      header.u.header.size = value ? static_cast<ssize_t>(value->size()) : 0;
      arguments.push_back(header);
    }
    return rdkafka::ErrorHandle(
        rd_kafka_produceva(client_.get(), arguments.data(), arguments.size()));
  }

  std::unique_ptr<Failures> failures_ = std::make_unique<Failures>();
  rdkafka::Producer client_;
  bool transactional_ = false;
};

}  // namespace tidemark::test
