#!/usr/bin/env python3
"""Negative controls of the simulator: without a guard a seed must fail, and for the reason given.

    controls.py --build build/release [--seeds 10000] [--mutants]

Without --mutants only guards of the simulated PostgreSQL are taken out; with it also those of
tests/negative/mutants.py, which the target tidemark_simulator_mutants has built.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

ROWS = "I1: the rows are not|the rows are not the source's"
SWITCHES = {
    "fence": ROWS + "|I1: a position falls|I3|I4",
    "doubt-lock": "I3: a writer does not know",
    "atomic": ROWS,
}
MUTANTS = {
    "whole-rows": ROWS + "|unavailable value for a row that is not there",
    "deletes-last": ROWS,
    "report-first": "I2: the group's offset",
    "doubt-forgotten": "I3: a writer does not know",
    "fenced-stays": "not everything was applied",
    "never-released": "not everything was applied|a lane does not know it",
    "waiting-overtaken": ROWS + "|a bug in the writer",
    "ahead-of-anything": ROWS,
    "part-overtakes": ROWS,
    "doubt-in-parts": "I3: a writer does not know",
    "parked-goes-on": ROWS + "|not everything was applied",
    "split-stays": "not everything was applied",
    "backlog-overtaken": ROWS + "|I4|I3",
    "unknown-dropped": ROWS + "|I4|not everything was applied",
    "hold-stays": "I4",
    "nothing-held": "I4",
    "nothing-passed": "I4: a dead letter may be replayed",
    "repetitions": ROWS + "|a half of a key change is left|I4",
    "waiting-rows-missed": ROWS + "|a half of a key change is left|I4",
}


def caught(name, program, seeds, wanted, arguments=()):
    done = subprocess.run([program, "--seeds", str(seeds), "--must-fail", *arguments],
                          capture_output=True, text=True, check=False)
    failure = re.search(r"^seed (\d+): (.*)$", done.stdout, re.MULTILINE)
    if done.returncode == 0 and failure and re.search(wanted, failure.group(2)):
        print(f"{name}: caught by seed {failure.group(1)}: {failure.group(2)[:100]}", flush=True)
        return True
    said = failure.group(0) if failure else (done.stdout + done.stderr)[-500:]
    print(f"FAILED {name}: not noticed, or not as it should be:\n    {said}", flush=True)
    return False


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10000)
    parser.add_argument("--mutants", action="store_true")
    options = parser.parse_args()
    results = [caught(name, options.build / "tidemark_simulator", options.seeds, wanted,
                      ("--unguarded", name)) for name, wanted in SWITCHES.items()]
    for name, wanted in MUTANTS.items() if options.mutants else ():
        program = options.build / "mutants" / name / "tidemark_simulator"
        results.append(caught(name, program, options.seeds, wanted))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
