"""The candidates: what a run of each is, from an empty target database to the last row."""
import os
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from servers import ROOT, Failure, Session, sql, value
from usage import Meter, peak_memory

DATABASE = "bench"  # of the target, made anew for every run
TIMEOUT = 600  # seconds; a run that takes longer has failed


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


def fresh_target(stack):
    """An empty database, and no work left over from the run before. Returns its address."""
    server = stack.dsn("target", "postgres")
    sql(server, f"drop database if exists {DATABASE} with (force)")
    sql(server, f"create database {DATABASE}")
    sql(server, "checkpoint")
    sql(stack.dsn("source", "postgres"), "checkpoint")
    return stack.dsn("target", DATABASE)


def finish(candidate, workload, facts, seconds, cpu, process, memory, target):
    """Compares, once the clock has stopped, and puts the figures together."""
    servers = cpu["target"] + cpu["source"] + cpu["kafka"]
    return Run(candidate, facts["events"], seconds, process, cpu["target"], cpu["source"],
               cpu["kafka"], max(0.0, cpu["machine"] - servers - (process or 0.0)), memory,
               workload.differences(target))


class Tidemark:
    """`tidemark run --until-current`, as a new pipeline: from the first record, to no table."""

    name = "tidemark"

    def __init__(self, program, lanes=None, batch_rows=None, target_options="", extra=()):
        self.program = program
        self.target_options = target_options
        self.flags = []
        if lanes:
            self.flags += ["--set", f"batch.lanes={lanes}"]
        if batch_rows:
            self.flags += ["--set", f"batch.max-rows={batch_rows}"]
        self.flags += list(extra)

    def run(self, workload, facts):
        stack = workload.stack
        target = fresh_target(stack)
        log = stack.dir / "log/bench-tidemark.log"
        with tempfile.TemporaryDirectory(prefix="tidemark-bench.") as folder:
            config = self._write_config(Path(folder), workload, target)
            with open(log, "w", encoding="utf-8") as sink:
                meter, began = Meter(stack), time.monotonic()
                # The child is awaited by hand: only wait4 tells what it has used.
                child = subprocess.Popen([self.program, "run", "-c", config, "--until-current",
                                          *self.flags], stdout=sink, stderr=sink)
                status, usage, memory = self._wait(child, began + TIMEOUT)
                seconds, cpu = time.monotonic() - began, meter.read()
        if status:
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            said = f"tidemark ended with {status} after {seconds:.1f} s. The end of its log:"
            raise Failure("\n    ".join([said, *tail]))
        return finish(self.name, workload, facts, seconds, cpu,
                      usage.ru_utime + usage.ru_stime, memory, target)

    def _write_config(self, folder, workload, target):
        pipeline = f"bench-{os.getpid()}-{time.time_ns()}"
        options = f" options='{self.target_options}'" if self.target_options else ""
        topics = "".join(f"topics = {topic}\n" for topic in workload.topics)
        config = folder / "tidemark.conf"
        config.write_text(
            f"pipeline = {pipeline}\n"
            f"[kafka]\nbootstrap.servers = {workload.stack.kafka}\n"
            f"[source]\n{topics}"
            f"[target]\ndsn = {target}{options}\n", encoding="utf-8")
        return config

    @staticmethod
    def _wait(child, deadline):
        memory = 0
        try:
            while True:
                memory = max(memory, peak_memory(child.pid))
                pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                if pid:
                    child.returncode = os.waitstatus_to_exitcode(status)
                    return child.returncode, usage, memory
                if time.monotonic() > deadline:
                    child.kill()
                time.sleep(0.02)
        finally:
            if child.returncode is None:
                child.kill()


class NativeReplication:
    """PostgreSQL's logical replication: a subscription to a copy of the workload's slot."""

    name = "native replication"
    subscription = "bench"

    def __init__(self, options=""):
        self.options = options

    def run(self, workload, facts):
        stack, slot = workload.stack, f"{workload.name}_run"
        self._remove_slot(workload, slot)
        target = fresh_target(stack)
        sql(target, workload.schema_sql.read_text(encoding="utf-8"))
        sql(workload.dsn, "select pg_copy_logical_replication_slot("
            f"'{workload.slot}', '{slot}')")
        options = f", {self.options}" if self.options else ""
        sql(target, f"""create subscription {self.subscription} connection '{workload.dsn}'
            publication {workload.publication} with (enabled = false, copy_data = false,
            create_slot = false, slot_name = '{slot}'{options})""")
        try:
            with Session(target) as session:
                meter, began = Meter(stack), time.monotonic()
                session.ask(f"alter subscription {self.subscription} enable; select 1")
                self._wait(session, facts["end"], began + TIMEOUT)
                seconds, cpu = time.monotonic() - began, meter.read()
            return finish(self.name, workload, facts, seconds, cpu, None, None, target)
        finally:
            sql(target, f"alter subscription {self.subscription} disable;"
                f"alter subscription {self.subscription} set (slot_name = none);"
                f"drop subscription {self.subscription}")
            self._remove_slot(workload, slot)

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
    def _remove_slot(workload, slot):
        for _ in range(100):
            held = sql(workload.dsn, "select active from pg_replication_slots "
                       f"where slot_name = '{slot}'")
            if not held:
                return
            if held == [["f"]]:
                value(workload.dsn, f"select pg_drop_replication_slot('{slot}')")
                return
            time.sleep(0.1)
        raise Failure(f"replication slot {slot} of an earlier run is still in use")


def find_program(given=None):
    program = given or ROOT / "build/release/tidemark"
    if not program.exists():
        raise Failure(f"there is no {program}" if given else
                      "there is no build/release/tidemark: cmake --preset release && "
                      "cmake --build --preset release")
    return program.resolve()
