// Settings: the documented defaults, precedence, escapes, what is refused, and that no secret is
// ever shown.
#include "app/settings.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "app/config_command.h"
#include "app/environment.h"
#include "app/secrets.h"
#include "app/settings_table.h"
#include "support/catch.h"

namespace tidemark {
namespace {

const std::string kLeast =
    "pipeline = inventory\n"
    "[kafka]\n"
    "bootstrap.servers = localhost:9092\n"
    "[source]\n"
    "topics = dbserver1.inventory.orders\n"
    "[target]\n"
    "dsn = host=db dbname=warehouse\n";

LoadedSettings load(const std::string& text, SettingInputs inputs = {}) {
  inputs.file_name = "inventory.conf";
  inputs.file_text = text;
  return load_settings(inputs);
}

Config good(const std::string& text, const SettingInputs& inputs = {}) {
  const LoadedSettings loaded = load(text, inputs);
  for (const ConfigFault& fault : loaded.faults) UNSCOPED_INFO(fault.display());
  REQUIRE(loaded.faults.empty());
  return loaded.config;
}

ConfigFault only_fault(const std::string& text, const SettingInputs& inputs = {}) {
  const LoadedSettings loaded = load(text, inputs);
  for (const ConfigFault& fault : loaded.faults) UNSCOPED_INFO(fault.display());
  REQUIRE(loaded.faults.size() == 1);
  return loaded.faults.front();
}

std::string origin_of(const LoadedSettings& loaded, const std::string& key) {
  for (const ShownSetting& shown : loaded.shown) {
    if (shown.key == key) return shown.origin;
  }
  return "not shown";
}

// A file of its own, gone with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    path_ = std::filesystem::temp_directory_path() /
            ("tidemark_settings_test_" + std::to_string(getpid()));
    std::ofstream(path_) << content;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("the defaults are the documented ones", "[settings]") {
  const Config config = good(kLeast);
  CHECK(config.pipeline == "inventory");
  CHECK(config.shutdown_timeout == std::chrono::seconds(20));
  CHECK(config.kafka.group_id == "tidemark-inventory");
  CHECK(config.source.type == "kafka");
  CHECK(config.source.format == SourceFormat::automatic);
  CHECK(config.source.registry.url.empty());
  CHECK(config.source.unavailable_value == "__debezium_unavailable_value");
  CHECK(config.source.metadata_prefix == "__");
  CHECK(config.source.record_bytes_max == 64U << 20);
  CHECK(config.source.record_depth_max == 512);
  CHECK(config.target.table == "${schema}.${table}");
  CHECK(config.target.mode == WriteMode::merge);
  CHECK(config.target.schema_evolution == SchemaEvolution::evolve);
  CHECK_FALSE(config.target.schema_inference);
  CHECK(config.target.delete_enabled);
  CHECK(config.target.truncate_enabled);
  CHECK(config.target.state_schema == "tidemark");
  CHECK(config.batch.rows_max == 200000);
  CHECK(config.batch.bytes_max == 32U << 20);
  CHECK(config.batch.delay_max == std::chrono::milliseconds(200));
  CHECK(config.batch.lanes == 0);
  CHECK(config.batch.buffer_bytes_max == 128U << 20);
  CHECK(config.errors.on_bad_record == OnBadRecord::stop);
  CHECK(config.errors.dead_letter_rate_max == Approx(0.01));
  CHECK(config.errors.hold_key);
  CHECK(config.http_listen == "127.0.0.1:8084");
  CHECK(config.http_token.empty());
  CHECK(config.log.format == "auto");
  CHECK(config.log.level == "info");
  CHECK_FALSE(config.log.values);
}

TEST_CASE("Config's own defaults are the same", "[settings]") {
  const Config config = good(kLeast);
  const Config plain;
  CHECK(config.shutdown_timeout == plain.shutdown_timeout);
  CHECK(config.source.unavailable_value == plain.source.unavailable_value);
  CHECK(config.source.record_bytes_max == plain.source.record_bytes_max);
  CHECK(config.source.record_depth_max == plain.source.record_depth_max);
  CHECK(config.target.table == plain.target.table);
  CHECK(config.target.state_schema == plain.target.state_schema);
  CHECK(config.batch.rows_max == plain.batch.rows_max);
  CHECK(config.batch.bytes_max == plain.batch.bytes_max);
  CHECK(config.batch.delay_max == plain.batch.delay_max);
  CHECK(config.batch.buffer_bytes_max == plain.batch.buffer_bytes_max);
  CHECK(config.errors.dead_letter_rate_max == Approx(plain.errors.dead_letter_rate_max));
  CHECK(config.http_listen == plain.http_listen);
  CHECK(config.log.level == plain.log.level);
}

TEST_CASE("every value of a file reaches the configuration", "[settings]") {
  const Config config = good(
      "pipeline = p.1-a_B\nshutdown-timeout = 1min\n"
      "[kafka]\nbootstrap.servers = a:1,b:2\ngroup.id = mine\nsecurity.protocol = sasl_ssl\n"
      "[source]\ntype = kafka\ntopics = a.b.c, a.b.d\ntopics = e.f.g\n"
      "topics-regex = ^x\\.(y|z){1,2}$\nformat = json\nunavailable-value = nix\n"
      "metadata-prefix =\nbinary-text = base64-url-safe\n"
      "record-max-bytes = 1MiB\nrecord-max-depth = 64\n"
      "[target]\ndsn = postgresql://cdc@db/w\ntable = ${db}_${schema}.${table}${source.ts_ms}\n"
      "mode = merge\nschema-evolution = validate\nschema-inference = yes\ndelete = false\n"
      "truncate = off\nstate-schema = state\n"
      "[batch]\nmax-rows = 10\nmax-bytes = 1GiB\nmax-delay = 0\nlanes = 3\n"
      "buffer-max-bytes = 64 MiB\n"
      "[errors]\non-bad-record = dead-letter\ndead-letter-max-rate = 0.5%\nhold-key = false\n"
      "[table.inventory.orders]\ntarget = dw.orders\ncolumns-exclude = note, memo\n"
      "columns-exclude = \"a,b\"\nkey = order_id\ntime-unit = us\nbinary-text = hex\nmode = merge\n"
      "[http]\nlisten =\ntoken-file =\n"
      "[log]\nformat = json\nlevel = debug\nvalues = true\n");
  CHECK(config.shutdown_timeout == std::chrono::minutes(1));
  CHECK(config.kafka.group_id == "mine");
  using Properties = std::vector<std::pair<std::string, std::string>>;
  CHECK(config.kafka.properties ==
        Properties{{"bootstrap.servers", "a:1,b:2"}, {"security.protocol", "sasl_ssl"}});
  CHECK(config.source.topics == std::vector<std::string>{"a.b.c", "a.b.d", "e.f.g"});
  CHECK(config.source.topics_regex == std::vector<std::string>{"^x\\.(y|z){1,2}$"});
  CHECK(config.source.format == SourceFormat::json);
  CHECK(config.source.metadata_prefix.empty());
  CHECK(config.source.record_bytes_max == 1U << 20);
  CHECK(config.target.schema_evolution == SchemaEvolution::validate);
  CHECK(config.target.schema_inference);
  CHECK_FALSE(config.target.delete_enabled);
  CHECK_FALSE(config.target.truncate_enabled);
  CHECK(config.batch.bytes_max == 1U << 30);
  CHECK(config.batch.delay_max == std::chrono::milliseconds(0));
  CHECK(config.batch.lanes == 3);
  CHECK(config.batch.buffer_bytes_max == 64U << 20);
  CHECK(config.errors.on_bad_record == OnBadRecord::dead_letter);
  CHECK(config.errors.dead_letter_rate_max == Approx(0.005));
  const TableConfig& table = config.tables.at("inventory.orders");
  CHECK(table.target == "dw.orders");
  CHECK(table.columns_exclude == std::vector<std::string>{"note", "memo", "a,b"});
  CHECK(table.key == std::vector<std::string>{"order_id"});
  CHECK(table.time_unit == TimeUnitMode::us);
  CHECK(table.binary_text == BinaryText::hex);
  CHECK(config.source.binary_text == BinaryText::base64_url_safe);
  CHECK(table.mode == WriteMode::merge);
  CHECK(config.http_listen.empty());
  CHECK(config.log.values);
}

TEST_CASE("flag wins over environment, environment over file", "[settings]") {
  const std::string file = kLeast + "[batch]\nmax-rows = 1\n[log]\nlevel = error\n";
  SettingInputs inputs;
  CHECK(good(file).batch.rows_max == 1);
  inputs.environment = {{"TIDEMARK_BATCH_MAX___ROWS", "2"}, {"HOME", "x"}};
  CHECK(good(file, inputs).batch.rows_max == 2);
  inputs.flags = {{"--set", "batch.max-rows", "3"}, {"--set", "batch.max-rows", "4"}};
  const LoadedSettings loaded = load(file, inputs);
  CHECK(loaded.config.batch.rows_max == 4);
  CHECK(origin_of(loaded, "max-rows") == "--set");
  CHECK(origin_of(loaded, "level") == "inventory.conf:11");
  CHECK(origin_of(loaded, "max-bytes") == "default");
  CHECK(origin_of(loaded, "group.id") == "default");
}

TEST_CASE("a list given at a higher level replaces the whole list", "[settings]") {
  SettingInputs inputs;
  inputs.environment = {{"TIDEMARK_SOURCE_TOPICS", "a.b.c,a.b.d"}};
  CHECK(good(kLeast, inputs).source.topics == std::vector<std::string>{"a.b.c", "a.b.d"});
  inputs.flags = {{"--set", "source.topics", "x"}, {"--set", "source.topics", "y"}};
  CHECK(good(kLeast, inputs).source.topics == std::vector<std::string>{"x", "y"});
}

TEST_CASE("both names of the brokers' addresses are one setting", "[settings]") {
  SettingInputs inputs;
  inputs.flags = {{"-X", "kafka.metadata.broker.list", "c:3"}};
  using Properties = std::vector<std::pair<std::string, std::string>>;
  CHECK(good(kLeast, inputs).kafka.properties == Properties{{"bootstrap.servers", "c:3"}});
}

TEST_CASE("environment variables have escapes for what a name may hold", "[settings]") {
  CHECK(setting_of_variable("TIDEMARK_TARGET_DSN") == "target.dsn");
  CHECK(setting_of_variable("TIDEMARK_KAFKA_SASL_USERNAME") == "kafka.sasl.username");
  CHECK(setting_of_variable("TIDEMARK_TARGET_STATE___SCHEMA") == "target.state-schema");
  CHECK(setting_of_variable("TIDEMARK_TABLE_S_T__1_KEY") == "table.s.t_1.key");
  CHECK_FALSE(setting_of_variable("PATH").has_value());
  CHECK_FALSE(setting_of_variable("TIDEMARK_HTTP_SERVICE_HOST").has_value());
  CHECK_FALSE(setting_of_variable("TIDEMARK_PORT_8084_TCP_ADDR").has_value());
  CHECK_FALSE(setting_of_variable("TIDEMARK_KAFKA_PORT").has_value());
  for (const Setting& setting : all_settings()) {
    const std::string name = std::string(setting.section) + "." + std::string(setting.key);
    CHECK(setting_of_variable(variable_of_setting(name)) == name);
  }
}

TEST_CASE("a mistyped variable of ours is an error, another program's is not", "[settings]") {
  SettingInputs inputs;
  inputs.environment = {{"TIDEMARK_CACHE", "x"}, {"TIDEMARK_SOMETHING_ELSE", "y"}};
  good(kLeast, inputs);
  inputs.environment = {{"TIDEMARK_TARGET_PASSWORD_FILE", "x"}};
  const ConfigFault fault = only_fault(kLeast, inputs);
  CHECK(fault.place == "TIDEMARK_TARGET_PASSWORD_FILE");
  CHECK(fault.hint == "did you mean TIDEMARK_TARGET_PASSWORD___FILE?");
  inputs.environment = {{"TIDEMARK_SHUTDOWN_TIMEOUT", "1s"}};
  CHECK(only_fault(kLeast, inputs).hint == "did you mean TIDEMARK_SHUTDOWN___TIMEOUT?");
}

TEST_CASE("any setting may come from a file, one trailing newline cut", "[settings]") {
  const TemporaryFile file("s3cret\n");
  const Config config = good(kLeast + "password-file = " + file.path() +
                             "\n[kafka]\nsasl.password-file = " + file.path() + "\n");
  CHECK(config.target.password == "s3cret");
  CHECK(config.kafka.properties.back() ==
        std::pair<std::string, std::string>("sasl.password", "s3cret"));

  const TemporaryFile topics("a.b.c\na.b.d\n");
  SettingInputs inputs;
  inputs.flags = {{"--set", "source.topics-file", topics.path()}};
  CHECK(good(kLeast, inputs).source.topics == std::vector<std::string>{"a.b.c", "a.b.d"});
}

TEST_CASE("what cannot be read, or is given twice, says so", "[settings]") {
  const ConfigFault fault = only_fault(kLeast + "password-file = /nonexistent\n");
  CHECK(fault.display() ==
        "inventory.conf:8: target.password-file: /nonexistent: No such file or directory");
  CHECK(only_fault(kLeast + "dsn = host=x\n").display() ==
        "inventory.conf:8: target.dsn is given twice, before at inventory.conf:7");
  CHECK(only_fault(kLeast + "password = a\npassword-file = b\n").code == "config.duplicate");
  CHECK(only_fault(kLeast + "[kafka]\nclient.id = a\nclient.id = b\n").code == "config.duplicate");
}

TEST_CASE("an unknown key names its line and the nearest known one", "[settings]") {
  ConfigFault fault = only_fault(kLeast + "schema-evolutoin = evolve\n");
  CHECK(fault.display() == "inventory.conf:8: target.schema-evolutoin: unknown key");
  CHECK(fault.hint == "did you mean schema-evolution?");
  CHECK(only_fault(kLeast + "max-rows = 1\n").hint == "it belongs to [batch]");
  CHECK(only_fault(kLeast + "[kafak]\na = b\nc = d\n").hint == "did you mean kafka?");
  fault = only_fault(kLeast + "[kafka]\nsession.timeout = 1\n");
  CHECK(fault.display().find("inventory.conf:9: kafka.session.timeout: librdkafka ") == 0);
  CHECK(fault.hint == "did you mean session.timeout.ms?");
  SettingInputs inputs;
  inputs.flags = {{"--set", "target.mod", "merge"}};
  CHECK(only_fault(kLeast, inputs).display() == "--set: target.mod: unknown key");
  inputs.flags = {{"--set", "table.key", "id"}};
  CHECK(only_fault(kLeast, inputs).code == "config.unknown_key");
}

TEST_CASE("every fault is told, not only the first", "[settings]") {
  const LoadedSettings loaded = load("pipline = x\n[batch]\nmax-rows = many\nlanes = 0\n");
  std::vector<std::string> codes;
  for (const ConfigFault& fault : loaded.faults) codes.push_back(fault.code);
  CHECK(codes == std::vector<std::string>{"config.unknown_key", "config.bad_value",
                                          "config.bad_value", "config.missing", "config.missing",
                                          "config.missing", "config.missing"});
}

TEST_CASE("properties on which the guarantees rest are refused", "[settings]") {
  for (const char* property :
       {"enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "isolation.level",
        "check.crcs", "enable.partition.eof", "plugin.library.paths", "ssl.engine.location",
        "ssl.providers", "sasl.kerberos.kinit.cmd"}) {
    SettingInputs inputs;
    inputs.flags = {{"-X", std::string("kafka.") + property, "true"}};
    const ConfigFault fault = only_fault(kLeast, inputs);
    CHECK(fault.place == "-X");
    CHECK(fault.message.find("cannot be set: ") != std::string::npos);
  }
}

TEST_CASE("what is not in this version is refused", "[settings]") {
  for (const char* lines : {"[source]\ntype = files", "[source]\ntype = table",
                            "[source]\nformat = avro", "[source]\nformat = cloudevents",
                            "[target]\nmode = append", "[table.a.b]\nmode = history"}) {
    CHECK(only_fault(kLeast + lines + "\n").message.find("not in this version") !=
          std::string::npos);
  }
}

TEST_CASE("values of the wrong form are told with the right one", "[settings]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[batch]\nmax-bytes = 32MB", "KiB, MiB or GiB"},
      {"[batch]\nmax-bytes = 32", "KiB, MiB or GiB"},
      {"[batch]\nmax-bytes = 99999999999GiB", "KiB, MiB or GiB"},
      {"[batch]\nmax-rows = 5k", "a whole number"},
      {"[batch]\nmax-rows = -1", "a whole number"},
      {"[batch]\nmax-delay = 200", "ms, s, min or h"},
      {"[errors]\ndead-letter-max-rate = 0.01", "a percentage"},
      {"[errors]\ndead-letter-max-rate = 101%", "a percentage"},
      {"[errors]\nhold-key = maybe", "true or false"},
      {"[errors]\non-bad-record = skip", "use stop, dead-letter"},
      {"[source]\ntopics-regex = (", "POSIX"},
      {"[source]\ntopics-regex = ^a\\d", "[0-9]"},
      {"[source]\ntopics = ^a.*", "topics-regex"},
      {"[source]\nregistry-url = registry:8081", "http://host:8081"},
      {"[source]\nregistry-url = http://r:8081,ftp://r", "http://host:8081"},
      {"[source]\nregistry-url = http://r:8081/?a=b", "leave out ?"},
      {"[source]\nregistry-url = http://r\nregistry-ca = /etc/ca.pem", "registry-ca-file"},
      {"[source]\nregistry-url = http://r\nregistry-cert = -----BEGIN X", "registry-key-file"},
      {"[source]\nregistry-url = http://r\nregistry-password = x", "registry-user"},
      {"[source]\nregistry-url = http://u:p"
       "@r\nregistry-token = x",
       "one of the two"},
      {"[target]\ntable = ${schemas}.x", "${schema}"},
      {"[target]\nstate-schema = pg_x", "pg_"},
      {"[http]\nlisten = 8084", "127.0.0.1:8084"},
      {"[table.orders]\nkey = id", "[table.<schema>.<table>]"},
      {"[table.a.b]\ntarget = orders", "schema"},
      {"[table.a.b]\ntime-unit = s", "use ms, us, ns"},
  };
  for (const auto& [lines, hint] : cases) {
    INFO(lines);
    const ConfigFault fault = only_fault(kLeast + lines + "\n");
    CHECK(fault.code == "config.bad_value");
    CHECK(fault.hint.find(hint) != std::string::npos);
  }
  CHECK(only_fault(kLeast + "[table.a.b]\nkey = id\ncolumns-exclude = id\n").code ==
        "config.bad_value");
}

