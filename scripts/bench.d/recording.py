"""A load, recorded once at one scale: topics that real Debezium wrote, and what must result."""
import json
import subprocess
import time
from pathlib import Path

from servers import Failure, Progress, find_tool, say, sql, value

SQL = Path(__file__).resolve().parent / "sql"
JSON = "org.apache.kafka.connect.json.JsonConverter"
FILLFACTOR = 80  # src/target/evolution.cc
PART_ROWS = 65536  # whose digests are compared as one
# So that a row has one text, and that sorting ten million of them is quick.
READING = "set timezone = 'UTC'; set extra_float_digits = 1; set work_mem = '256MB'; "


class Recording:
    """A database of the source and topics, both of that name.

    Where native replication is to get the same changes, the slot `<name>_kept` stands before the
    first change and is never read itself: whoever wants them takes a copy of it, which the server's
    kept WAL makes possible. Where rows are there before the first change, the target server has a
    database to copy, `<name>_rows`.
    """

    def __init__(self, stack, load, scale):
        self.stack = stack
        self.load = load
        self.scale = scale
        self.name = f"{load.name}_{scale:g}".replace(".", "_").replace("-", "_")
        self.publication = self.name
        self.slot = f"{self.name}_kept"
        self.rows = round(load.rows * scale)
        self.template = f"{self.name}_rows" if self.rows and not load.snapshot else None
        self._source_digests = None

    @property
    def dsn(self):
        return self.stack.dsn("source", self.name)

    @property
    def topics(self):
        return [f"{self.name}.public.{table}" for table in self.load.tables]

    @property
    def tables_sql(self):
        return (SQL / self.load.tables_sql).read_text(encoding="utf-8")

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
        say(f"recording {self.load.name} at scale {self.scale:g}")
        self.stack.up("source", "target", "kafka", "connect")
        self._clear()
        self._create()
        if self.load.snapshot:
            facts = {"transactions": 1, "changes": self.rows, "events": self.rows, "end": None}
            self._start_capture()
        else:
            self._start_capture()
            self._change_rows(began)
            facts = self._read_slot()
        self._finish_capture(facts, began)
        facts["bytes"] = self._topic_bytes()
        if not self.load.slot:
            sql(self.dsn, f"select pg_drop_replication_slot('{self.slot}')")
        sql(self.dsn, "vacuum analyze; create table recorded (facts json); "
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
        there = set(self.stack.topics())
        for topic in there.intersection(self.topics):
            self.stack.kafka_admin("delete", topic)

    def _create(self):
        sql(self.stack.dsn("source", "postgres"), f"create database {self.name}")
        sql(self.dsn, self.tables_sql)
        if self.rows:
            say(f"  making {self.rows:,} rows")
            self._run_script(self.load.rows_sql).wait()
            sql(self.dsn, "vacuum analyze")
        if self.template:
            self._make_template()
        sql(self.dsn, f"create publication {self.publication} "
            f"for table {', '.join(self.load.tables)}")
        sql(self.dsn, f"select pg_create_logical_replication_slot('{self.slot}', 'pgoutput')")
        for topic in self.topics:
            self.stack.kafka_admin("create", topic, self.load.partitions)

    def _make_template(self):
        """The rows as they are now, on the target's server."""
        server = self.stack.dsn("target", "postgres")
        for name in (self._with_room(), self.template):
            sql(server, f"drop database if exists {name} with (force)")
        sql(server, f"create database {self.template}")
        target = self.stack.dsn("target", self.template)
        sql(target, self.tables_sql)
        for table in self.load.tables:
            copied = subprocess.run(
                ["bash", "-c", 'set -o pipefail; psql -Xq "$1" -c "$3 to stdout (format binary)" | '
                 'psql -Xq "$2" -c "$3 from stdin (format binary)"', "-", self.dsn, target,
                 f"copy {table}"], check=False)
            if copied.returncode:
                raise Failure("the rows could not be copied; what psql said is above")
        sql(target, "vacuum analyze")

    def _with_room(self):
        return f"{self.template}_with_room_{FILLFACTOR}"

    def template_with_room(self):
        """The same in tables with the fillfactor that tidemark gives its own; None without rows."""
        if not self.template:
            return None
        server, name = self.stack.dsn("target", "postgres"), self._with_room()
        if value(server, f"select count(*) from pg_database where datname = '{name}'") == "0":
            say("  making a copy of the target's rows with room in their pages")
            sql(server, f"create database {name} template {self.template} strategy file_copy")
            target = self.stack.dsn("target", name)
            self.make_room(target)
            for table in self.load.tables:
                sql(target, f"vacuum full {table}")
                sql(target, f"vacuum analyze {table}")
        return name

    def make_room(self, target):
        """In the pages of its tables that are still to be filled."""
        for table in self.load.tables:
            sql(target, f"alter table {table} set (fillfactor = {FILLFACTOR})")

    def _start_capture(self):
        say("  starting Debezium")
        schemas = str(self.load.schemas).lower()
        config = {"database.dbname": self.name, "slot.name": f"{self.name}_debezium",
                  "publication.name": f"{self.name}_debezium",
                  "snapshot.mode": "initial" if self.load.snapshot else "no_data",
                  "table.include.list": ",".join(f"public.{table}" for table in self.load.tables),
                  # Their settings count only where they are named.
                  "key.converter": JSON, "key.converter.schemas.enable": schemas,
                  "value.converter": JSON, "value.converter.schemas.enable": schemas,
                  "producer.override.compression.type": "lz4",
                  # So that recording takes minutes, not longer. The records are the same.
                  "max.batch.size": "8192", "max.queue.size": "32768"}
        if not self.load.schemas:
            # Nothing else says where a number's point is.
            config["decimal.handling.mode"] = "string"
        self.stack.call("connector", "put", self.name, "-", input=json.dumps(config),
                        stdout=subprocess.DEVNULL)
        self.stack.call("connector", "wait", self.name, stdout=subprocess.DEVNULL)
        if self.load.snapshot:
            return
        deadline = time.monotonic() + 60
        while not sql(self.dsn, "select 1 from pg_replication_slots where active "
                      f"and slot_name = '{self.name}_debezium'"):
            if time.monotonic() > deadline:
                raise Failure("Debezium does not read its replication slot")
            time.sleep(0.2)

    def _run_script(self, name):
        with open(SQL / name, encoding="utf-8") as script:
            return subprocess.Popen(
                ["psql", "-Xq", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1",
                 f"{self.dsn} options='-c bench.scale={self.scale} -c bench.rows={self.rows}'"],
                stdin=script)

    def _change_rows(self, began):
        progress = Progress()
        psql = self._run_script(self.load.load_sql)
        while psql.poll() is None:
            self._show(progress, "changing rows", began)
            time.sleep(1)
        if psql.returncode:
            raise Failure("the load failed; what PostgreSQL said is above")
        progress.done(f"rows changed after {time.monotonic() - began:.0f} s")

    def _captured(self):
        return sum(self.stack.ends(self.topics).values())

    def _show(self, progress, doing, began):
        expected = self.load.events * self.scale
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
                   for log in (self.stack.dir / "kafka").glob(f"{topic}-[0-9]*/*.log"))

    # --- equality ---------------------------------------------------------------------------

    def differences(self, target_dsn):
        """Compares every row of every table; an empty list when source and target are equal."""
        if self._source_digests is None:
            self._source_digests = self._digests(self.dsn)
        there = self._digests(target_dsn)
        found = []
        for table in self.load.tables:
            here = self._source_digests[table]
            parts = sorted(part for part in here.keys() | there[table].keys()
                           if here.get(part) != there[table].get(part))
            if parts:
                counts = [sum(count for count, _ in digests.values())
                          for digests in (here, there[table])]
                found.append(f"{table}: {counts[0]} rows in the source, {counts[1]} in the target, "
                             + self._first_difference(table, parts[0], target_dsn))
        return found

    def _row_texts(self):
        """By table: an expression for a row's text, its columns in the source's order."""
        return {table: f"row({columns})::text" for table, columns in sql(
            self.dsn, "select relname, string_agg(quote_ident(attname), ', ' order by attnum) "
            "from pg_attribute join pg_class c on c.oid = attrelid where attnum > 0 "
            "and relnamespace = 'public'::regnamespace and relkind = 'r' group by 1")}

    def _digests(self, dsn):
        """By table and part of its ids: how many rows, and one digest of them all."""
        texts = self._row_texts()
        digests = {table: {} for table in self.load.tables}
        rows = sql(dsn, READING + ";".join(
            f"select '{table}', id / {PART_ROWS}, count(*), "
            f"md5(string_agg({texts[table]}, E'\\n' order by id)) from public.{table} group by 2"
            for table in self.load.tables))
        for table, part, count, digest in rows:
            digests[table][int(part)] = (int(count), digest)
        return digests

    def _first_difference(self, table, part, target_dsn):
        text = self._row_texts()[table]
        query = READING + (f"select id || ' ' || md5({text}) from public.{table} "
                           f"where id / {PART_ROWS} = {part}")
        here, there = ({row[0] for row in sql(dsn, query)} for dsn in (self.dsn, target_dsn))
        ids = sorted({int(row.split()[0]) for row in here ^ there})
        return f"the first that differs has id {ids[0]}" if ids else "the order differs"
