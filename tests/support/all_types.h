// Sources and targets of values, of every sort: for tests that try all of them with each other.
#pragma once

#include <vector>

#include "model/pg_type.h"
#include "model/source_type.h"

namespace tidemark::test {

std::vector<SourceType> all_sources();
std::vector<PgType> all_targets();

}  // namespace tidemark::test
