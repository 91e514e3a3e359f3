#include "app/plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/check_report.h"
#include "app/sql_layout.h"
#include "decode/encoding_loss.h"
#include "decode/possible_loss.h"

namespace tidemark {
namespace {

constexpr std::size_t kLabelWidth = 11;
constexpr std::size_t kNameWidthMax = 30;
constexpr std::size_t kTypeWidthMax = 44;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// In columns of the screen: a byte that continues a character takes none.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t have = width_of(text);
  return have < width ? text + std::string(width - have, ' ') : text;
}

std::size_t loss_count(const PlanFacts& facts) {
  std::size_t count = 0;
  for (const PlannedTable& table : facts.tables) {
    for (const FieldAccount& field : table.fields) {
      if (field.fate == FieldFate::written) count += encoding_losses(field.source).size();
    }
  }
  return count;
}

std::size_t fate_count(const PlanFacts& facts, TableFate fate) {
  return static_cast<std::size_t>(
      std::count_if(facts.tables.begin(), facts.tables.end(),
                    [fate](const PlannedTable& table) { return table.fate() == fate; }));
}

std::uint64_t bad_count(const PlanFacts& facts) {
  std::uint64_t count = 0;
  for (const BadFinding& bad : facts.bad) count += bad.records;
  return count;
}

const char* fate_text(TableFate fate) {
  switch (fate) {
    case TableFate::as_it_is:
      return "exists, nothing to change";
    case TableFate::create:
      return "to be created";
    case TableFate::change:
      return "exists, to be changed";
    case TableFate::refused:
      return "REFUSED";
  }
  return "";
}

const char* not_written_because(FieldFate fate) {
  switch (fate) {
    case FieldFate::written:
      return "";
    case FieldFate::excluded:
      return "columns-exclude";
    case FieldFate::metadata:
      return "metadata of the record";
    case FieldFate::generated:
      return "the target generates it";
    case FieldFate::no_column:
      return "no such column in the target";
  }
  return "";
}

const char* op_name(char op) {
  switch (op) {
    case 'r':
      return "snapshot rows";
    case 'c':
      return "inserts";
    case 'u':
      return "updates";
    case 'd':
      return "deletes";
    case 't':
      return "truncates";
    default:
      return "tombstones";
  }
}

class PlanText {
 public:
  PlanText(const PlanFacts& facts, bool verbose, const Style& style)
      : facts_(facts), verbose_(verbose), style_(style) {}

  std::string run() {
    add_sample();
    for (const PlannedTable& table : facts_.tables) add_table(table);
    if (!facts_.skipped.empty() || !facts_.bad.empty() || !facts_.warnings.empty()) text_ += "\n";
    add_skipped();
    add_bad();
    for (const std::string& warning : facts_.warnings) {
      text_ += style_.mark(Mark::warning) + " " + printable(warning) + "\n";
    }
    add_elsewhere();
    return text_ + "\nSummary: " + plan_summary(facts_, style_) + "\n";
  }

 private:
  void line(const std::string& label, const std::string& what) {
    text_ += "  " + padded(label, kLabelWidth) + printable(what) + "\n";
  }
  void add_sample();
  void add_table(const PlannedTable& table);
  void add_columns(const PlannedTable& table);
  void add_possible_losses(const PlannedTable& table);
  void add_statements(const std::string& label, const std::vector<std::string>& statements);
  void add_skipped();
  void add_bad();
  void add_finding(const BadFinding& bad, Mark mark);
  void add_elsewhere();

