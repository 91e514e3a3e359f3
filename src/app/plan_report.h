// How `tidemark plan` shows what it has found: text that is pleasant to read, and JSON with
// everything. Pure; any thread.
#pragma once

#include <string>

#include "app/output.h"
#include "app/plan_facts.h"

namespace tidemark {

// "2 tables · 1 to be created · 3 losses · 1 bad record"
std::string plan_summary(const PlanFacts& facts, const Style& style);
// `verbose`: with the statements that write the rows.
std::string plan_text(const PlanFacts& facts, bool verbose, const Style& style);
// The result of the envelope.
std::string plan_json(const PlanFacts& facts);

// Would `run` end because of what was found?
bool plan_has_refused_table(const PlanFacts& facts);
bool plan_has_stopping_record(const PlanFacts& facts);

}  // namespace tidemark
