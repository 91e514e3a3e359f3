// KafkaSource: assignment, positions, revocation, backpressure, reading again. On librdkafka's mock
// cluster a group takes three seconds to form, so most of these tests are hidden: the tag [kafka]
// runs them all. With TIDEMARK_TEST_KAFKA=HOST:PORT they run against that broker, in less time, and
// with those that the mock cluster is not enough for.
#include "source/kafka_source.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "source/kafka_client.h"
#include "source/partition_ends.h"
#include "support/catch.h"
#include "support/kafka_cluster.h"
#include "tidemark/error.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;
using tidemark::test::KafkaCluster;
using Clock = std::chrono::steady_clock;
using Positions = std::vector<std::pair<StreamPartition, std::optional<Offset>>>;

// Each test has a topic and a group of its own.
std::string topic_name;

StreamPartition at(std::int32_t partition) {
  return {topic_name, Partition{partition}};
}

KafkaCluster& cluster_with_topic(std::int32_t partitions, KafkaCluster& cluster) {
  static int count = 0;
  topic_name =
      "t" + std::to_string(Clock::now().time_since_epoch().count()) + "-" + std::to_string(++count);
  cluster.create(topic_name, partitions);
  return cluster;
}

KafkaCluster& shared_with_topic(std::int32_t partitions) {
  return cluster_with_topic(partitions, KafkaCluster::shared());
}

struct Leaver {
  void operator()(KafkaSource* source) const {
    source->close(2s);
    delete source;
  }
};
using SourceHandle = std::unique_ptr<KafkaSource, Leaver>;

SourceHandle make_source(const KafkaCluster& kafka, KafkaProperties more = {},
                         SourceConfig topics = {}) {
  KafkaConfig config;
  config.group_id = "group-" + topic_name;
  config.properties = {{"bootstrap.servers", kafka.brokers()},
                       {"session.timeout.ms", "6000"},
                       {"heartbeat.interval.ms", "100"}};
  config.properties.insert(config.properties.end(), more.begin(), more.end());
  if (topics.topics.empty() && topics.topics_regex.empty()) topics.topics = {topic_name};
  return SourceHandle(new KafkaSource(config, topics, 0));
}

// Polls until something of this kind comes, or for as long as given; what else comes is dropped.
std::optional<PollResult> wait_for(KafkaSource& source, PollKind kind,
                                   std::chrono::milliseconds timeout = 10s) {
  for (const auto until = Clock::now() + timeout; Clock::now() < until;) {
    PollResult result = source.poll(20ms);
    if (result.kind == kind) return result;
  }
  return std::nullopt;
}

std::vector<std::string> values_for(KafkaSource& source, std::chrono::milliseconds time) {
  std::vector<std::string> out;
  for (const auto until = Clock::now() + time; Clock::now() < until;) {
    const PollResult result = source.poll(20ms);
    if (result.kind == PollKind::record) out.emplace_back(result.record.value.value_or("null"));
  }
  return out;
}

std::vector<std::string> next_values(KafkaSource& source, std::size_t count) {
  std::vector<std::string> out;
  while (out.size() < count) {
    const auto result = wait_for(source, PollKind::record);
    if (!result) break;
    out.emplace_back(result->record.value.value_or("null"));
  }
  return out;
}

void join(KafkaSource& source, const Positions& from) {
  source.subscribe();
  REQUIRE(wait_for(source, PollKind::assigned));
  source.assign(from);
}

}  // namespace

