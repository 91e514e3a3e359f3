#include "app/check_report.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <utility>

namespace tidemark {
namespace {

const char* word_of(Mark mark) {
  switch (mark) {
    case Mark::pass:
      return "passed";
    case Mark::warning:
      return "warning";
    case Mark::failure:
      return "failed";
  }
  return "";
}

}  // namespace

void CheckReport::pass(std::string group, std::string code, std::string text) {
  items_.push_back({std::move(group), Mark::pass, std::move(code), std::move(text), {}});
}

void CheckReport::warn(std::string group, std::string code, std::string text, std::string hint) {
  items_.push_back(
      {std::move(group), Mark::warning, std::move(code), std::move(text), std::move(hint)});
}

void CheckReport::fail(std::string group, std::string code, std::string text, std::string hint) {
  items_.push_back(
      {std::move(group), Mark::failure, std::move(code), std::move(text), std::move(hint)});
}

void CheckReport::fail_unreachable(std::string group, std::string text, std::string hint) {
  unreachable_ = true;
  fail(std::move(group), "unreachable", std::move(text), std::move(hint));
}

void CheckReport::append(const CheckReport& other) {
  items_.insert(items_.end(), other.items_.begin(), other.items_.end());
  unreachable_ = unreachable_ || other.unreachable_;
}

std::size_t CheckReport::count(Mark mark) const {
  return static_cast<std::size_t>(std::count_if(
      items_.begin(), items_.end(), [mark](const CheckItem& item) { return item.mark == mark; }));
}

std::string CheckReport::summary(const Style& style) const {
  return fmt::format("{} passed {} {} {} {} failed", count(Mark::pass), style.dot(),
                     counted(count(Mark::warning), "warning"), style.dot(), count(Mark::failure));
}

std::string CheckReport::text(const Style& style) const {
  constexpr std::size_t kCodeWidth = 13;
  std::string text;
  std::string group;
  for (const CheckItem& item : items_) {
    const bool same_group = item.group == group;
    group = item.group;
    text += fmt::format("{:<7} {} {:<{}} {}\n", same_group ? "" : group, style.mark(item.mark),
                        item.code, kCodeWidth, printable(item.text));
    if (!item.hint.empty()) {
      text += fmt::format("            {} {}\n", style.arrow(), printable(item.hint));
    }
  }
  return text + "Summary: " + summary(style) + "\n";
}

std::string CheckReport::json() const {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto write = [&writer](const char* key, const std::string& value) {
    writer.Key(key);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  writer.StartObject();
  writer.Key("passed");
  writer.Uint64(count(Mark::pass));
  writer.Key("warnings");
  writer.Uint64(count(Mark::warning));
  writer.Key("failed");
  writer.Uint64(count(Mark::failure));
  writer.Key("items");
  writer.StartArray();
  for (const CheckItem& item : items_) {
    writer.StartObject();
    write("group", item.group);
    write("status", word_of(item.mark));
    write("code", item.code);
    write("text", item.text);
    write("hint", item.hint);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace tidemark
