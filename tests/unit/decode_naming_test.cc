// decode/naming: from a source's table to the target's.
#include "decode/naming.h"
#include "decode/refused.h"
#include "decode/table_claims.h"
#include "support/catch.h"
#include "tidemark/error.h"

namespace tidemark {

namespace {

SourceTableName shop_orders() {
  return {"shop", "inventory", "orders", false};
}

std::string named(const std::string& pattern, const SourceTableName& source = shop_orders(),
                  const std::vector<std::string>& members = {}) {
  Config config;
  config.target.table = pattern;
  return TargetNaming(config).name(source, "srv.inventory.orders", members).quoted();
}

}  // namespace

TEST_CASE("naming: the template's variables", "[decode][naming]") {
  CHECK(named("${schema}.${table}") == R"("inventory"."orders")");
  CHECK(named("dw.${schema}_${table}") == R"("dw"."inventory_orders")");
  CHECK(named("${db}.${table}") == R"("shop"."orders")");
  CHECK(named("raw.${topic}") == R"("raw"."srv.inventory.orders")");
  CHECK(named("${topic}") == R"("srv.inventory"."orders")");
  CHECK(named("x.y") == R"("x"."y")");
  CHECK(named("${source.name}.${table}", shop_orders(), {"east"}) == R"("east"."orders")");
  CHECK(named("a.$b") == R"("a"."$b")");
}

TEST_CASE("naming: templates and targets that cannot name a table are configuration errors",
          "[decode][naming]") {
  for (const char* pattern : {"${nope}.t", "${schema", "a.b.c", "${source.}.t"}) {
    INFO(pattern);
    CHECK_THROWS_AS(named(pattern), ConfigError);
  }
  for (const char* target : {"orders", "a.b.c", ".t", "s."}) {
    Config config;
    config.tables["inventory.orders"].target = target;
    INFO(target);
    CHECK_THROWS_AS(TargetNaming(config), ConfigError);
  }
}

TEST_CASE("naming: a section's target wins", "[decode][naming]") {
  Config config;
  config.tables["inventory.orders"].target = "dw.orders_in";
  CHECK(TargetNaming(config).name(shop_orders(), "t", {}).display() == "dw.orders_in");
  CHECK(TargetNaming(config).name({"", "a", "b", false}, "t", {}).display() == "a.b");
}

TEST_CASE("naming: names that PostgreSQL would not keep, or that are not ours to write",
          "[decode][naming]") {
  const std::string longest(63, 'x');
  CHECK_NOTHROW(named("a." + longest));
  for (const std::string& pattern :
       {std::string("a.") + longest + "x", std::string("nodot"), std::string("pg_catalog.${table}"),
        std::string("information_schema.t"), std::string("tidemark.${table}"),
        std::string("pg_x.t"), std::string("${source.none}.t")}) {
    INFO(pattern);
    CHECK_THROWS_AS(named(pattern, shop_orders(), {""}), Refused);
  }
  CHECK_THROWS_AS(named("${schema}.${table}", {"", "", "t", false}), Refused);
}

TEST_CASE("naming: a flattened record is named by its topic alone", "[decode][naming]") {
  const auto name = table_of_topic("srv.inventory.orders");
  REQUIRE(name);
  CHECK(name->display() == "inventory.orders");
  CHECK(name->flattened);
  CHECK(table_of_topic("inventory.orders")->display() == "inventory.orders");
  for (const char* topic : {"orders", "orders.", ".orders", "a..orders", ""}) {
    INFO(topic);
    CHECK_FALSE(table_of_topic(topic));
  }
  CHECK_THROWS_AS(named("${db}.${table}", *name), Refused);
  CHECK_THROWS_AS(named("${source.name}.${table}", *name, {"x"}), Refused);
}

TEST_CASE("naming: tables that meet in one are refused, unless both are sent there",
          "[decode][naming]") {
  const TableName target{"public", "t"};
  const TableClaim east{"s.east.t", "east.t", false, false};
  const TableClaim west{"s.west.t", "west.t", false, false};
  TableClaims claims;
  CHECK_FALSE(claims.claim(target, east).has_value());
  CHECK_FALSE(claims.claim(target, east).has_value());
  CHECK_FALSE(claims.claim({"public", "other"}, west).has_value());
  CHECK(claims.disputes() == 0);
  CHECK(claims.claim(target, west) == east);
  CHECK(claims.disputes() == 1);
  CHECK(claims.claim(target, east) == west);  // the first one too, once it is known
  CHECK(claims.claim(target, west) == east);
  CHECK(claims.disputes() == 1);

  TableClaims others;
  CHECK_FALSE(others.claim(target, {"a", "east.t", true, false}).has_value());
  CHECK_FALSE(others.claim(target, {"b", "west.t", true, false}).has_value());
  CHECK(others.claim(target, {"c", "north.t", false, false}).has_value());
  TableClaims routed;
  CHECK_FALSE(routed.claim(target, {"a", "s.t_1", false, true}).has_value());
  CHECK_FALSE(routed.claim(target, {"a", "s.t_2", false, true}).has_value());
  CHECK(routed.claim(target, {"b", "s.t_1", false, true}).has_value());
}

}  // namespace tidemark