TEST_CASE("a record comes with everything that it has", "[kafka]") {
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.produce({topic_name,
                 0,
                 1700000000123,
                 std::string("a\0b", 3),
                 "value",
                 {{"h", "x"}, {"h", std::nullopt}, {"empty", ""}}});
  kafka.produce({topic_name, 0, 1700000000124, std::nullopt, std::nullopt, {}});
  const auto source = make_source(kafka);
  join(*source, {{at(0), std::nullopt}});

  const auto first = wait_for(*source, PollKind::record);
  REQUIRE(first);
  const RecordView& record = first->record;
  CHECK(record.topic == topic_name);
  CHECK(record.partition == Partition{0});
  CHECK(record.offset == Offset{0});
  CHECK(record.timestamp_ms == 1700000000123);
  CHECK(record.key == std::string_view("a\0b", 3));
  CHECK(record.value == "value");
  REQUIRE(record.headers.size() == 3);
  CHECK(record.headers[0].name == "h");
  CHECK(record.headers[0].value == "x");
  CHECK_FALSE(record.headers[1].value.has_value());
  CHECK(record.headers[2].value == "");

  const auto second = wait_for(*source, PollKind::record);
  REQUIRE(second);
  CHECK_FALSE(second->record.key.has_value());
  CHECK_FALSE(second->record.value.has_value());
  CHECK(second->record.headers.empty());

  const auto end = wait_for(*source, PollKind::caught_up);
  REQUIRE(end);
  CHECK(end->partition == at(0));
  CHECK(end->offset == Offset{2});
}

TEST_CASE("I2: fetching starts at the positions given, whatever the group has committed",
          "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(2);
  kafka.fill(topic_name, 0, 10);
  kafka.fill(topic_name, 1, 10, 100);
  {
    const auto source = make_source(kafka);
    join(*source, {{at(0), std::nullopt}, {at(1), std::nullopt}});
    REQUIRE(next_values(*source, 20).size() == 20);
    source->commit({{at(0), Offset{9}}, {at(1), Offset{9}}});
    values_for(*source, 300ms);
    source->close(5s);
  }
  const auto source = make_source(kafka);
  join(*source, {{at(0), Offset{7}}, {at(1), Offset{10}}});
  CHECK(next_values(*source, 3) == std::vector<std::string>{"7", "8", "9"});
  CHECK(values_for(*source, 300ms).empty());
}

TEST_CASE("the assignment may be answered much later than the session's timeout", "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.fill(topic_name, 0, 3);
  const auto source = make_source(kafka);
  source->subscribe();
  REQUIRE(wait_for(*source, PollKind::assigned));
  for (const auto until = Clock::now() + 8s; Clock::now() < until;) {
    REQUIRE(source->poll(20ms).kind == PollKind::nothing);
  }
  source->assign({{at(0), Offset{1}}});
  CHECK(next_values(*source, 2) == std::vector<std::string>{"1", "2"});
}

TEST_CASE("a rebalance reaches a member that has not answered its assignment yet", "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(2);
  const auto first = make_source(kafka);
  first->subscribe();
  const auto both = wait_for(*first, PollKind::assigned);
  REQUIRE(both);
  CHECK(both->partitions == std::vector<StreamPartition>{at(0), at(1)});

  const auto second = make_source(kafka);
  second->subscribe();
  std::optional<PollResult> revoked, mine, other;
  for (const auto until = Clock::now() + 15s; Clock::now() < until && !(mine && other);) {
    PollResult result = first->poll(10ms);
    if (result.kind == PollKind::revoked)
      revoked = std::move(result);
    else if (result.kind == PollKind::assigned)
      mine = std::move(result);
    result = second->poll(10ms);
    if (result.kind == PollKind::assigned) other = std::move(result);
  }
  REQUIRE(revoked);
  CHECK(revoked->partitions == both->partitions);
  REQUIRE(mine);
  REQUIRE(other);
  CHECK(mine->partitions.size() == 1);
  CHECK(other->partitions.size() == 1);
  CHECK(mine->partitions != other->partitions);
}

TEST_CASE("after a revocation nothing comes from the partitions that are gone", "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.fill(topic_name, 0, 1000);
  const auto source = make_source(kafka);
  join(*source, {{at(0), std::nullopt}});
  REQUIRE(next_values(*source, 10).size() == 10);
  source->rejoin();
  const auto revoked = wait_for(*source, PollKind::revoked);
  REQUIRE(revoked);
  const auto assigned = wait_for(*source, PollKind::assigned);
  REQUIRE(assigned);
  CHECK(values_for(*source, 300ms).empty());
  source->assign({{at(0), Offset{500}}});
  CHECK(next_values(*source, 1) == std::vector<std::string>{"500"});
}

