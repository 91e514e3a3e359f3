"""What the tests against real servers share.

A script makes a Suite, runs its cases and exits with its verdict:

    suite = Suite(__doc__)
    suite.case("a name", function, argument...)     prints `ok a name` or `FAILED a name: why`
    sys.exit(suite.finish())                        prints `N passed, N failed`

The servers are those of scripts/stack, by the variables that `scripts/stack env` prints. A case has
a folder for its logs, which stays when it fails, databases of its own and topics under a prefix of
its own; what it starts is ended with it. Every wait has a limit.
"""
import argparse
import base64
import csv
import faulthandler
import io
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import psycopg2.extensions

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
PINNED = ("set TimeZone = 'UTC'; set DateStyle = 'ISO, MDY'; set IntervalStyle = 'postgres'; "
          "set extra_float_digits = 1; set bytea_output = 'hex'; set statement_timeout = '120s'")
CONNECT_SECONDS = 60  # at most, until a server takes a connection


class Failed(Exception):
    """A check that did not hold: what, in one line."""


def check(holds, why):
    if not holds:
        raise Failed(why)


def check_equal(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: {short(got)} instead of {short(wanted)}")


def stops_of(events):
    """(topic, partition, offset) of the partitions that stopped: said once by each who took them over,
    which at the start may be two, the lane that is there first and the one that it is for."""
    told = [(e["topic"], e["partition"], e["offset"]) for e in events if e["event"] == "partition.stopped"]
    taken_over = sum(e["event"] == "partitions.assigned" for e in events)
    again = [at for at in told if told.count(at) > taken_over]
    check(not again, f"said more often than partitions were taken over ({taken_over} times): {again[:1]}")
    return sorted(set(told))


def short(value, most=160):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[:most] + f"… ({len(text)} characters)"


def first_difference(got, wanted, name="row"):
    """The first place where two lists of lines differ, in words; none if they do not."""
    for number, (have, want) in enumerate(zip(got, wanted), 1):
        if have != want:
            at = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b),
                      min(len(have), len(want)))
            start = max(0, at - 30)
            return (f"{name} {number}: got …{have[start:at + 60]!r}, "
                    f"wanted …{want[start:at + 60]!r}")
    if len(got) != len(wanted):
        more, less = (got, wanted) if len(got) > len(wanted) else (wanted, got)
        which = "too much" if more is got else "missing"
        return f"{len(got)} {name}s instead of {len(wanted)}, {which}: {short(more[len(less)])}"
    return None


