#!/usr/bin/env python3
"""tidemark with one guard taken out: what the checker (tests/integration, --negative) or the
simulator (tests/simulator) must notice.

    mutants.py --list              those of the program, a line each: NAME SOURCE...
    mutants.py --list simulated    those of the simulator
    mutants.py NAME FOLDER         writes its sources, changed, into the folder

The guards are taken out of copies, so that the product has no switch for it. A guard that is not
found exactly once is an error: a control that changes nothing would prove nothing.
"""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A batch's offsets go to Kafka before it is written.
REPORT_BEFORE_WRITE = (
    "      WriteOutcome outcome = batch_.write(batch);\n",
    "      std::map<StreamPartition, Offset> next;\n"
    "      for (const EventRef& ref : batch) {\n"
    "        next[batch_.partitions()[ref.event->partition].at] = ref.event->offset.next();\n"
    "      }\n"
    "      shared_.parts.source->commit(\n"
    "          std::vector<std::pair<StreamPartition, Offset>>(next.begin(), next.end()),\n"
    "          milliseconds{2000});\n"
    "      WriteOutcome outcome = batch_.write(batch);\n")

MUTANTS = {
    # A zombie's batch goes in.
    "no-fence": {"src/target/watermarks.cc": [(
        '"AND p.epoch = m.epoch AND p.last_watermark IS NOT DISTINCT FROM m.old"', '""')]},
    # Kafka's offsets first, and trusted.
    "kafka-first": {
        "src/pipeline/lane_writer.cc": [(
            "      report_offsets();\n      shared_.buffer.answer", "      shared_.buffer.answer"),
            REPORT_BEFORE_WRITE],
        "src/source/kafka_source.cc": [(
            "offset ? offset->value : std::int64_t{RD_KAFKA_OFFSET_BEGINNING};",
            "offset ? std::int64_t{RD_KAFKA_OFFSET_STORED} : std::int64_t{RD_KAFKA_OFFSET_BEGINNING};")]},
    # A doubt is settled without waiting for the old backend.
    "plain-select": {"src/target/watermarks.cc": [(
        '"ORDER BY p.stream, p.partition FOR UPDATE OF p";', '"ORDER BY p.stream, p.partition";')]},
    # A later event of a batch brings its own columns only: what an earlier one set is lost.
    "whole-rows": {"src/batch/fold.cc": [(
        "  if (under.present) return filled(image, under);\n",
        "  if (under.present) {\n    image.base = under.base;\n    return image;\n  }\n")]},
    # A batch's updates, then its deletes.
    "deletes-last": {"src/batch/fold.cc": [(
        "  const std::size_t entry = table.find_or_add(ref.key());\n"
        "  if (!table.entries[entry].touched) {",
        "  const std::size_t entry = table.find_or_add(ref.key());\n"
        "  if (table.entries[entry].touched && !table.entries[entry].image.present) return;\n"
        "  if (!table.entries[entry].touched) {")]},
}

# Of what runs in the simulator; those of MUTANTS that do too are in SHARED.
SHARED = ("whole-rows", "deletes-last")
SIMULATED = {
    # The group's offsets before the rows.
    "report-first": {"src/pipeline/lane_writer.cc": [REPORT_BEFORE_WRITE]},
    # A doubt is forgotten: the batch is written again.
    "doubt-forgotten": {"src/pipeline/lane_writer.cc": [(
        "        auto settled = batch_.settle();\n        in_doubt = false;\n"
        "        if (settled) return {std::move(settled), Clock::now() - begin};\n", "        in_doubt = false;\n")]},
    # A fenced writer does not have the group joined anew.
    "fenced-stays": {"src/pipeline/lane_writer.cc": [(
        "      forget_rows();\n      shared_.buffer.ask_rejoin(false);\n", "      forget_rows();\n")]},
    # What is written is not given back to the buffer's bound.
    "never-released": {"src/pipeline/lane_writer.cc": [(
        "    shared_.buffer.release(pending.slab);\n    return true;\n", "    return true;\n")]},
    # What comes behind what waits goes ahead of it.
    "waiting-overtaken": {"src/pipeline/lane_writer.cc": [(
        "[&](const EventRef& ref) { return waiting_.keep(ref); }",
        "[&](const EventRef&) { return false; }")]},
    # What was folded ahead is taken for whatever is written next.
    "ahead-of-anything": {"src/pipeline/event_applier.cc": [(
        "  return ahead_ && std::equal(", "  if (ahead_) return true;\n  return ahead_ && std::equal(")]},
    # What a batch in parts has left to wait is overtaken by its next part.
    "part-overtakes": {"src/pipeline/lane_writer.cc": [(
        "      if (!waiting_.keep(*next)) part.push_back(*next);\n", "      part.push_back(*next);\n")]},
    # A batch whose fate is in doubt is cut in parts.
    "doubt-in-parts": {"src/pipeline/lane_writer.cc": [(
        "if (in_doubt || !is_too_much(error)", "if (!is_too_much(error)")]},
    # What comes before a parked partition is read again goes in.
    "parked-goes-on": {"src/pipeline/waiting_partitions.cc": [(
        "  if (parked_.contains(ref.event->partition)) return true;\n", "")]},
    # What waits behind another layout is never read again.
    "split-stays": {"src/pipeline/waiting_partitions.cc": [(
        "return ended_at_layout_ && ", "return false && ended_at_layout_ && ")]},
    # Records go past those whose table is not known yet.
    "backlog-overtaken": {"src/pipeline/lane_reader.cc": [(
        "if (!backlog_.empty() || !decode(record))", "if (!decode(record))")]},
    # A table's definition that is not there yet: the record is dropped.
    "unknown-dropped": {"src/pipeline/lane_reader.cc": [(
        "if (!backlog_.empty() || !decode(record)) keep_for_later(record);", "decode(record);")]},
    # After a try that failed its keys stay held.
    "hold-stays": {"src/pipeline/batch_writer.cc": [("    held_.restore(held_before);\n", "")]},
    # Nobody is held by a dead letter.
    "nothing-held": {"src/pipeline/batch_writer.cc": [(
        "return config_.errors.hold_key && has_key(*ref.event) &&",
        "return false && has_key(*ref.event) &&")]},
    # An event that is applied over a dead letter of its key does not say so.
    "nothing-passed": {"src/pipeline/batch_writer.cc": [(
        "    target_.pass_letters(event.layout->target, key);\n", "")]},
    # Debezium's repetitions are applied.
    "repetitions": {"src/batch/source_progress.cc": [(
        "  if (is_below(here) && !event.snapshot && event.time_us <= time_us_) {",
        "  if (false && is_below(here) && event.time_us <= time_us_) {")]},
    # A row that waits for its other half is not looked for.
    "waiting-rows-missed": {"src/pipeline/event_applier.cc": [(
        "  for (const KeyChangeHint& hint : waiting) by_key.emplace(hint.at_key, &hint);\n", "")]},
}


def simulated():
    return {**{name: MUTANTS[name] for name in SHARED}, **SIMULATED}


def write(name, folder):
    for source, guards in {**MUTANTS, **SIMULATED}[name].items():
        text = (ROOT / source).read_text(encoding="utf-8")
        for guard, without in guards:
            if text.count(guard) != 1:
                sys.exit(f"{name}: a guard is {text.count(guard)} times in {source}: mend {__file__}")
            text = text.replace(guard, without)
        out = Path(folder) / Path(source).name
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--list":
        for mutant, sources in (simulated() if sys.argv[2:] == ["simulated"] else MUTANTS).items():
            print(mutant, *sources)
    else:
        write(*sys.argv[1:])
