// Topics and offsets for tests, without the second that Kafka's own tools take to start.
//
//   kafka_admin --brokers HOST:PORT create TOPIC PARTITIONS [SETTING=VALUE]...
//   kafka_admin --brokers HOST:PORT delete TOPIC...
//   kafka_admin --brokers HOST:PORT grow TOPIC PARTITIONS
//   kafka_admin --brokers HOST:PORT delete-records TOPIC PARTITION OFFSET    those before it
//   kafka_admin --brokers HOST:PORT ends TOPIC...              prints: topic partition low high
//   kafka_admin --brokers HOST:PORT committed GROUP TOPIC...   prints: topic partition offset
//
// A partition for which the group has committed nothing is not printed. Exits 1 when Kafka refuses.
#include <array>
#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "source/rdkafka_handle.h"

namespace {

namespace rdkafka = tidemark::rdkafka;
using Words = std::vector<std::string>;

constexpr int kWaitMs = 30000;

void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
  }
}

rdkafka::Client connect(const std::string& brokers, const std::string& group) {
  rdkafka::Conf conf(rd_kafka_conf_new());
  std::array<char, 512> text{};
  const std::vector<std::pair<const char*, std::string>> settings = {{"bootstrap.servers", brokers},
                                                                     {"group.id", group}};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), name, value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK) {
      throw std::runtime_error(text.data());
    }
  }
  rdkafka::Client client(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), text.data(), text.size()));
  if (!client) throw std::runtime_error(text.data());
  static_cast<void>(conf.release());
  return client;
}

rdkafka::Event wait_for(rd_kafka_queue_t* queue, const std::string& what) {
  rdkafka::Event event(rd_kafka_queue_poll(queue, kWaitMs));
  if (!event) throw std::runtime_error(what + ": no answer");
  check(rd_kafka_event_error(event.get()), what);
  return event;
}

void check_topics(const rd_kafka_topic_result_t** results, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    check(rd_kafka_topic_result_error(results[i]), rd_kafka_topic_result_name(results[i]));
  }
}

void create(rd_kafka_t* client, const Words& words) {
  if (words.size() < 2)
    throw std::runtime_error("create takes TOPIC PARTITIONS [SETTING=VALUE]...");
  std::array<char, 512> text{};
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(words[0].c_str(), std::stoi(words[1]), 1, text.data(), text.size());
  if (topic == nullptr) throw std::runtime_error(text.data());
  const std::unique_ptr<rd_kafka_NewTopic_t, rdkafka::Deleter<rd_kafka_NewTopic_destroy>> owner(
      topic);
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos) throw std::runtime_error("not a setting: " + words[i]);
    check(rd_kafka_NewTopic_set_config(topic, words[i].substr(0, equals).c_str(),
                                       words[i].substr(equals + 1).c_str()),
          words[i]);
  }
  const rdkafka::Queue queue(rd_kafka_queue_new(client));
  rd_kafka_CreateTopics(client, &topic, 1, nullptr, queue.get());
  const rdkafka::Event event = wait_for(queue.get(), "create");
  std::size_t count = 0;
  check_topics(
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count),
      count);
}

void remove(rd_kafka_t* client, const Words& words) {
  std::vector<rd_kafka_DeleteTopic_t*> topics;
  topics.reserve(words.size());
  for (const std::string& word : words) topics.push_back(rd_kafka_DeleteTopic_new(word.c_str()));
  const rdkafka::Queue queue(rd_kafka_queue_new(client));
  rd_kafka_DeleteTopics(client, topics.data(), topics.size(), nullptr, queue.get());
  rd_kafka_DeleteTopic_destroy_array(topics.data(), topics.size());
  const rdkafka::Event event = wait_for(queue.get(), "delete");
  std::size_t count = 0;
  check_topics(
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count),
      count);
}