TEST_CASE("pausing loses nothing and repeats nothing", "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(2);
  kafka.fill(topic_name, 0, 300);
  const auto source = make_source(kafka);
  join(*source, {{at(0), Offset{0}}, {at(1), std::nullopt}});
  int expected = 0;
  const auto begin = Clock::now();
  for (int round = 0; round < 5; ++round) {
    for (const std::string& value : next_values(*source, 20)) {
      REQUIRE(value == std::to_string(expected++));
    }
    source->pause();
    source->pause();
    REQUIRE(values_for(*source, 150ms).empty());
    source->resume();
    source->resume();
  }
  REQUIRE(expected == 100);
  CHECK(Clock::now() - begin < 4s);  // librdkafka alone waits a second after each resume
  CHECK(next_values(*source, 200).size() == 200);
}

TEST_CASE("a pause before the first record keeps the new position, not the last one",
          "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.fill(topic_name, 0, 300);
  const auto source = make_source(kafka);
  join(*source, {{at(0), Offset{0}}});
  REQUIRE(next_values(*source, 200).size() == 200);
  source->rejoin();
  REQUIRE(wait_for(*source, PollKind::assigned));
  source->pause();
  source->assign({{at(0), Offset{50}}});
  CHECK(values_for(*source, 300ms).empty());
  source->resume();
  CHECK(next_values(*source, 1) == std::vector<std::string>{"50"});
  source->pause();
  CHECK(values_for(*source, 100ms).empty());
  source->rejoin();
  REQUIRE(wait_for(*source, PollKind::assigned));
  source->pause();  // what was paused is not so in the next assignment
  source->assign({{at(0), std::nullopt}});
  CHECK(values_for(*source, 300ms).empty());
  source->resume();
  CHECK(next_values(*source, 1) == std::vector<std::string>{"0"});
}

TEST_CASE("a partition that is held is not woken by resume", "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(2);
  kafka.fill(topic_name, 0, 100);
  kafka.fill(topic_name, 1, 100, 1000);
  const auto source = make_source(kafka);
  join(*source, {{at(0), Offset{0}}, {at(1), Offset{0}}});
  source->pause(at(0));
  source->pause();
  source->resume();
  const auto values = next_values(*source, 100);
  REQUIRE(values.size() == 100);
  CHECK(values.front() == "1000");
  CHECK(values.back() == "1099");
  CHECK(values_for(*source, 200ms).empty());
}

TEST_CASE("I7: a position that Kafka does not hold halts its partition, once", "[kafka]") {
  KafkaCluster& kafka = shared_with_topic(2);
  kafka.fill(topic_name, 0, 10);
  kafka.fill(topic_name, 1, 10, 100);
  const auto source = make_source(kafka);
  join(*source, {{at(0), Offset{4711}}, {at(1), Offset{0}}});
  const auto halted = wait_for(*source, PollKind::halted);
  REQUIRE(halted);
  CHECK(halted->partition == at(0));
  CHECK(halted->message == topic_name + "[0]: Kafka does not hold offset 4711, only 0 to 10");
  CHECK(halted->hint.find("last_watermark") != std::string::npos);
  kafka.fill(topic_name, 0, 1);
  kafka.fill(topic_name, 1, 1, 110);
  const auto values = values_for(*source, 1s);
  CHECK((values.empty() || values.back() == "110"));
  for (const std::string& value : values) CHECK(value.size() == 3);
}

TEST_CASE("positions are reported to the group", "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.fill(topic_name, 0, 10);
  const auto source = make_source(kafka);
  join(*source, {{at(0), Offset{0}}});
  REQUIRE(next_values(*source, 10).size() == 10);
  source->commit({{at(0), Offset{6}}});
  values_for(*source, 300ms);

  rdkafka::Conf conf =
      make_conf({{"bootstrap.servers", kafka.brokers()}, {"group.id", "group-" + topic_name}});
  const rdkafka::Client client(rd_kafka_new(RD_KAFKA_CONSUMER, conf.release(), nullptr, 0));
  const auto list = rdkafka::make_partition_list(1);
  rd_kafka_topic_partition_list_add(list.get(), topic_name.c_str(), 0);
  REQUIRE(rd_kafka_committed(client.get(), list.get(), 5000) == RD_KAFKA_RESP_ERR_NO_ERROR);
  CHECK(list->elems[0].offset == 6);
}

