"""The candidates: what a run of each is, from the prepared target database to the last row."""
import contextlib
import json
import os
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from servers import Failure, Session, find_tool, sql, value
from usage import Meter, peak_memory

DATABASE = "bench"  # of the target, made anew for every run
TIMEOUT = 1800  # seconds; a run that takes longer has failed


@dataclass
class Run:
    """One run's figures. CPU in seconds; process: of the candidate's own, None if it has none."""

    candidate: str
    events: int
    seconds: float
    cpu_process: float | None
    cpu_target: float
    cpu_source: float
    cpu_kafka: float
    cpu_other: float  # of the machine: programs that are no part of this, and the kernel's own
    memory_bytes: int | None
    differences: list
    stages: dict = field(default_factory=dict)  # where its threads' time went, in seconds

    @property
    def rate(self):
        return self.events / self.seconds

    @property
    def disturbed(self):
        """The share of the machine that went to what is no part of this."""
        return self.cpu_other / (self.seconds * os.cpu_count())

    def figures(self):
        return {**asdict(self), "events_per_second": self.rate, "disturbed": self.disturbed,
                "equal": not self.differences}


def fresh_target(recording, with_tables=True, with_room=False):
    """What the target is before the changes, and no work left over from the run before. Rows that
    are there already: in full pages, or `with_room` for changes, as in tables that tidemark makes.
    Returns its address."""
    stack = recording.stack
    server = stack.dsn("target", "postgres")
    sql(server, f"drop database if exists {DATABASE} with (force)")
    template = recording.template_with_room() if with_room else recording.template
    copied = f"template {template} strategy file_copy" if template else ""
    sql(server, f"create database {DATABASE} {copied}")
    target = stack.dsn("target", DATABASE)
    if with_tables and not recording.template:
        sql(target, recording.tables_sql)
    sql(server, "checkpoint")
    sql(stack.dsn("source", "postgres"), "checkpoint")
    return target


def finish(candidate, recording, facts, seconds, cpu, process, memory, target, stages=None):
    """Compares, once the clock has stopped, and puts the figures together."""
    servers = cpu["target"] + cpu["source"] + cpu["kafka"]
    return Run(candidate, facts["events"], seconds, process, cpu["target"], cpu["source"],
               cpu["kafka"], max(0.0, cpu["machine"] - servers - (process or 0.0)), memory,
               recording.differences(target), stages or {})


class Tidemark:
    """`tidemark run --until-current`, as a new pipeline: from the first record, by one process or
    several, with this round trip to PostgreSQL. It makes the tables itself where records say how.
    """

    def __init__(self, program, name="tidemark", flags=(), processes=1, round_trip_ms=0,
                 target_options="", with_room=True):
        self.program = program
        self.with_room = with_room
        self.name = name
        self.flags = list(flags)
        self.processes = processes
        self.round_trip_ms = round_trip_ms
        self.target_options = target_options

    def run(self, recording, facts):
        stack = recording.stack
        target = fresh_target(recording, not recording.load.schemas, self.with_room)
        with tempfile.TemporaryDirectory(prefix="tidemark-bench.") as folder, \
                self._way_to(stack) as port:
            reached = target.replace(f"port={stack.port('target')}", f"port={port}")
            config = self._write_config(Path(folder), recording, reached)
            meter, began = Meter(stack), time.monotonic()
            children = [Child(self, stack, config, Path(folder) / f"{number}.json", number)
                        for number in range(self.processes)]
            try:
                while not all(child.ended() for child in children):
                    if time.monotonic() > began + TIMEOUT:
                        raise Failure(f"tidemark has not ended after {TIMEOUT} s")
                    time.sleep(0.02)
            finally:
                seconds, cpu = time.monotonic() - began, meter.read()
                for child in children:
                    child.kill()
            stages = add_up(child.stages() for child in children)
        return finish(self.name, recording, facts, seconds, cpu,
                      sum(child.cpu for child in children),
                      sum(child.memory for child in children), target, stages)

    @contextlib.contextmanager
    def _way_to(self, stack):
        """The port by which PostgreSQL is reached."""
        port = stack.port("target")
        if not self.round_trip_ms:
            yield port
            return
        with subprocess.Popen([find_tool("delay_proxy"), str(port), str(self.round_trip_ms)],
                              stdout=subprocess.PIPE, text=True) as proxy:
            try:
                yield int(proxy.stdout.readline())
            finally:
                proxy.terminate()

    def _write_config(self, folder, recording, target):
        pipeline = f"bench-{os.getpid()}-{time.time_ns()}"
        options = f" options='{self.target_options}'" if self.target_options else ""
        topics = "".join(f"topics = {topic}\n" for topic in recording.topics)
        config = folder / "tidemark.conf"
        config.write_text(
            f"pipeline = {pipeline}\n"
            f"[kafka]\nbootstrap.servers = {recording.stack.kafka}\n"
            f"[source]\n{topics}"
            f"[target]\ndsn = {target}{options}\n{recording.load.settings}", encoding="utf-8")
        return config


