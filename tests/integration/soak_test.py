#!/usr/bin/python3
"""An hour of mixed load through real Debezium, with a fault every 20 seconds.

A random workload changes a PostgreSQL; tidemark, one process or two, writes its changes to another one.
Meanwhile processes, servers and connections are killed, frozen, cut and silenced (soak_faults.py), and
somebody looks at the target all the time: every look must be the fold of exactly the records before its
positions (live_looks.py). After each fault everything that Kafka held when it was over must get in. At
the end the tables are equal to the source's, and the memory of the process that lived through all of it
is what it was at the beginning.

Servers are the suite's own. On failure the seed is printed: workload and faults follow from it.
"""
import os
import random
import signal
import statistics
import sys
import threading
import time

import psycopg2
from psycopg2.extensions import parse_dsn

from fault_servers import FaultStack, peak_bytes, resident_bytes
from harness import ROOT, Failed, Suite, check, check_equal, positions, short, wait_until
from live_looks import Following, Watcher
from live_sources import PostgresSource
from live_tables import Workload
from live_test import check_end, keep_evidence, make_topics
from proxy import KAFKA, POSTGRES, Proxy
from soak_faults import SESSION_TIMEOUT, Faults

PARTITIONS = 3
# Memory is warm after a third of the time: by then the allocator has seen the bursts that follow faults,
# and keeps what it took for them. Then the last third may have this much more than the one before; in a
# short run, which has not seen all faults by then, one burst more.
GROWTH, GROWTH_BYTES, BURST_BYTES = 1.10, 10e6, 40e6
SHORT = 600           # seconds
CATCH_UP = 60         # seconds, at most, after any fault


# ---- memory ----------------------------------------------------------------------------------------

