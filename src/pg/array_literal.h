// PostgreSQL array literals for parameters off the hot path: text[], bytea[], bigint[]. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark {

// "{\"a\",\"b\"}" of text.
std::string text_array(const std::vector<std::string>& values);
// Of bytes, as hexadecimal.
std::string bytea_array(const std::vector<std::string_view>& values);
// Numbers.
std::string number_array(const std::vector<std::int64_t>& values);

}  // namespace tidemark