TEST_CASE("partitions and their ends are asked of the broker", "[kafka]") {
  KafkaCluster& kafka = shared_with_topic(3);
  kafka.fill(topic_name, 1, 10);
  const auto source = make_source(kafka);
  CHECK(source->partitions_of(topic_name) == 3);
  const auto ends = source->ends({at(1), at(0)}, 5s);
  REQUIRE(ends.size() == 2);
  CHECK(ends.at(at(1)).low == Offset{0});
  CHECK(ends.at(at(1)).high == Offset{10});
  CHECK(ends.at(at(0)).high == Offset{0});
  CHECK_FALSE(
      source->ends({{topic_name, Partition{7}}}, 500ms).contains({topic_name, Partition{7}}));
}

TEST_CASE("ends are not waited for longer than asked where a leader is away", "[kafka]") {
  KafkaCluster kafka = KafkaCluster::mock(2);
  const std::string topic = "of-two-brokers";
  kafka.create(topic, 2);
  kafka.lead(topic, 0, 1);
  kafka.lead(topic, 1, 2);
  kafka.fill(topic, 0, 3);
  kafka.fill(topic, 1, 3);
  const rdkafka::Client client =
      make_client({{"bootstrap.servers", kafka.brokers()}, {"log_level", "0"}}, nullptr, nullptr);
  const std::vector<StreamPartition> both = {{topic, Partition{0}}, {topic, Partition{1}}};
  REQUIRE(ask_ends(client.get(), both, 10s).ends.size() == 2);
  kafka.set_up(false, 2);
  const auto begin = Clock::now();
  const EndsAnswer answer = ask_ends(client.get(), both, 700ms);
  CHECK(answer.failed.contains(both[1]));
  CHECK_FALSE(answer.problem().empty());
  CHECK(Clock::now() - begin < 3s);
  CHECK(ask_ends(client.get(), {both[0]}, 5s).ends.at(both[0]).high == Offset{3});
}

TEST_CASE("a single record is read again by its offset", "[kafka]") {
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.produce({topic_name, 0, 1700000000123, "key", std::nullopt, {{"h", std::nullopt}}});
  kafka.fill(topic_name, 0, 20, 1);
  const auto source = make_source(kafka);
  const auto value_at = [&](std::int64_t offset) {
    const auto record = source->read(at(0), Offset{offset}, 5s);
    return record ? record->value.value_or("null") : "absent";
  };
  const auto first = source->read(at(0), Offset{0}, 5s);
  REQUIRE(first);
  CHECK(first->timestamp_ms == 1700000000123);
  CHECK(first->key == "key");
  CHECK_FALSE(first->value.has_value());
  REQUIRE(first->headers.size() == 1);
  CHECK_FALSE(first->headers[0].second.has_value());
  for (const int offset : {1, 2, 7, 7, 3, 20}) CHECK(value_at(offset) == std::to_string(offset));
  CHECK(value_at(21) == "absent");
  // The end was seen before this record was written.
  kafka.fill(topic_name, 0, 1, 21);
  CHECK(value_at(20) == "20");
  CHECK(value_at(21) == "21");
  CHECK(value_at(4000) == "absent");
}

TEST_CASE("reading again says when the broker is away", "[kafka]") {
  KafkaCluster own = KafkaCluster::mock();
  KafkaCluster& kafka = cluster_with_topic(1, own);
  kafka.fill(topic_name, 0, 1);
  const auto source = make_source(kafka);
  kafka.set_up(false);
  try {
    source->read(at(0), Offset{0}, 500ms);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::retry);
    CHECK(std::string(error.what()).starts_with(topic_name + "[0]@0: "));
  }
}

