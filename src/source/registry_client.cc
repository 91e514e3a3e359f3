#include "source/registry_client.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace tidemark {
namespace {

constexpr long kOk = 200;
constexpr long kUnauthorized = 401;
constexpr long kForbidden = 403;
constexpr long kNotFound = 404;
constexpr long kTooMany = 429;
constexpr long kBadRequest = 400;
constexpr long kServerError = 500;
const char* const kIsItOne = "is registry-url, with its path, that of Confluent's API?";
const char* const kUseAvro = "use Avro at the source, io.confluent.connect.avro.AvroConverter";

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string guid_text(const SchemaGuid& guid) {
  std::string text;
  for (std::size_t i = 0; i < guid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHexDigits[guid.bytes.at(i) >> 4U];
    text += kHexDigits[guid.bytes.at(i) & 15U];
  }
  return text;
}

std::string path_of(const SchemaId& id) {
  if (const auto* number = std::get_if<std::uint32_t>(&id)) {
    return "/schemas/ids/" + std::to_string(*number);
  }
  return "/schemas/guids/" + guid_text(std::get<SchemaGuid>(id));
}

// For a part of a path.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHexDigits[byte >> 4U];
    out += kHexDigits[byte & 15U];
  }
  return out;
}

// Not recursive: the text may be nested as it likes.
rapidjson::Document parsed(const std::string& body) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  return json;
}

const rapidjson::Value* member(const rapidjson::Value& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

std::string text_member(const rapidjson::Value& object, const char* name) {
  const rapidjson::Value* value = member(object, name);
  return value != nullptr && value->IsString()
             ? std::string(value->GetString(), value->GetStringLength())
             : std::string();
}

// Never more than a line of somebody else's text.
std::string said_by(const rapidjson::Value& body) {
  constexpr std::size_t kShownBytesMax = 200;
  std::string text = text_member(body, "message").substr(0, kShownBytesMax);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' '; };
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  return text.empty() ? text : ": " + text;
}

// Confluent's codes: no such subject, no such version, no such schema.
bool says_absent(const rapidjson::Value& body) {
  const rapidjson::Value* code = member(body, "error_code");
  return code != nullptr && code->IsInt() && code->GetInt() >= 40401 && code->GetInt() <= 40403;
}

RegistryReply refused(std::string why, std::string hint) {
  RegistryReply reply;
  reply.verdict = RegistryVerdict::found;
  reply.schema.refused = std::move(why);
  reply.schema.hint = std::move(hint);
  return reply;
}

}  // namespace

HttpSettings http_settings(const RegistryConfig& config) {
  HttpSettings http;
  http.token = config.token;
  http.ca = config.ca;
  http.cert = config.cert;
  http.key = config.key;
  http.key_password = config.key_password;
  return http;
}

std::string described(const SchemaId& id) {
  if (const auto* number = std::get_if<std::uint32_t>(&id)) {
    return "the schema with id " + std::to_string(*number);
  }
  return "the schema with GUID " + guid_text(std::get<SchemaGuid>(id));
}

struct RegistryClient::Reference {
  std::string subject;
  std::int64_t version = 0;
  auto operator<=>(const Reference&) const = default;
};

// One schema as the registry has it.
struct RegistryClient::Answer {
  RegistryReply reply;  // without the references' texts
  std::vector<Reference> references;
};

// What has been followed so far.
struct RegistryClient::Walk {
  std::string what;
  std::vector<std::string> texts;
  std::set<Reference> seen;
  std::size_t bytes = 0;
};

RegistryClient::RegistryClient(const RegistryConfig& config, HttpSettings http,
                               RegistryLimits limits)
    : limits_(limits), urls_(parse_registry_urls(config.url)), http_(std::move(http)) {
  for (RegistryUrl& url : urls_) {
    if (!url.user.empty() || config.user.empty()) continue;
    url.user = config.user;
    url.password = config.password;
  }
}

RegistryReply RegistryClient::schema(const SchemaId& id) {
  Walk walk;
  walk.what = described(id);
  Answer answer = ask(path_of(id), walk.what);
  if (answer.reply.verdict != RegistryVerdict::found || !answer.reply.schema.refused.empty()) {
    return std::move(answer.reply);
  }
  walk.bytes = answer.reply.schema.text.size();
  RegistryReply followed = follow(answer, 0, walk);
  if (followed.verdict != RegistryVerdict::found || !followed.schema.refused.empty()) {
    return followed;
  }
  answer.reply.schema.references = std::move(walk.texts);
  return std::move(answer.reply);
}

