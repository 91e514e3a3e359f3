// Kafka for tests: librdkafka's mock cluster in this process, or the brokers named by the
// environment variable TIDEMARK_TEST_KAFKA (scripts/stack has some). One owner; not thread-safe.
#pragma once

#include <librdkafka/rdkafka_mock.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "support/kafka_producer.h"

namespace tidemark::test {

// Empty: tests run on the mock cluster, those that it is not enough for are left out.
inline std::string real_brokers() {
  const char* brokers = std::getenv("TIDEMARK_TEST_KAFKA");
  return brokers == nullptr ? "" : brokers;
}

class KafkaCluster {
 public:
  static KafkaCluster mock(int brokers = 1) {
    return KafkaCluster({{"test.mock.num.brokers", std::to_string(brokers)},
                         {"linger.ms", "0"},
                         {"log_level", "2"}});
  }
  static KafkaCluster real() {
    return KafkaCluster({{"bootstrap.servers", real_brokers()}, {"linger.ms", "0"}});
  }
  static KafkaCluster& shared() {
    static KafkaCluster cluster = real_brokers().empty() ? mock() : real();
    return cluster;
  }

  [[nodiscard]] std::string brokers() const {
    return mock_ == nullptr ? real_brokers() : rd_kafka_mock_cluster_bootstraps(mock_);
  }
  [[nodiscard]] KafkaProducer& producer() { return producer_; }

  void create(const std::string& topic, std::int32_t partitions) {
    if (mock_ == nullptr) {
      producer_.create_topics({{topic, partitions}});
    } else {
      rd_kafka_mock_topic_create(mock_, topic.c_str(), partitions, 1);
    }
  }
  void produce(const ProducedRecord& record) {
    producer_.produce(record);
    flush();
  }
  // `count` records whose values are numbers from `first` on.
  void fill(const std::string& topic, std::int32_t partition, int count, int first = 0) {
    for (int i = first; i < first + count; ++i) {
      producer_.produce({topic, partition, 0, "k", std::to_string(i), {}});
    }
    flush();
  }
  // One of the mock cluster's brokers goes away, or comes back.
  void set_up(bool up, std::int32_t broker = 1) {
    if (up) {
      rd_kafka_mock_broker_set_up(mock_, broker);
    } else {
      rd_kafka_mock_broker_set_down(mock_, broker);
    }
  }
  void lead(const std::string& topic, std::int32_t partition, std::int32_t broker) {
    rd_kafka_mock_partition_set_leader(mock_, topic.c_str(), partition, broker);
  }

 private:
  explicit KafkaCluster(const KafkaProperties& properties)
      : producer_(properties), mock_(rd_kafka_handle_mock_cluster(producer_.client())) {}

  void flush() {
    if (producer_.flush() != 0) throw std::runtime_error(producer_.last_failure());
  }

  KafkaProducer producer_;
  rd_kafka_mock_cluster_t* mock_;  // the producer's, or null
};

}  // namespace tidemark::test
