// How fast, and in how much memory, records come out of Kafka while each costs something to decode:
// the measurement behind the defaults in source/kafka_properties.cc and source/fetch_waker.h.
//
//   bench_consume --brokers B --fill N [--bytes 3300] --topic T...      fills topics with N records
//   bench_consume --brokers B [--plain] [--cost 4] [--pause-every N] [-X name=value]... --topic
//   T...
//                                                                       reads them
//
// --plain reads by librdkafka's calls alone, with its own defaults, without what KafkaSource adds.
// --cost: microseconds of work a record. --pause-every: fetching is paused for 100 ms after as many
// records, as backpressure does it. A run prints records/s, CPU seconds and the memory's peak.
//
// Measured on 2 cores with the broker on them: 1,000,000 records of 3.3 kB, lz4, two topics, 4 us:
//                                                records/s  CPU s  memory MiB
//   2.0.2 plain, cost 0                              467,584    1.2          36
//   2.0.2 plain                                       28,123    5.6         102
//   2.0.2 plain, queue of 1 GB                       165,544    7.5       1,143
//   2.0.2 KafkaSource (queue 32 MiB)                 174,427    5.5          80
//   2.0.2 KafkaSource, cost 0                        597,800    1.0          54
// The queue's size hardly matters any more: 2 MiB 151,000, 8 MiB 157,000, 128 MiB 181,000
// records/s. fetch.max.bytes bounds what one answer adds to it: with eight topics 102 MiB in all at
// 4 MiB, 152 at librdkafka's 50. With 2.8.0 the same figures; fetch.queue.backoff.ms at 1, 3 and 10
// are alike, 0 spins (8.7 CPU seconds). With the queue of 8 MiB it is 2: `scripts/bench mix` takes
// a fifth longer at 10.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "../support/kafka_producer.h"
#include "source/kafka_client.h"
#include "source/kafka_source.h"

namespace {

using namespace tidemark;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string brokers;
  std::vector<std::string> topics;
  KafkaProperties properties;
  std::int64_t fill = 0;
  std::size_t bytes = 3300;
  std::chrono::nanoseconds cost{4000};
  std::int64_t pause_every = 0;
  bool plain = false;
};

struct Count {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  Clock::time_point begin{}, end{};
};

// Like a Debezium event with its schema: the same text over and over, and a little that differs.
std::string event_of(std::size_t bytes, std::mt19937_64& random) {
  std::string out = "{\"schema\":{\"type\":\"struct\",\"fields\":[";
  for (int i = 0; out.size() + 400 < bytes; ++i) {
    out +=
        "{\"type\":\"string\",\"optional\":true,\"field\":\"column_" + std::to_string(i) + "\"},";
  }
  out += "]},\"payload\":{\"after\":{";
  while (out.size() < bytes) out += "\"c\":" + std::to_string(random()) + ",";
  out.resize(bytes);
  return out;
}

void fill(const Options& options) {
  test::KafkaProducer producer({{"bootstrap.servers", options.brokers},
                                {"compression.codec", "lz4"},
                                {"linger.ms", "20"},
                                {"batch.size", "1000000"},
                                {"acks", "1"}});
  std::map<std::string, std::int32_t> topics;
  for (const std::string& topic : options.topics) topics[topic] = 1;
  producer.create_topics(topics);
  std::mt19937_64 random(1);
  for (std::int64_t i = 0; i < options.fill; ++i) {
    const auto& topic = options.topics[static_cast<std::size_t>(i) % options.topics.size()];
    producer.produce(
        {topic, 0, 0, "{\"id\":" + std::to_string(i) + "}", event_of(options.bytes, random), {}});
  }
  if (producer.flush() != 0) throw std::runtime_error(producer.last_failure());
}

// What decoding costs: time on the processor, and a look at every cache line of the value.
void work(std::string_view value, std::chrono::nanoseconds cost) {
  const auto until = Clock::now() + cost;
  unsigned sum = 0;
  for (std::size_t i = 0; i < value.size(); i += 64) sum += static_cast<unsigned char>(value[i]);
  while (Clock::now() < until) {
  }
  __asm__ volatile("" : : "r"(sum));  // the sum is there to be computed
}

void add(Count& count, std::string_view value, std::chrono::nanoseconds cost) {
  if (count.records++ == 0) count.begin = Clock::now();
  count.bytes += static_cast<std::int64_t>(value.size());
  if (cost.count() > 0) work(value, cost);
}

