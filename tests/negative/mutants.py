#!/usr/bin/env python3
"""tidemark with one guard taken out: what the checker must notice (tests/integration, --negative).

    mutants.py --list         a line each: NAME SOURCE...
    mutants.py NAME FOLDER    writes its sources, changed, into the folder

The guards are taken out of copies, so that the product has no switch for it. A guard that is not
found exactly once is an error: a control that changes nothing would prove nothing.
"""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MUTANTS = {
    # A zombie's batch goes in.
    "no-fence": {"src/target/watermarks.cc": [(
        '"AND p.epoch = m.epoch AND p.last_watermark IS NOT DISTINCT FROM m.old"', '""')]},
    # Kafka's offsets first, and trusted.
    "kafka-first": {
        "src/pipeline/lane_writer.cc": [(
            "      report_offsets();\n      shared_.buffer.answer", "      shared_.buffer.answer"), (
            "      return batch_.write(batch);\n",
            "      std::map<StreamPartition, Offset> next;\n"
            "      for (const EventRef& ref : batch) {\n"
            "        next[batch_.partitions()[ref.event->partition].at] = ref.event->offset.next();\n"
            "      }\n"
            "      shared_.parts.source->commit(\n"
            "          std::vector<std::pair<StreamPartition, Offset>>(next.begin(), next.end()),\n"
            "          milliseconds{2000});\n"
            "      return batch_.write(batch);\n")],
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


def write(name, folder):
    for source, guards in MUTANTS[name].items():
        text = (ROOT / source).read_text(encoding="utf-8")
        for guard, without in guards:
            if text.count(guard) != 1:
                sys.exit(f"{name}: a guard is {text.count(guard)} times in {source}: mend {__file__}")
            text = text.replace(guard, without)
        out = Path(folder) / Path(source).name
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        for mutant, sources in MUTANTS.items():
            print(mutant, *sources)
    else:
        write(*sys.argv[1:])