void grow(rd_kafka_t* client, const Words& words) {
  if (words.size() != 2) throw std::runtime_error("grow takes TOPIC PARTITIONS");
  std::array<char, 512> text{};
  rd_kafka_NewPartitions_t* request = rd_kafka_NewPartitions_new(
      words[0].c_str(), static_cast<std::size_t>(std::stoi(words[1])), text.data(), text.size());
  if (request == nullptr) throw std::runtime_error(text.data());
  const rdkafka::Queue queue(rd_kafka_queue_new(client));
  rd_kafka_CreatePartitions(client, &request, 1, nullptr, queue.get());
  rd_kafka_NewPartitions_destroy(request);
  const rdkafka::Event event = wait_for(queue.get(), "grow");
  std::size_t count = 0;
  check_topics(rd_kafka_CreatePartitions_result_topics(
                   rd_kafka_event_CreatePartitions_result(event.get()), &count),
               count);
}

void delete_records(rd_kafka_t* client, const Words& words) {
  if (words.size() != 3) throw std::runtime_error("delete-records takes TOPIC PARTITION OFFSET");
  const auto list = rdkafka::make_partition_list(1);
  rd_kafka_topic_partition_list_add(list.get(), words[0].c_str(), std::stoi(words[1]))->offset =
      std::stoll(words[2]);
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list.get());
  const rdkafka::Queue queue(rd_kafka_queue_new(client));
  rd_kafka_DeleteRecords(client, &request, 1, nullptr, queue.get());
  rd_kafka_DeleteRecords_destroy(request);
  const rdkafka::Event event = wait_for(queue.get(), "delete-records");
  const auto* done =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < done->cnt; ++i) check(done->elems[i].err, words[0]);
}

rdkafka::PartitionList partitions_of(rd_kafka_t* client, const Words& topics, std::size_t first) {
  auto list = rdkafka::make_partition_list(topics.size());
  for (std::size_t t = first; t < topics.size(); ++t) {
    const rdkafka::Topic handle(rd_kafka_topic_new(client, topics[t].c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    check(rd_kafka_metadata(client, 0, handle.get(), &raw, kWaitMs), topics[t]);
    const rdkafka::Metadata metadata(raw);
    for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
      rd_kafka_topic_partition_list_add(list.get(), topics[t].c_str(), i);
    }
  }
  return list;
}

void print_ends(rd_kafka_t* client, const Words& topics) {
  const auto list = partitions_of(client, topics, 0);
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& at = list->elems[i];
    std::int64_t low = 0;
    std::int64_t high = 0;
    check(rd_kafka_query_watermark_offsets(client, at.topic, at.partition, &low, &high, kWaitMs),
          at.topic);
    std::cout << at.topic << ' ' << at.partition << ' ' << low << ' ' << high << '\n';
  }
}

void print_committed(rd_kafka_t* client, const Words& words) {
  const auto list = partitions_of(client, words, 1);
  check(rd_kafka_committed(client, list.get(), kWaitMs), "committed");
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& at = list->elems[i];
    if (at.offset < 0) continue;
    std::cout << at.topic << ' ' << at.partition << ' ' << at.offset << '\n';
  }
}

void run(int argc, char** argv) {
  const Words words(argv + 1, argv + argc);
  if (words.size() < 4 || words[0] != "--brokers") {
    throw std::runtime_error("--brokers HOST:PORT, then a command");
  }
  const std::string& verb = words[2];
  const Words rest(words.begin() + 3, words.end());
  const rdkafka::Client client = connect(words[1], verb == "committed" ? rest[0] : "kafka_admin");
  if (verb == "create") {
    create(client.get(), rest);
  } else if (verb == "delete") {
    remove(client.get(), rest);
  } else if (verb == "grow") {
    grow(client.get(), rest);
  } else if (verb == "delete-records") {
    delete_records(client.get(), rest);
  } else if (verb == "ends") {
    print_ends(client.get(), rest);
  } else if (verb == "committed") {
    print_committed(client.get(), rest);
  } else {
    throw std::runtime_error("there is no command " + verb);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "kafka_admin: " << error.what() << '\n';
    return 1;
  }
}
