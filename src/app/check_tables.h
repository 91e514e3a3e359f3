// Which target tables the topics lead to, as far as their names tell (<prefix>.<schema>.<table>),
// and whether two of them meet. Pure; one thread.
#pragma once

#include <string>
#include <vector>

#include "app/check_report.h"
#include "tidemark/config.h"
#include "tidemark/types.h"

namespace tidemark {

struct TopicTable {
  std::string topic;
  std::string source;  // "inventory.orders"
  TableName target;
  bool from_records = false;         // else from the topic's name alone
  std::vector<std::string> key;      // where records have told it; empty: none
  std::vector<std::string> columns;  // the same
};

// Reports two topics with one table, names that differ only by case, and names that no table can
// have. Where the template needs what only records hold (${db}, ${source.…}), nothing is derived.
std::vector<TopicTable> check_table_names(const Config& config,
                                          const std::vector<std::string>& topics,
                                          CheckReport& report);
// The same without a word about tables that meet.
std::vector<TopicTable> tables_of_names(const Config& config,
                                        const std::vector<std::string>& topics,
                                        CheckReport& report);

// Two topics with one table, and names that differ only by case.
void report_meetings(const Config& config, const std::vector<TopicTable>& tables,
                     CheckReport& report);

}  // namespace tidemark
