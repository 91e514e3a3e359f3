// The process's exit codes: those of sysexits.h that interface documents, and which error is which.
// Pure; any thread.
#pragma once

#include <exception>

#include "app/output.h"

namespace tidemark {

enum ExitCode : int {
  kExitOk = 0,
  kExitFindings = 1,
  kExitUsage = 64,
  kExitBadData = 65,
  kExitUnavailable = 69,
  kExitBug = 70,
  kExitPermission = 77,
  kExitConfiguration = 78,
};

struct ExitVerdict {
  int code = kExitBug;
  ShownError error;
};

ExitVerdict judge_exception(const std::exception& exception);

}  // namespace tidemark
