#include "source/kafka_properties.h"

#include <string>

#include "source/fetch_waker.h"
#include "source/kafka_client.h"
#include "source/kafka_fault.h"
#include "source/rdkafka_version.h"
#include "support/catch.h"
#include "tidemark/error.h"

namespace {

using namespace tidemark;

struct Complaint {
  std::string message, hint;
};

Complaint complaint_about(const std::string& name, const std::string& value) {
  try {
    check_kafka_property(name, value);
  } catch (const ConfigError& error) {
    return {error.what(), error.hint()};
  }
  return {};
}

}  // namespace

TEST_CASE("properties on which the guarantees rest are refused with the reason", "[kafka]") {
  for (const char* name :
       {"enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store", "auto.offset.reset",
        "isolation.level", "check.crcs", "enable.partition.eof", "plugin.library.paths",
        "ssl.engine.location", "ssl.providers", "sasl.kerberos.kinit.cmd", "group.protocol"}) {
    const Complaint complaint = complaint_about(name, "true");
    INFO(complaint.message);
    CHECK(complaint.message.starts_with("kafka." + std::string(name) + " cannot be set: "));
    CHECK(complaint.message.size() > 50);
  }
  CHECK(complaint_about("partition.assignment.strategy", "cooperative-sticky").hint ==
        "roundrobin (the default) or range");
  CHECK(complaint_about("partition.assignment.strategy", "range").message.empty());
}

TEST_CASE("an unknown property is an error with the nearest name", "[kafka]") {
  const auto hint = [](const char* name) { return complaint_about(name, "1").hint; };
  CHECK(hint("bootstrap.server") == "did you mean bootstrap.servers?");
  CHECK(hint("bootstrap_servers") == "did you mean bootstrap.servers?");
  CHECK(hint("sesion.timeout.ms") == "did you mean session.timeout.ms?");
  CHECK(hint("fetch.max.byets") == "did you mean fetch.max.bytes?");
  CHECK(hint("sasl.pasword") == "did you mean sasl.password?");
  CHECK(hint("nothing.like.any.of.them.at.all").empty());
  CHECK(complaint_about("bootstrap.server", "x").message.find("has no such property") !=
        std::string::npos);
}

TEST_CASE("values are checked by librdkafka, and secrets are not repeated", "[kafka]") {
  CHECK(complaint_about("session.timeout.ms", "6000").message.empty());
  CHECK(complaint_about("security.protocol", "sasl_ssl").message.empty());
  CHECK(complaint_about("session.timeout.ms", "soon")
            .message.starts_with("kafka.session.timeout.ms: "));
  CHECK(complaint_about("security.protocol", "sometimes").message.find("sometimes") !=
        std::string::npos);
  CHECK(complaint_about("ssl.key.pem", "tops3cret").message.find("tops3cret") == std::string::npos);
}

TEST_CASE("a consumer gets the defaults, the user's properties and the required ones", "[kafka]") {
  KafkaConfig config;
  config.group_id = "group";
  config.properties = {
      {"group.id", "other"}, {"group.instance.id", "host"}, {"queued.max.messages.kbytes", "1024"}};
  const KafkaProperties properties = consumer_properties(config, 3);
  CHECK(property_value(properties, "group.id") == "group");
  CHECK(property_value(properties, "group.instance.id") == "host-3");
  CHECK(property_value(properties, "queued.max.messages.kbytes") == "1024");
  CHECK(property_value(properties, "auto.offset.reset") == "error");
  CHECK(property_value(properties, "enable.auto.commit") == "false");
  CHECK(property_value(properties, "isolation.level") == "read_committed");
  CHECK(property_value(properties, "partition.assignment.strategy") == "roundrobin");
  CHECK(property_value(properties, "fetch.queue.backoff.ms") ==
        (rdkafka::knows_property("fetch.queue.backoff.ms") ? "2" : ""));
  CHECK(make_conf(properties));

  const KafkaProperties reader = reader_properties(config);
  CHECK(property_value(reader, "group.id").empty());
  CHECK(property_value(reader, "group.instance.id").empty());
  CHECK(make_conf(reader));
}

TEST_CASE("other clients get what it takes to reach the brokers, and no more", "[kafka]") {
  KafkaConfig config;
  config.properties = {{"bootstrap.servers", "b:9092"},
                       {"sasl.password", "p"},
                       {"ssl.ca.location", "/ca"},
                       {"fetch.max.bytes", "1"},
                       {"session.timeout.ms", "6000"}};
  const KafkaProperties properties = connection_properties(config);
  CHECK(property_value(properties, "bootstrap.servers") == "b:9092");
  CHECK(property_value(properties, "sasl.password") == "p");
  CHECK(property_value(properties, "ssl.ca.location") == "/ca");
  CHECK(property_value(properties, "fetch.max.bytes").empty());
  CHECK(property_value(properties, "session.timeout.ms").empty());
}

TEST_CASE("one answer of Kafka is small, unless records may be large", "[kafka]") {
  KafkaConfig config;
  CHECK(property_value(consumer_properties(config, 0), "fetch.max.bytes") == "1048576");
  config.properties = {{"message.max.bytes", "20000000"}};
  CHECK(property_value(consumer_properties(config, 0), "fetch.max.bytes").empty());
  CHECK_NOTHROW(make_client(consumer_properties(config, 0), nullptr, nullptr));
}

TEST_CASE("without a way to wake the fetching the queue is larger", "[kafka]") {
  KafkaConfig config;
  config.properties = {{"security.protocol", "SASL_SSL"}, {"sasl.mechanisms", "SCRAM-SHA-512"}};
  CHECK(FetchWaker::works_with(config.properties));
  CHECK(property_value(consumer_properties(config, 0), "queued.max.messages.kbytes") == "8192");
  config.properties[1].second = "GSSAPI";
  CHECK_FALSE(FetchWaker::works_with(config.properties));
  CHECK(property_value(consumer_properties(config, 0), "queued.max.messages.kbytes") ==
        (rdkafka::knows_property("fetch.queue.backoff.ms") ? "8192" : "262144"));
  config.properties.pop_back();
  CHECK_FALSE(FetchWaker::works_with(config.properties));
  config.properties = {{"security.protocol", "ssl"}};
  CHECK(FetchWaker::works_with(config.properties));
}

TEST_CASE("librdkafka's errors mean something to the caller", "[kafka]") {
  CHECK(fault_of(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) == KafkaFault::out_of_range);
  CHECK(fault_of(RD_KAFKA_RESP_ERR__BAD_MSG) == KafkaFault::partition);
  CHECK(fault_of(RD_KAFKA_RESP_ERR__BAD_COMPRESSION) == KafkaFault::partition);
  CHECK(fault_of(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) == KafkaFault::topic);
  CHECK(fault_of(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) == KafkaFault::brokers);
  CHECK(fault_of(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) == KafkaFault::brokers);
  CHECK(fault_of(RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) == KafkaFault::evicted);
  CHECK(fault_of(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION) == KafkaFault::stale);
  CHECK(fault_of(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) == KafkaFault::fatal);
  CHECK(fault_of(RD_KAFKA_RESP_ERR__PARTITION_EOF) == KafkaFault::caught_up);
  CHECK_FALSE(hint_of(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).empty());
}
