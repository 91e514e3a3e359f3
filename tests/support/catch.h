// Catch2, version 2 (Debian 12) or 3 (Debian 13), under one include. For tests only.
#pragma once

#include <string>

#ifdef TIDEMARK_CATCH2_V2
#include <catch2/catch.hpp>
namespace tidemark::test {
inline auto has_text(const std::string& part) {
  return Catch::Matchers::Contains(part);
}
}  // namespace tidemark::test
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
namespace tidemark::test {
inline auto has_text(const std::string& part) {
  return Catch::Matchers::ContainsSubstring(part);
}
}  // namespace tidemark::test
#endif
