#include "decode/encoding_loss.h"

#include <algorithm>
#include <string_view>

#include "decode/value.h"

namespace tidemark {
namespace {

std::string parameter(const SourceType& source, const char* name) {
  const auto found = source.parameters.find(name);
  return found == source.parameters.end() ? std::string() : found->second;
}

std::string source_column_type(const SourceType& source) {
  std::string type = parameter(source, "__debezium.source.column.type");
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  return type;
}

std::string_view base_name(ConnectType base) {
  switch (base) {
    case ConnectType::unknown:
      return "no schema";
    case ConnectType::int8:
      return "int8";
    case ConnectType::int16:
      return "int16";
    case ConnectType::int32:
      return "int32";
    case ConnectType::int64:
      return "int64";
    case ConnectType::float32:
      return "float32";
    case ConnectType::float64:
      return "float64";
    case ConnectType::boolean:
      return "boolean";
    case ConnectType::string:
      return "string";
    case ConnectType::bytes:
      return "bytes";
    case ConnectType::array:
      return "array";
    case ConnectType::map:
      return "map";
    case ConnectType::structure:
      return "struct";
  }
  return "";
}

std::string named_type(const SourceType& source) {
  const std::size_t dot = source.name.rfind('.');
  const std::string name = dot == std::string::npos ? source.name : source.name.substr(dot + 1);
  const std::string scale = parameter(source, "scale");
  const std::string precision = parameter(source, "connect.decimal.precision");
  const std::string length = parameter(source, "length");
  if (name == "Decimal" && !precision.empty()) return name + "(" + precision + "," + scale + ")";
  if (name == "Decimal") return name + " of scale " + scale;
  if (!length.empty()) return name + "(" + length + ")";
  return name + " (" + std::string(base_name(source.base)) + ")";
}

}  // namespace

std::vector<std::string> encoding_losses(const SourceType& source) {
  std::vector<std::string> losses;
  std::string of_type;
  default_pg_type(source, &of_type);
  if (!of_type.empty()) losses.push_back(of_type);
  if (source.optional && source.default_json && *source.default_json != "null") {
    losses.emplace_back(
        "a null may have become the default, unless the converter has "
        "replace.null.with.default=false");
  }
  return losses;
}

std::string propagated_type(const SourceType& source) {
  const std::string type = source_column_type(source);
  if (type.empty()) return {};
  const std::string length = parameter(source, "__debezium.source.column.length");
  const std::string scale = parameter(source, "__debezium.source.column.scale");
  const std::string limits = length.empty() ? "" : "(" + length;
  return type + (length.empty() ? "" : limits + (scale.empty() ? "" : "," + scale) + ")") +
         " at the source";
}

std::string stated_type(const SourceType& source) {
  std::string text(base_name(source.base));
  if (!source.name.empty()) {
    text = named_type(source);
  } else if (source.base == ConnectType::array && source.items) {
    text += " of " + stated_type(*source.items);
  }
  const std::string column = propagated_type(source);
  return column.empty() ? text : text + ", " + column;
}

}  // namespace tidemark
