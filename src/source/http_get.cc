#include "source/http_get.h"

#include <curl/curl.h>

#include <array>
#include <new>
#include <utility>

namespace tidemark {
namespace {

constexpr int kPollMs = 1'000;

struct Sink {
  std::string& body;
  std::size_t bytes_max = 0;
  bool too_large = false;
};

std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* opaque) {
  auto& sink = *static_cast<Sink*>(opaque);
  const std::size_t length = size * count;
  if (length > sink.bytes_max - sink.body.size()) {
    sink.too_large = true;
    return 0;
  }
  sink.body.append(bytes, length);
  return length;
}

// libcurl copies nothing: what the text belongs to outlives the handle.
curl_blob blob_of(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};  // NOLINT: C's API
}

const char* hint_of(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return "registry-ca-file names the file with the authority that has signed the server's "
             "certificate; the host's name must be in that certificate";
    case CURLE_SSL_CERTPROBLEM:
      return "look at registry-cert-file, registry-key-file and registry-key-password";
    default:
      return "look at registry-url";
  }
}

}  // namespace

struct HttpGet::Handles {
  Handles() : multi(curl_multi_init()), easy(curl_easy_init()) {
    if (multi == nullptr || easy == nullptr) throw std::bad_alloc();
  }
  ~Handles() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  CURLM* multi;
  CURL* easy;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};
};

HttpGet::HttpGet(HttpSettings settings) : settings_(std::move(settings)) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialized;
  handles_ = std::make_unique<Handles>();
  CURL* const easy = handles_->easy;
  handles_->headers = curl_slist_append(
      nullptr, "Accept: application/vnd.schemaregistry.v1+json, application/json");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, handles_->headers);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "tidemark");
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a name server that is away holds up no stop
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handles_->error.data());
  const long connect_ms = settings_.connect_timeout.count();
  const long all_ms = settings_.timeout.count();
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, all_ms);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const curl_blob ca = blob_of(settings_.ca);
  const curl_blob cert = blob_of(settings_.cert);
  const curl_blob key = blob_of(settings_.key);
  if (!settings_.ca.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // these authorities and no others
  }
  if (!settings_.cert.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &cert);
  if (!settings_.key.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
  // Even if empty: else OpenSSL asks for it on the terminal.
  curl_easy_setopt(easy, CURLOPT_KEYPASSWD, settings_.key_password.c_str());
}

HttpGet::~HttpGet() = default;

HttpAnswer HttpGet::get(const std::string& url, const std::string& user,
                        const std::string& password) {
  HttpAnswer answer;
  Sink sink{answer.body, settings_.answer_bytes_max};
  CURL* const easy = handles_->easy;
  CURLM* const multi = handles_->multi;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_bytes);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &sink);
  const bool by_token = user.empty() && !settings_.token.empty();
  curl_easy_setopt(easy, CURLOPT_HTTPAUTH,
                   static_cast<long>(by_token ? CURLAUTH_BEARER : CURLAUTH_BASIC));
  curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, by_token ? settings_.token.c_str() : nullptr);
  curl_easy_setopt(easy, CURLOPT_USERNAME, user.empty() ? nullptr : user.c_str());
  curl_easy_setopt(easy, CURLOPT_PASSWORD, user.empty() ? nullptr : password.c_str());
  handles_->error[0] = '\0';

  CURLcode outcome = CURLE_ABORTED_BY_CALLBACK;
  curl_multi_add_handle(multi, easy);
  for (int running = 1; running != 0 && !cancelled_;) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) break;
    if (running != 0) curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE) outcome = message->data.result;
  }
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_multi_remove_handle(multi, easy);

  if (sink.too_large) {
    answer.error =
        "the answer has more than " + std::to_string(settings_.answer_bytes_max) + " bytes";
    answer.hint = "is this a schema registry?";
  } else if (outcome != CURLE_OK) {
    const char* const said = handles_->error.data();
    answer.error = said[0] != '\0' ? said : curl_easy_strerror(outcome);
    answer.hint = hint_of(outcome);
  }
  return answer;
}

void HttpGet::cancel() noexcept {
  cancelled_ = true;
  curl_multi_wakeup(handles_->multi);
}

}  // namespace tidemark
