#include "source/registry_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "tidemark/error.h"

namespace tidemark {
namespace {

const char* const kWriteUrl =
    "write http://host:8081 or https://host/path; several addresses of one registry have commas "
    "between them";

using ParsedUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// Empty where the address has no such part.
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

std::string trimmed(const std::string& text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == std::string::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

RegistryUrl parse_one(const std::string& text) {
  const ParsedUrl url(curl_url(), &curl_url_cleanup);
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    throw ConfigError("not an address", kWriteUrl);
  }
  const std::string scheme = part_of(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    throw ConfigError("neither http nor https", kWriteUrl);
  }
  if (!part_of(url.get(), CURLUPART_QUERY).empty() ||
      !part_of(url.get(), CURLUPART_FRAGMENT).empty()) {
    throw ConfigError("an address of a registry ends with its path", "leave out ? and #");
  }
  RegistryUrl out;
  out.user = part_of(url.get(), CURLUPART_USER, CURLU_URLDECODE);
  out.password = part_of(url.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_OPTIONS, nullptr, 0);
  out.base = part_of(url.get(), CURLUPART_URL);
  while (out.base.ends_with('/')) out.base.pop_back();
  return out;
}

}  // namespace

std::vector<RegistryUrl> parse_registry_urls(const std::string& text) {
  std::vector<RegistryUrl> urls;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(',', from), text.size());
    urls.push_back(parse_one(trimmed(text.substr(from, to - from))));
    from = to + 1;
  }
  return urls;
}

}  // namespace tidemark
