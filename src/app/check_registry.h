// `tidemark check` of the schema registry: does it answer, does it let us in, is it one. Says
// nothing where none is configured.
#pragma once

#include "app/check_report.h"
#include "tidemark/config.h"

namespace tidemark {

void check_registry(const Config& config, CheckReport& report);

}  // namespace tidemark
