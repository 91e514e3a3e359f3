#include "app/run_command.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/exit_code.h"
#include "app/load_config.h"
#include "app/output.h"
#include "app/signals.h"
#include "app/start_check.h"
#include "base/log.h"
#include "pipeline/pipeline.h"

namespace tidemark {
namespace {

// Of all lanes' threads together.
std::string stages(const StageTimes& times) {
  const auto s = [](StageTime time) { return std::chrono::duration<double>(time).count(); };
  const auto& [reader, writer] = times;
  return fmt::format(
      R"({{"fetch":{:.3f},"poll":{:.3f},"decode":{:.3f},"room":{:.3f},"idle":{:.3f},)"
      R"("fold":{:.3f},"encode":{:.3f},"postgresql":{:.3f},"commit":{:.3f},"rest":{:.3f}}})",
      s(reader.fetch), s(reader.poll), s(reader.decode), s(reader.room), s(writer.idle),
      s(writer.fold), s(writer.encode), s(writer.postgresql), s(writer.commit), s(writer.rest));
}

void print_json(const RunSummary& summary) {
  const bool ok = summary.exit_code == kExitOk;
  const ShownError error{summary.message, summary.hint, {}};
  OutputEnvelope envelope{"run", ok, summary.message, "null", ok ? nullptr : &error};
  envelope.result =
      fmt::format(R"({{"events":{},"dead_letters":{},"seconds":{:.3f},"stage_seconds":{}}})",
                  summary.events, summary.dead_letters, summary.seconds, stages(summary.times));
  std::fputs(envelope_json(envelope).c_str(), stdout);
}

// A service's story is its log; who waits for the end wants to read it.
void print_text(const RunSummary& summary, const Style& style) {
  fmt::print("{} {} {} events {} {} dead letters {} {:.1f} s\n", summary.message, style.dot(),
             summary.events, style.dot(), summary.dead_letters, style.dot(), summary.seconds);
}

}  // namespace

int run_command(const CommandLine& line) {
  const Config config = load_config(line);
  configure_log(config.log.format, config.log.level, config.pipeline,
                Style::of(stderr, line.color).rich());
  install_stop_signals();
  check_tables_at_start(config);
  const RunSummary summary = run_pipeline(config, RunOptions{line.until_current, &stop_requested});
  if (line.format == OutputFormat::json) {
    print_json(summary);
  } else if (line.until_current && summary.exit_code == kExitOk) {
    print_text(summary, Style::of(stdout, line.color));
  }
  return summary.exit_code;
}

}  // namespace tidemark
