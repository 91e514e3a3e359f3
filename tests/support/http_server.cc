#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace tidemark::test {
namespace {

bool readable(int socket) {
  pollfd one{socket, POLLIN, 0};
  return poll(&one, 1, 20) == 1;
}

}  // namespace

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);  // NOLINT: C's API
  socklen_t size = sizeof address;
  if (bind(listener_, plain, size) != 0 || listen(listener_, 8) != 0 ||
      getsockname(listener_, plain, &size) != 0) {
    throw std::runtime_error("no port for the test's server");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

std::string HttpServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<HttpRequest> HttpServer::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

void HttpServer::serve() {
  while (!stopping_) {
    if (!readable(listener_)) continue;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    serve_one(connection);
    close(connection);
  }
}

void HttpServer::serve_one(int connection) {
  std::string head;
  std::array<char, 4096> bytes{};
  while (!stopping_ && head.find("\r\n\r\n") == std::string::npos) {
    if (!readable(connection)) continue;
    const ssize_t got = recv(connection, bytes.data(), bytes.size(), 0);
    if (got <= 0) return;
    head.append(bytes.data(), static_cast<std::size_t>(got));
  }
  const std::size_t from = head.find(' ') + 1;
  const HttpRequest request{head.substr(from, head.find(' ', from) - from), head};
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(request);
  }
  const HttpResponse response = handler_(request);
  while (response.status == 0 && !stopping_) {
    if (readable(connection) && recv(connection, bytes.data(), bytes.size(), 0) <= 0) return;
  }
  const std::string text =
      "HTTP/1.1 " + std::to_string(response.status) +
      " X\r\nConnection: close\r\nContent-Length: " + std::to_string(response.body.size()) +
      "\r\n" + response.headers + "\r\n" + response.body;
  for (std::size_t sent = 0; sent < text.size() && !stopping_;) {
    const ssize_t count = send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

}  // namespace tidemark::test
