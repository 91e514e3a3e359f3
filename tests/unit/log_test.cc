#include "base/log.h"

#include <unistd.h>

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "tidemark/error.h"

namespace {

using namespace tidemark;

// Takes what goes to stderr while it lives; the log's settings are the defaults again afterwards.
class Capture {
 public:
  Capture() : file_(std::tmpfile()), before_(dup(STDERR_FILENO)) {
    std::fflush(stderr);
    dup2(fileno(file_), STDERR_FILENO);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    std::fclose(file_);
    configure_log("auto", "info", "", false);
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    std::array<char, 4096> part{};
    std::rewind(file_);
    while (const std::size_t size = std::fread(part.data(), 1, part.size(), file_)) {
      out.append(part.data(), size);
    }
    return out;
  }

 private:
  std::FILE* file_;
  int before_;
};

// Digits become "9": what is left of a time is its form.
std::string digits_hidden(std::string text) {
  for (char& c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) c = '9';
  }
  return text;
}

// Takes a line's time away, if it has the form given.
std::string without_time(const std::string& line, const std::string& form) {
  if (digits_hidden(line.substr(0, form.size())) != form) return "no time: " + line;
  return line.substr(form.size());
}

std::string json_without_time(const std::string& line) {
  return without_time(line, R"({"ts":"9999-99-99T99:99:99.999Z",)");
}

}  // namespace

TEST_CASE("a line is one JSON object with the pipeline and all fields", "[log]") {
  const Capture capture;
  configure_log("json", "debug", "inventory", false);
  log_event(Level::info, "batch.committed", "a \"batch\"\n\\",
            {{"topic", "orders"}, {"rows", 12}, {"duration_ms", 1.5}, {"last", true}});
  CHECK(json_without_time(capture.text()) ==
        R"("level":"info","event":"batch.committed","msg":"a \"batch\"\n\\",)"
        R"("pipeline":"inventory","topic":"orders","rows":12,"duration_ms":1.5,"last":true})"
        "\n");
}

TEST_CASE("whatever bytes a message has, the line is JSON in UTF-8", "[log]") {
  const Capture capture;
  configure_log("json", "info", "p", false);
  log_event(Level::error, "e",
            "\x01\t\x7F \xC3\xA4 \xFF \xC0\xAF \xED\xA0\x80 \xF0\x9F\x98\x80\xE2\x82",
            {{"nan", std::nan("")}});
  const std::string line = json_without_time(capture.text());
  CHECK(line.find(
            R"("msg":"\u0001\t\u007f )"
            "\xC3\xA4 \xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD "
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xF0\x9F\x98\x80\xEF\xBF\xBD\xEF\xBF\xBD\"") !=
        std::string::npos);
  CHECK(line.find(R"("nan":null)") != std::string::npos);
}

TEST_CASE("text for people: one line, quotes where they are needed", "[log]") {
  const Capture capture;
  configure_log("text", "info", "p", false);
  log_event(Level::warning, "kafka.evicted", "the \"group\" went on\nwithout \x1b[31mus",
            {{"topic", "orders"}, {"hint", "try again"}, {"rows", 3}, {"empty", ""}});
  CHECK(without_time(capture.text(), "99:99:99.999") ==
        " WARN  kafka.evicted  the \"group\" went on\\nwithout \\u001b[31mus  "
        "topic=orders hint=\"try again\" rows=3 empty=\"\"\n");
}

TEST_CASE("levels below the configured one are silent", "[log]") {
  const Capture capture;
  configure_log("json", "warning", "p", false);
  log_event(Level::debug, "a", "x");
  log_event(Level::info, "b", "x");
  CHECK(capture.text().empty());
  log_event(Level::warning, "c", "x");
  log_event(Level::error, "d", "x");
  const std::string text = capture.text();
  CHECK(text.find("\"c\"") != std::string::npos);
  CHECK(text.find("\"d\"") != std::string::npos);
}

TEST_CASE("colour is only where it was asked for", "[log]") {
  const Capture capture;
  configure_log("text", "info", "p", true);
  log_event(Level::error, "e", "m");
  CHECK(capture.text().find("\x1b[31mERROR\x1b[0m e  m\n") != std::string::npos);
}

TEST_CASE("lines of many threads do not mix", "[log]") {
  const Capture capture;
  configure_log("json", "info", "p", false);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 200; ++j) log_event(Level::info, "e", std::string(500, 'x'));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = capture.text();
  std::size_t lines = 0;
  for (std::size_t from = 0; from < text.size(); ++lines) {
    const std::size_t to = text.find('\n', from);
    REQUIRE(to != std::string::npos);
    REQUIRE(text[from] == '{');
    REQUIRE(text[to - 1] == '}');
    from = to + 1;
  }
  CHECK(lines == 800);
}

TEST_CASE("an unknown format or level is a configuration error", "[log]") {
  CHECK_THROWS_AS(configure_log("xml", "info", "p", false), ConfigError);
  CHECK_THROWS_AS(configure_log("json", "loud", "p", false), ConfigError);
}
