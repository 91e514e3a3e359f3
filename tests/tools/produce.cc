// Puts captured records into Kafka as they were: topic, partition, timestamp, headers, null keys
// and values. For tests against a real broker, and for demonstrations.
//
//   produce --brokers HOST:PORT [--topic-prefix P] [-X name=value]... [--transaction HOW]
//           FILE.ndjson...
//   produce --brokers HOST:PORT --follow TOPIC     each line of the input, as soon as it is there
//
// One JSON object a line: topic, partition, offset (not used: a new topic counts from 0),
// timestamp, headers [[name, value], …], key, value; keys and values are text, {"base64": "…"} or
// null. Topics are created with the partitions that the records need. HOW is commit, abort, or
// open: prints "sent" and aborts when its input ends. Exits 1 if any record was not taken.
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "../support/kafka_producer.h"

namespace {

using tidemark::KafkaProperties;
using tidemark::test::ProducedRecord;
namespace rdkafka = tidemark::rdkafka;
namespace test = tidemark::test;

struct Options {
  KafkaProperties properties = {{"acks", "all"},
                                {"enable.idempotence", "true"},
                                {"linger.ms", "5"},
                                {"message.max.bytes", "100000000"}};
  std::string topic_prefix;
  std::string transaction;
  std::vector<std::string> files;
  std::string follow;  // a topic
};

std::string from_base64(const std::string& text) {
  static const std::string kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string::npos) throw std::runtime_error("bad base64: " + text);
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}

std::optional<std::string> bytes_of(const rapidjson::Value& value) {
  if (value.IsNull()) return std::nullopt;
  if (value.IsObject()) return from_base64(value["base64"].GetString());
  return std::string(value.GetString(), value.GetStringLength());
}

ProducedRecord parse(const std::string& line) {
  rapidjson::Document json;
  json.Parse(line.data(), line.size());
  if (json.HasParseError()) throw std::runtime_error(GetParseError_En(json.GetParseError()));
  ProducedRecord out;
  out.topic = json["topic"].GetString();
  out.partition = json["partition"].GetInt();
  out.timestamp_ms = json["timestamp"].GetInt64();
  out.key = bytes_of(json["key"]);
  out.value = bytes_of(json["value"]);
  for (const auto& header : json["headers"].GetArray()) {
    out.headers.emplace_back(header[0].GetString(), bytes_of(header[1]));
  }
  return out;
}

std::vector<ProducedRecord> read_all(const Options& options) {
  std::vector<ProducedRecord> out;
  for (const std::string& file : options.files) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error("cannot read " + file);
    for (std::string line; std::getline(in, line);) {
      if (line.empty()) continue;
      out.push_back(parse(line));
      out.back().topic.insert(0, options.topic_prefix);
    }
  }
  return out;
}

std::map<std::string, std::int32_t> partitions_needed(const std::vector<ProducedRecord>& records) {
  std::map<std::string, std::int32_t> partitions;
  for (const ProducedRecord& record : records) {
    std::int32_t& count = partitions[record.topic];
    count = std::max(count, record.partition + 1);
  }
  return partitions;
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("-")) {
      options.files.push_back(name);
      continue;
    }
    if (++i >= argc) throw std::runtime_error(name + " needs a value");
    const std::string value = argv[i];
    const std::size_t equals = value.find('=');
    if (name == "--brokers") {
      options.properties.emplace_back("bootstrap.servers", value);
    } else if (name == "--topic-prefix") {
      options.topic_prefix = value;
    } else if (name == "--transaction") {
      options.transaction = value;
      options.properties.emplace_back("transactional.id", "produce");
    } else if (name == "--follow") {
      options.follow = value;
    } else if (name == "-X" && equals != std::string::npos) {
      options.properties.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  if (options.files.empty() == options.follow.empty()) throw std::runtime_error("which files?");
  return options;
}

// Else the first record of each topic waits for librdkafka's next look at it, up to a second.
void learn_partitions(rd_kafka_t* client, const std::map<std::string, std::int32_t>& topics) {
  for (const auto& [name, count] : topics) {
    const rdkafka::Topic topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    rd_kafka_metadata(client, 0, topic.get(), &raw, 10000);
    const rdkafka::Metadata metadata(raw);
  }
}

int follow(const Options& options) {
  test::KafkaProducer producer(options.properties);
  learn_partitions(producer.client(), {{options.follow, 1}});
  for (std::string line; std::getline(std::cin, line);) {
    producer.produce(parse(line));
    if (producer.flush() != 0) throw std::runtime_error(producer.last_failure());
  }
  return 0;
}

int run(const Options& options) {
  if (!options.follow.empty()) return follow(options);
  const std::vector<ProducedRecord> records = read_all(options);
  const std::map<std::string, std::int32_t> topics = partitions_needed(records);
  test::KafkaProducer producer(options.properties);
  producer.create_topics(topics);
  learn_partitions(producer.client(), topics);
  if (!options.transaction.empty()) producer.begin();
  for (const ProducedRecord& record : records) producer.produce(record);
  const std::size_t failed = producer.flush();
  if (options.transaction == "open") {
    std::cout << "sent" << std::endl;
    while (std::cin.get() != EOF) {
    }
  }
  if (!options.transaction.empty()) producer.end(options.transaction == "commit");
  if (failed > 0) std::cerr << "produce: " << producer.last_failure() << '\n';
  std::cout << records.size() - failed << " records\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse_options(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "produce: " << error.what() << '\n';
    return 1;
  }
}