TEST_CASE("no secret is ever shown", "[settings]") {
  const TemporaryFile token("hush-token\n");
  const LoadedSettings loaded = load(
      "pipeline = p\n[kafka]\nbootstrap.servers = a:1\nsasl.password = hush-sasl\n"
      "ssl.key.pem = hush-pem\nssl.key.password = hush-key\n[source]\ntopics = t\n"
      "registry-url = https://me:hush-url"
      "@r:8081/a,http://s\nregistry-cert = -----BEGIN hush\n"
      "registry-key = -----BEGIN hush\nregistry-key-password = hush\nregistry-password = hush\n"
      "[target]\ndsn = postgresql://u:hush-dsn@h/db?sslpassword=hush-ssl\npassword = hush-pw\n"
      "[http]\ntoken-file = " +
      token.path() + "\n");
  CHECK(loaded.faults.empty());
  CHECK(loaded.config.http_token == "hush-token");
  const std::string shown = shown_settings_text(loaded) + shown_settings_json(loaded);
  CHECK(shown.find("hush") == std::string::npos);
  CHECK(shown.find("user=u") != std::string::npos);
  CHECK(shown.find("registry-url = https://me:********"
                   "@r:8081/a,http://s") != std::string::npos);
  CHECK(shown.find("password=********") != std::string::npos);
}

