// An Avro schema as it is registered, compiled: the program that AvroReader follows, and the type
// that Kafka Connect's AvroData would give the same schema, so that names, defaults and logical
// types mean what they mean in Connect's JSON. Named types are written out where they are used, so
// a schema is a tree; one that holds itself is refused, and so is a union of anything but null and
// one type: no row of a database is so. Bounded in nodes, depth and work.
// Constant after construction; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/source_type.h"

namespace tidemark {

enum class AvroType : std::uint8_t {
  null,
  boolean,
  int32,
  int64,
  float32,
  float64,
  bytes,
  string,
  fixed,
  enumeration,
  array,    // one child
  map,      // one child: the values
  entries,  // a map whose keys are no strings, as an array of records: two children
  record,   // a child for each field
  choice,   // a union: a child for each branch
};

struct AvroNode {
  AvroType type = AvroType::null;
  std::uint32_t first = 0;  // its first child; of an enumeration, its first symbol
  std::uint32_t count = 0;
  std::uint64_t size_min = 0;  // the bytes that a value has at least; fixed: exactly
};

struct AvroChild {
  std::uint32_t node = 0;
  std::string name;    // of a record's field
  std::string member;  // the same as it stands in JSON: `"name":`
};

class AvroSchema {
 public:
  static constexpr std::uint32_t kDepthMax = 64;
  static constexpr std::size_t kNodesMax = 65536;

  // `references`: texts whose names `text` may use, in an order in which each can be read.
  // Throws Refused.
  AvroSchema(std::string_view text, const std::vector<std::string>& references);

  [[nodiscard]] const SourceType& type() const { return type_; }
  [[nodiscard]] std::uint32_t root() const { return root_; }
  [[nodiscard]] const AvroNode& node(std::uint32_t i) const { return nodes_[i]; }
  [[nodiscard]] const AvroChild& child(const AvroNode& of, std::size_t i) const {
    return children_[of.first + i];
  }
  [[nodiscard]] const std::string& symbol(const AvroNode& of, std::size_t i) const {
    return symbols_[of.first + i];
  }

 private:
  friend class AvroSchemaParser;

  std::vector<AvroNode> nodes_;
  std::vector<AvroChild> children_;
  std::vector<std::string> symbols_;
  std::uint32_t root_ = 0;
  SourceType type_;
};

}  // namespace tidemark
