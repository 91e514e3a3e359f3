#include "tidemark/source.h"

namespace tidemark {

RecordView OwnedRecord::view(const StreamPartition& at, Offset offset) const {
  RecordView out;
  out.topic = at.stream;
  out.partition = at.partition;
  out.offset = offset;
  out.timestamp_ms = timestamp_ms;
  if (key) out.key = *key;
  if (value) out.value = *value;
  out.headers.reserve(headers.size());
  for (const auto& [name, content] : headers) {
    out.headers.push_back(
        {name, content ? std::optional<std::string_view>(*content) : std::nullopt});
  }
  return out;
}

}  // namespace tidemark
