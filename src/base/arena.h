// Memory for byte strings that live as long as one batch: pointers stay valid until clear().
// Not thread-safe; one owner.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace tidemark {

class Arena {
 public:
  char* allocate(std::size_t length) {
    if (blocks_.empty() || used_ + length > blocks_.back().size) next_block(length);
    char* at = blocks_.back().data.get() + used_;
    used_ += length;
    return at;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  // Keeps the first block: the usual batch needs no other.
  void clear() {
    if (blocks_.size() > 1) blocks_.resize(1);
    used_ = 0;
  }

 private:
  struct Block {
    std::unique_ptr<char[]> data;  // NOLINT(*-avoid-c-arrays)
    std::size_t size = 0;
  };
  void next_block(std::size_t length) {
    const std::size_t size = length > kBlockBytes ? length : kBlockBytes;
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});  // NOLINT(*-avoid-c-arrays)
    used_ = 0;
  }
  static constexpr std::size_t kBlockBytes = 64U << 10;
  std::vector<Block> blocks_;
  std::size_t used_ = 0;
};

}  // namespace tidemark
