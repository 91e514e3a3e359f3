"""What tidemark shall reach, all of it in one table, and whether it does."""
from dataclasses import dataclass

# A measure's unit, how to print it, and whether more is better.
MEASURES = {"rate": ("events/s", ",.0f", True), "ratio": ("times", ".2f", True),
            "cpu": ("CPU s per million", ".2f", False), "memory": ("MiB", ",.0f", False),
            "p50": ("ms, median", ".1f", False), "p99": ("ms, 99%", ".1f", False)}


@dataclass(frozen=True)
class Goal:
    workload: str
    measure: str
    bound: float
    to: str = ""  # of a ratio: the other candidate
    of: str = "tidemark"

    def text(self):
        unit, form, more = MEASURES[self.measure]
        what = f"{'>=' if more else '<='} {self.bound:{form}} {unit}"
        return what + (f" {self.to}" if self.to else "")


GOALS = (
    Goal("mix", "rate", 150_000),
    Goal("mix", "ratio", 2, to="native"),
    Goal("mix", "ratio", 12, to="jdbc-sink-tuned"),
    Goal("mix", "cpu", 4),
    # batch.buffer-max-bytes, two lanes' queues of librdkafka, and 100 MiB.
    Goal("mix", "memory", 128 + 2 * 8 + 100),
    Goal("mix-schemaless", "cpu", 2),
    Goal("snapshot", "ratio", 0.6, to="copy"),
    Goal("hot-key", "rate", 300_000),
    Goal("tables", "rate", 60_000),
    Goal("wide", "ratio", 6, to="jdbc-sink-tuned"),
    Goal("updates", "ratio", 2, to="native"),
    Goal("distance", "ratio", 0.8, to="tidemark", of="5 ms away"),
    Goal("latency", "p50", 10),
    Goal("latency", "p99", 40),
)


def _value(goal, summary, other):
    if goal.measure == "ratio":
        return summary["events_per_second"] / other["events_per_second"] if other else None
    return {"rate": lambda: summary["events_per_second"],
            "cpu": lambda: summary["cpu_seconds_per_million"]["process"],
            "memory": lambda: summary["memory_bytes"] / (1 << 20),
            "p50": lambda: summary["p50_ms"], "p99": lambda: summary["p99_ms"]}[goal.measure]()


def judge(workload, summaries):
    """The workload's goals; value and reached are None where a candidate was not measured."""
    by_name = {summary["candidate"]: summary for summary in summaries}
    judged = []
    for goal in GOALS:
        if goal.workload != workload:
            continue
        summary = by_name.get(goal.of)
        value = summary and _value(goal, summary, by_name.get(goal.to))
        _, form, more = MEASURES[goal.measure]
        judged.append({
            "workload": workload, "goal": goal.text(), "value": value,
            "text": "not measured" if value is None else f"{value:{form}}",
            "reached": None if value is None else
            (value >= goal.bound if more else value <= goal.bound)})
    return judged
