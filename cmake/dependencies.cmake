# Debian's packages, 12 and 13. Headers come in as system headers: their warnings are not ours.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
find_package(fmt REQUIRED)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_path(RAPIDJSON_INCLUDE_DIR rapidjson/reader.h REQUIRED)

add_library(tidemark_dependencies INTERFACE)
target_link_libraries(tidemark_dependencies INTERFACE
  PkgConfig::RDKAFKA PkgConfig::PQXX PkgConfig::PQ PkgConfig::CURL PkgConfig::XXHASH
  Boost::program_options fmt::fmt Threads::Threads)
target_include_directories(tidemark_dependencies SYSTEM INTERFACE ${RAPIDJSON_INCLUDE_DIR})

find_package(Catch2 REQUIRED)
# Catch2 2 (Debian 12) is a header with Catch2::Catch2; Catch2 3 (Debian 13) is a library. Tests
# include "support/catch.h", which knows the difference.
if(TARGET Catch2::Catch2WithMain)
  set(TIDEMARK_CATCH_TARGET Catch2::Catch2WithMain)
else()
  set(TIDEMARK_CATCH_TARGET Catch2::Catch2)
endif()