def wait_until(holds, seconds, what, every=0.05):
    """Calls `holds` until it returns something true, which is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(every)


# ---- the servers -----------------------------------------------------------------------------------

@dataclass
class Stack:
    kafka: str
    connect: str
    source_dsn: str
    target_dsn: str
    logs: str

    @staticmethod
    def of_environment():
        try:
            return Stack(*(os.environ["TIDEMARK_STACK_" + name] for name in
                           ("KAFKA", "CONNECT", "SOURCE_DSN", "TARGET_DSN", "LOGS")))
        except KeyError as missing:
            sys.exit(f'{missing} is not set; start the servers and run: '
                     f'scripts/stack up && eval "$(scripts/stack env)"')


def with_dbname(dsn, name, **more):
    parts = psycopg2.extensions.parse_dsn(dsn)
    parts["dbname"] = name
    parts.update(more)
    return psycopg2.extensions.make_dsn(**parts)


class Database:
    """A database of its own on one of the servers."""

    def __init__(self, server_dsn, name):
        self.server_dsn = server_dsn
        self.name = name
        self.dsn = with_dbname(server_dsn, name)
        with_server(server_dsn, f'create database "{name}"')

    def connect(self, autocommit=True):
        connection = psycopg2.connect(self.dsn, connect_timeout=CONNECT_SECONDS)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(PINNED)
        connection.autocommit = autocommit
        return connection

    def run(self, sql, values=None):
        """All rows, of the last statement, as tuples."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, sql, values=None):
        return self.run(sql, values)[0][0]

    def copy_out(self, query):
        """A query's rows as CSV lines, as the fixtures have them."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                out = io.StringIO()
                cursor.copy_expert(f"copy ({query}) to stdout (format csv, header, null '\\N')", out)
                return split_csv(out.getvalue())
        finally:
            connection.close()

    def copy_in(self, table, columns, text):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                names = ", ".join(map(quoted, columns))
                cursor.copy_expert(f"copy {table} ({names}) from stdin (format csv, header, "
                                   "null '\\N')", io.StringIO(text))
        finally:
            connection.close()

    def drop(self):
        with_server(self.server_dsn, f'drop database if exists "{self.name}" with (force)')


def with_server(server_dsn, sql):
    connection = psycopg2.connect(server_dsn, connect_timeout=CONNECT_SECONDS)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("set statement_timeout = '120s'")
            cursor.execute(sql)
    finally:
        connection.close()


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def split_csv(text):
    """Records of a CSV, as the text that they are: a line end inside quotes does not end one."""
    records, start, inside = [], 0, False
    for match in re.finditer(r'["\n]', text):
        if match.group() == '"':
            inside = not inside
        elif not inside:
            records.append(text[start:match.start()])
            start = match.end()
    if start < len(text):
        records.append(text[start:])
    return records


def csv_header(text):
    return next(csv.reader([split_csv(text)[0]]))


# ---- Kafka -----------------------------------------------------------------------------------------

class Kafka:
    def __init__(self, brokers, build):
        self.brokers = brokers
        self.build = Path(build)

    def tool(self, name, *words, stdin=None):
        command = [str(self.build / name), "--brokers", self.brokers, *map(str, words)]
        try:
            done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} {' '.join(map(str, words[:3]))}: not within 120 s")
        if done.returncode != 0:
            raise Failed(f"{name} {' '.join(map(str, words[:3]))}: {done.stderr.strip()}")
        return done.stdout

    def create(self, topic, partitions=1, **settings):
        words = [f"{name.replace('_', '.')}={value}" for name, value in settings.items()]
        self.tool("kafka_admin", "create", topic, partitions, *words)

    def delete(self, topics):
        if topics:
            self.tool("kafka_admin", "delete", *topics)

    def add_partitions(self, topic, count):
        self.tool("kafka_admin", "grow", topic, count)

    def delete_records(self, topic, partition, before):
        self.tool("kafka_admin", "delete-records", topic, partition, before)

    def ends(self, topics):
        """{(topic, partition): next offset}"""
        lines = self.tool("kafka_admin", "ends", *topics).splitlines()
        return {(t, int(p)): int(high) for t, p, _, high in (line.split() for line in lines)}

    def committed(self, group, topics):
        lines = self.tool("kafka_admin", "committed", group, *topics).splitlines()
        return {(t, int(p)): int(offset) for t, p, offset in (line.split() for line in lines)}

    def produce(self, file, prefix=None, *more):
        words = ["--topic-prefix", prefix] if prefix else []
        return self.tool("produce", *words, *more, file)

    def produce_records(self, folder, records, *more):
        """Records are dictionaries as in a fixture's events.ndjson; what is missing is filled in."""
        self.produce(self.write_records(folder, records), None, *more)

    def open_transaction(self, folder, records):
        """Sends them, and returns the process, which rolls them back when its input is closed."""
        command = [str(self.build / "produce"), "--brokers", self.brokers, "--transaction", "open",
                   str(self.write_records(folder, records))]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check_equal(process.stdout.readline(), "sent\n", "what produce says")
        return process

    @staticmethod
    def write_records(folder, records):
        file = Path(folder) / f"produced-{random.randrange(1 << 40):x}.ndjson"
        file.write_text(ndjson(records), encoding="utf-8")
        return file

    def dump(self, topics):
        """All records, one after the other: they may be many, and each is large."""
        command = [str(self.build / "consume_dump"), "--brokers", self.brokers, *topics]
        with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
            limit = threading.Timer(300, process.kill)
            limit.start()
            try:
                yield from map(json.loads, process.stdout)
            finally:
                limit.cancel()
        check_equal(process.returncode, 0, "exit code of consume_dump")


def ndjson(records):
    lines = [{"partition": 0, "offset": 0, "timestamp": 0, "headers": [], "key": None, "value": None,
              **record} for record in records]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def bytes_of(value):
    """Of a key, value or header as ndjson has it."""
    if value is None:
        return None
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode()