TEST_CASE("absent brokers are said again while they are away, and no longer", "[.][kafka]") {
  KafkaCluster own = KafkaCluster::mock();
  KafkaCluster& kafka = cluster_with_topic(1, own);
  kafka.fill(topic_name, 0, 3);
  const auto source = make_source(kafka, {{"reconnect.backoff.max.ms", "200"}});
  join(*source, {{at(0), Offset{0}}});
  REQUIRE(next_values(*source, 3).size() == 3);
  kafka.set_up(false);
  REQUIRE(wait_for(*source, PollKind::unreachable));
  REQUIRE(wait_for(*source, PollKind::unreachable));
  kafka.set_up(true);
  values_for(*source, 3s);
  CHECK_FALSE(wait_for(*source, PollKind::unreachable, 2s));
}

TEST_CASE("leaving takes no longer than the time given", "[.][kafka]") {
  KafkaCluster own = KafkaCluster::mock();
  KafkaCluster& kafka = cluster_with_topic(1, own);
  const auto source = make_source(kafka);
  join(*source, {{at(0), std::nullopt}});
  SECTION("brokers answer") {}
  SECTION("brokers are away") {
    kafka.set_up(false);
  }
  SECTION("brokers are away, and the assignment was not answered") {
    source->rejoin();
    wait_for(*source, PollKind::assigned);
    kafka.set_up(false);
  }
  const auto begin = Clock::now();
  source->close(1500ms);
  CHECK(Clock::now() - begin < 3s);
}

TEST_CASE("topics are taken by regular expression", "[.][kafka]") {
  KafkaCluster& kafka = shared_with_topic(1);
  const std::string shop = topic_name + ".public";
  for (const char* table : {".orders", ".items"}) kafka.create(shop + table, 1);
  SourceConfig topics;
  SECTION("anchored") {
    topics.topics_regex = {"^" + shop + "\\."};
  }
  SECTION("anywhere in the name") {
    topics.topics_regex = {shop + "\\.(orders|items)$"};
  }
  const auto source = make_source(kafka, {}, topics);
  source->subscribe();
  const auto assigned = wait_for(*source, PollKind::assigned);
  REQUIRE(assigned);
  REQUIRE(assigned->partitions.size() == 2);
  CHECK(assigned->partitions[0].stream == shop + ".items");
}

// ---- what the mock cluster is not enough for

TEST_CASE("I4: aborted records are not delivered, and the end is known behind the markers",
          "[.][kafka]") {
  if (test::real_brokers().empty()) return;
  KafkaCluster& kafka = shared_with_topic(1);
  test::KafkaProducer producer(
      {{"bootstrap.servers", kafka.brokers()}, {"transactional.id", topic_name}});
  producer.begin();
  for (const char* value : {"0", "1"}) producer.produce({topic_name, 0, 0, "k", value, {}});
  producer.end(true);
  producer.begin();
  for (const char* value : {"3", "4"}) producer.produce({topic_name, 0, 0, "k", value, {}});
  producer.end(false);
  producer.begin();
  producer.produce({topic_name, 0, 0, "k", "6", {}});
  producer.end(true);

  const auto source = make_source(kafka);
  join(*source, {{at(0), std::nullopt}});
  CHECK(next_values(*source, 3) == std::vector<std::string>{"0", "1", "6"});
  const auto end = wait_for(*source, PollKind::caught_up);
  REQUIRE(end);
  CHECK(end->offset == Offset{8});
  CHECK(source->ends({at(0)}, 5s).at(at(0)).high == Offset{8});
  for (const int offset : {2, 3, 4, 5, 7, 8}) CHECK_FALSE(source->read(at(0), Offset{offset}, 5s));
  REQUIRE(source->read(at(0), Offset{6}, 5s));
}

