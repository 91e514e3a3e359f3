// The configuration file's syntax: comments, quotes, sections, and what cannot be read.
#include "app/config_file.h"

#include "support/catch.h"

namespace tidemark {
namespace {

std::string value_of(const std::string& line) {
  const ConfigText text = parse_config(line, "f");
  REQUIRE(text.faults.empty());
  REQUIRE(text.entries.size() == 1);
  return text.entries.front().value;
}

ConfigFault fault_of(const std::string& content) {
  const ConfigText text = parse_config(content, "inventory.conf");
  REQUIRE(text.faults.size() == 1);
  return text.faults.front();
}

}  // namespace

TEST_CASE("entries know their section, table and line", "[config]") {
  const ConfigText text = parse_config(
      "\xEF\xBB\xBFpipeline = inventory   # its name\r\n"
      "\n"
      "; a comment\n"
      "[kafka]          # librdkafka's\n"
      "  bootstrap.servers=a:9092,b:9092\n"
      "[ table.inventory.orders ]\n"
      "target = dw.orders\n"
      "[table.\"odd # name.or]ders\"] ; quoted\n"
      "key = id",
      "f");
  REQUIRE(text.faults.empty());
  REQUIRE(text.entries.size() == 4);
  CHECK(text.entries[0].section.empty());
  CHECK(text.entries[0].value == "inventory");
  CHECK(text.entries[0].place == "f:1");
  CHECK(text.entries[1].section == "kafka");
  CHECK(text.entries[1].key == "bootstrap.servers");
  CHECK(text.entries[1].value == "a:9092,b:9092");
  CHECK(text.entries[1].place == "f:5");
  CHECK(text.entries[2].section == "table");
  CHECK(text.entries[2].table == "inventory.orders");
  CHECK(text.entries[3].table == "odd # name.or]ders");
  CHECK(text.entries[3].place == "f:9");
}

TEST_CASE("a comment begins at the start of a line or after white space only", "[config]") {
  CHECK(value_of("dsn = postgresql://u:p#ss@h/db") == "postgresql://u:p#ss@h/db");
  CHECK(value_of("dsn = postgresql://u:p;ss@h/db # it") == "postgresql://u:p;ss@h/db");
  CHECK(value_of("a = b ; c") == "b");
  CHECK(value_of("a =#b") == "#b");
  CHECK(value_of("a = #b").empty());
  CHECK(value_of("a =").empty());
  CHECK(value_of("a = b\t# c") == "b");
  CHECK(value_of("a = x = y") == "x = y");
}

TEST_CASE("a value in double quotes is taken as it stands", "[config]") {
  CHECK(value_of("a = \" b # c \"  # d") == " b # c ");
  CHECK(value_of("a = \"\"").empty());
  CHECK(value_of("a = \"say \"hi\"\"") == "say \"hi\"");
  CHECK(value_of("a = \"back\\slash\"") == "back\\slash");
  CHECK(value_of("a = b \"c\"") == "b \"c\"");
  CHECK(parse_config("a = \"b\"", "f").entries.front().quoted);
  CHECK_FALSE(parse_config("a = b", "f").entries.front().quoted);
}

TEST_CASE("what cannot be read is a fault with its line", "[config]") {
  CHECK(fault_of("\nno equals sign").place == "inventory.conf:2");
  CHECK(fault_of("= value").code == "config.syntax");
  CHECK(fault_of("a = \"open").message == "a: the double quote is not closed");
  CHECK(fault_of("a = \"b\" c").message == "a: the double quote is not closed");
  CHECK(fault_of("[kafka\na = b").place == "inventory.conf:1");
  CHECK(fault_of("[]").code == "config.syntax");
  CHECK(fault_of(std::string("a = b\0c", 7)).code == "config.syntax");
}

TEST_CASE("a bad line does not hide the others", "[config]") {
  const ConfigText text = parse_config("what\na = b\n\"\nc = d\n", "f");
  CHECK(text.faults.size() == 2);
  CHECK(text.entries.size() == 2);
}

TEST_CASE("a file that cannot be read names itself and the reason", "[config]") {
  CHECK_THROWS_WITH(read_file("/nonexistent/tidemark.conf"),
                    test::has_text("/nonexistent/tidemark.conf: No such file"));
  CHECK_THROWS_WITH(read_file("/"), test::has_text("Is a directory"));
}

}  // namespace tidemark
