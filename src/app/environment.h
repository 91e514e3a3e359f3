// Environment variables as settings: TIDEMARK_TARGET_DSN is target.dsn. In a name "___" stands for
// "-", "__" for "_" and "_" for "."; letters become small ones. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

// No value: the variable is none of ours. Kubernetes sets TIDEMARK_PORT, TIDEMARK_SERVICE_HOST and
// the like in every pod beside a service called tidemark: those are not ours either.
std::optional<std::string> setting_of_variable(std::string_view variable);

// "target.state-schema" as TIDEMARK_TARGET_STATE___SCHEMA.
std::string variable_of_setting(std::string_view setting);

}  // namespace tidemark
