// Catch2, version 2 (Debian 12) or 3 (Debian 13), under one include. For tests only.
#pragma once

#ifdef TIDEMARK_CATCH2_V2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
#endif