def change(topic, table, op, key=None, after=None, before=None, *, partition=0, lsn=None,
           schema="public", headers=(), commit_lsn=None, **more):
    """A record like Debezium's for PostgreSQL, without schemas. `d` alone: no tombstone."""
    source = {"version": "3.6.0.Final", "connector": "postgresql", "name": "it", "ts_ms": 1700000000000,
              "snapshot": "true" if op == "r" else "false", "db": "it", "schema": schema,
              "table": table, "txId": 7, "lsn": lsn, "xmin": None}
    if lsn is not None:
        source["sequence"] = json.dumps([str(commit_lsn or lsn), str(lsn)])
    value = {"before": before, "after": after, "source": source, "transaction": None, "op": op,
             "ts_ms": 1700000000001}
    return {"topic": topic, "partition": partition, "headers": [list(h) for h in headers],
            "key": None if key is None else json.dumps(key, separators=(",", ":"), ensure_ascii=False),
            "value": json.dumps(value, separators=(",", ":"), ensure_ascii=False), **more}


def tombstone(topic, key, *, partition=0, headers=()):
    return {"topic": topic, "partition": partition, "headers": [list(h) for h in headers],
            "key": json.dumps(key, separators=(",", ":"), ensure_ascii=False), "value": None}


# ---- Connect ---------------------------------------------------------------------------------------

