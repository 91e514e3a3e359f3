"""The instructions of one event in each hot piece, by callgrind: the same in every run of the same
program, so that a change of a few percent is seen where events/s tell nothing."""
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from decode import instructions

# A piece's name; the tool, what it is called with, and what of it is another piece's.
PIECES = {
    "decode schemaless": ("bench_decode", "schemaless", None),
    "decode schemas": ("bench_decode", "schemas", None),
    "decode flattened": ("bench_decode", "flattened", None),
    "decode avro": ("bench_decode", "avro", None),
    "fold": ("bench_fold", "fold", None),
    "arrays": ("bench_fold", "arrays", "fold"),
}
RECORDED = Path(__file__).with_name("instructions.json")
ALLOWANCE = 0.05


def measure(find_tool):
    """Piece: instructions of one event."""
    def count(piece):
        tool, argument, _ = piece
        return instructions(find_tool(tool), argument, 1_000_000)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(PIECES, pool.map(count, PIECES.values())))
    for name, (_, _, within) in PIECES.items():
        if within:
            found[name] -= found[within]
    return found


def record(found):
    RECORDED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def compare(found):
    """Lines to print; how many pieces are within the allowance, and how many are not."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    lines, missed = [], 0
    for name, count in found.items():
        change = count / recorded[name] - 1
        verdict = "ok"
        if change > ALLOWANCE:
            missed += 1
            verdict = "FAILED: more work for each event than when it was recorded"
        elif change < -ALLOWANCE:
            verdict = "ok; scripts/bench instructions --record keeps the gain"
        lines.append(f"{name:<20}{count:>9,} instructions an event, {change:+.1%}: {verdict}")
    return lines, len(found) - missed, missed
