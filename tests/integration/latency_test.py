#!/usr/bin/python3
"""An idle pipeline: how soon a change is visible in the target, and what waiting costs.

One change at a time with pauses between: from the time Kafka appended its record to the moment an
independent reader sees it. And ten seconds in which nothing happens.
"""
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import Suite, change, check, process_seconds, wait_until

MEDIAN_SECONDS_MAX = 0.3
IDLE_CORE_MAX = 0.01


def started(case):
    """A tidemark that has applied one record and waits for the next."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("s.public.t", message_timestamp_type="LogAppendTime")
    case.produce([change(topic, "t", "c", {"id": 0}, {"id": 0, "v": "first"}, lsn=1)])
    process = case.start(case.settings(target, [topic], log={"level": "info"}))
    wait_until(lambda: target.value("select count(*) from t") == 1, 30, "the first row")
    return target, topic, process


class Producer:
    """One that stays: starting another for every record would be what is measured."""

    def __init__(self, case, topic):
        self.process = subprocess.Popen(
            [case.suite.build / "produce", "--brokers", case.stack.kafka, "-X", "linger.ms=0",
             "--follow", topic], stdin=subprocess.PIPE)
        case.at_end(self.process.kill)

    def send(self, record):
        self.process.stdin.write(json.dumps({"timestamp": 0, **record}).encode() + b"\n")
        self.process.stdin.flush()


def visible_soon(case):
    target, topic, process = started(case)
    looker = target.connect()
    producer = Producer(case, topic)
    delays = []
    with looker.cursor() as cursor:
        for number in range(1, case.suite.options.changes + 1):
            producer.send(change(topic, "t", "u", {"id": 0}, {"id": 0, "v": str(number)},
                                 lsn=number + 1))
            deadline = time.time() + 10
            while True:
                cursor.execute("select v from t where id = 0")
                if cursor.fetchone()[0] == str(number):
                    break
                check(time.time() < deadline, f"change {number} is not visible after 10 s")
                time.sleep(0.001)
            delays.append(time.time())
            time.sleep(0.05)
    appended = [r["timestamp"] / 1000 for r in case.kafka.dump([topic])][1:]
    delays = sorted(seen - at for seen, at in zip(delays, appended))
    median = statistics.median(delays)
    print(f"# median {median * 1000:.0f} ms, 95% {delays[int(len(delays) * .95)] * 1000:.0f} ms, "
          f"worst {delays[-1] * 1000:.0f} ms")
    if case.suite.options.json:
        case.suite.options.json.write_text(json.dumps(delays))
    check(median < MEDIAN_SECONDS_MAX, f"median {median * 1000:.0f} ms")
    check(process.running(), "tidemark has ended")


def idle_costs_nothing(case):
    _, _, process = started(case)
    time.sleep(2)
    before = process_seconds(process.pid)
    time.sleep(10)
    used = (process_seconds(process.pid) - before) / 10
    print(f"# {used * 100:.2f}% of a core")
    check(used < IDLE_CORE_MAX, f"{used * 100:.1f}% of a core")


def options(parser):
    parser.add_argument("--changes", type=int, default=40, metavar="N",
                        help="how many are measured (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="write the delays there, in seconds")


def main():
    suite = Suite(__doc__, options)
    suite.case("a change is visible soon", visible_soon)
    suite.case("waiting costs under 1% of a core", idle_costs_nothing)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