class Child:
    """One process of tidemark. It is awaited by hand: only wait4 tells what it has used."""

    def __init__(self, tidemark, stack, config, output, number):
        self.output = output
        self.log = stack.dir / f"log/bench-tidemark-{number}.log"
        self.cpu, self.memory, self.running = 0.0, 0, True
        with open(self.log, "w", encoding="utf-8") as log, \
                open(output, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(
                [tidemark.program, "run", "-c", config, "--until-current", "-o", "json",
                 *tidemark.flags], stdout=out, stderr=log)

    def ended(self):
        if not self.running:
            return True
        self.memory = max(self.memory, peak_memory(self.process.pid))
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if not pid:
            return False
        self.running = False
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime
        if status:
            tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            said = f"tidemark ended with {self.process.returncode}. The end of its log:"
            raise Failure("\n    ".join([said, *tail]))
        return True

    def kill(self):
        if self.running:
            self.process.kill()
            self.process.wait()

    def stages(self):
        return json.loads(self.output.read_text(encoding="utf-8"))["result"].get("stage_seconds", {})


def add_up(tables):
    """Of the stages of all lanes of all processes."""
    total = {}
    for table in tables:
        for stage, seconds in table.items():
            total[stage] = total.get(stage, 0) + seconds
    return total


class NativeReplication:
    """PostgreSQL's logical replication: a subscription to a copy of the recording's slot."""

    subscription = "bench"

    def __init__(self, options="", name="native", with_room=False):
        self.options = options
        self.name = name
        self.with_room = with_room

    def run(self, recording, facts):
        if not recording.load.slot:
            raise Failure(f"{recording.load.name} keeps no slot for native replication")
        stack, slot = recording.stack, f"{recording.name}_run"
        self._remove_slot(recording, slot)
        target = fresh_target(recording, with_room=self.with_room)
        if self.with_room and not recording.template:
            recording.make_room(target)
        sql(recording.dsn, "select pg_copy_logical_replication_slot("
            f"'{recording.slot}', '{slot}')")
        options = f", {self.options}" if self.options else ""
        sql(target, f"""create subscription {self.subscription} connection '{recording.dsn}'
            publication {recording.publication} with (enabled = false, copy_data = false,
            create_slot = false, slot_name = '{slot}'{options})""")
        try:
            with Session(target) as session:
                meter, began = Meter(stack), time.monotonic()
                session.ask(f"alter subscription {self.subscription} enable; select 1")
                self._wait(session, facts["end"], began + TIMEOUT)
                seconds, cpu = time.monotonic() - began, meter.read()
            return finish(self.name, recording, facts, seconds, cpu, None, None, target)
        finally:
            sql(target, f"alter subscription {self.subscription} disable;"
                f"alter subscription {self.subscription} set (slot_name = none);"
                f"drop subscription {self.subscription}")
            self._remove_slot(recording, slot)

    def _wait(self, session, end, deadline):
        """Until the last transaction of the load is applied: its end is where the source said."""
        applied = ("select coalesce(pg_replication_origin_progress('pg_' || oid, false) "
                   f">= '{end}', false) from pg_subscription "
                   f"where subname = '{self.subscription}'")
        while session.ask(applied) != "t":
            if time.monotonic() > deadline:
                raise Failure(f"native replication has not applied everything in {TIMEOUT} s")
            time.sleep(0.02)

    @staticmethod
    def _remove_slot(recording, slot):
        for _ in range(100):
            held = sql(recording.dsn, "select active from pg_replication_slots "
                       f"where slot_name = '{slot}'")
            if not held:
                return
            if held == [["f"]]:
                value(recording.dsn, f"select pg_drop_replication_slot('{slot}')")
                return
            time.sleep(0.1)
        raise Failure(f"replication slot {slot} of an earlier run is still in use")


class Copy:
    """psql's COPY of the same rows from a binary file, into an empty table: the bound for loading."""

    name = "copy"

    def run(self, recording, facts):
        table, = recording.load.tables
        file = recording.stack.dir / f"{recording.name}.copy"
        if not file.exists():
            sql(recording.dsn, f"\\copy {table} to '{file}.new' (format binary)\n")
            Path(f"{file}.new").rename(file)
        target = fresh_target(recording)
        meter, began = Meter(recording.stack), time.monotonic()
        child = subprocess.Popen(["psql", "-Xq", target, "-c",
                                  f"\\copy {table} from '{file}' (format binary)"])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds, cpu = time.monotonic() - began, meter.read()
        if status:
            raise Failure("COPY failed; what psql said is above")
        return finish(self.name, recording, facts, seconds, cpu,
                      usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, target)
