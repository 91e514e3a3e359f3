"""Negative controls: tidemark with a guard taken out (tests/negative) must be caught by the checker.

Each is given the fault that its guard is there for. That the program with its guard passes the same
is what the matrix shows.
"""
import re

from fault_scenario import Scenario
from fault_sink import kill_at, zombie
from fault_target import commit_still_under_way
from harness import Failed, check


def undisturbed(case, **topic):
    s = Scenario(case, changes=300, topic=topic)
    s.start()
    s.finish(seconds=15)


ROWS = r"row \d+ is .* instead of|was written over|the rows are the source's"
PLAIN = {"plain": True}  # no placeholders, which would make tidemark itself notice
# mutant: what is done to it, and what the checker must say
CONTROLS = {
    "no-fence": (zombie, {"fenced": False, **PLAIN}, ROWS + "|fell from|where a step began"),
    # Not "before COMMIT": the COMMIT that the proxy holds arrives when the process is dead.
    # What is passed over may be changed again before anybody looks: then the accounts tell.
    "kafka-first": (kill_at, {"point": "after MERGE", **PLAIN}, ROWS + "|records counted in the position rows"),
    "plain-select": (commit_still_under_way, {}, "did not wait for the old backend's COMMIT"),
    # What is lost is a stored value, or one that only the batch had: then tidemark itself stops.
    "whole-rows": (undisturbed, {}, ROWS + "|unavailable value for a row that is not there"),
    "deletes-last": (undisturbed, PLAIN, ROWS),
}


def caught(case, mutant):
    function, arguments, wanted = CONTROLS[mutant]
    case.program = case.suite.build / "mutants" / mutant / "tidemark"
    check(case.program.exists(), f"build it: cmake --build {case.suite.build} --target tidemark_mutants")
    try:
        function(case, **arguments)
    except Failed as failure:
        check(re.search(wanted, str(failure)), f"it failed, but not as it should: {failure}")
        print(f"# {mutant} was caught: {failure}", flush=True)
        return
    raise Failed("the checker has not noticed that the guard was missing")
