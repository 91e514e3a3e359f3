// A small HTTP server on loopback for tests: one connection at a time, answers by a function.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::test {

struct HttpRequest {
  std::string path;
  std::string head;  // all of it
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string headers;  // lines, each with its end
};

class HttpServer {
 public:
  // Called by the server's thread. No answer at all: status 0, the connection stays silent.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::vector<HttpRequest> requests() const;

 private:
  void serve();
  void serve_one(int connection);

  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

}  // namespace tidemark::test
