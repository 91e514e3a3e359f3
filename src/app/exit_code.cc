#include "app/exit_code.h"

#include <algorithm>
#include <string_view>

#include "tidemark/error.h"

namespace tidemark {
namespace {

int code_of(const Error& error) {
  const std::string_view sqlstate = error.sqlstate();
  switch (error.kind()) {
    case ErrorKind::retry:
    case ErrorKind::in_doubt:
    case ErrorKind::fenced:
    case ErrorKind::waiting:
      return kExitUnavailable;
    case ErrorKind::data:
      return kExitBadData;
    case ErrorKind::fatal:
      break;
  }
  const bool refused = dynamic_cast<const PermissionError*>(&error) != nullptr ||
                       sqlstate == "42501" || sqlstate.starts_with("28");
  return refused ? kExitPermission : kExitConfiguration;
}

}  // namespace

ExitVerdict judge_exception(const std::exception& exception) {
  if (const auto* faults = dynamic_cast<const ConfigFaults*>(&exception)) {
    const bool permission = std::any_of(faults->faults().begin(), faults->faults().end(),
                                        [](const ConfigFault& fault) { return fault.permission; });
    return {permission ? kExitPermission : kExitConfiguration,
            {faults->what(), faults->hint(), faults->faults()}};
  }
  if (const auto* config = dynamic_cast<const ConfigError*>(&exception)) {
    return {config->usage() ? kExitUsage : kExitConfiguration,
            {config->what(), config->hint(), {}}};
  }
  if (const auto* error = dynamic_cast<const Error*>(&exception)) {
    return {code_of(*error), {error->what(), error->hint(), {}}};
  }
  return {kExitBug, {exception.what(), "this is a bug of tidemark: please report it", {}}};
}

}  // namespace tidemark
