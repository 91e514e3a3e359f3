// The main program of the tests where Catch2 2 does not bring one.
#ifdef TIDEMARK_CATCH2_V2
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
