"""A workload: its tables and changes in the source, recorded once, for Kafka and for a slot."""
import json
import subprocess
import time
from pathlib import Path

from servers import Failure, Progress, say, sql, value

HERE = Path(__file__).resolve().parent


class Workload:
    """One load at one scale: a database of the source, topics of that name, and a slot.

    The slot `<name>_kept` stands before the first change and is never read itself: whoever wants
    to replicate the changes takes a copy of it, which the server's kept WAL makes possible.
    """

    tables = ("orders", "customers")
    schema_sql = HERE / "mix-tables.sql"
    load_sql = HERE / "mix.sql"
    events_expected = 1_076_000  # at scale 1, roughly: for the progress line alone

    def __init__(self, stack, scale):
        self.stack = stack
        self.scale = scale
        self.name = "mix_" + f"{scale:g}".replace(".", "_")
        self.publication = self.name
        self.slot = f"{self.name}_kept"

    @property
    def dsn(self):
        return self.stack.dsn("source", self.name)

    @property
    def topics(self):
        return [f"{self.name}.public.{table}" for table in self.tables]

    def recorded(self):
        """What prepare() found out, None when it has not ended well."""
        if not self.stack.exists():
            return None
        self.stack.up("source", "target", "kafka")
        server = self.stack.dsn("source", "postgres")
        if not sql(server, f"select 1 from pg_database where datname = '{self.name}'"):
            return None
        rows = sql(self.dsn, "select to_regclass('recorded')")
        if rows == [[""]]:
            return None
        return json.loads(value(self.dsn, "select facts from recorded"))

    def prepare(self):
        began = time.monotonic()
        self.stack.up("source", "target", "kafka", "connect")
        self._clear()
        self._create()
        self._start_capture()
        self._load(began)
        facts = self._read_slot()
        self._finish_capture(facts, began)
        facts["bytes"] = self._topic_bytes()
        sql(self.dsn, "create table recorded (facts json); "
            f"insert into recorded values ('{json.dumps(facts)}')")
        self.stack.down("connect")
        say(f"Prepared in {time.monotonic() - began:.0f} s: {facts['events']:,} records for "
            f"{facts['changes']:,} row changes in {facts['transactions']:,} transactions.")
        return facts

    def _clear(self):
        """What an attempt that was broken off has left."""
        server = self.stack.dsn("source", "postgres")
        if self.stack.command("connector", "status", self.name, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0:
            self.stack.call("connector", "delete", self.name, stdout=subprocess.DEVNULL)
        sql(server, "select pg_drop_replication_slot(slot_name) from pg_replication_slots "
            f"where database = '{self.name}'")
        sql(server, f"drop database if exists {self.name} with (force)")
        for topic in self.topics:
            if self.stack.end_offset(topic):
                self.stack.call("kafka-topic", "delete", topic)

    def _create(self):
        sql(self.stack.dsn("source", "postgres"), f"create database {self.name}")
        sql(self.dsn, self.schema_sql.read_text(encoding="utf-8"))
        sql(self.dsn, f"create publication {self.publication} for table {', '.join(self.tables)}")
        sql(self.dsn, f"select pg_create_logical_replication_slot('{self.slot}', 'pgoutput')")

    def _start_capture(self):
        say("  starting Debezium")
        config = {"database.dbname": self.name, "slot.name": f"{self.name}_debezium",
                  "publication.name": f"{self.name}_debezium", "snapshot.mode": "no_data",
                  "table.include.list": ",".join(f"public.{table}" for table in self.tables),
                  "key.converter.schemas.enable": "true",
                  "value.converter.schemas.enable": "true",
                  "producer.override.compression.type": "lz4",
                  # So that recording takes minutes, not longer. The records are the same.
                  "max.batch.size": "8192", "max.queue.size": "32768"}
        self.stack.call("connector", "put", self.name, "-", input=json.dumps(config),
                        stdout=subprocess.DEVNULL)
        self.stack.call("connector", "wait", self.name, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not sql(self.dsn, "select 1 from pg_replication_slots where active "
                      f"and slot_name = '{self.name}_debezium'"):
            if time.monotonic() > deadline:
                raise Failure("Debezium does not read its replication slot")
            time.sleep(0.2)

    def _load(self, began):
        progress = Progress()
        with open(self.load_sql, encoding="utf-8") as script:
            psql = subprocess.Popen(
                ["psql", "-Xq", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1",
                 f"{self.dsn} options='-c bench.scale={self.scale}'"], stdin=script)
        while psql.poll() is None:
            self._show(progress, "changing rows", began)
            time.sleep(1)
        if psql.returncode:
            raise Failure("the load failed; what PostgreSQL said is above")
        progress.done(f"rows changed after {time.monotonic() - began:.0f} s")

    def _captured(self):
        return sum(self.stack.end_offset(topic) for topic in self.topics)

    def _show(self, progress, doing, began):
        expected = self.events_expected * self.scale
        captured = self._captured()
        now = time.monotonic()
        progress.show(f"{doing}: {captured:,} of about {expected:,.0f} records in Kafka, "
                      f"{now - began:.0f} s", now)
        return captured

    def _read_slot(self):
        """What the slot holds: how many changes, and where the last transaction ends."""
        say("  counting the changes")
        rows = sql(self.dsn, f"""
            select count(*) filter (where tag = 'B'), count(*) filter (where tag in ('I', 'U')),
                   count(*) filter (where tag = 'D'), max(lsn) filter (where tag = 'C')
            from (select lsn, chr(get_byte(data, 0)) as tag
                  from pg_logical_slot_peek_binary_changes('{self.slot}', null, null,
                    'proto_version', '1', 'publication_names', '{self.publication}')) as changes""")
        transactions, written, deleted, end = rows[0]
        return {"transactions": int(transactions), "changes": int(written) + int(deleted),
                # Debezium follows every delete with a tombstone.
                "events": int(written) + 2 * int(deleted), "end": end}

    def _finish_capture(self, facts, began):
        progress = Progress()
        stalled_at, last = time.monotonic(), -1
        while True:
            captured = self._show(progress, "capturing", began)
            if captured >= facts["events"]:
                break
            if captured > last:
                stalled_at, last = time.monotonic(), captured
            if time.monotonic() - stalled_at > 120:
                raise Failure(f"Debezium stands still at {captured:,} records")
            time.sleep(1)
        self.stack.call("connector", "delete", self.name, stdout=subprocess.DEVNULL)
        if self._captured() != facts["events"]:
            raise Failure(f"{self._captured():,} records for {facts['events']:,} expected: "
                          "Debezium was interrupted")
        progress.done(f"captured after {time.monotonic() - began:.0f} s")

    def _topic_bytes(self):
        """On Kafka's disk, compressed."""
        return sum(log.stat().st_size for topic in self.topics
                   for log in (self.stack.dir / "kafka").glob(f"{topic}-0/*.log"))

    # --- equality ---------------------------------------------------------------------------

    def differences(self, target_dsn):
        """Compares every row of every table; an empty list when source and target are equal."""
        found = []
        for table in self.tables:
            query = self._digest_query(table)
            here, there = (sql(dsn, query)[0] for dsn in (self.dsn, target_dsn))
            if here != there:
                found.append(f"{table}: {here[0]} rows in the source, {there[0]} in the target, "
                             + self._first_difference(table, target_dsn))
        return found

    def _row_text(self, table):
        columns = value(self.dsn, "select string_agg(quote_ident(attname), ', ' order by attnum) "
                        f"from pg_attribute where attrelid = '{table}'::regclass and attnum > 0")
        return f"row({columns})::text"

    def _digest_query(self, table):
        return ("set timezone = 'UTC'; set extra_float_digits = 1; "
                f"select count(*), md5(string_agg({self._row_text(table)}, E'\\n' order by id)) "
                f"from public.{table}")

    def _first_difference(self, table, target_dsn):
        query = ("set timezone = 'UTC'; "
                 f"select id || ' ' || md5({self._row_text(table)}) from public.{table}")
        here, there = ({row[0] for row in sql(dsn, query)} for dsn in (self.dsn, target_dsn))
        ids = sorted({int(row.split()[0]) for row in here ^ there})
        return f"{len(ids)} differ, the first with id {ids[0]}" if ids else "the order differs"

