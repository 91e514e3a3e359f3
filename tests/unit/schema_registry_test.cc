// The schema registry's client against a small server: what it asks, what it makes of the answers,
// and that nobody waits for it.
#include "source/schema_registry.h"

#include <atomic>
#include <chrono>
#include <map>

#include "source/registry_client.h"
#include "support/catch.h"
#include "support/http_server.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using test::HttpRequest;
using test::HttpResponse;
using test::HttpServer;

const char* const kAbsent = R"({"error_code":40403,"message":"Schema 7 not found"})";

SchemaRegistry::Patience quick() {
  SchemaRegistry::Patience patience;
  patience.retry_min = 2ms;
  patience.retry_max = 20ms;
  patience.unauthorized = 20ms;
  patience.absent_tries = 3;
  patience.absent_kept = 200ms;
  return patience;
}

RegistryConfig at(const HttpServer& server) {
  RegistryConfig config;
  config.url = server.url();
  return config;
}

RegisteredSchemaPtr await(SchemaRegistry& registry, const SchemaId& id) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (auto found = registry.find(id)) return found;
    registry.wait(20ms);
  }
  return nullptr;
}

bool await_trouble(SchemaRegistry& registry) {
  for (int i = 0; i < 1000 && registry.waiting_for().empty(); ++i) registry.wait(10ms);
  return !registry.waiting_for().empty();
}

// Answers what the map has for a path; else 404 as a registry does.
HttpServer::Handler serving(std::map<std::string, std::string> bodies) {
  return [bodies = std::move(bodies)](const HttpRequest& request) -> HttpResponse {
    const auto found = bodies.find(request.path);
    if (found == bodies.end()) return {404, kAbsent, {}};
    return {200, found->second, {}};
  };
}

RegistryReply reply_to(const HttpResponse& response) {
  const HttpServer server([&](const HttpRequest&) { return response; });
  return RegistryClient(at(server)).schema(SchemaId(7U));
}

}  // namespace

