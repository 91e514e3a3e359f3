"""Medians and the tables that people read."""
import statistics

GOAL_RATE = 80_000
GOAL_MEMORY = 512 << 20
DISTURBED_MAX = 0.1
COLUMNS = (("", "<20"), ("events/s", ">8"), ("min - max", ">17"), ("seconds", ">8"),
           ("process", ">8"), ("target", ">7"), ("source", ">7"), ("Kafka", ">6"),
           ("other", ">6"), ("memory", ">8"), ("x native", ">8"))


def summarize(runs):
    """The medians of one candidate's runs that count, None when there is none."""
    counted = [run for run in runs if not run.differences]
    if not counted:
        return None

    def middle(read):
        values = [read(run) for run in counted]
        return None if None in values else statistics.median(values)

    def cpu(read):
        return middle(lambda run: None if read(run) is None else read(run) / run.events * 1e6)

    rates = [run.rate for run in counted]
    return {"candidate": counted[0].candidate, "runs": len(runs), "counted": len(counted),
            "events_per_second": statistics.median(rates),
            "events_per_second_min": min(rates), "events_per_second_max": max(rates),
            "seconds": middle(lambda run: run.seconds),
            "cpu_seconds_per_million": {
                "process": cpu(lambda run: run.cpu_process),
                "target": cpu(lambda run: run.cpu_target),
                "source": cpu(lambda run: run.cpu_source),
                "kafka": cpu(lambda run: run.cpu_kafka),
                "other": cpu(lambda run: run.cpu_other)},
            "memory_bytes": middle(lambda run: run.memory_bytes),
            "disturbed": middle(lambda run: run.disturbed)}


def add_ratios(summaries):
    native = next((s for s in summaries if s["candidate"] == "native replication"), None)
    for summary in summaries:
        summary["times_native"] = native and (
            summary["events_per_second"] / native["events_per_second"])


def _row(cells):
    return "  ".join(f"{cell:{form}}" for cell, (_, form) in zip(cells, COLUMNS)).rstrip()


def _or_dash(number, form):
    return "-" if number is None else format(number, form)


def table(summaries):
    """One line each; the CPU columns are seconds per million events."""
    lines = [" " * 58 + "---- CPU seconds per million events ----", _row(n for n, _ in COLUMNS)]
    for s in summaries:
        cpu = s["cpu_seconds_per_million"]
        memory = s["memory_bytes"]
        lines.append(_row([
            s["candidate"], f"{s['events_per_second']:,.0f}",
            f"{s['events_per_second_min']:,.0f} - {s['events_per_second_max']:,.0f}",
            f"{s['seconds']:.2f}",
            *(_or_dash(cpu[part], ".2f") for part in
              ("process", "target", "source", "kafka", "other")),
            "-" if memory is None else f"{memory / (1 << 20):.0f} MiB",
            _or_dash(s["times_native"], ".2f")]))
    return "\n".join(lines)


def disturbance(summaries):
    """A warning when others had more than a little of the machine, else nothing."""
    most = max((s["disturbed"] for s in summaries), default=0)
    if most <= DISTURBED_MAX:
        return ""
    return (f"Other programs had up to {most:.0%} of the cores meanwhile: on a quiet machine "
            "these figures are better.")


def goals(summaries):
    """What tidemark shall do, and whether it does; an empty list when it was not measured."""
    ours = next((s for s in summaries if s["candidate"] == "tidemark"), None)
    if not ours:
        return []
    rate, memory = ours["events_per_second"], ours["memory_bytes"]
    return [{"goal": f">= {GOAL_RATE:,} events/s",
             "value": f"{rate:,.0f} events/s", "reached": rate >= GOAL_RATE},
            {"goal": f"< {GOAL_MEMORY >> 20} MiB of memory",
             "value": f"{memory / (1 << 20):.0f} MiB", "reached": memory < GOAL_MEMORY}]


def goal_lines(found):
    return "\n".join(f"goal {goal['goal']:<24} {goal['value']:<18} "
                     f"{'reached' if goal['reached'] else 'not reached'}" for goal in found)


def run_line(run, number, count):
    if run.differences:
        return f"  {run.candidate} {number}/{count}: DIFFERS, does not count: " + "; ".join(
            run.differences)
    return (f"  {run.candidate} {number}/{count}: {run.seconds:.2f} s, {run.rate:,.0f} events/s, "
            "source and target equal")
