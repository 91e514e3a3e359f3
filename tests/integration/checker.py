"""Does the target hold exactly what its positions say, at every moment?

    load = Load(case, partitions=2, seed=7)      a topic, records of a keyed table, and what the rows
    load.more(500)                               must be behind each of them
    checker = Checker(target, load, case.id)     makes the tables, looks on, each time in one snapshot
    ... faults ...
    checker.finish()                             raises Failed, or says how much was seen

What is checked, and against what:
  - each look: the rows are the fold of the records before the positions of the same snapshot; and
    neither positions nor epochs fall (unless `regressed()` has been said);
  - the history of the position rows, written by a trigger: one step begins where the one before has
    ended, under an epoch that never falls;
  - the history of each row, written by a trigger: never an older event over a newer one;
  - at the end: all records are in, the rows are the source's, what was counted is what was sent,
    nothing waits and nothing was refused.
"""
import json
import random
import threading
import time

import psycopg2

from harness import ROOT, Failed, change, check, check_equal, check_settled, positions, tombstone

PLACEHOLDER = "__debezium_unavailable_value"
KEYS = 40  # of a partition
LOOK_EVERY = 0.03

TABLE_SQL = """
create table t (id int primary key, n bigint, note text, body text);
create table row_history (at bigint generated always as identity, id int, old bigint, new bigint);
create table position_history (at bigint generated always as identity, stream text, partition int,
  epoch bigint, old text, new text);
create function keep_row() returns trigger language plpgsql security definer as $$ begin
  insert into public.row_history (id, old, new) values (coalesce(new.id, old.id), old.n, new.n);
  return null; end $$;
create function keep_position() returns trigger language plpgsql security definer as $$ begin
  insert into public.position_history (stream, partition, epoch, old, new)
  values (new.stream, new.partition, new.epoch, old.last_watermark, new.last_watermark);
  return null; end $$;
create trigger keep after insert or update or delete on t for each row execute function keep_row();
"""
SLOW_SQL = """
create function slow() returns trigger language plpgsql as $$ begin
  perform pg_sleep({seconds}); return null; end $$;
create trigger slow after update on tidemark.pipeline_watermarks for each statement
  execute function slow();
"""


class Load:
    """Changes of one table: inserts, updates with and without placeholders, deletes, changed keys."""

    def __init__(self, case, partitions=2, seed=1, name="public.t", plain=False, **topic):
        """plain: no placeholders and no changed keys; topic: settings of the topic."""
        self.case, self.partitions, self.plain = case, partitions, plain
        self.pad = 0  # characters more in each note
        self.topic = case.topic(name, partitions, **topic)
        self.choose = random.Random(seed)
        self.lsn = 1000
        self.rows = [{} for _ in range(partitions)]     # as at the source: id: (n, note, body)
        self.sent = [0] * partitions
        self.effects = [[] for _ in range(partitions)]  # (offset, id, row or None), in order
        self.records = []

    def more(self, changes=500):
        """So many changes a partition; a change is one to three records."""
        out = []
        for _ in range(changes):
            for partition in range(self.partitions):
                out += self.one(partition)
        self.records += out
        self.case.produce(out)

    def one(self, partition):
        choose, rows = self.choose, self.rows[partition]
        self.lsn += 8
        kind = choose.random()
        if not rows or (kind < 0.25 and len(rows) < KEYS - 5):
            return self.write(partition, "c", self.free(partition), self.text(), self.text())
        key = choose.choice(sorted(rows))
        if kind < 0.65:
            return self.write(partition, "u", key, self.text(), self.text() if self.plain else None)
        if kind < 0.75:
            return self.write(partition, "u", key, rows[key][1], self.text())
        if kind < 0.88 or self.plain:
            again = self.delete(partition, key)
            if choose.random() < 0.4:
                self.lsn += 8
                again += self.write(partition, "c", key, self.text(), self.text())
            return again
        return self.rekey(partition, key, self.free(partition))

    def text(self):
        return f"{self.choose.getrandbits(40):x}" * self.choose.choice((1, 3, 20)) + "." * self.pad

    def free(self, partition):
        ids = range(partition * 1000, partition * 1000 + KEYS)
        return self.choose.choice([i for i in ids if i not in self.rows[partition]])

    def write(self, partition, op, key, note, body, headers=()):
        """body None: the column is not sent, and stays what it is."""
        kept = self.rows[partition][key][2] if body is None else body
        row = (self.lsn, note, kept)
        self.rows[partition][key] = row
        self.effects[partition].append((self.sent[partition], key, row))
        self.sent[partition] += 1
        after = {"id": key, "n": self.lsn, "note": note, "body": PLACEHOLDER if body is None else body}
        return [change(self.topic, "t", op, {"id": key}, after, partition=partition, lsn=self.lsn,
                       headers=headers)]

    def delete(self, partition, key, headers=()):
        self.rows[partition].pop(key)
        self.effects[partition].append((self.sent[partition], key, None))
        self.sent[partition] += 2
        return [change(self.topic, "t", "d", {"id": key},
                       before={"id": key, "n": 0, "note": None, "body": None}, partition=partition,
                       lsn=self.lsn, headers=headers),
                tombstone(self.topic, {"id": key}, partition=partition, headers=headers)]

    def rekey(self, partition, old, new):
        row = self.rows[partition][old]
        out = self.delete(partition, old, [["__debezium.newkey", json.dumps({"id": new})]])
        self.rows[partition][new] = row
        return out + self.write(partition, "c", new, self.text(), None,
                                [["__debezium.oldkey", json.dumps({"id": old})]])

    def ends(self):
        return {(self.topic, p): count for p, count in enumerate(self.sent)}

    def all_rows(self):
        return {key: row for rows in self.rows for key, row in rows.items()}