TEST_CASE("a schema is asked for once and kept", "[registry]") {
  const HttpServer server(serving({{"/schemas/ids/7", R"({"schema":"\"int\""})"}}));
  SchemaRegistry registry(at(server), quick());
  CHECK(registry.find(SchemaId(7U)) == nullptr);
  const auto schema = await(registry, SchemaId(7U));
  REQUIRE(schema != nullptr);
  CHECK(schema->text == "\"int\"");
  CHECK(schema->language == SchemaLanguage::avro);
  CHECK(schema->refused.empty());
  CHECK(registry.find(SchemaId(7U)) == schema);
  CHECK(server.requests().size() == 1);
  CHECK(registry.waiting_for().empty());
}

TEST_CASE("the language of a schema is the registry's", "[registry]") {
  const auto language = [](const std::string& type) {
    return reply_to({200, R"({"schema":"{}","schemaType":")" + type + "\"}", {}}).schema;
  };
  CHECK(language("AVRO").language == SchemaLanguage::avro);
  CHECK(language("JSON").language == SchemaLanguage::json_schema);
  CHECK(language("PROTOBUF").language == SchemaLanguage::protobuf);
  CHECK(language("XML").refused.find("id 7") != std::string::npos);
}

TEST_CASE("a schema's GUID is asked for in its text form", "[registry]") {
  const HttpServer server(serving(
      {{"/schemas/guids/00112233-4455-6677-8899-aabbccddeeff", R"({"schema":"\"int\""})"}}));
  SchemaGuid guid;
  for (std::size_t i = 0; i < 16; ++i) guid.bytes.at(i) = static_cast<std::uint8_t>(i * 0x11);
  RegistryClient client(at(server));
  CHECK(client.schema(SchemaId(guid)).verdict == RegistryVerdict::found);
}

TEST_CASE("references are followed, each behind those that it needs", "[registry]") {
  const HttpServer server(
      serving({{"/schemas/ids/7", R"({"schema":"main","references":[
           {"name":"a","subject":"x/a b","version":2},{"name":"c","subject":"c","version":1}]})"},
               {"/subjects/x%2fa%20b/versions/2",
                R"({"schema":"a","references":[{"name":"c","subject":"c","version":1}]})"},
               {"/subjects/c/versions/1", R"({"schema":"c"})"}}));
  RegistryClient client(at(server));
  const RegistryReply reply = client.schema(SchemaId(7U));
  CHECK(reply.schema.text == "main");
  CHECK(reply.schema.references == std::vector<std::string>{"c", "a"});
}

TEST_CASE("a reference that is not there is named", "[registry]") {
  const HttpServer server(serving(
      {{"/schemas/ids/7", R"({"schema":"m","references":[{"subject":"c","version":1}]})"}}));
  RegistryClient client(at(server));
  const RegistryReply reply = client.schema(SchemaId(7U));
  CHECK(reply.verdict == RegistryVerdict::absent);
  CHECK(reply.message.find("version 1 of the subject \"c\"") != std::string::npos);
}

TEST_CASE("references have bounds", "[registry]") {
  // Every version refers to the next.
  const HttpServer server([](const HttpRequest& request) -> HttpResponse {
    const std::size_t slash = request.path.rfind('/');
    const int next = 1 + std::stoi(request.path.substr(slash + 1));
    return {200,
            R"({"schema":"0123456789","references":[{"subject":"s","version":)" +
                std::to_string(next) + "}]}",
            {}};
  });
  const auto refused = [&](const RegistryLimits& limits) {
    return RegistryClient(at(server), HttpSettings{}, limits).schema(SchemaId(7U)).schema.refused;
  };
  CHECK(refused({1000, 5, 1000}).find("too many others") != std::string::npos);
  CHECK(server.requests().size() == 6);
  CHECK(refused({5, 1000, 1000}).find("too many others") != std::string::npos);
}

TEST_CASE("a schema with all that it refers to has a bound", "[registry]") {
  const HttpServer server(serving(
      {{"/schemas/ids/7", R"({"schema":"0123456789","references":[{"subject":"c","version":1}]})"},
       {"/subjects/c/versions/1", R"({"schema":"0123456789"})"}}));
  RegistryClient client(at(server), HttpSettings{}, {10, 10, 15});
  CHECK(client.schema(SchemaId(7U)).schema.refused.find("more than 15 bytes") != std::string::npos);
}

TEST_CASE("only a registry's own word counts for a schema that is not there", "[registry]") {
  CHECK(reply_to({404, kAbsent, {}}).verdict == RegistryVerdict::absent);
  CHECK(reply_to({404, R"({"error_code":404,"message":"HTTP 404 Not Found"})", {}}).verdict ==
        RegistryVerdict::away);
  CHECK(reply_to({404, "<html>not here</html>", {}}).verdict == RegistryVerdict::away);
  CHECK(reply_to({500, kAbsent, {}}).verdict == RegistryVerdict::away);
}

TEST_CASE("what is no schema is no data error either", "[registry]") {
  for (const char* body : {"", "{}", "[]", "7", R"({"schema":7})", "<html>", R"({"schema":"x")"}) {
    CHECK(reply_to({200, body, {}}).verdict == RegistryVerdict::away);
  }
  CHECK(reply_to({503, "busy", {}}).verdict == RegistryVerdict::away);
  CHECK(reply_to({429, "", {}}).verdict == RegistryVerdict::away);
  CHECK(reply_to({401, "", {}}).verdict == RegistryVerdict::unauthorized);
  CHECK(reply_to({403, "", {}}).verdict == RegistryVerdict::unauthorized);
  const std::string deep(200'000, '[');
  CHECK(reply_to({200, deep + std::string(200'000, ']'), {}}).verdict == RegistryVerdict::away);
}

TEST_CASE("redirects are not followed", "[registry]") {
  const HttpServer other(serving({{"/schemas/ids/7", R"({"schema":"x"})"}}));
  const RegistryReply reply =
      reply_to({302, "", "Location: " + other.url() + "/schemas/ids/7\r\n"});
  CHECK(reply.verdict == RegistryVerdict::away);
  CHECK(reply.hint.find("redirects") != std::string::npos);
  CHECK(other.requests().empty());
}

TEST_CASE("an answer has a bound", "[registry]") {
  const HttpServer server([](const HttpRequest&) -> HttpResponse {
    return {200, R"({"schema":")" + std::string(5000, 'x') + "\"}", {}};
  });
  HttpSettings http;
  http.answer_bytes_max = 4000;
  const RegistryReply reply = RegistryClient(at(server), http).schema(SchemaId(7U));
  CHECK(reply.verdict == RegistryVerdict::away);
  CHECK(reply.message.find("more than 4000 bytes") != std::string::npos);
}

TEST_CASE("credentials are sent and never shown", "[registry]") {
  const HttpServer server([](const HttpRequest&) -> HttpResponse { return {401, "", {}}; });
  const std::string host = server.url().substr(7);
  RegistryConfig config;
  config.url =
      "http://me:s%23cret"
      "@" +
      host + "/";
  const RegistryReply reply = RegistryClient(config).schema(SchemaId(7U));
  CHECK(server.requests().back().head.find("Authorization: Basic bWU6cyNjcmV0\r\n") !=
        std::string::npos);  // me:s#cret
  CHECK(server.requests().back().path == "/schemas/ids/7");
  CHECK(reply.message.find("cret") == std::string::npos);

  config.url = server.url();
  config.user = "me";
  config.password = "s#cret";
  RegistryClient(config).schema(SchemaId(7U));
  CHECK(server.requests().back().head.find("Basic bWU6cyNjcmV0\r\n") != std::string::npos);

  config.user = config.password = "";
  config.token = "t0ken";
  RegistryClient(config).schema(SchemaId(7U));
  CHECK(server.requests().back().head.find("Authorization: Bearer t0ken\r\n") != std::string::npos);

  config.token = "";
  RegistryClient(config).schema(SchemaId(7U));
  CHECK(server.requests().back().head.find("Authorization") == std::string::npos);
}

TEST_CASE("one address after the other is tried, the one that answered first", "[registry]") {
  const HttpServer lagging(serving({{"/schemas/ids/8", R"({"schema":"8"})"}}));
  const HttpServer good(serving({{"/schemas/ids/7", R"({"schema":"7"})"}}));
  RegistryConfig config;
  config.url = "http://127.0.0.1:1, " + lagging.url() + " ," + good.url();
  RegistryClient client(config);
  CHECK(client.schema(SchemaId(7U)).schema.text == "7");
  CHECK(client.schema(SchemaId(7U)).schema.text == "7");
  CHECK(lagging.requests().size() == 1);
  CHECK(client.schema(SchemaId(8U)).schema.text == "8");
  CHECK(client.schema(SchemaId(9U)).verdict == RegistryVerdict::absent);
}

TEST_CASE("a schema that is not there yet is asked for again before it is refused", "[registry]") {
  std::atomic<int> asked = 0;
  const HttpServer server([&](const HttpRequest&) -> HttpResponse {
    if (++asked < 3) return {404, kAbsent, {}};
    return {200, R"({"schema":"late"})", {}};
  });
  SchemaRegistry registry(at(server), quick());
  const auto schema = await(registry, SchemaId(7U));
  REQUIRE(schema != nullptr);
  CHECK(schema->refused.empty());
  CHECK(schema->text == "late");
}

TEST_CASE("a schema that is not there is refused, for a while", "[registry]") {
  std::atomic<bool> there = false;
  const HttpServer server([&](const HttpRequest&) -> HttpResponse {
    if (!there) return {404, kAbsent, {}};
    return {200, R"({"schema":"late"})", {}};
  });
  SchemaRegistry registry(at(server), quick());
  const auto refused = await(registry, SchemaId(7U));
  REQUIRE(refused != nullptr);
  CHECK(refused->refused == "the registry does not have the schema with id 7");
  CHECK_FALSE(refused->hint.empty());
  CHECK(server.requests().size() == 3);
  CHECK(registry.find(SchemaId(7U)) == refused);
  CHECK(registry.waiting_for().empty());
  there = true;
  std::this_thread::sleep_for(220ms);
  const auto found = await(registry, SchemaId(7U));
  REQUIRE(found != nullptr);
  CHECK(found->text == "late");
}

TEST_CASE("a registry that is away is waited for, visibly", "[registry]") {
  std::atomic<bool> up = false;
  const HttpServer server([&](const HttpRequest&) -> HttpResponse {
    if (!up) return {503, R"({"message":"starting\nup"})", {}};
    return {200, R"({"schema":"x"})", {}};
  });
  SchemaRegistry registry(at(server), quick());
  CHECK(registry.find(SchemaId(7U)) == nullptr);
  REQUIRE(await_trouble(registry));
  CHECK(registry.waiting_for() ==
        "the schema registry: " + server.url() + " answers 503: starting up");
  CHECK(registry.find(SchemaId(7U)) == nullptr);
  CHECK_FALSE(registry.refusal());
  up = true;
  REQUIRE(await(registry, SchemaId(7U)) != nullptr);
  CHECK(registry.waiting_for().empty());
}

TEST_CASE("wrong credentials end a start, and are waited for later", "[registry]") {
  std::atomic<int> status = 401;
  const HttpServer server([&](const HttpRequest&) -> HttpResponse {
    return {status, status == 200 ? R"({"schema":"x"})" : "", {}};
  });
  SchemaRegistry registry(at(server), quick());
  CHECK_FALSE(registry.refusal());
  registry.find(SchemaId(7U));
  REQUIRE(await_trouble(registry));
  REQUIRE(registry.refusal());
  CHECK(registry.refusal()->message.find("answers 401") != std::string::npos);
  status = 200;
  REQUIRE(await(registry, SchemaId(7U)) != nullptr);
  CHECK_FALSE(registry.refusal());
  status = 403;
  registry.find(SchemaId(8U));
  REQUIRE(await_trouble(registry));
  CHECK_FALSE(registry.refusal());
}

TEST_CASE("nobody waits for a registry that is silent", "[registry]") {
  const HttpServer server([](const HttpRequest&) -> HttpResponse { return {0, "", {}}; });
  const auto began = std::chrono::steady_clock::now();
  {
    SchemaRegistry registry(at(server), quick());
    CHECK(registry.find(SchemaId(7U)) == nullptr);
    CHECK_FALSE(registry.wait(50ms));
    while (server.requests().empty()) registry.wait(10ms);
  }
  CHECK(std::chrono::steady_clock::now() - began < 3s);  // its timeout is 10 s
}

TEST_CASE("a silent registry is given up after a while", "[registry]") {
  const HttpServer server([](const HttpRequest&) -> HttpResponse { return {0, "", {}}; });
  HttpSettings http;
  http.timeout = 100ms;
  const RegistryReply reply = RegistryClient(at(server), http).schema(SchemaId(7U));
  CHECK(reply.verdict == RegistryVerdict::away);
  CHECK(reply.message.find("timed out") != std::string::npos);
}

TEST_CASE("a probe tells a registry from something else", "[registry]") {
  const HttpServer good(serving({{"/schemas/types", R"(["AVRO"])"}}));
  CHECK(RegistryClient(at(good)).probe(0).verdict == RegistryVerdict::found);
  for (const HttpResponse& response :
       {HttpResponse{200, "<html>", {}}, HttpResponse{404, "", {}}, HttpResponse{404, kAbsent, {}},
        HttpResponse{200, R"({"schema":"x"})", {}}}) {
    const HttpServer other([&](const HttpRequest&) { return response; });
    CHECK(RegistryClient(at(other)).probe(0).verdict == RegistryVerdict::away);
  }
}

TEST_CASE("addresses of a registry", "[registry]") {
  const auto urls = parse_registry_urls("http://r:8081/ , https://u:p%40@h.example/a/b//");
  REQUIRE(urls.size() == 2);
  CHECK(urls[0].base == "http://r:8081");
  CHECK(urls[0].user.empty());
  CHECK(urls[1].base == "https://h.example/a/b");
  CHECK(urls[1].user == "u");
  CHECK(urls[1].password == "p@");
  const std::string with_password = std::string("http://u:secret") + "@r:99999";
  for (const char* bad : {"", ",", "r:8081", "http://", "file:///etc/passwd", "http://r?x=1",
                          "http://r#x", "http://r,,http://s", with_password.c_str()}) {
    INFO(bad);
    try {
      parse_registry_urls(bad);
      CHECK(false);
    } catch (const ConfigError& error) {
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
  }
}

}  // namespace tidemark