Count read_plain(const Options& options) {
  KafkaProperties properties = {{"bootstrap.servers", options.brokers},
                                {"group.id", "bench-plain"},
                                {"enable.auto.commit", "false"},
                                {"check.crcs", "true"},
                                {"enable.partition.eof", "true"}};
  properties.insert(properties.end(), options.properties.begin(), options.properties.end());
  const rdkafka::Client client = make_client(properties, nullptr, nullptr);
  const auto list = rdkafka::make_partition_list(options.topics.size());
  for (const std::string& topic : options.topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = 0;
  }
  rd_kafka_assign(client.get(), list.get());
  Count count;
  for (std::size_t ended = 0; ended < options.topics.size();) {
    const rdkafka::Message message(rd_kafka_consumer_poll(client.get(), 100));
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ended;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    add(count, {static_cast<const char*>(message->payload), message->len}, options.cost);
  }
  count.end = Clock::now();
  return count;
}

void pause(KafkaSource& source) {
  source.pause();
  for (const auto until = Clock::now() + std::chrono::milliseconds(100); Clock::now() < until;) {
    source.poll(std::chrono::milliseconds(10));
  }
  source.resume();
}

Count read_source(const Options& options) {
  KafkaConfig kafka;
  kafka.properties = {{"bootstrap.servers", options.brokers}};
  kafka.properties.insert(kafka.properties.end(), options.properties.begin(),
                          options.properties.end());
  kafka.group_id = "bench-" + std::to_string(Clock::now().time_since_epoch().count());
  SourceConfig topics;
  topics.topics = options.topics;
  KafkaSource source(kafka, topics, 0);
  source.subscribe();
  Count count;
  for (std::size_t ended = 0; ended < options.topics.size();) {
    const PollResult result = source.poll(std::chrono::milliseconds(100));
    if (result.kind == PollKind::assigned) {
      std::vector<std::pair<StreamPartition, std::optional<Offset>>> from;
      for (const auto& partition : result.partitions) from.emplace_back(partition, std::nullopt);
      source.assign(from);
    } else if (result.kind == PollKind::caught_up) {
      ++ended;
    } else if (result.kind == PollKind::record) {
      add(count, result.record.value.value_or(""), options.cost);
      if (options.pause_every > 0 && count.records % options.pause_every == 0) pause(source);
    }
  }
  count.end = Clock::now();
  source.close(std::chrono::seconds(5));
  return count;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void report(const Count& count) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double took = std::chrono::duration<double>(count.end - count.begin).count();
  std::cout << count.records << " records, " << count.bytes / 1000000 << " MB in " << took
            << " s: " << static_cast<std::int64_t>(static_cast<double>(count.records) / took)
            << " records/s; CPU " << seconds(usage.ru_utime) + seconds(usage.ru_stime)
            << " s; memory " << usage.ru_maxrss / 1024 << " MiB\n";
}

template <typename Number>
Number number(const std::string& text) {
  Number out{};
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc{}) {
    throw std::runtime_error("not a number: " + text);
  }
  return out;
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--plain") {
      options.plain = true;
      continue;
    }
    if (++i >= argc) throw std::runtime_error(name + " needs a value");
    const std::string value = argv[i];
    const std::size_t equals = value.find('=');
    if (name == "--brokers")
      options.brokers = value;
    else if (name == "--topic")
      options.topics.push_back(value);
    else if (name == "--fill")
      options.fill = number<std::int64_t>(value);
    else if (name == "--pause-every")
      options.pause_every = number<std::int64_t>(value);
    else if (name == "--bytes")
      options.bytes = number<std::size_t>(value);
    else if (name == "--cost")
      options.cost = std::chrono::nanoseconds(std::int64_t(number<double>(value) * 1000));
    else if (name == "-X" && equals != std::string::npos)
      options.properties.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    else
      throw std::runtime_error("unknown option " + name);
  }
  if (options.brokers.empty() || options.topics.empty()) {
    throw std::runtime_error("--brokers and --topic are needed");
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse_options(argc, argv);
    if (options.fill > 0) {
      fill(options);
    } else {
      report(options.plain ? read_plain(options) : read_source(options));
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_consume: " << error.what() << '\n';
    return 1;
  }
}
