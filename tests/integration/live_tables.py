"""The tables of the live test, and the seeded workload that changes them at the source.

Two connections write at the same time, so that transactions overlap and commit in another order than
they began; every key belongs to one of them (by parity), so that they never wait for each other.
"""
import contextlib
import random
import threading
import time
from dataclasses import dataclass

# column: kind, as live_model reads it from Debezium's JSON and writes it as text.
TABLES = {
    "plain": {"key": ["id"], "columns": {"id": "int", "n": "int", "name": "text", "price": "numeric",
                                         "at": "timestamptz", "flag": "bool", "tags": "text[]",
                                         "extra": "text"}},
    "docs": {"key": ["id"], "columns": {"id": "int", "title": "text", "body": "text",
                                        "meta": "text", "raw": "bytea", "seq": "int"}},
    "pair": {"key": ["a", "b"], "columns": {"a": "int", "b": "text", "v": "text", "body": "text"}},
    "full_docs": {"key": ["id"], "columns": {"id": "int", "title": "text", "body": "text"}},
    "log": {"key": [], "columns": {"a": "int", "b": "text", "at": "timestamp"}},
    "parent": {"key": ["id"], "columns": {"id": "int", "name": "text"}},
    "child": {"key": ["id"], "columns": {"id": "int", "parent_id": "int", "note": "text"}},
}

# How many keys of a table one connection uses: key n of connection c is 2 * n + c.
KEYS = {"plain": 100, "docs": 50, "pair": 30, "full_docs": 25, "parent": 25, "child": 60}


@dataclass
class Counts:
    transactions: int = 0
    rolled_back: int = 0
    statements: int = 0
    rows: int = 0
    key_changes: int = 0
    largest: int = 0


