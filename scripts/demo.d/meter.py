"""How the target follows: rows on both sides, changes a second, records to come, delay."""

import re
import statistics
import subprocess
import threading
import time
from collections import deque

import psycopg2

WINDOW_S = 3
POLL_S = 0.02


class Table:
    def __init__(self):
        self.position = None   # the next record to apply
        self.source_time = None
        self.applied = deque()  # (when, records applied so far)
        self.delays = deque(maxlen=20)


class Meter(threading.Thread):
    """Polls tidemark's own positions in the target. `delay` is the time from a change's COMMIT in
    the source until it is seen in the target; the connector is part of it."""

    def __init__(self, target_dsn, pipeline, topic_prefix, tables):
        super().__init__(name="meter", daemon=True)
        self._dsn = target_dsn
        self._pipeline = pipeline
        self._prefix = topic_prefix
        self._tables = {name: Table() for name in tables}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self.error = None

    def stop(self):
        self._end.set()
        self.join()

    def run(self):
        try:
            connection = psycopg2.connect(self._dsn)
            connection.autocommit = True
            self._poll(connection.cursor())
            connection.close()
        except psycopg2.Error as error:
            self.error = str(error).strip()

    def _poll(self, cursor):
        while not self._end.wait(POLL_S):
            cursor.execute("select to_regclass('tidemark.pipeline_watermarks') is not null")
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(
                "select stream, last_watermark::bigint, records_processed, source_time"
                " from tidemark.pipeline_watermarks where pipeline_name = %s", (self._pipeline,))
            now = time.time()
            with self._lock:
                for stream, position, processed, source_time in cursor:
                    table = self._tables.get(stream.removeprefix(self._prefix))
                    if table is not None:
                        self._note(table, now, position, processed, source_time)

    @staticmethod
    def _note(table, now, position, processed, source_time):
        if source_time is not None and source_time != table.source_time:
            table.source_time = source_time
            table.delays.append((now, 1000 * (now - source_time.timestamp())))
        table.position = position
        table.applied.append((now, processed))
        while table.applied[0][0] < now - WINDOW_S:
            table.applied.popleft()

    def forget(self):
        """What was measured until now does not count."""
        with self._lock:
            for table in self._tables.values():
                table.applied.clear()
                table.delays.clear()

    def rate(self, name):
        with self._lock:
            applied = self._tables[name].applied
            if len(applied) < 2 or applied[-1][0] - applied[0][0] < 0.5:
                return 0.0
            return (applied[-1][1] - applied[0][1]) / (applied[-1][0] - applied[0][0])

    def delay(self, name):
        """The median of the last seconds, else the last one there was."""
        with self._lock:
            delays = self._tables[name].delays
            since = time.time() - WINDOW_S
            recent = [delay for when, delay in delays if when >= since]
            if recent:
                return statistics.median(recent)
            return delays[-1][1] if delays else None

    def position(self, name):
        with self._lock:
            return self._tables[name].position or 0

    def applied_up_to(self):
        """The source's time of the last change applied, of the table that is furthest behind."""
        with self._lock:
            times = [table.source_time for table in self._tables.values()]
            return None if None in times else min(times)


def end_offsets(brokers, topics):
    """The next offset of partition 0 of each topic; 0 for one that is not there yet."""
    command = ["kcat", "-b", brokers, "-Q"]
    for topic in topics:
        command += ["-t", f"{topic}:0:-1"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    found = dict(re.findall(r"^(\S+) \[0\] offset (\d+)$", answer.stdout, re.MULTILINE))
    return {topic: int(found.get(topic, 0)) for topic in topics}


def count_rows(cursor, tables):
    """0 for a table that is not there yet."""
    counts = []
    for table in tables:
        cursor.execute("select to_regclass(%s) is not null", (f"shop.{table}",))
        if cursor.fetchone()[0]:
            cursor.execute(f"select count(*) from shop.{table}")
            counts.append(cursor.fetchone()[0])
        else:
            counts.append(0)
    return counts
