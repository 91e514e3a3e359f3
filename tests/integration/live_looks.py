"""One who looks at the target all the time, and what each look must be: the fold of the records before
the positions of the same snapshot (I1).

    watcher = Watcher(target); watcher.start()
    prefixes = Prefixes(Model())
    prefixes.model.add(record)                  as they come, or all at the end
    prefixes.check(look)                        in the order of the looks; raises Failed
"""
import json
import subprocess
import tempfile
import threading
import time
from collections import deque

import psycopg2

from harness import Failed, check, first_difference
from live_model import Model, sql_line, sql_rows
from live_tables import TABLES

LOOK_EVERY = 0.06


class Look:
    __slots__ = ("at", "positions", "epochs", "tables")

    def __init__(self, at, rows, tables):
        self.at = at
        self.positions = {(s, p): int(mark) for s, p, mark, _ in rows if mark is not None}
        self.epochs = {(s, p): epoch for s, p, _, epoch in rows}
        self.tables = tables


class Watcher(threading.Thread):
    """Looks at the target, each time in one snapshot, until told to stop."""

    def __init__(self, target, every=LOOK_EVERY, may_be_away=False):
        """may_be_away: the server is harmed meanwhile; looks that it does not allow are `lost`."""
        super().__init__(daemon=True)
        self.target, self.every, self.may_be_away = target, every, may_be_away
        self.connection = None
        self.looks = deque()  # another thread may take them off at the left
        self.last = None
        self.lost = 0
        self.error = None
        self.stopping = threading.Event()
        self.began = time.monotonic()

    def run(self):
        try:
            while not self.stopping.wait(self.every):
                self.look_if_there()
        except Exception as error:  # shown by the test's thread
            self.error = error

    def look_if_there(self):
        try:
            self.look()
        except psycopg2.Error:
            if not self.may_be_away:
                raise
            self.lost += 1
            self.connection = None

    def look(self):
        if self.connection is None:
            self.connection = self.target.connect(autocommit=False)
            self.connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("select to_regclass('tidemark.pipeline_watermarks') is not null")
            if not cursor.fetchone()[0]:
                return
            at = time.monotonic() - self.began
            cursor.execute("select stream, partition, last_watermark, epoch "
                           "from tidemark.pipeline_watermarks")
            rows = cursor.fetchall()
            tables = {}
            for table in TABLES:
                cursor.execute("select to_regclass(%s) is not null", (f"public.{table}",))
                # One that was made after this snapshot holds nothing in it.
                seen = ""
                if cursor.fetchone()[0]:
                    cursor.execute(sql_rows(table))
                    seen = cursor.fetchone()[0]
                last = self.last.tables[table] if self.last else None
                tables[table] = last if last == seen else seen
        self.last = Look(at, rows, tables)
        self.looks.append(self.last)

    def stop(self):
        self.stopping.set()
        self.join(30)
        if self.error:
            raise Failed(f"the reader failed: {self.error}")
        self.look()
        self.connection.close()


# ---- what they must be -----------------------------------------------------------------------------

class Prefixes:
    """Compares looks, in their order, with the model."""

    def __init__(self, model):
        self.model = model
        self.before = None
        self.last = None  # the one that failed, if one has
        self.number = 0
        self.distinct = set()  # positions, hashed

    def check(self, look):
        self.number += 1
        self.last = look
        where = f"look {self.number}, {look.at:.2f} s"
        if self.before:
            for at, offset in self.before.positions.items():
                check(look.positions.get(at, -1) >= offset, f"{where}: the position of {at} fell")
            for at, epoch in self.before.epochs.items():
                check(look.epochs.get(at, -1) >= epoch, f"{where}: the epoch of {at} fell")
        self.model.advance(look.positions)
        for table in TABLES:
            difference = self.model.difference(table, look.tables[table])
            check(not difference, f"{where}: table {table} is not the fold of the records before "
                                  f"its positions: {difference}; positions {look.positions}")
        self.before = look
        self.distinct.add(hash(tuple(sorted(look.positions.items()))))


def check_looks(looks, records):
    """All of them, once all is over. Returns the Prefixes."""
    prefixes = Prefixes(Model(records))
    for look in looks:
        prefixes.check(look)
    return prefixes


def check_equal_tables(source, target):
    for table in TABLES:
        have = sorted(line for line, in target.run(f"select {sql_line(table)} from public.{table} t"))
        difference = first_difference(have, source.lines(table))
        check(not difference, f"source and target differ, table {table}: {difference}")


class Following(threading.Thread):
    """Compares while it goes on, with the records as they come: nothing is kept that has been seen.
    Reads Kafka by itself, not by way of what a fault hits. The first failure is in `error`."""

    def __init__(self, kafka, topics, watcher):
        super().__init__(daemon=True)
        self.watcher = watcher
        self.prefixes = Prefixes(Model())
        self.records = 0
        self.error = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._said = tempfile.TemporaryFile("w+")  # not a pipe: nobody would empty it
        self._reader = subprocess.Popen(
            [str(kafka.build / "consume_dump"), "--follow", "--brokers", kafka.brokers, *topics],
            stdout=subprocess.PIPE, stderr=self._said, encoding="utf-8")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self._reader.stdout:
                record = json.loads(line)
                with self._lock:
                    self.prefixes.model.add(record)
                    self.records += 1
        except Exception as error:  # shown by the test's thread
            self.error = self.error or error

    def run(self):
        try:
            while not self._ending.wait(0.2):
                self._check_looks()
        except Exception as error:  # shown by the test's thread
            self.error = self.error or error

    def _check_looks(self):
        while self.watcher.looks and not self.error:
            with self._lock:
                if not self.prefixes.model.has(self.watcher.looks[0].positions):
                    return
                self.prefixes.check(self.watcher.looks.popleft())

    def finish(self, seconds=60):
        """After the watcher's end. Returns the Prefixes."""
        deadline = time.monotonic() + seconds
        while self.watcher.looks and not self.error and time.monotonic() < deadline:
            if self._reader.poll() is not None:
                self._said.seek(0)
                raise Failed(f"consume_dump has ended: {self._said.read()[-300:]}")
            time.sleep(0.1)
        self._ending.set()
        self.join(30)
        if self.error:
            raise self.error
        check(not self.watcher.looks, f"{len(self.watcher.looks)} looks are before records that do not come")
        self.end()
        return self.prefixes

    def end(self):
        self._ending.set()
        if self._reader.poll() is None:
            self._reader.kill()
        self._reader.wait(10)
