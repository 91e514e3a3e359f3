#include "app/run_command.h"

#include <cstdio>

#include "app/exit_code.h"
#include "app/load_config.h"
#include "app/output.h"
#include "app/signals.h"
#include "base/log.h"
#include "pipeline/pipeline.h"

namespace tidemark {
namespace {

const char* summary_of(int code) {
  switch (code) {
    case kExitOk:
      return "stopped; everything read is applied or will be read again";
    case kExitBadData:
      return "stopped at a record that cannot be applied";
    case kExitUnavailable:
      return "Kafka or PostgreSQL is unavailable";
    case kExitPermission:
      return "not permitted";
    case kExitConfiguration:
      return "the configuration does not fit what is there";
    default:
      return "stopped";
  }
}

}  // namespace

int run_command(const CommandLine& line) {
  const Config config = load_config(line);
  configure_log(config.log.format, config.log.level, config.pipeline,
                Style::of(stderr, line.color).rich());
  install_stop_signals();
  const int code = run_pipeline(config, RunOptions{line.until_current, &stop_requested});
  if (line.format == OutputFormat::json) {
    const Envelope envelope{"run", code == kExitOk, summary_of(code), "null", nullptr};
    std::fputs(envelope_json(envelope).c_str(), stdout);
  }
  return code;
}

}  // namespace tidemark
