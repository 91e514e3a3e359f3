// A Kafka record as the source hands it to the decoder: views into the source's own memory, valid
// until the call returns. Nothing here owns bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/types.h"

namespace tidemark {

struct HeaderView {
  std::string_view name;
  std::optional<std::string_view> value;  // no value: a null header
};

// In the record's order; names may repeat. They are parsed when somebody looks, since most records
// are never asked and Debezium writes four headers a record.
class HeaderList {
 public:
  using Parse = void (*)(const void* record, HeaderList& to);

  HeaderList() = default;
  HeaderList(std::initializer_list<HeaderView> headers) : headers_(headers) {}
  // `record` lives as long as the list is looked at.
  HeaderList(const void* record, Parse parse) : record_(record), parse_(parse) {}

  void reserve(std::size_t count) { headers_.reserve(count); }
  void push_back(const HeaderView& header) { headers_.push_back(header); }
  [[nodiscard]] auto begin() const { return parsed().begin(); }
  [[nodiscard]] auto end() const { return parsed().end(); }
  [[nodiscard]] std::size_t size() const { return parsed().size(); }
  [[nodiscard]] bool empty() const { return parsed().empty(); }
  [[nodiscard]] const HeaderView& operator[](std::size_t i) const { return parsed()[i]; }

 private:
  [[nodiscard]] const std::vector<HeaderView>& parsed() const {
    if (parse_ != nullptr) {
      HeaderList read;
      parse_(record_, read);
      headers_ = std::move(read.headers_);
      parse_ = nullptr;
    }
    return headers_;
  }

  const void* record_ = nullptr;
  mutable Parse parse_ = nullptr;
  mutable std::vector<HeaderView> headers_;
};

struct RecordView {
  std::string_view topic;
  Partition partition;
  Offset offset;
  std::int64_t timestamp_ms = 0;          // Kafka's, -1 where the broker has none
  std::optional<std::string_view> key;    // no value: a null key
  std::optional<std::string_view> value;  // no value: a tombstone
  HeaderList headers;
};

// A 64-bit hash of what makes a record itself: timestamp, key, the value's length and its tail.
// Stored with the position, so that a topic that was made anew is noticed (I7).
std::uint64_t fingerprint_of(const RecordView& record);

}  // namespace tidemark
