// What a glance at each topic's last records tells: which tables they are of, with which key and
// columns, and whether they can be read at all. Joins no group and commits nothing.
#pragma once

#include <vector>

#include "app/check_kafka.h"
#include "app/check_report.h"
#include "app/check_tables.h"
#include "tidemark/config.h"

namespace tidemark {

// Topics without a record that tells are not in it. Takes some seconds at most, and a schema
// registry's time to answer.
std::vector<TopicTable> check_records(const Config& config, const std::vector<TopicFacts>& topics,
                                      CheckReport& report);

// All tables: by the records where there are any that tell, else by the topics' names. Reports
// those that meet, and names that no table can have.
std::vector<TopicTable> find_tables(const Config& config, const std::vector<TopicFacts>& topics,
                                    CheckReport& of_records, CheckReport& of_tables);

}  // namespace tidemark
