// Where a pipeline stands, for those who only look: no lock, no epoch raised.
#pragma once

#include <map>
#include <string>

#include "target/catalog.h"
#include "tidemark/types.h"

namespace tidemark {

// The next offsets to be read. Empty where the pipeline has not run yet.
std::map<StreamPartition, Offset> read_positions(const TextQuery& query,
                                                 const std::string& state_schema,
                                                 const std::string& pipeline);

}  // namespace tidemark