TEST_CASE("no fault repeats a secret", "[settings]") {
  const LoadedSettings loaded = load(
      "pipeline = p\n[kafka]\nbootstrap.servers = a:1\nssl.key.pem = hush\nssl.key.pem = hush\n"
      "sasl.password = hush\nsasl.password = hush\n[source]\ntopics = t\n"
      "registry-url = http://u:hush"
      "@r:8081/?hush\nregistry-token = hush\nregistry-key = hush\n"
      "[target]\ndsn = postgresql://u:hush@[h/db\npassword = hush\npassword = hush\n");
  CHECK(loaded.faults.size() == 7);
  for (const ConfigFault& fault : loaded.faults) {
    CHECK((fault.display() + fault.hint).find("hush") == std::string::npos);
  }
  CHECK(shown_dsn("host=h password='hush hush' user='a b'").find("hush") == std::string::npos);
  CHECK(shown_dsn("password=hush nonsense") == "********");
  CHECK(dsn_holds_password("postgresql://u:p@h/db"));
  CHECK_FALSE(dsn_holds_password("host=h user=u"));
}

TEST_CASE("what config show prints is a configuration again", "[settings]") {
  const LoadedSettings first =
      load(kLeast + "[table.a.b]\nkey = x,y\n[kafka]\nclient.id = \" a #b\"\n");
  const LoadedSettings second = load(shown_settings_text(first));
  for (const ConfigFault& fault : second.faults) UNSCOPED_INFO(fault.display());
  CHECK(second.faults.empty());
  CHECK(second.config.kafka.properties == first.config.kafka.properties);
  CHECK(second.config.tables.at("a.b").key == std::vector<std::string>{"x", "y"});
}

TEST_CASE("the example is a configuration that can be loaded", "[settings]") {
  CHECK(good(example_config()).pipeline == "inventory");
}

}  // namespace tidemark