  const PlanFacts& facts_;
  const bool verbose_;
  const Style& style_;
  std::string text_;
};

void PlanText::add_sample() {
  std::int64_t there = 0;
  for (const SampledPartition& partition : facts_.sample) {
    there += partition.end.value - partition.begin.value;
  }
  text_ +=
      fmt::format("Looked at {} of about {} records in {}, at most {} each; nothing is written\n",
                  facts_.records(), there, counted(facts_.sample.size(), "partition"),
                  facts_.sample_records_max);
  for (const SampledPartition& partition : facts_.sample) {
    if (partition.complete) continue;
    text_ += style_.mark(Mark::warning) + " " + printable(partition.at.display()) + ": " +
             (partition.problem.empty()
                  ? "the time was over after " + counted(partition.records, "record")
                  : printable(partition.problem)) +
             "\n";
  }
}

void PlanText::add_table(const PlannedTable& table) {
  text_ += "\n" +
           style_.bold(printable(table.source) + " " + style_.arrow() + " " +
                       printable(table.target.display())) +
           "  " + fate_text(table.fate()) + "\n";
  line(table.topics.size() == 1 ? "topic" : "topics",
       joined(table.topics) + fmt::format(" ({})", counted(table.partitions, "partition")));
  std::string records;
  for (const char op : {'r', 'c', 'u', 'd', 't', 'x'}) {
    const auto found = table.records.find(op);
    if (found == table.records.end()) continue;
    records += (records.empty() ? "" : ", ") + fmt::format("{} {}", found->second, op_name(op));
  }
  if (!records.empty()) line("records", records);
  if (table.key.empty()) {
    line("key", "none: rows are found by all of their columns");
  } else {
    line("key",
         joined(table.key) + (table.key_configured ? ", as configured" : ", of the records"));
  }
  add_columns(table);
  add_possible_losses(table);
  if (table.refused) {
    line("refused", table.refused->message);
    text_ += "  " + padded("", kLabelWidth) + style_.arrow() + " " + table.refused->hint + "\n";
  }
  add_statements("DDL", table.ddl);
  if (verbose_) add_statements("SQL", table.sql);
}

void PlanText::add_columns(const PlannedTable& table) {
  std::size_t names = 6;
  std::size_t types = 13;
  for (const FieldAccount& field : table.fields) {
    names = std::max(names, std::min(width_of(printable(field.name)), kNameWidthMax));
    types = std::max(types, std::min(width_of(stated_type(field.source)), kTypeWidthMax));
  }
  text_ +=
      "  " + padded("column", names + 2) + padded("at the source", types + 2) + "in the target\n";
  for (const FieldAccount& field : table.fields) {
    std::string to = field.target.sql();
    if (field.fate != FieldFate::written) {
      to = std::string("not written: ") + not_written_because(field.fate);
    } else {
      const bool is_new = table.actual != nullptr && table.actual->find(field.name) == nullptr;
      const Column* const have = table.actual == nullptr ? nullptr : table.actual->find(field.name);
      if (field.key) to += ", key";
      if (is_new) to += ", new";
      if (have != nullptr && have->type.sql() != field.target.sql()) {
        to += ", was " + have->type.sql();
      }
      if (have != nullptr && have->identity_always)
        to += ", GENERATED ALWAYS AS IDENTITY overridden";
      if (field.former) to += ", not in the last schema";
    }
    text_ += "  " + padded(printable(field.name), names + 2) +
             padded(table.typed ? printable(stated_type(field.source)) : "no schema", types + 2) +
             printable(to) + "\n";
    if (field.fate != FieldFate::written) continue;
    for (const std::string& loss : encoding_losses(field.source)) {
      text_ += "    " + style_.mark(Mark::warning) + " " + printable(loss) + "\n";
    }
  }
}

// Of some values, or by settings: no schema shows whether they are lost. Each once, with its
// columns.
void PlanText::add_possible_losses(const PlannedTable& table) {
  std::vector<std::pair<std::string, std::string>> found;  // loss, columns
  for (std::string& loss : possible_losses(table.connector, table.typed)) {
    found.emplace_back(std::move(loss), "");
  }
  for (const FieldAccount& field : table.fields) {
    if (field.fate != FieldFate::written) continue;
    for (std::string& loss : possible_losses(field.source, field.target, table.connector)) {
      const auto known = std::find_if(found.begin(), found.end(),
                                      [&loss](const auto& one) { return one.first == loss; });
      const auto at = known == found.end() ? found.insert(known, {std::move(loss), ""}) : known;
      at->second += (at->second.empty() ? "" : ", ") + field.name;
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto& [loss, columns] = found[i];
    line(i == 0 ? "may lose" : "", columns.empty() ? loss : columns + ": " + loss);
  }
}

void PlanText::add_statements(const std::string& label,
                              const std::vector<std::string>& statements) {
  const std::string indent(2 + kLabelWidth + 2, ' ');
  for (std::size_t i = 0; i < statements.size(); ++i) {
    text_ += "  " + padded(i == 0 ? label : "", kLabelWidth) +
             broken_into_lines(printable(statements[i]), indent) + ";\n";
  }
}

void PlanText::add_skipped() {
  std::string skipped;
  for (const auto& [reason, count] : facts_.skipped) {
    skipped += (skipped.empty() ? "" : ", ") + fmt::format("{} {}", count, to_string(reason));
  }
  if (!skipped.empty()) text_ += "Skipped: " + skipped + "\n";
}

void PlanText::add_finding(const BadFinding& bad, Mark mark) {
  text_ += fmt::format(
      "{} {}@{}{}: {}\n", style_.mark(mark), printable(bad.at.display()), bad.offset.value,
      bad.records > 1 ? fmt::format(" and {} more", bad.records - 1) : "", printable(bad.message));
  if (bad.hint.empty()) return;
  const std::string indent(7, ' ');
  text_ += std::string("     ") + style_.arrow() + " " +
           broken_into_lines(printable(bad.hint), indent) + "\n";
}

void PlanText::add_bad() {
  for (const BadFinding& bad : facts_.bad) {
    const bool stops = bad.halt || facts_.on_bad_record == OnBadRecord::stop;
    add_finding(bad, stops ? Mark::failure : Mark::warning);
  }
}

// That a table which `evolve` makes would be missing goes without saying.
void PlanText::add_elsewhere() {
  const auto is_created = [this](const BadFinding& bad) {
    return std::any_of(facts_.tables.begin(), facts_.tables.end(), [&bad](const auto& table) {
      return table.source == bad.table && table.fate() == TableFate::create;
    });
  };
  for (const auto& [evolution, findings] : facts_.elsewhere) {
    std::string title = fmt::format(
        "\nWith schema-evolution = {} these would be refused as well:\n", to_string(evolution));
    for (const BadFinding& bad : findings) {
      if (!verbose_ && is_created(bad)) continue;
      text_ += std::exchange(title, {});
      add_finding(bad, Mark::warning);
    }
  }
}

}  // namespace

bool plan_has_refused_table(const PlanFacts& facts) {
  return fate_count(facts, TableFate::refused) != 0;
}

bool plan_has_stopping_record(const PlanFacts& facts) {
  return std::any_of(facts.bad.begin(), facts.bad.end(), [&facts](const BadFinding& bad) {
    return bad.halt || facts.on_bad_record == OnBadRecord::stop;
  });
}

std::string plan_summary(const PlanFacts& facts, const Style& style) {
  std::string text = counted(facts.tables.size(), "table");
  const auto add = [&](std::uint64_t count, const std::string& what) {
    if (count != 0) text += std::string(" ") + style.dot() + " " + what;
  };
  const std::size_t created = fate_count(facts, TableFate::create);
  const std::size_t changed = fate_count(facts, TableFate::change);
  const std::size_t refused = fate_count(facts, TableFate::refused);
  const std::size_t losses = loss_count(facts);
  add(created, fmt::format("{} to be created", created));
  add(changed, fmt::format("{} to be changed", changed));
  add(refused, fmt::format("{} refused", refused));
  add(losses, losses == 1 ? "1 loss made at the source"
                          : fmt::format("{} losses made at the source", losses));
  add(bad_count(facts), counted(bad_count(facts), "bad record"));
  return text;
}

std::string plan_text(const PlanFacts& facts, bool verbose, const Style& style) {
  return PlanText(facts, verbose, style).run();
}

}  // namespace tidemark
