// What topics hold, for tests that compare it with what tidemark made of it: by librdkafka's plain
// calls, nothing of tidemark's own reading. All partitions from their beginning to the ends seen at
// the start, without what aborted transactions left.
//
//   consume_dump [--follow] --brokers HOST:PORT TOPIC...
//
// With --follow also what comes later, until it is killed; brokers may go away meanwhile.
//
// One JSON object a line, as tests/tools/produce.cc reads it: topic, partition, offset, timestamp,
// headers [[name, value], …], key, value; bytes that are not UTF-8 as {"base64": "…"}. The lines of
// a partition are in order.
#include <rapidjson/memorystream.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <cstdint>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "source/rdkafka_handle.h"

namespace {

namespace rdkafka = tidemark::rdkafka;
using Writer = rapidjson::Writer<rapidjson::StringBuffer, rapidjson::UTF8<>, rapidjson::UTF8<>,
                                 rapidjson::CrtAllocator, rapidjson::kWriteNoFlags>;

constexpr int kWaitMs = 30000;
constexpr int kFlushMs = 50;

struct Options {
  std::string brokers;
  bool follow = false;
  std::vector<std::string> topics;
};

void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
  }
}

rdkafka::Client connect(const std::string& brokers) {
  rdkafka::Conf conf(rd_kafka_conf_new());
  std::array<char, 512> text{};
  const std::vector<std::pair<const char*, std::string>> settings = {
      {"bootstrap.servers", brokers},        {"group.id", "consume_dump"},
      {"enable.auto.commit", "false"},       {"enable.partition.eof", "true"},
      {"isolation.level", "read_committed"}, {"auto.offset.reset", "error"}};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), name, value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK) {
      throw std::runtime_error(text.data());
    }
  }
  rdkafka::Client client(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), text.data(), text.size()));
  if (!client) throw std::runtime_error(text.data());
  static_cast<void>(conf.release());
  rd_kafka_poll_set_consumer(client.get());
  return client;
}

// The partitions that hold anything, or to follow all, from their beginning. How many there are is
// in `list`.
rdkafka::PartitionList partitions_of(rd_kafka_t* client, const Options& options) {
  auto list = rdkafka::make_partition_list(options.topics.size());
  for (const std::string& topic : options.topics) {
    const rdkafka::Topic handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    check(rd_kafka_metadata(client, 0, handle.get(), &raw, kWaitMs), topic);
    const rdkafka::Metadata metadata(raw);
    for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
      std::int64_t low = 0;
      std::int64_t high = 0;
      check(rd_kafka_query_watermark_offsets(client, topic.c_str(), i, &low, &high, kWaitMs),
            topic);
      if (low >= high && !options.follow) continue;
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = low;
    }
  }
  return list;
}

bool is_utf8(std::string_view text) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  while (stream.Tell() < text.size()) {
    unsigned code = 0;
    if (!rapidjson::UTF8<>::Decode(stream, &code)) return false;
  }
  return stream.Tell() == text.size();
}

std::string to_base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? kDigits[bits >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return out;
}

void write_bytes(Writer& json, const void* at, std::size_t size) {
  if (at == nullptr) {
    json.Null();
    return;
  }
  const std::string_view bytes(static_cast<const char*>(at), size);
  if (is_utf8(bytes)) {
    json.String(bytes.data(), static_cast<rapidjson::SizeType>(bytes.size()));
    return;
  }
  const std::string text = to_base64(bytes);
  json.StartObject();
  json.Key("base64");
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  json.EndObject();
}

void write_headers(Writer& json, const rd_kafka_message_t& message) {
  json.StartArray();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      json.StartArray();
      json.String(name);
      write_bytes(json, value, size);
      json.EndArray();
    }
  }
  json.EndArray();
}

void print(const rd_kafka_message_t& message) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  json.Key("topic");
  json.String(rd_kafka_topic_name(message.rkt));
  json.Key("partition");
  json.Int(message.partition);
  json.Key("offset");
  json.Int64(message.offset);
  json.Key("timestamp");
  json.Int64(rd_kafka_message_timestamp(&message, nullptr));
  json.Key("headers");
  write_headers(json, message);
  json.Key("key");
  write_bytes(json, message.key, message.key_len);
  json.Key("value");
  write_bytes(json, message.payload, message.len);
  json.EndObject();
  std::cout.write(buffer.GetString(), static_cast<std::streamsize>(buffer.GetSize())).put('\n');
}

[[noreturn]] void follow(rd_kafka_t* client) {
  for (;;) {
    const rdkafka::Message message(rd_kafka_consumer_poll(client, kFlushMs));
    if (!message) {
      std::cout.flush();
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      print(*message);
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
      throw std::runtime_error(rd_kafka_message_errstr(message.get()));
    }
  }
}

void dump(const Options& options) {
  const rdkafka::Client client = connect(options.brokers);
  const auto list = partitions_of(client.get(), options);
  check(rd_kafka_assign(client.get(), list.get()), "assign");
  if (options.follow) follow(client.get());
  for (int open = list->cnt; open > 0;) {
    const rdkafka::Message message(rd_kafka_consumer_poll(client.get(), kWaitMs));
    if (!message) throw std::runtime_error("the records do not come");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      --open;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw std::runtime_error(rd_kafka_message_errstr(message.get()));
    } else {
      print(*message);
    }
  }
  std::cout.flush();
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--brokers" && i + 1 < argc) {
      options.brokers = argv[++i];
    } else if (word == "--follow") {
      options.follow = true;
    } else if (word.starts_with("-")) {
      throw std::runtime_error("unknown option " + word);
    } else {
      options.topics.push_back(word);
    }
  }
  if (options.brokers.empty() || options.topics.empty()) {
    throw std::runtime_error("--brokers and a topic are needed");
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::ios::sync_with_stdio(false);
    dump(parse_options(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "consume_dump: " << error.what() << '\n';
    return 1;
  }
}
