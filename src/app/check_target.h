// The preconditions on PostgreSQL's side: server, state schema, privileges, and the tables that are
// there already. Reads catalogs only; changes nothing.
#pragma once

#include <vector>

#include "app/check_report.h"
#include "app/check_tables.h"
#include "tidemark/config.h"

namespace tidemark {

void check_target(const Config& config, const std::vector<TopicTable>& tables, CheckReport& report);

}  // namespace tidemark
