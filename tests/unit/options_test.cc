// The command line: flags, usage errors with suggestions, the exit codes of errors, the envelope.
#include "app/options.h"

#include "app/exit_code.h"
#include "app/output.h"
#include "support/catch.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

std::string hint_of(const std::vector<std::string>& arguments) {
  try {
    parse_command_line(arguments);
  } catch (const ConfigError& error) {
    CHECK(error.usage());
    return error.hint();
  }
  FAIL("accepted");
  return {};
}

std::string message_of(const std::vector<std::string>& arguments) {
  try {
    parse_command_line(arguments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("flags become settings in the order of the command line", "[options]") {
  const CommandLine line =
      parse_command_line({"run", "-c", "a.conf", "-b", "h:1", "-Gmine", "-X", "debug=broker,topic",
                          "-Xsasl.password=a=b", "--set=target.dsn=host=x user=y", "--set",
                          "log.level=", "-q", "-o", "json", "--color=never", "--until-current"});
  CHECK(line.command == "run");
  CHECK(line.config_file == "a.conf");
  CHECK(line.until_current);
  CHECK(line.format == OutputFormat::json);
  CHECK(line.color == ColorChoice::never);
  std::string all;
  for (const FlagSetting& flag : line.settings)
    all += flag.flag + " " + flag.name + "=" + flag.value + "\n";
  CHECK(all ==
        "-b kafka.bootstrap.servers=h:1\n-G kafka.group.id=mine\n-X kafka.debug=broker,topic\n"
        "-X kafka.sasl.password=a=b\n--set target.dsn=host=x user=y\n--set log.level=\n"
        "-q log.level=error\n");
}

TEST_CASE("commands and their words", "[options]") {
  CHECK(parse_command_line({"check", "--offline", "-c", "f"}).offline);
  CHECK(parse_command_line({"config", "show", "-c", "f"}).subcommand == "show");
  CHECK(parse_command_line({"config", "-c", "f", "init"}).subcommand == "init");
  CHECK(parse_command_line({"--version"}).version);
  CHECK(parse_command_line({"run", "-h"}).help);
  CHECK(parse_command_line({"config", "--help"}).help);
}

TEST_CASE("usage errors say what was probably meant", "[options]") {
  CHECK(hint_of({"chekc"}) == "did you mean check?");
  CHECK(hint_of({"xyzzy"}).find("commands: run, check, ") == 0);
  CHECK(hint_of({"run", "--untill-current"}) == "did you mean --until-current?");
  CHECK(hint_of({"config", "shwo"}) == "did you mean show?");
  CHECK(hint_of({"run", "-o", "yaml"}) == "use text, json");
  CHECK(message_of({"run", "--unknown=5"}) == "unknown flag --unknown");
  CHECK(message_of({"run", "-c", "a", "-c", "b"}).find("--config") != std::string::npos);
  CHECK(message_of({"run", "-c"}).find("required argument") != std::string::npos);
  CHECK(message_of({}) == "which command?");
  CHECK(message_of({"-c", "f", "run"}).find("the command comes first") == 0);
  CHECK(message_of({"run", "now"}) == "\"now\": run takes flags only");
  CHECK(message_of({"run", "--set", "target.dsn"}).find("needs a name and a value") !=
        std::string::npos);
  CHECK(message_of({"check", "--until-current"}) == "unknown flag --until-current");
}

TEST_CASE("dlq says which letters, and drop asks twice", "[options]") {
  const CommandLine line =
      parse_command_line({"dlq", "drop", "7", "12", "-c", "f", "--kind", "held", "--yes"});
  CHECK(line.subcommand == "drop");
  CHECK(line.ids == std::vector<std::int64_t>{7, 12});
  CHECK(line.kind == "held");
  CHECK(line.yes);
  CHECK(message_of({"dlq"}).find("dlq: which of list, show, replay, drop?") == 0);
  CHECK(hint_of({"dlq", "repaly"}) == "did you mean replay?");
  CHECK(message_of({"dlq", "show"}).find("one letter") != std::string::npos);
  CHECK(message_of({"dlq", "show", "x"}).find("takes a number") != std::string::npos);
  CHECK(message_of({"dlq", "drop", "--yes"}).find("needs to know which") != std::string::npos);
  CHECK(message_of({"dlq", "drop", "--all", "7"}).find("needs to know which") != std::string::npos);
  CHECK(message_of({"dlq", "list", "--yes"}) == "--yes belongs to dlq drop");
  CHECK(message_of({"dlq", "replay", "--replayed"}).find("are done") != std::string::npos);
  CHECK(message_of({"dlq", "list", "--kind", "bad"}).find("--kind") == 0);
}

TEST_CASE("flags are not guessed at", "[options]") {
  CHECK(message_of({"run", "--conf", "f"}) == "unknown flag --conf");
  CHECK(message_of({"run", "--until"}) == "unknown flag --until");
}

TEST_CASE("what is not in this version says so", "[options]") {
  CHECK(message_of({"verify", "-c", "f"}) == "\"verify\" is not in this version");
  CHECK(message_of({"run", "--dry-run"}) == "--dry-run is not in this version");
  CHECK(message_of({"config", "init", "--from-connector=x.json"}) ==
        "--from-connector is not in this version");
}

TEST_CASE("help and version name what they must", "[options]") {
  CHECK(help_text("").find("tidemark check -c FILE [--offline]") != std::string::npos);
  CHECK(help_text("run").find("--until-current") != std::string::npos);
  CHECK(help_text("check").find("--until-current") == std::string::npos);
  CHECK(version_text().find("librdkafka ") != std::string::npos);
  CHECK(version_text().find("builtin.features gzip") != std::string::npos);
  CHECK(version_text().find("libpq ") != std::string::npos);
}

TEST_CASE("each kind of error has its exit code", "[options]") {
  CHECK(judge_exception(ConfigError("x", "", true)).code == 64);
  CHECK(judge_exception(ConfigError("x")).code == 78);
  CHECK(judge_exception(ConfigFaults({{"c", "", "x", "", true}})).code == 77);
  CHECK(judge_exception(ConfigFaults({{"c", "", "x", "", false}})).code == 78);
  CHECK(judge_exception(Error(ErrorKind::retry, "x")).code == 69);
  CHECK(judge_exception(Error(ErrorKind::data, "x")).code == 65);
  CHECK(judge_exception(Error(ErrorKind::fatal, "x", "", "42501")).code == 77);
  CHECK(judge_exception(Error(ErrorKind::fatal, "x", "", "28P01")).code == 77);
  CHECK(judge_exception(PermissionError("x", "")).code == 77);
  CHECK(judge_exception(Error(ErrorKind::fatal, "x", "", "42P01")).code == 78);
  CHECK(judge_exception(std::runtime_error("x")).code == 70);
}

TEST_CASE("the envelope is one object with five members", "[options]") {
  const ShownError error{"m \"q\"", "h", {{"config.missing", "f:1", "m", "h"}}};
  CHECK(envelope_json({"check", true, "fine", "[1]", nullptr}) ==
        R"({"command":"check","ok":true,"summary":"fine","result":[1],"error":null})"
        "\n");
  CHECK(
      envelope_json({"run", false, "s", "null", &error}) ==
      R"({"command":"run","ok":false,"summary":"s","result":null,"error":{"message":"m \"q\"",)"
      R"("hint":"h","faults":[{"code":"config.missing","place":"f:1","message":"m","hint":"h"}]}})"
      "\n");
}

TEST_CASE("signs fall back to ASCII, and foreign text cannot steer a terminal", "[options]") {
  const Style plain = Style::of(stdout, ColorChoice::never);
  CHECK(plain.mark(Mark::failure) == "x ");
  CHECK(std::string(plain.arrow()) == "->");
  CHECK(Style::of(stdout, ColorChoice::always).mark(Mark::pass).find("✓") != std::string::npos);
  CHECK(printable("a\x1b[31m\nb\n") == "a [31m b");
}

}  // namespace tidemark
