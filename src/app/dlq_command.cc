#include "app/dlq_command.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/check_report.h"
#include "app/dlq_report.h"
#include "app/exit_code.h"
#include "app/load_config.h"
#include "app/output.h"
#include "base/log.h"
#include "pipeline/letter_replay.h"

namespace tidemark {
namespace {

LetterSelection selection_of(const CommandLine& line) {
  return {line.ids, line.stream, line.table, line.kind, line.replayed};
}

// What a command has to say, in both ways.
struct Answer {
  int code = kExitOk;
  std::string summary, result, text;
};

int print(const CommandLine& line, const Answer& answer) {
  if (line.format == OutputFormat::json) {
    const OutputEnvelope envelope{"dlq", answer.code == kExitOk, answer.summary, answer.result,
                                  nullptr};
    std::fputs(envelope_json(envelope).c_str(), stdout);
  } else {
    std::fputs(answer.text.c_str(), stdout);
  }
  return answer.code;
}

Answer list(const CommandLine& line, const LetterStore& store, const Style& style) {
  const LetterSelection selection = selection_of(line);
  std::vector<LetterHead> letters;
  std::uint64_t total = 0;
  if (store.exists()) {
    letters = store.list(selection, line.limit);
    total = store.count(selection);
  }
  return {kExitOk, letters_summary(letters, total, line.replayed), letters_json(letters, total),
          letters_text(letters, total, selection, style)};
}

Answer show(const CommandLine& line, const LetterStore& store, const Style& style) {
  std::vector<Letter> letters;
  if (store.exists()) letters = store.read(line.ids, false);
  if (!letters.empty()) {
    const Letter& letter = letters.front();
    return {kExitOk, letter.message, letter_json(letter), letter_text(letter, style)};
  }
  const std::string none = fmt::format("there is no letter {} of this pipeline", line.ids.front());
  return {kExitFindings, none, "null", none + "\n"};
}

Answer replay(const CommandLine& line, const Config& config, const Style& style) {
  const ReplaySummary summary = LetterReplay(config).run(selection_of(line));
  const bool all = summary.failed == 0 && summary.behind == 0;
  return {all ? kExitOk : kExitFindings, replay_summary(summary, Style(false)),
          replay_json(summary), replay_summary(summary, style) + "\n"};
}

Answer drop(const CommandLine& line, const Config& config, const LetterStore& store,
            const Style& style) {
  const LetterSelection selection = selection_of(line);
  std::uint64_t count = 0;
  if (line.yes) {
    count = drop_letters(config, selection);
  } else if (store.exists()) {
    count = store.count(selection);
  }
  const std::string result =
      fmt::format(R"({{"letters":{},"dropped":{}}})", count, line.yes ? "true" : "false");
  const std::string what = counted(count, "letter");
  if (line.yes) return {kExitOk, what + " dropped", result, what + " dropped\n"};
  return {kExitOk, what + " would be dropped", result,
          fmt::format("{} would be dropped\n{} add --yes to delete them for good\n", what,
                      style.arrow())};
}

}  // namespace

int dlq_command(const CommandLine& line) {
  const Config config = load_config(line);
  const bool wordy = config.log.level == "debug";
  configure_log(config.log.format, wordy ? "debug" : "error", config.pipeline,
                Style::of(stderr, line.color).rich());
  const Style style = Style::of(stdout, line.color);
  if (line.subcommand == "replay") return print(line, replay(line, config, style));
  AdminConnection connection(connection_settings(config));
  const LetterStore store(text_query(connection), config.target.state_schema, config.pipeline);
  if (line.subcommand == "drop") return print(line, drop(line, config, store, style));
  if (line.subcommand == "show") return print(line, show(line, store, style));
  return print(line, list(line, store, style));
}

}  // namespace tidemark
