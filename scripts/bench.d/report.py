"""Medians and the tables that people read."""
import statistics

DISTURBED_MAX = 0.1
COLUMNS = (("", "<20"), ("events/s", ">8"), ("min - max", ">17"), ("seconds", ">8"),
           ("process", ">8"), ("target", ">7"), ("source", ">7"), ("Kafka", ">6"),
           ("other", ">6"), ("memory", ">8"), ("x reference", ">8"))
# What a lane's threads do, in the order of a row's way; each has a thread of its own.
STAGES = (("reader", ("fetch", "poll", "decode", "room")),
          ("writer", ("idle", "fold", "encode", "postgresql", "commit", "rest")))


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
            "disturbed": middle(lambda run: run.disturbed),
            "stages": {stage: middle(lambda run, name=stage: run.stages.get(name, 0.0))
                       for stage in counted[0].stages}}


def add_ratios(summaries, reference):
    """How many times the reference's rate; None where it was not measured."""
    base = next((s for s in summaries if s["candidate"] == reference), None)
    for summary in summaries:
        summary["reference"] = reference
        summary["times_reference"] = base and (
            summary["events_per_second"] / base["events_per_second"])


def _row(cells):
    return "  ".join(f"{cell:{form}}" for cell, (_, form) in zip(cells, COLUMNS)).rstrip()


def _or_dash(number, form):
    return "-" if number is None else format(number, form)


def table(summaries):
    """One line each; the CPU columns are seconds per million events."""
    names = [name for name, _ in COLUMNS]
    names[-1] = f"x {summaries[0]['reference']}" if summaries and summaries[0]["reference"] else ""
    lines = [" " * 58 + "---- CPU seconds per million events ----", _row(names)]
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
            "" if s["times_reference"] is None else f"{s['times_reference']:.2f}"]))
    return "\n".join(lines)


def disturbance(summaries):
    """A warning when others had more than a little of the machine, else nothing."""
    most = max((s["disturbed"] for s in summaries), default=0)
    if most <= DISTURBED_MAX:
        return ""
    return (f"Other programs had up to {most:.0%} of the cores meanwhile: on a quiet machine "
            "these figures are better.")


def stage_table(summaries):
    """Where the threads' time went, of all lanes, in seconds; nothing of those that do not tell."""
    lines = []
    for thread, stages in STAGES:
        rows = [(s["candidate"], [s["stages"].get(stage, 0.0) for stage in stages])
                for s in summaries if s["stages"]]
        if not rows:
            return ""
        lines.append(f"{thread:<20}" + "".join(f"{stage:>12}" for stage in stages))
        for name, seconds in rows:
            lines.append(f"  {name:<18}" + "".join(f"{second:>12.2f}" for second in seconds))
    return "\n".join(["seconds of the lanes' threads, by stage", *lines])


def goal_lines(found):
    words = {True: "reached", False: "not reached", None: ""}
    return "\n".join(f"{goal['workload']:<16} goal {goal['goal']:<34} {goal['text']:>14}  "
                     f"{words[goal['reached']]}".rstrip() for goal in found)


def run_line(run, number, count):
    if run.differences:
        return f"  {run.candidate} {number}/{count}: DIFFERS, does not count: " + "; ".join(
            run.differences)
    return (f"  {run.candidate} {number}/{count}: {run.seconds:.2f} s, {run.rate:,.0f} events/s, "
            "source and target equal")