class AnyConnector:
    """A connector by Connect's REST interface; what its source needs is in the classes below it."""

    def __init__(self, stack, name, config):
        self.stack, self.name, self.config = stack, name, config
        self.put()

    def put(self, **changes):
        """Makes it, or gives it other settings (None: without), which starts it anew."""
        self.config = {key: value for key, value in {**self.config, **changes}.items()
                       if value is not None}
        self.rest("PUT", f"/connectors/{self.name}/config", self.config)

    def rest(self, method, path, body=None):
        deadline = time.monotonic() + 60
        while True:
            request = urllib.request.Request(
                self.stack.connect + path, method=method,
                data=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    text = answer.read().decode()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code not in (404, 409, 500) or time.monotonic() > deadline:
                    raise Failed(f"Connect refuses {method} {path}: {error.read().decode()[:300]}")
            time.sleep(0.3)

    def states(self):
        status = self.rest("GET", f"/connectors/{self.name}/status")
        failed = [part.get("trace", "")[:300] for part in status["tasks"]
                  if part["state"] == "FAILED"]
        check(not failed, f"connector {self.name} failed: {failed[:1]}")
        return [part["state"] for part in [status["connector"], *status["tasks"]]]

    def wait_running(self, seconds=60):
        wait_until(lambda: (s := self.states()) and len(s) > 1 and set(s) == {"RUNNING"}, seconds,
                   f"connector {self.name} runs", 0.2)

    def stop(self):
        self.rest("PUT", f"/connectors/{self.name}/stop")
        wait_until(lambda: self.rest("GET", f"/connectors/{self.name}/status")["connector"]["state"]
                   == "STOPPED", 30, f"connector {self.name} stops", 0.2)

    def resume(self):
        self.rest("PUT", f"/connectors/{self.name}/resume")

    def delete(self):
        self.stop()
        self.rest("DELETE", f"/connectors/{self.name}/offsets")
        self.rest("DELETE", f"/connectors/{self.name}")


class Connector(AnyConnector):
    """For PostgreSQL, with its replication slot and publication; all gone after delete()."""

    def __init__(self, stack, name, database, **settings):
        self.database = database
        self.slot = re.sub("[^a-z0-9_]", "_", name.lower())
        dsn = psycopg2.extensions.parse_dsn(stack.source_dsn)
        super().__init__(stack, name, {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "topic.prefix": name, "plugin.name": "pgoutput", "database.hostname": dsn["host"],
            "database.port": dsn["port"], "database.user": dsn["user"], "database.password": "any",
            "database.dbname": database.name, "slot.name": self.slot,
            "publication.name": self.slot, "topic.creation.enable": "true",
            "topic.creation.default.replication.factor": "1",
            "topic.creation.default.partitions": "1", **settings})

    def wait_streaming(self, seconds=60):
        """Until the snapshot is done and Debezium reads the slot."""
        self.wait_running(seconds)
        sql = "select active from pg_replication_slots where slot_name = %s"
        wait_until(lambda: self.database.run(sql, (self.slot,)) == [(True,)], seconds,
                   f"replication slot {self.slot} is read", 0.1)

    def restart(self):
        reader = "select active_pid from pg_replication_slots where slot_name = %s"
        before = self.database.run(reader, (self.slot,))
        self.rest("POST", f"/connectors/{self.name}/restart?includeTasks=true")
        wait_until(lambda: (now := self.database.run(reader, (self.slot,))) != before and now != [(None,)],
                   60, f"replication slot {self.slot} has another reader", 0.2)

    def wait_caught_up(self, seconds=60):
        """Until Debezium has sent to Kafka everything that is committed at the source now."""
        marker = self.database.value("select pg_current_wal_insert_lsn()::text")
        sql = ("select confirmed_flush_lsn >= %s::pg_lsn from pg_replication_slots "
               "where slot_name = %s")

        def reached():
            # Something must be written behind the marker, or Debezium has no position to confirm.
            self.database.run("select pg_logical_emit_message(true, 'it', 'x')")
            return self.database.run(sql, (marker, self.slot)) == [(True,)]
        wait_until(reached, seconds, f"connector {self.name} has caught up", 0.3)

    def delete(self):
        super().delete()
        drop = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s"

        def dropped():
            try:
                self.database.run(drop, (self.slot,))
                return True
            except psycopg2.Error:
                return False
        wait_until(dropped, 30, f"replication slot {self.slot} can be dropped", 0.2)


# ---- tidemark --------------------------------------------------------------------------------------

@dataclass
class Ended:
    code: int
    log: str
    output: str
    seconds: float

    def events(self):
        return log_events(self.log)

    def summary(self):
        return json.loads(self.output)


def log_events(text):
    out = []
    for line in text.splitlines():
        try:
            out.append(json.loads(line))
        except ValueError:
            out.append({"event": "", "msg": line})
    return out


@dataclass
class Settings:
    """A configuration file: {section: {key: value or list of values}}, "" for the top."""
    values: dict = field(default_factory=dict)

    def with_(self, changes):
        merged = {name: dict(section) for name, section in self.values.items()}
        for name, section in changes.items():
            merged.setdefault(name, {}).update(section)
        return Settings(merged)

    def text(self):
        lines = []
        for name in sorted(self.values, key=lambda section: section != ""):
            if name:
                lines.append(f"[{name}]")
            for key, value in self.values[name].items():
                if value is None:
                    continue
                for one in value if isinstance(value, (list, tuple)) else [value]:
                    lines.append(f'{key} = "{one}"')
        return "\n".join(lines) + "\n"


class Tidemark:
    """One process. Its log is in a file of the case's folder; several runs append to one."""

    def __init__(self, case, settings, name="tidemark", arguments=(), command="run",
                 environment=None):
        self.log_file = case.folder / f"{name}.log"
        self.config_file = case.folder / f"{name}.conf"
        self.config_file.write_text(settings.text())
        self.began = time.monotonic()
        self._out = open(case.folder / f"{name}.out", "w+")
        self._log = open(self.log_file, "a+")
        self._log_start = self._log_seen = self._log.seek(0, os.SEEK_END)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TIDEMARK_")}
        self.process = subprocess.Popen(
            [str(case.program), command, "-c", str(self.config_file), *arguments],
            stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._log, cwd=case.folder,
            env={**clean, **(environment or {})})
        case.at_end(self.end)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def send(self, number):
        if self.running():
            self.process.send_signal(number)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait(10)

    def end(self):
        if self.running():
            self.send(signal.SIGCONT)
            self.kill()

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            file.seek(self._log_start)
            return file.read()

    def events(self):
        """What it has logged so far."""
        return log_events(self.log())

    def new_events(self):
        """What it has logged since the last call, whole lines only."""
        with open(self.log_file, "rb") as file:
            file.seek(self._log_seen)
            text = file.read()
        text = text[:text.rfind(b"\n") + 1]
        self._log_seen += len(text)
        return log_events(text.decode(errors="replace")) if text else []

    def wait(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"tidemark has not ended after {seconds} s; its log: {self.log_file}")
        took = time.monotonic() - self.began
        self._out.seek(0)
        return Ended(code, self.log(), self._out.read(), took)

    def stop(self, seconds=25):
        self.send(signal.SIGTERM)
        return self.wait(seconds)


# ---- cases -----------------------------------------------------------------------------------------

class Case:
    """What belongs to one case. Made by Suite.case, handed to its function."""

    def __init__(self, suite, name, number):
        self.suite = suite
        self.name = name
        self.id = f"{suite.id}_{number}"
        self.folder = suite.folder / re.sub("[^A-Za-z0-9.]+", "-", name)
        self.folder.mkdir(parents=True)
        self.stack = suite.stack
        self.kafka = suite.kafka
        self.program = suite.build / "tidemark"
        self._ends = []

    def at_end(self, function, *arguments):
        self._ends.append((function, arguments))

    def close(self):
        while self._ends:
            function, arguments = self._ends.pop()
            try:
                function(*arguments)
            except Exception as error:  # the other things must go too
                print(f"# cleaning up after {self.name}: {short(str(error), 300)}", flush=True)

    def target(self, name="target", server_dsn=None):
        """server_dsn: of a server of the case's own, which goes as a whole."""
        database = Database(server_dsn or self.stack.target_dsn, f"{self.id}_{name}")
        if server_dsn is None:
            self.at_end(database.drop)
        return database

    def source(self, name="source"):
        database = Database(self.stack.source_dsn, f"{self.id}_{name}")
        self.at_end(database.drop)
        return database

    def topic(self, name, partitions=1, **settings):
        full = f"{self.id}.{name}"
        self.kafka.create(full, partitions, **settings)
        self.at_end(self.kafka.delete, [full])
        return full

    def produce(self, records):
        self.kafka.produce_records(self.folder, records)

    def in_avro(self, records, schemas):
        """Records in JSON with schemas, as AvroConverter would have written them. `schemas`, which a
        registry has ({id: text}), gets the new ones."""
        registry = self.folder / "registry.json"
        registry.write_text(json.dumps(schemas), encoding="utf-8")
        done = subprocess.run([str(self.suite.build / "to_avro"), str(registry)], text=True,
                              input=ndjson(records), capture_output=True, timeout=120)
        check(done.returncode == 0, done.stderr)
        read = json.loads(registry.read_text(encoding="utf-8"))
        schemas.update({int(number): text for number, text in read.items()})
        return [json.loads(line) for line in done.stdout.splitlines()]

    def settings(self, database, topics, **more):
        """A pipeline of its own that writes `topics` to the database; more: sections."""
        values = {"": {"pipeline": self.id},
                  "kafka": {"bootstrap.servers": self.stack.kafka},
                  "source": {"topics": list(topics)},
                  "target": {"dsn": database.dsn},
                  "http": {"listen": ""},
                  "log": {"format": "json", "level": "debug"}}
        return Settings(values).with_(more)

    def start(self, settings, name="tidemark", arguments=(), **more):
        return Tidemark(self, settings, name, arguments, **more)

    def until_current(self, settings, name="tidemark", code=0, seconds=60, arguments=()):
        process = Tidemark(self, settings, name, ["--until-current", "-o", "json", *arguments])
        ended = process.wait(seconds)
        if ended.code != code:
            last = [e for e in ended.events() if e.get("level") in ("error", "warning")][-1:]
            raise Failed(f"tidemark ended with {ended.code} instead of {code}: "
                         f"{short(last, 400)} {short(ended.output, 300)}")
        return ended


class Suite:
    def __init__(self, description, add_options=None):
        # Who ends a test because it takes too long is told where it stands.
        faulthandler.register(signal.SIGTERM, all_threads=True, chain=True)
        parser = argparse.ArgumentParser(description=description.strip().splitlines()[0])
        parser.add_argument("cases", nargs="*", help="only cases whose name holds one of these")
        parser.add_argument("--build", default=os.environ.get("TIDEMARK_BUILD",
                                                              str(ROOT / "build" / "release")),
                            help="where tidemark and the tools are (default: build/release)")
        parser.add_argument("--keep", action="store_true", help="keep the logs of good cases too")
        parser.add_argument("--jobs", type=int, default=1, metavar="N",
                            help="cases at a time: most of them wait most of the time (default 1)")
        if add_options:
            add_options(parser)
        self.options = parser.parse_args()
        self.build = Path(self.options.build).resolve()
        if not (self.build / "tidemark").exists():
            sys.exit(f"{self.build}/tidemark is not there: build it, or give --build")
        self.stack = Stack.of_environment()
        self.kafka = Kafka(self.stack.kafka, self.build)
        script = Path(sys.argv[0]).stem
        self.id = f"{script.removesuffix('_test')}{os.getpid()}{random.randrange(1000):03d}"
        self.folder = self.build / "integration" / f"{script}-{time.strftime('%H%M%S')}-{os.getpid()}"
        self.folder.mkdir(parents=True)
        self.passed, self.failed, self.number = 0, 0, 0
        self._pool = ThreadPoolExecutor(self.options.jobs) if self.options.jobs > 1 else None
        self._running = []
        self._count = threading.Lock()

    def case(self, name, function, *arguments):
        if self.options.cases and not any(part in name for part in self.options.cases):
            return
        self.number += 1
        case = Case(self, name, self.number)
        if self._pool is None:
            self._run(case, function, arguments)
        else:
            self._running.append(self._pool.submit(self._run, case, function, arguments))

    def _run(self, case, function, arguments):
        name, why = case.name, None
        try:
            function(case, *arguments)
        except Failed as failure:
            why = str(failure)
        except (KeyboardInterrupt, SystemExit):
            case.close()
            raise
        except Exception as error:  # a bug of the test, or of a server: a failure like any other
            why = f"{type(error).__name__}: {error}"
            (case.folder / "traceback").write_text(traceback.format_exc())
        case.close()
        with self._count:
            self._note(case, why)

    def _note(self, case, why):
        if why is None:
            self.passed += 1
            print(f"ok {case.name}", flush=True)
            if not self.options.keep:
                shutil.rmtree(case.folder, ignore_errors=True)
        else:
            self.failed += 1
            print(f"FAILED {case.name}: {' '.join(why.split())}", flush=True)
            print(f"# logs: {case.folder}", flush=True)

    def finish(self):
        for running in self._running:
            running.result()
        if self.failed == 0 and not self.options.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            again = " ".join(map(shlex.quote, sys.argv))
            print(f"# logs: {self.folder}; again: {again}", flush=True)
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


# ---- what tidemark keeps ---------------------------------------------------------------------------

def positions(target, pipeline):
    """{(topic, partition): next offset}; none yet: -1"""
    rows = target.run("select stream, partition, last_watermark from tidemark.pipeline_watermarks "
                      "where pipeline_name = %s", (pipeline,))
    return {(stream, partition): int(mark) if mark is not None else -1
            for stream, partition, mark in rows}


def position_rows(target):
    """Everything in them that must not change when nothing new comes."""
    return target.run("select pipeline_name, stream, partition, last_watermark, records_processed, "
                      "source_time::text, source_position, fingerprint::text "
                      "from tidemark.pipeline_watermarks order by 1, 2, 3")


def epochs(target):
    return dict(target.run("select stream || '/' || partition, epoch "
                           "from tidemark.pipeline_watermarks"))


def user_tables(database):
    return database.run("select n.nspname, c.relname from pg_class c join pg_namespace n on "
                        "n.oid = c.relnamespace where c.relkind in ('r', 'p') and n.nspname not in "
                        "('pg_catalog', 'information_schema', 'tidemark') order by 1, 2")


def row_versions(database):
    """{table: [(ctid, xmin)]}: any write of a row, even to the same values, changes it."""
    return {f"{quoted(s)}.{quoted(t)}": database.run(
        f"select ctid::text, xmin::text from {quoted(s)}.{quoted(t)} order by 1, 2")
        for s, t in user_tables(database)}


def columns_of(database, table):
    return [name for (name,) in database.run(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 "
        "and not attisdropped order by attnum", (table,))]


def rows_as_text(database, table, columns=None):
    """All rows, each a line of its columns' text, in the order of the text."""
    columns = columns or columns_of(database, table)
    parts = ", ".join(f"coalesce({quoted(c)}::text, '\\N')" for c in columns)
    return [line for (line,) in database.run(
        f"select concat_ws(' | ', {parts}) from {table} order by 1")]


def check_settled(target, case=None):
    """Nothing waits and nothing was refused."""
    check_equal(target.value("select count(*) from tidemark.key_changes"), 0, "rows in key_changes")
    letters = target.run("select stream, partition, position, kind, message from "
                         "tidemark.dead_letters order by id limit 1")
    check(not letters, f"a dead letter: {letters[:1]}")


def process_seconds(pid):
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