class Writer:
    """One connection's share of the workload: its keys, and the statements that it may make."""

    def __init__(self, source, number, choose, counts, has_extra, may_rekey):
        self.source, self.has_extra, self.may_rekey = source, has_extra, may_rekey
        self.connection = source.database.connect(autocommit=False)
        self.cursor = self.connection.cursor()
        self.cursor.execute(source.lock_timeout)
        self.number, self.choose, self.counts = number, choose, counts
        self.live = {}
        for table in KEYS:
            columns = "a, b" if table == "pair" else "id"
            self.cursor.execute(f"select {columns} from {table}")
            rows = [(int(row[0]), row[1]) if table == "pair" else int(row[0])
                    for row in self.cursor.fetchall()]
            self.live[table] = {row for row in rows if self.mine(row)}
        self.connection.commit()
        self.open = False

    def mine(self, key):
        return (key[0] if isinstance(key, tuple) else key) % 2 == self.number

    # ---- transactions

    def turn(self):
        """A step: begins a transaction, adds to it, or ends it."""
        choose = self.choose
        if not self.open:
            self.before = {table: set(keys) for table, keys in self.live.items()}
            self.open, self.size = True, 0
            self.left = choose.choice((1, 1, 2, 3, 8)) if choose.random() > 0.02 else 0
            if self.left == 0:
                self.bulk()
            return
        if self.left > 0:
            self.left -= 1
            if choose.random() < 0.05:
                self.savepoint()
            else:
                self.change()
            return
        self.end(commit=choose.random() > 0.1)

    def end(self, commit):
        if not self.open:
            return
        if commit:
            self.connection.commit()
            self.counts.transactions += 1
            self.counts.rows += self.size
            self.counts.largest = max(self.counts.largest, self.size)
        else:
            self.connection.rollback()
            self.live = self.before
            self.counts.rolled_back += 1
        self.open = False

    def savepoint(self):
        kept = {table: set(keys) for table, keys in self.live.items()}
        size = self.size
        self.cursor.execute("savepoint s")
        self.change()
        self.change()
        if self.choose.random() < 0.7:
            self.cursor.execute("rollback to savepoint s")
            self.live, self.size = kept, size

    def run(self, sql, *values):
        self.cursor.execute(sql, values)
        self.counts.statements += 1
        self.size += max(0, self.cursor.rowcount)

    # ---- keys and values

    def some(self, table):
        return self.choose.choice(sorted(self.live[table])) if self.live[table] else None

    def free(self, table):
        for _ in range(20):
            number = 2 * self.choose.randrange(1, KEYS[table]) + self.number
            key = (number, self.choose.choice("xyz")) if table == "pair" else number
            if key not in self.live[table]:
                return key
        return None

    def word(self):
        return self.choose.choice(("alpha", "beta", "γάμμα", "it's", "NULL", "", "a|b", "☃", "\\N"))

    def large(self):
        """Kept out of line: an update that leaves it alone sends a placeholder for it."""
        if self.choose.random() < 0.15:
            return self.choose.choice((None, "", "short"))
        return f"{self.choose.getrandbits(64):016x}" * self.choose.randrange(140, 180)

    # ---- changes

    def change(self):
        table = self.choose.choices(("plain", "docs", "pair", "full_docs", "log", "parent", "child"),
                                    (5, 6, 3, 1, 2, 1, 2))[0]
        getattr(self, "change_" + table)()

    def change_plain(self):
        choose, key = self.choose, self.some("plain")
        kind = choose.random()
        if key is None or kind < 0.2:
            self.insert_plain(self.free("plain"))
        elif kind < 0.65:
            column, value = choose.choice((
                ("name", self.word()), ("price", choose.choice((None, "-0.05", "12345678.90"))),
                ("flag", choose.choice((None, True, False))),
                ("tags", self.source.tags(choose.choice((None, [], ["a", None, "", "x y"])))),
                ("at", choose.choice(self.source.times)),
                ("extra" if self.has_extra() else "name", self.word())))
            self.run(f"update plain set n = n + 1, {column} = %s where id = %s", value, key)
        elif kind < 0.8:
            self.delete("plain", key)
            if choose.random() < 0.4:
                self.insert_plain(key)
        elif kind < 0.95:
            self.rekey("plain", key, self.free("plain"))
        else:
            self.swap("plain", key, self.some("plain"))

    def insert_plain(self, key):
        if key is None:
            return
        self.run("insert into plain (id, n, name, price, at, flag, tags) values (%s, 0, %s, %s, "
                 f"{self.source.now}, %s, %s)", key, self.word(), self.choose.randrange(10**9) / 100,
                 self.choose.random() < 0.5, self.source.tags([self.word()]))
        self.live["plain"].add(key)

    def change_docs(self):
        choose, key = self.choose, self.some("docs")
        kind = choose.random()
        if key is None or kind < 0.15:
            self.insert_docs(self.free("docs"))
        elif kind < 0.45:
            self.run("update docs set title = %s, seq = seq + 1 where id = %s", self.word(), key)
        elif kind < 0.55:
            self.run("update docs set body = %s, seq = seq + 1 where id = %s", self.large(), key)
        elif kind < 0.6:
            self.run(f"update docs set raw = {self.source.raw}, seq = seq + 1 where id = %s",
                     self.large(), key)
        elif kind < 0.68:
            self.delete("docs", key)
            if choose.random() < 0.5:
                self.insert_docs(key)
        elif kind < 0.88:
            self.chain("docs", key)
        else:
            self.swap("docs", key, self.some("docs"))

    def insert_docs(self, key):
        if key is None:
            return
        self.run(self.source.insert_docs, key, self.word(), self.large(), self.large(), self.large())
        self.live["docs"].add(key)

    def chain(self, table, key):
        """One to three changes of the key, sometimes with another column between."""
        for _ in range(self.choose.choice((1, 1, 2, 3))):
            to = self.free(table)
            if to is None:
                return
            self.rekey(table, key, to)
            key = to
            if table == "docs" and self.choose.random() < 0.3:
                self.run("update docs set title = %s, seq = seq + 1 where id = %s", self.word(), key)

    def change_pair(self):
        key = self.some("pair")
        kind = self.choose.random()
        if key is None or kind < 0.25:
            key = self.free("pair")
            if key is not None:
                self.run("insert into pair values (%s, %s, %s, %s)", *key, self.word(), self.large())
                self.live["pair"].add(key)
        elif kind < 0.5:
            self.run(f"update pair set v = %s where {self.where(key)}", self.word(), *key)
        elif kind < 0.65:
            self.delete("pair", key)
        elif kind < 0.9:
            self.chain("pair", key)
        else:
            self.swap("pair", key, self.some("pair"))

    def change_full_docs(self):
        key = self.some("full_docs")
        kind = self.choose.random()
        if key is None or kind < 0.3:
            key = self.free("full_docs")
            if key is not None:
                self.run("insert into full_docs values (%s, %s, %s)", key, self.word(), self.large())
                self.live["full_docs"].add(key)
        elif kind < 0.6:
            self.run("update full_docs set title = %s where id = %s", self.word(), key)
        elif kind < 0.8:
            self.chain("full_docs", key)
        else:
            self.delete("full_docs", key)

    def change_log(self):
        number = 2 * self.choose.randrange(5) + self.number
        kind = self.choose.random()
        if kind < 0.5:
            self.run(self.source.insert_log, number, self.word())
        elif kind < 0.6:  # equal rows
            self.run(self.source.insert_same, number)
        elif kind < 0.8:  # one of perhaps several equal ones
            self.run(self.source.delete_log, number)
        else:
            self.run(self.source.update_log, self.word(), number)

    def change_parent(self):
        key = self.some("parent")
        kind = self.choose.random()
        if key is None or kind < 0.4:
            key = self.free("parent")
            if key is not None:
                self.run("insert into parent values (%s, %s)", key, self.word())
                self.live["parent"].add(key)
        elif kind < 0.6:
            self.run("update parent set name = %s where id = %s", self.word(), key)
        elif kind < 0.8:  # its children follow
            self.rekey("parent", key, self.free("parent"))
        else:
            self.delete("parent", key)
            self.cursor.execute("select id from child")
            self.live["child"] = {int(row[0]) for row in self.cursor.fetchall()
                                  if self.mine(int(row[0]))}

    def change_child(self):
        key, parent = self.some("child"), self.some("parent")
        kind = self.choose.random()
        if key is None or kind < 0.4:
            key = self.free("child")
            if key is not None:
                self.run("insert into child (id, note, parent_id) values (%s, %s, %s)", key,
                         self.word(), parent)
                self.live["child"].add(key)
        elif kind < 0.7:
            self.run("update child set parent_id = %s where id = %s", parent, key)
        else:
            self.delete("child", key)

    # ---- of any keyed table

    def where(self, key):
        return "a = %s and b = %s" if isinstance(key, tuple) else "id = %s"

    def values(self, key):
        return key if isinstance(key, tuple) else (key,)

    def delete(self, table, key):
        self.run(f"delete from {table} where {self.where(key)}", *self.values(key))
        self.live[table].discard(key)

    def rekey(self, table, key, to):
        if to is None or key is None or key == to or not self.may_rekey():
            return
        assign = "a = %s, b = %s" if isinstance(key, tuple) else "id = %s"
        self.run(f"update {table} set {assign} where {self.where(key)}",
                 *self.values(to), *self.values(key))
        self.live[table].discard(key)
        self.live[table].add(to)
        self.counts.key_changes += 1

    def swap(self, table, key, other):
        """Two rows exchange their keys, by way of a third."""
        third = self.free(table)
        if other is None or third is None or key == other or not self.may_rekey():
            return
        for one, to in ((key, third), (other, key), (third, other)):
            self.rekey(table, one, to)

    def bulk(self):
        """A big transaction: many rows, some of them several times."""
        mine = f"id %% 2 = {self.number}"
        for _ in range(self.choose.randrange(2, 6)):
            self.run(f"update plain set n = n + 1 where {mine}")
            self.run(f"update docs set seq = seq + 1 where {mine}")
            self.run(f"update child set note = %s where {mine}", self.word())
            self.run(self.source.insert_bulk.format(mine=self.number))
            numbers = ", ".join(str(2 * i + self.number) for i in range(5))
            self.run(f"delete from log where b = 'bulk' and a in ({numbers})")

    def close(self):
        self.end(commit=True)
        self.connection.close()