// Depth first, so that each text stands behind those that it needs.
RegistryReply RegistryClient::follow(const Answer& from, std::size_t depth, Walk& walk) {
  RegistryReply good;
  good.verdict = RegistryVerdict::found;
  for (const Reference& reference : from.references) {
    if (!walk.seen.insert(reference).second) continue;
    if (depth >= limits_.depth_max || walk.seen.size() > limits_.references_max) {
      return refused(walk.what + " refers to too many others",
                     "tidemark follows " + std::to_string(limits_.references_max) +
                         " references, nested " + std::to_string(limits_.depth_max) + " deep");
    }
    const std::string version = std::to_string(reference.version);
    Answer answer = ask("/subjects/" + percent_encoded(reference.subject) + "/versions/" + version,
                        "version " + version + " of the subject \"" + reference.subject +
                            "\", to which " + walk.what + " refers");
    if (answer.reply.verdict != RegistryVerdict::found || !answer.reply.schema.refused.empty()) {
      return std::move(answer.reply);
    }
    RegistryReply inner = follow(answer, depth + 1, walk);
    if (inner.verdict != RegistryVerdict::found || !inner.schema.refused.empty()) return inner;
    walk.bytes += answer.reply.schema.text.size();
    if (walk.bytes > limits_.bytes_max) {
      return refused(walk.what + " and those that it refers to have more than " +
                         std::to_string(limits_.bytes_max) + " bytes",
                     "this is more than a table's row needs");
    }
    walk.texts.push_back(std::move(answer.reply.schema.text));
  }
  return good;
}

// A replica may lag, or be of another registry: what one does not have is asked of the next.
RegistryClient::Answer RegistryClient::ask(const std::string& path, const std::string& what) {
  Answer best;
  for (std::size_t i = 0; i < urls_.size(); ++i) {
    const std::size_t index = (first_ + i) % urls_.size();
    Answer answer = ask_at(index, path, what);
    if (answer.reply.verdict == RegistryVerdict::found) {
      first_ = index;
      return answer;
    }
    if (i == 0 || answer.reply.verdict < best.reply.verdict) best = std::move(answer);
  }
  return best;
}

RegistryClient::Answer RegistryClient::ask_at(std::size_t index, const std::string& path,
                                              const std::string& what) {
  const RegistryUrl& url = urls_.at(index);
  return judge(url, http_.get(url.base + path, url.user, url.password), what);
}

RegistryClient::Answer RegistryClient::judge(const RegistryUrl& url, const HttpAnswer& http,
                                             const std::string& what) {
  Answer answer;
  RegistryReply& reply = answer.reply;
  if (!http.error.empty()) {
    reply.message = url.base + ": " + http.error;
    reply.hint = http.hint;
    return answer;
  }
  const rapidjson::Document body = parsed(http.body);
  reply.message = url.base + " answers " + std::to_string(http.status) + said_by(body);
  if (http.status == kOk) {
    read_schema(body, what, answer);
  } else if (http.status == kUnauthorized || http.status == kForbidden) {
    reply.verdict = RegistryVerdict::unauthorized;
    reply.hint = "look at registry-user and registry-password, or registry-token, in [source]";
  } else if (http.status == kNotFound && says_absent(body)) {
    reply.verdict = RegistryVerdict::absent;
    reply.message = "the registry does not have " + what;
    reply.hint =
        "is registry-url that of the registry which the source's converter writes to? Apicurio's "
        "converters must have apicurio.registry.use-id=contentId";
  } else if (http.status < kBadRequest) {
    reply.hint = "tidemark follows no redirects: set registry-url to where the registry is";
  } else if (http.status < kServerError && http.status != kTooMany) {
    reply.hint = kIsItOne;
  }
  return answer;
}

void RegistryClient::read_schema(const rapidjson::Value& body, const std::string& what,
                                 Answer& answer) {
  RegistryReply& reply = answer.reply;
  const rapidjson::Value* schema = member(body, "schema");
  if (schema == nullptr || !schema->IsString()) {
    reply.message += ", but not with a schema";
    reply.hint = kIsItOne;
    return;
  }
  reply.verdict = RegistryVerdict::found;
  reply.schema.text.assign(schema->GetString(), schema->GetStringLength());
  const std::string type = text_member(body, "schemaType");
  if (type == "JSON") {
    reply.schema.language = SchemaLanguage::json_schema;
  } else if (type == "PROTOBUF") {
    reply.schema.language = SchemaLanguage::protobuf;
  } else if (!type.empty() && type != "AVRO") {
    reply.schema.refused = what + " is of a type that tidemark does not know";
    reply.schema.hint = kUseAvro;
  }
  const rapidjson::Value* references = member(body, "references");
  if (references == nullptr || !references->IsArray()) return;
  for (const auto& one : references->GetArray()) {
    const auto* version = member(one, "version");
    const bool numbered = version != nullptr && version->IsInt64();
    answer.references.push_back({text_member(one, "subject"), numbered ? version->GetInt64() : 0});
  }
}

RegistryReply RegistryClient::probe(std::size_t index) {
  const RegistryUrl& url = urls_.at(index);
  const HttpAnswer http = http_.get(url.base + "/schemas/types", url.user, url.password);
  if (http.error.empty() && http.status == kOk && parsed(http.body).IsArray()) {
    RegistryReply good;
    good.verdict = RegistryVerdict::found;
    return good;
  }
  RegistryReply reply = judge(url, http, "").reply;
  // Whatever it is, it is no list of the types of schemas.
  if (reply.verdict != RegistryVerdict::unauthorized) reply.verdict = RegistryVerdict::away;
  return reply;
}

}  // namespace tidemark
