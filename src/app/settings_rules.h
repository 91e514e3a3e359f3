// What must hold between settings, and for values that have a form of their own: names, regular
// expressions, the dsn, templates. Pure; one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/config_fault.h"
#include "tidemark/config.h"

namespace tidemark {

// Where a setting was given ("inventory.conf:12"), by "target.dsn"; empty where it was not.
using PlaceOf = std::function<std::string(const std::string& setting)>;

void check_rules(const Config& config, const PlaceOf& place_of, std::vector<ConfigFault>& faults);

}  // namespace tidemark
