// One GET after the other over HTTP(S), on a connection that is kept. TLS is always verified;
// redirects are not followed; proxies are those of the environment (https_proxy, http_proxy,
// no_proxy), as elsewhere. Not thread-safe, but for cancel().
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace tidemark {

struct HttpSettings {
  std::string token;         // a bearer token
  std::string ca;            // PEM; empty: the system's authorities
  std::string cert;          // PEM, for servers that ask for one
  std::string key;           // PEM
  std::string key_password;  // of `key`
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{10'000};
  std::size_t answer_bytes_max = 16U << 20U;
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::string error;  // not empty: there is no answer, and why
  std::string hint;   // what to do about `error`
};

class HttpGet {
 public:
  explicit HttpGet(HttpSettings settings);
  ~HttpGet();
  HttpGet(const HttpGet&) = delete;
  HttpGet& operator=(const HttpGet&) = delete;

  // Takes `timeout` at most. User and password may be empty.
  HttpAnswer get(const std::string& url, const std::string& user, const std::string& password);
  // From any thread: what get() waits for ends, now and from now on.
  void cancel() noexcept;

 private:
  struct Handles;
  const HttpSettings settings_;
  std::unique_ptr<Handles> handles_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace tidemark
