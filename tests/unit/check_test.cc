// What `tidemark check` decides by itself: which topics are selected, how long they last, which
// tables they lead to, and how the findings are shown. The servers' part is tested against servers.
#include "app/check_kafka.h"
#include "app/check_report.h"
#include "app/check_tables.h"
#include "support/catch.h"

namespace tidemark {
namespace {

// "warning topic: text" a line, without what passed.
std::string findings(const CheckReport& report) {
  std::string text;
  for (const CheckItem& item : report.items()) {
    if (item.mark == Mark::pass) continue;
    text += (item.mark == Mark::warning ? "warning " : "failure ") + item.code + ": " + item.text +
            "\n";
  }
  return text;
}

std::vector<std::string> names_of(const std::vector<TopicFacts>& topics) {
  std::vector<std::string> names;
  for (const TopicFacts& topic : topics) names.push_back(topic.name);
  return names;
}

const std::vector<TopicFacts> kTopics = {{"s.inventory.orders", 3},
                                         {"s.inventory.customers", 1},
                                         {"__consumer_offsets", 50},
                                         {"other", 1}};

std::vector<TopicTable> tables_of(const Config& config, const std::vector<std::string>& topics,
                                  std::string& found) {
  CheckReport report;
  std::vector<TopicTable> tables = check_table_names(config, topics, report);
  found = findings(report);
  return tables;
}

}  // namespace

TEST_CASE("topics are selected by name and by pattern, once each", "[check]") {
  CheckReport report;
  SourceConfig source;
  source.topics = {"s.inventory.orders", "s.inventory.ordres"};
  source.topics_regex = {"^s\\.", "customers", "^nothing"};
  const auto selected = select_topics(source, kTopics, report);
  CHECK(names_of(selected) ==
        std::vector<std::string>{"s.inventory.orders", "s.inventory.customers"});
  CHECK(findings(report) ==
        "warning topic: s.inventory.ordres does not exist\n"
        "warning topics-regex: ^nothing matches no topic\n");
  CHECK(report.items().front().hint.find("did you mean s.inventory.orders?") == 0);
  CHECK(report.ok());
}

TEST_CASE("a pattern that matches what a name has selected is not idle", "[check]") {
  CheckReport report;
  SourceConfig source;
  source.topics = {"other"};
  source.topics_regex = {"^other$"};
  CHECK(select_topics(source, kTopics, report).size() == 1);
  CHECK(findings(report).empty());
}

TEST_CASE("nothing to read is a failure, and Kafka's own topics are none", "[check]") {
  CheckReport report;
  SourceConfig source;
  source.topics_regex = {"^__"};
  CHECK(select_topics(source, kTopics, report).empty());
  CHECK_FALSE(report.ok());
}

TEST_CASE("short retention is told, compacted topics are not short", "[check]") {
  constexpr std::int64_t kHour = 3'600'000;
  CheckReport report;
  judge_retention({{"a", true, 24 * kHour, std::nullopt},
                   {"b", true, 168 * kHour, 1'000'000},
                   {"c", false, kHour, 1},
                   {"d", true, std::nullopt, std::nullopt}},
                  report);
  CHECK(findings(report) ==
        "warning retention: a keeps 24 h; stopping longer loses data\n"
        "warning retention: b keeps 1000000 bytes a partition; stopping longer than that lasts "
        "loses data\n");
  CheckReport good;
  judge_retention({{"a", true, 168 * kHour, std::nullopt}, {"b", false, kHour, 1}}, good);
  CHECK(findings(good).empty());
  CHECK(good.items().front().text == "at least 168 h");
}

TEST_CASE("tables are derived from names of three parts and more", "[check]") {
  Config config;
  config.tables["inventory.orders"].target = "dw.o";
  std::string found;
  const auto tables = tables_of(config,
                                {"p.inventory.orders", "p.q.inventory.customers", "p.transaction",
                                 "p", "__debezium-heartbeat.p.q"},
                                found);
  CHECK(found.empty());
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].target == TableName{"dw", "o"});
  CHECK(tables[0].source == "inventory.orders");
  CHECK(tables[1].target == TableName{"inventory", "customers"});
}

TEST_CASE("what only records hold is not guessed", "[check]") {
  Config config;
  std::string found;
  for (const char* text : {"${db}_${schema}.${table}", "${schema}.${source.name}_${table}"}) {
    config.target.table = text;
    CHECK(tables_of(config, {"p.s.t"}, found).empty());
    CHECK(found.empty());
  }
}

TEST_CASE("tables that meet are reported", "[check]") {
  std::string found;
  CHECK(tables_of({}, {"a.s.t", "b.s.t"}, found).size() == 2);
  CHECK(found.find("failure order: a.s.t and b.s.t both lead to s.t") == 0);
  tables_of({}, {"a.s.t", "a.s.T"}, found);
  CHECK(found.find("warning case: s.t and s.T differ only by case") == 0);
  Config by_topic;
  by_topic.target.table = "s.${topic}";
  tables_of(by_topic, {"a.s.t", "b.s.t"}, found);
  CHECK(found.empty());
}

TEST_CASE("names that no table can have are reported", "[check]") {
  std::string found;
  CHECK(tables_of({}, {"p.s." + std::string(64, 'x')}, found).empty());
  CHECK(found.find("failure name: ") == 0);
  tables_of({}, {"p.pg_catalog.t"}, found);
  CHECK(found.find("failure name: ") == 0);
}

TEST_CASE("the report reads well as text and as JSON", "[check]") {
  CheckReport report;
  report.pass("Config", "settings", "a.conf");
  report.fail("Config", "config.x", "bad\nnews", "mend it");
  report.warn("Kafka", "retention", "short", "");
  CHECK(report.text(Style(false)) ==
        "Config  ok settings      a.conf\n"
        "        x  config.x      bad news\n"
        "            -> mend it\n"
        "Kafka   !  retention     short\n"
        "Summary: 1 passed | 1 warning | 1 failed\n");
  CHECK(
      report.json() ==
      R"({"passed":1,"warnings":1,"failed":1,"items":[)"
      R"({"group":"Config","status":"passed","code":"settings","text":"a.conf","hint":""},)"
      R"({"group":"Config","status":"failed","code":"config.x","text":"bad\nnews","hint":"mend it"},)"
      R"({"group":"Kafka","status":"warning","code":"retention","text":"short","hint":""}]})");
  CHECK_FALSE(report.unreachable());
  report.fail_unreachable("Kafka", "gone", "");
  CHECK(report.unreachable());
}

}  // namespace tidemark
