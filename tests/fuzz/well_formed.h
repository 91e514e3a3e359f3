// Is an element one that PostgreSQL's receiving functions take? By the rules of its source: what
// they would refuse would cost the whole batch.
#pragma once

#include <string_view>
#include <vector>

#include "model/layout.h"

namespace tidemark::fuzz {

// What is wrong with the bytes of a value; null: nothing.
const char* fault_of(Wire wire, std::string_view bytes);
// Aborts, saying what, unless `image` is exactly the elements of these columns.
// `source` is what the finding tells beside the column's type.
void require_image(std::string_view image, const std::vector<const LayoutColumn*>& columns,
                   std::string_view source = {});
[[noreturn]] void die(const char* what);

}  // namespace tidemark::fuzz