class Fold:
    """The rows behind the positions of one look after the other."""

    def __init__(self, load):
        self.load = load
        self.restart()

    def restart(self):
        self.next = [0] * self.load.partitions  # of the effects
        self.rows = {}

    def at(self, marks):
        for partition, effects in enumerate(self.load.effects):
            mark = marks.get((self.load.topic, partition), -1)
            i = self.next[partition]
            while i < len(effects) and effects[i][0] < mark:
                _, key, row = effects[i]
                self.rows.pop(key, None)
                if row is not None:
                    self.rows[key] = row
                i += 1
            self.next[partition] = i
        return self.rows


class Checker:
    def __init__(self, target, load, pipeline, slow=0):
        self.target, self.load, self.pipeline = target, load, pipeline
        state = (ROOT / "schemas" / "state.sql").read_text().replace(':"state_schema"', "tidemark")
        target.run(state + TABLE_SQL + (SLOW_SQL.format(seconds=slow) if slow else ""))
        target.run("create trigger keep after update on tidemark.pipeline_watermarks for each row "
                   "execute function keep_position()")
        self.dsn = target.dsn
        self.looks = []       # (seconds, {(stream, partition): (mark, epoch)}, rows)
        self.regressions = set()  # numbers of looks before which positions may have fallen
        self.lost = 0         # looks that the server did not allow
        self.error = None
        self._stopping = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def regressed(self, dsn=None):
        """From here on another server, or an older state: positions may have fallen."""
        self.regressions.add(len(self.looks))
        if dsn:
            self.dsn = dsn

    def stop(self):
        self._stopping.set()
        self._thread.join(10)
        check(self.error is None, f"the one who looks on has failed: {self.error!r}")

    def _watch(self):
        try:
            self._watch_until_told()
        except Exception as error:  # said by the test's thread
            self.error = error

    def _watch_until_told(self):
        connection, dsn = None, None
        while not self._stopping.wait(LOOK_EVERY):
            try:
                if connection is None or dsn != self.dsn:
                    dsn = self.dsn
                    connection = psycopg2.connect(dsn, connect_timeout=2, options="-c statement_timeout=5s")
                    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
                look = self._look(connection)
                if dsn == self.dsn:
                    self.looks.append(look)
            except psycopg2.Error:
                self.lost += 1
                connection = None

    def _look(self, connection):
        with connection, connection.cursor() as cursor:
            cursor.execute("select stream, partition, coalesce(last_watermark::bigint, -1), epoch from "
                           "tidemark.pipeline_watermarks where pipeline_name = %s", (self.pipeline,))
            marks = {(s, p): (mark, epoch) for s, p, mark, epoch in cursor.fetchall()}
            cursor.execute("select id, n, note, body from t")
            rows = {row[0]: row[1:] for row in cursor.fetchall()}
        return time.monotonic() - self._began, marks, rows

    # ---- the verdict

    def finish(self):
        """Call it when everything should be in. Returns how many positions were seen."""
        self.stop()
        seen = self.check_looks()
        self.check_rows_now()
        self.check_history()
        self.check_end()
        return seen

    def check_looks(self):
        fold, before = Fold(self.load), {}
        for number, (at, marks, rows) in enumerate(self.looks):
            where = f"look {number + 1} of {len(self.looks)}, {at:.2f} s"
            if number in self.regressions:
                fold.restart()
                before = {}
            for place, (mark, epoch) in before.items():
                now = marks.get(place, (-2, -2))
                check(now[0] >= mark, f"{where}: the position of {place} fell from {mark} to {now[0]}")
                check(now[1] >= epoch, f"{where}: the epoch of {place} fell")
            before = marks
            self.compare(rows, fold.at({at: mark for at, (mark, _) in marks.items()}), where, marks)
        return len({tuple(sorted(marks.items())) for _, marks, _ in self.looks})

    def check_rows_now(self):
        """The last look, made when nothing moves any more."""
        connection = psycopg2.connect(self.dsn)
        try:
            _, marks, rows = self._look(connection)
        finally:
            connection.close()
        fold = Fold(self.load)
        self.compare(rows, fold.at({at: mark for at, (mark, _) in marks.items()}), "now", marks)

    @staticmethod
    def compare(rows, wanted, where, marks):
        if rows == wanted:
            return
        for key in sorted(rows.keys() | wanted.keys()):
            if rows.get(key) != wanted.get(key):
                have, want = rows.get(key), wanted.get(key)
                raise Failed(f"{where}: row {key} is {have and have[0]} instead of {want and want[0]} "
                             f"(n; None: no such row; equal: another column), positions "
                             f"{sorted((p, m) for (_, p), (m, _) in marks.items())}")

    def check_history(self):
        newest = {}
        for key, old, new in self.run("select id, old, new from row_history order by at"):
            if new is None:
                continue
            last = newest.get(key, -1)
            # The same one again does no harm: a repetition of the very last.
            check(new >= last, f"row {key}: event {new} was written over event {last}")
            newest[key] = new
        last = {}
        for stream, partition, epoch, old, new in self.run(
                "select stream, partition, epoch, old, new from position_history order by at"):
            place = stream, partition
            if place in last:
                check(epoch >= last[place][0], f"{place}: epoch {epoch} after {last[place][0]}")
                check_equal(old, last[place][1], f"{place}: where a step began")
            check(old is None or new is not None and int(new) >= int(old),
                  f"{place}: a step from {old} to {new}")
            last[place] = epoch, new

    def check_end(self):
        here = Elsewhere(self.dsn)
        reached = {at: mark for at, mark in positions(here, self.pipeline).items() if mark >= 0}
        check_equal(reached, {at: end for at, end in self.load.ends().items() if end}, "positions")
        rows = {row[0]: row[1:] for row in self.run("select id, n, note, body from t")}
        check_equal(rows == self.load.all_rows(), True, "the rows are the source's")
        counted = self.run("select coalesce(sum(records_processed), 0)::bigint from "
                           "tidemark.pipeline_watermarks where pipeline_name = %s", (self.pipeline,))
        check_equal(counted[0][0], sum(self.load.sent), "records counted in the position rows")
        check_settled(here)

    def run(self, sql, values=None):
        return Elsewhere(self.dsn).run(sql, values)


class Elsewhere:
    """A database by its address, with what harness.Database has for reading."""

    def __init__(self, dsn):
        self.dsn = dsn

    def run(self, sql, values=None):
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, sql, values=None):
        return self.run(sql, values)[0][0]