class Workload(threading.Thread):
    """Changes the source until told to stop. `rate`: row changes a second, about."""

    def __init__(self, source, seed, rate):
        super().__init__(daemon=True)
        self.source, self.rate = source, rate
        self.counts = Counts()
        self.stopping = threading.Event()
        self.add_column_now = threading.Event()
        self.extra = threading.Event()  # the column is there
        self.may_rekey = threading.Event()
        self.may_rekey.set()
        self.writers, self.changing = [], threading.Lock()  # held while they change something
        self.error = None
        self.choose = random.Random(seed)

    def run(self):
        try:
            self.work()
        except Exception as error:  # shown by the test's thread
            self.error = error

    def work(self):
        self.writers = writers = [
            Writer(self.source, number, self.choose, self.counts, self.extra.is_set,
                   self.may_rekey.is_set) for number in (0, 1)]
        began = time.monotonic()
        done = 0
        while not self.stopping.is_set():
            writer = self.choose.choice(writers)
            before = getattr(writer, "size", 0) if writer.open else 0
            with self.changing:
                if self.add_column_now.is_set() and not self.extra.is_set():
                    self.add_column(writers)
                    before = 0
                writer.turn()
            rows = max(0, writer.size - before)
            done += rows if rows < 100 else rows / 4  # after a big transaction no long pause
            ahead = done / self.rate - (time.monotonic() - began)
            if ahead > 0.02:
                time.sleep(min(ahead, 0.5))
        for writer in writers:
            writer.close()

    def add_column(self, writers):
        """Without a default: what that gives to rows that are there, Debezium does not send."""
        for writer in writers:
            writer.end(commit=True)  # the statement waits for all who use the table
        self.source.database.run("alter table plain add column extra text")
        self.extra.set()

    @contextlib.contextmanager
    def without_key_changes(self):
        """All that were made before are committed."""
        self.may_rekey.clear()
        try:
            with self.changing:
                for writer in self.writers:
                    writer.end(commit=True)
            yield
        finally:
            self.may_rekey.set()

    def stop(self):
        self.stopping.set()
        self.join(30)