class Memory:
    """Of one process, second by second."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.samples = []  # (since the beginning, bytes)
        self.began = time.monotonic()

    def between(self, start, end):
        """The median between two parts of the time."""
        return statistics.median([size for at, size in self.samples
                                  if start * self.seconds <= at <= end * self.seconds])

    def sample(self, process, stopping):
        while not stopping.wait(1) and process.running():
            self.samples.append((time.monotonic() - self.began, resident_bytes(process.pid)))

    def check_flat(self):
        """Returns the two levels that it compares."""
        first, last = self.between(1 / 3, 2 / 3), self.between(2 / 3, 1)
        more = BURST_BYTES if self.seconds < SHORT else GROWTH_BYTES
        check(last <= first * GROWTH + more,
              f"memory grows: {mb(first)} in the second third of the time, {mb(last)} in the last")
        return first, last


def mb(size):
    return f"{size / 1e6:.1f} MB"


def growth_is_noticed(_):
    """That the check can fail: a megabyte a minute in an hour, two a second in two minutes."""
    for minutes, a_second in (60, 1e6 / 60), (2, 2e6):
        for leak in 0, a_second:
            memory = Memory(60 * minutes)
            memory.samples = [(at, 30e6 + 2e6 * (at % 7) / 7 + leak * at) for at in range(60 * minutes)]
            try:
                memory.check_flat()
                check(leak == 0, f"{leak} bytes a second for {minutes} minutes were not noticed")
            except Failed as failure:
                check("grows" in str(failure) and leak, str(failure))


# ---- the pipeline ----------------------------------------------------------------------------------

class Soak:
    """Source, Debezium, the two proxies, tidemark, and the one who looks on."""

    def __init__(self, case, options, seed):
        self.case, self.options, self.servers = case, options, case.suite.servers
        self.id, self.choose = case.id, random.Random(seed)
        self.seconds = options.minutes * 60
        self.source, self.target = PostgresSource(case), case.target()
        self.source.database.run(self.source.sql)
        self.topics = make_topics(case, case.id, self.source.schema, PARTITIONS)
        # A broker that is killed may have written what it has not answered for: sent again, it must
        # not be there twice.
        self.connector = self.source.connector(case.id, **{
            "topic.creation.default.partitions": str(PARTITIONS),
            "producer.override.enable.idempotence": "true", "producer.override.acks": "all"})
        case.at_end(self.connector.delete)
        self.connector.wait_streaming()
        place = parse_dsn(self.target.dsn)
        self.database = Proxy((place["host"], int(place["port"])), POSTGRES)
        case.at_end(self.database.close)
        self.broker = Proxy(("127.0.0.1", self.servers.behind), KAFKA, self.servers.proxied)
        case.at_end(self.broker.close)
        self.settings = self.settings_of(place)
        self.processes = {}
        self.watcher = Watcher(self.target, options.look_every, may_be_away=True)
        self.following = Following(case.kafka, self.topics, self.watcher)
        self.workload = Workload(self.source, seed, options.rate)
        for end in (self.following.end, self.watcher.stopping.set, self.workload.stop):
            case.at_end(end)

    def settings_of(self, place):
        dsn = (f"host=127.0.0.1 port={self.database.port} user={place['user']} "
               f"dbname={self.target.name} keepalives_idle=2 keepalives_interval=1 "
               "keepalives_count=2 tcp_user_timeout=4000 "
               "options='-c idle_in_transaction_session_timeout=5s -c tcp_keepalives_idle=2 "
               "-c tcp_keepalives_interval=1 -c tcp_keepalives_count=2 -c tcp_user_timeout=4000'")
        return self.case.settings(
            self.target, self.topics,
            kafka={"bootstrap.servers": f"127.0.0.1:{self.broker.port}",
                   "session.timeout.ms": SESSION_TIMEOUT * 1000, "heartbeat.interval.ms": 1000,
                   "socket.timeout.ms": 4000, "reconnect.backoff.max.ms": 1000},
            target={"dsn": dsn, "table": "public.${table}"},
            batch={"lanes": 2, "max-rows": self.choose.choice((400, 4000))}, log={"level": "info"})

    # ---- processes

    @property
    def process(self):
        return self.processes["a"]

    def start(self, name):
        self.processes[name] = self.case.start(self.settings, name)
        return self.processes[name]

    def second(self):
        """Process b, with partitions of its own."""
        process = self.processes.get("b") or self.start("b")
        wait_until(lambda: any(e.get("event") == "partitions.assigned" and "over 0 " not in e["msg"]
                               for e in process.events()), 40, "b gets partitions", 0.2)
        return process

    def alive(self):
        for name, process in self.processes.items():
            for event in process.new_events():
                if event.get("event") in ("partition.stopped", "record.dead_lettered"):
                    raise Failed(f"tidemark {name}: {short(event, 500)}")
            if not process.running():
                last = [e for e in process.events() if e.get("level") == "error"][-1:]
                raise Failed(f"tidemark {name} ended by itself with {process.process.returncode}: "
                             f"{short(last, 400)}")
        for part in self.workload, self.following, self.watcher:
            if part.error:
                raise part.error
        return True

    # ---- how far it is

    def applied(self):
        return sum(max(0, mark) for mark in self.marks().values())

    def marks(self):
        try:
            return positions(self.target, self.id)
        except psycopg2.Error:
            return {}

    def lag(self):
        marks = self.marks()
        return sum(max(0, end - max(0, marks.get(at, 0))) for at, end in self.ends().items())

    def ends(self):
        """A broker that has just come back has no leaders for a while."""
        def asked():
            try:
                return self.case.kafka.ends(self.topics)
            except Failed:
                return None
        return wait_until(asked, 40, "Kafka tells the ends of its partitions", 0.3)

    def catch_up(self, seconds=CATCH_UP):
        """Until everything is in that Kafka holds now. Returns the seconds."""
        began, ends = time.monotonic(), self.ends()

        def reached():
            self.alive()
            marks = self.marks()
            return all(marks.get(at, 0) >= end for at, end in ends.items())
        wait_until(reached, seconds, "lag reaches 0", 0.1)
        return time.monotonic() - began


# ---- the run ---------------------------------------------------------------------------------------

class Run:
    """The hour: faults by the clock, a line a minute, and the figures of the end."""

    def __init__(self, soak):
        self.soak = soak
        self.faults = Faults(soak, soak.choose)
        self.memory = Memory(soak.seconds)
        self.slowest = (0.0, "")
        self.peak = 0
        self.began = time.monotonic()
        self.next_line, self.applied_before = 60, 0

    def passed(self):
        return time.monotonic() - self.began

    def go_on_until(self, seconds):
        while self.passed() < seconds:
            time.sleep(0.2)
            self.soak.alive()
            if self.passed() > self.soak.seconds / 2:
                self.soak.workload.add_column_now.set()
            if self.passed() > self.next_line:
                self.say()
                self.next_line += 60

    def all_of_it(self):
        every, last = self.soak.options.every, self.soak.seconds - 5
        due = every
        while due < last:
            self.go_on_until(due)
            name = self.faults.fire()
            took = self.soak.catch_up()
            self.note(name, took)
            self.slowest = max(self.slowest, (took, name))
            due = max(due + every, self.passed() + 1)
        self.go_on_until(self.soak.seconds)

    def note(self, name, took):
        """For who looks for the cause of something: stays with --keep, and on failure."""
        with open(self.soak.case.folder / "faults.tsv", "a", encoding="utf-8") as file:
            file.write(f"{self.passed():.0f} s\t{name}\tlag 0 after {took:.1f} s\t"
                       f"{mb(resident_bytes(self.soak.process.pid))}\n")

    def say(self):
        applied = self.soak.applied()
        sizes = " ".join(f"{name} {mb(resident_bytes(process.pid))}"
                         for name, process in sorted(self.soak.processes.items()))
        print(f"# {self.passed() / 60:.0f} min: {applied} events ({(applied - self.applied_before) / 60:.0f}/s), "
              f"lag {self.soak.lag()}, memory {sizes}, {sum(self.faults.fired.values())} faults", flush=True)
        self.applied_before = applied

    def report(self, seen):
        memory, fired = self.memory, self.faults.fired
        counts = self.soak.workload.counts
        first, last = memory.check_flat()
        print(f"# {seen.model.applied} events ({seen.model.repeated} sent again) of {counts.transactions} "
              f"transactions, {counts.key_changes} key changes; equal in {seen.number} looks at {len(seen.distinct)} "
              f"positions, {self.soak.watcher.lost} looks refused", flush=True)
        print(f"# {sum(fired.values())} faults: " +
              ", ".join(f"{name} {count}" for name, count in fired.items()), flush=True)
        print(f"# memory at the beginning {mb(memory.samples[0][1])}, in the second third {mb(first)}, in "
              f"the last {mb(last)}, most {mb(self.peak)}; "
              f"longest time to lag 0 after a fault {self.slowest[0]:.1f} s ({self.slowest[1]})", flush=True)


def soak(case, options, seed):
    one = Soak(case, options, seed)
    one.start("a")
    one.watcher.start()
    one.following.start()
    one.workload.start()
    run = Run(one)
    stopping = threading.Event()
    threading.Thread(target=run.memory.sample, args=(one.process, stopping), daemon=True).start()
    case.at_end(stopping.set)
    try:
        run.all_of_it()
        one.workload.stop()
        check(one.workload.error is None, f"the workload failed: {one.workload.error}")
        one.connector.wait_caught_up(120)
        ends = one.ends()
        one.catch_up(120)
        run.peak = peak_bytes(one.process.pid)
        stopping.set()
        one.watcher.stop()
        for name in sorted(one.processes):
            check_equal(one.processes.pop(name).stop().code, 0, f"exit code of {name}")
        seen = one.following.finish()
        check_end(case, one.source, one.target, one.topics, ends, seen.model)
        run.report(seen)
    except Exception:
        one.following.end()
        try:
            if look := one.following.prefixes.last:
                (case.folder / "look").write_text(f"{look.positions}\n" + "".join(
                    f"== {table}\n{rows}\n" for table, rows in look.tables.items()))
            keep_evidence(case, one.target, one.topics)
        except Exception as error:  # a server that a fault has left away must not hide the first failure
            print(f"# no evidence: {short(str(error))}", flush=True)
        raise
    wanted = set(run.faults.kinds) if options.every * len(run.faults.kinds) < one.seconds / 1.5 else set()
    missing = sorted(name for name in wanted if not run.faults.fired[name])
    check(not missing, f"never fired: {missing}")
    check(len(seen.distinct) > one.seconds / 2, "too few positions were seen to prove anything")


def add_options(parser):
    parser.add_argument("--minutes", type=float, default=60, help="of load (default: 60)")
    parser.add_argument("--seed", type=int, help="of workload and faults (default: a new one)")
    parser.add_argument("--rate", type=float, default=100, help="row changes a second (default: 100)")
    parser.add_argument("--every", type=float, default=20, metavar="S", help="seconds from fault to fault "
                        "(default: 20)")
    parser.add_argument("--look-every", type=float, default=0.2, metavar="S", help="(default: 0.2)")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    servers = FaultStack(ROOT / ".stack" / "soak", connect=True)
    os.environ.update(servers.environment())
    suite = Suite(__doc__, add_options)
    suite.servers = servers
    options = suite.options
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    suite.case("memory that grows is noticed", growth_is_noticed)
    try:
        servers.up()
        suite.case(f"soak, {options.minutes:g} minutes, seed {seed}", soak, options, seed)
    finally:
        servers.destroy()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
