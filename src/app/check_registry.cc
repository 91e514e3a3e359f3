#include "app/check_registry.h"

#include <algorithm>
#include <string>
#include <vector>

#include "source/registry_client.h"

namespace tidemark {
namespace {

const char* const kGroup = "Registry";

bool is_loopback(const std::string& base) {
  const std::string host = base.substr(base.find("://") + 3);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

void check_secrecy(const RegistryConfig& config, const RegistryUrl& url, CheckReport& report) {
  const bool credentials = !url.user.empty() || !config.token.empty();
  if (!credentials || url.base.starts_with("https:") || is_loopback(url.base)) return;
  report.warn(kGroup, "unencrypted", url.base + ": the credentials can be read on the way",
              "give the registry a certificate, and write https:// in registry-url");
}

}  // namespace

void check_registry(const Config& config, CheckReport& report) {
  const RegistryConfig& registry = config.source.registry;
  if (registry.url.empty()) return;
  RegistryClient client(registry);
  std::vector<RegistryReply> replies;
  for (std::size_t i = 0; i < client.urls().size(); ++i) replies.push_back(client.probe(i));
  const bool any = std::any_of(replies.begin(), replies.end(), [](const RegistryReply& reply) {
    return reply.verdict == RegistryVerdict::found;
  });
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const RegistryReply& reply = replies[i];
    if (reply.verdict == RegistryVerdict::found) {
      report.pass(kGroup, "reachable", client.urls()[i].base);
    } else if (reply.verdict == RegistryVerdict::unauthorized) {
      report.fail(kGroup, "refused", reply.message, reply.hint);
    } else if (any) {
      report.warn(kGroup, "unreachable", reply.message, reply.hint);
    } else {
      report.fail_unreachable(kGroup, reply.message, reply.hint);
    }
    check_secrecy(registry, client.urls()[i], report);
  }
}

}  // namespace tidemark