TEST_CASE("I7: what retention has taken away halts its partition, and names the range",
          "[.][kafka]") {
  if (test::real_brokers().empty()) return;
  KafkaCluster& kafka = shared_with_topic(2);
  kafka.fill(topic_name, 0, 20);
  kafka.fill(topic_name, 1, 5, 100);
  kafka.producer().delete_records_before(topic_name, 0, 12);
  const auto source = make_source(kafka);
  CHECK_FALSE(source->read(at(0), Offset{11}, 5s));
  CHECK(source->read(at(0), Offset{12}, 5s));
  join(*source, {{at(0), Offset{5}}, {at(1), Offset{0}}});
  const auto halted = wait_for(*source, PollKind::halted);
  REQUIRE(halted);
  CHECK(halted->message == topic_name + "[0]: Kafka does not hold offset 5, only 12 to 20");
}

TEST_CASE("a deleted topic halts its partitions", "[.][kafka]") {
  if (test::real_brokers().empty()) return;
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.fill(topic_name, 0, 5);
  const auto source = make_source(kafka, {{"topic.metadata.refresh.interval.ms", "500"}});
  join(*source, {{at(0), Offset{0}}});
  REQUIRE(next_values(*source, 5).size() == 5);
  kafka.producer().delete_topic(topic_name);
  const auto halted = wait_for(*source, PollKind::halted, 20s);
  REQUIRE(halted);
  CHECK(halted->partition == at(0));
  CHECK(halted->hint.find("deleted") != std::string::npos);
}

TEST_CASE("a topic that is not there yet is said, and taken when it comes", "[.][kafka]") {
  if (test::real_brokers().empty()) return;
  KafkaCluster& kafka = shared_with_topic(1);
  topic_name += "-later";
  const auto source = make_source(kafka, {{"topic.metadata.refresh.interval.ms", "500"}});
  source->subscribe();
  const auto missing = wait_for(*source, PollKind::unreachable);
  REQUIRE(missing);
  CHECK(missing->message.find(topic_name) != std::string::npos);
  CHECK(missing->hint.find("source.topics") != std::string::npos);
  kafka.create(topic_name, 1);
  for (const auto until = Clock::now() + 20s; Clock::now() < until;) {
    const PollResult result = source->poll(50ms);
    if (result.kind == PollKind::assigned && !result.partitions.empty()) return;
  }
  FAIL("the topic was not noticed");
}

TEST_CASE("a process that did not run for too long takes its assignment anew", "[.][kafka]") {
  if (test::real_brokers().empty()) return;
  KafkaCluster& kafka = shared_with_topic(1);
  kafka.fill(topic_name, 0, 1000);
  const auto source = make_source(kafka, {{"max.poll.interval.ms", "6000"}});
  join(*source, {{at(0), Offset{0}}});
  REQUIRE(next_values(*source, 10).size() == 10);
  std::this_thread::sleep_for(8s);
  int records_between = 0;
  std::optional<PollResult> revoked, assigned;
  for (const auto until = Clock::now() + 20s; Clock::now() < until && !assigned;) {
    PollResult result = source->poll(20ms);
    if (result.kind == PollKind::record && revoked) ++records_between;
    if (result.kind == PollKind::revoked) {
      CHECK_FALSE(revoked);
      revoked = std::move(result);
    } else if (result.kind == PollKind::assigned) {
      assigned = std::move(result);
    }
  }
  CHECK(revoked);
  CHECK(records_between == 0);
  REQUIRE(assigned);
  source->assign({{at(0), Offset{10}}});
  CHECK(next_values(*source, 1) == std::vector<std::string>{"10"});
}

TEST_CASE("a second process with the same group.instance.id ends the first", "[.][kafka]") {
  if (test::real_brokers().empty()) return;
  KafkaCluster& kafka = shared_with_topic(1);
  const KafkaProperties instance = {{"group.instance.id", "one"}};
  const auto first = make_source(kafka, instance);
  join(*first, {{at(0), std::nullopt}});
  const auto second = make_source(kafka, instance);
  second->subscribe();
  std::optional<PollResult> fatal;
  for (const auto until = Clock::now() + 20s; Clock::now() < until && !fatal;) {
    second->poll(10ms);
    PollResult result = first->poll(10ms);
    if (result.kind == PollKind::fatal) fatal = std::move(result);
  }
  REQUIRE(fatal);
  CHECK(fatal->hint == "another process uses the same group.instance.id");
}
