#include "app/check_command.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "app/check_kafka.h"
#include "app/check_records.h"
#include "app/check_registry.h"
#include "app/check_report.h"
#include "app/check_tables.h"
#include "app/check_target.h"
#include "app/exit_code.h"
#include "app/load_config.h"
#include "app/secrets.h"
#include "base/log.h"

namespace tidemark {
namespace {

bool is_secret(const FlagSetting& flag) {
  constexpr std::array<std::string_view, 5> kSecrets = {
      "target.password", "source.registry-password", "source.registry-token", "source.registry-key",
      "source.registry-key-password"};
  if (flag.name == "target.dsn") return dsn_holds_password(flag.value);
  if (flag.name == "source.registry-url") return urls_hold_password(flag.value);
  if (std::find(kSecrets.begin(), kSecrets.end(), flag.name) != kSecrets.end()) return true;
  return flag.name.starts_with("kafka.") && !flag.name.ends_with("-file") &&
         is_secret_property(flag.name);
}

void report_config(const CommandLine& line, const LoadedSettings& loaded, CheckReport& report) {
  for (const ConfigFault& fault : loaded.faults) {
    report.fail("Config", fault.code, fault.display(), fault.hint);
  }
  if (loaded.faults.empty()) {
    report.pass("Config", "settings",
                line.config_file.empty() ? "from flags and environment" : line.config_file);
  }
  for (const FlagSetting& flag : line.settings) {
    if (!is_secret(flag)) continue;
    report.warn("Config", "secret", flag.name + " is on the command line, which others can read",
                "give it as <key>-file");
  }
}

void check_servers(const Config& config, CheckReport& report) {
  const std::vector<TopicFacts> topics = check_kafka(config, report);
  check_registry(config, report);
  CheckReport of_records;
  CheckReport of_tables;
  const std::vector<TopicTable> tables = find_tables(config, topics, of_records, of_tables);
  check_target(config, tables, report);
  report.append(of_tables);
  report.append(of_records);
}

int exit_code_of(const CheckReport& report, const std::vector<ConfigFault>& faults) {
  if (!faults.empty()) return judge_exception(ConfigFaults(faults)).code;
  if (report.unreachable()) return kExitUnavailable;
  return report.ok() ? kExitOk : kExitFindings;
}

}  // namespace

int check_command(const CommandLine& line) {
  const LoadedSettings loaded = load_all_settings(line);
  CheckReport report;
  report_config(line, loaded, report);
  if (loaded.faults.empty()) {
    // librdkafka's own complaints come again as findings.
    const bool wordy = loaded.config.log.level == "debug";
    configure_log(loaded.config.log.format, wordy ? "debug" : "error", loaded.config.pipeline,
                  Style::of(stderr, line.color).rich());
    if (line.offline) {
      check_table_names(loaded.config, loaded.config.source.topics, report);
    } else {
      check_servers(loaded.config, report);
    }
  }
  if (line.format == OutputFormat::json) {
    const OutputEnvelope envelope{"check", report.ok(), report.summary(Style(false)), report.json(),
                                  nullptr};
    std::fputs(envelope_json(envelope).c_str(), stdout);
  } else {
    std::fputs(report.text(Style::of(stdout, line.color)).c_str(), stdout);
  }
  return exit_code_of(report, loaded.faults);
}

}  // namespace tidemark
