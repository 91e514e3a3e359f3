// The program: reads the command line, runs one command, and turns what went wrong into a message
// and an exit code.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "app/check_command.h"
#include "app/config_command.h"
#include "app/dlq_command.h"
#include "app/exit_code.h"
#include "app/options.h"
#include "app/output.h"
#include "app/plan_command.h"
#include "app/run_command.h"
#include "app/signals.h"
#include "app/status_command.h"

namespace {

using tidemark::CommandLine;

int run(const CommandLine& line) {
  if (line.version) {
    std::fputs(tidemark::version_text().c_str(), stdout);
    return tidemark::kExitOk;
  }
  if (line.help) {
    std::fputs(tidemark::help_text(line.command).c_str(), stdout);
    return tidemark::kExitOk;
  }
  if (line.command == "run") return tidemark::run_command(line);
  if (line.command == "check") return tidemark::check_command(line);
  if (line.command == "plan") return tidemark::plan_command(line);
  if (line.command == "status") return tidemark::status_command(line);
  if (line.command == "dlq") return tidemark::dlq_command(line);
  return tidemark::config_command(line);
}

int report(const CommandLine& line, const std::exception& exception) {
  const tidemark::ExitVerdict verdict = tidemark::judge_exception(exception);
  const auto style = tidemark::Style::of(stderr, line.color);
  std::fputs(tidemark::error_text(verdict.error, style).c_str(), stderr);
  if (line.format == tidemark::OutputFormat::json) {
    const tidemark::OutputEnvelope envelope{line.command, false, verdict.error.message, "null",
                                            &verdict.error};
    std::fputs(tidemark::envelope_json(envelope).c_str(), stdout);
  }
  return verdict.code;
}

}  // namespace

int main(int argc, char** argv) {
  tidemark::ignore_broken_pipes();
  CommandLine line;
  try {
    line = tidemark::parse_command_line({argv + 1, argv + argc});
    return run(line);
  } catch (const std::exception& exception) {
    return report(line, exception);
  }
}
