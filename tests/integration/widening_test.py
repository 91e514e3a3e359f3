#!/usr/bin/python3
"""Values that their columns do not take as they are: what `evolve` widens for them, what keeps a
column's type, and the words of what is refused: table, column, both types, why; never the value.
And rows that move to another key: with the columns that their records do not have.
"""
import sys

from harness import (Suite, change, check, check_equal, check_settled, short, tombstone)

HOLDS = "cannot hold the record's value"


class Table:
    """A topic without schemas and its table t, by default with an integer key."""

    def __init__(self, case, sql, partitions=1, **settings):
        self.case, self.lsn, self.records = case, 0, []
        self.target = case.target()
        self.target.run(sql)
        self.topic = case.topic("s.public.t", partitions)
        self.settings = case.settings(self.target, [self.topic], **settings)

    def add(self, op, key, row, partition=0, to=None, back=None, lsn=None):
        """`to` and `back`: the other key of a changed one."""
        self.lsn += 10
        headers = [[f"__debezium.{name}", '{"id":%s}' % other]
                   for name, other in (("newkey", to), ("oldkey", back)) if other is not None]
        before = row if op == "d" else None
        self.records.append(change(self.topic, "t", op, key if isinstance(key, dict) else {"id": key},
                                   None if op == "d" else row, before, lsn=lsn or self.lsn,
                                   partition=partition, headers=headers))
        if op == "d":
            self.records.append(tombstone(self.topic, {"id": key}, partition=partition,
                                          headers=headers))

    def run(self, code=0, **more):
        if self.records:
            self.case.produce(self.records)
        self.records = []
        return self.case.until_current(self.settings.with_(more), code=code)

    def refused(self, words, **more):
        """Its only partition stops, with these words in the log's message or hint."""
        events = [e for e in self.run(65, **more).events() if e["event"] == "partition.stopped"]
        check_equal([(e["topic"], e["partition"]) for e in events], [(self.topic, 0)], "stopped")
        text = f"{events[0]['msg']} {events[0].get('hint', '')}"
        for word in words:
            check(word in text, f"{word!r} is not said: {short(text, 700)}")
        check("secret" not in text, f"the value is said: {short(text, 700)}")
        return events[0]

    def rows(self, query="select * from t order by 1"):
        return self.target.run(query)

    def type_of(self, column):
        return self.target.value("select format_type(atttypid, atttypmod) from pg_attribute where "
                                 f"attrelid = 't'::regclass and attname = '{column}'")


# ---- time-unit -------------------------------------------------------------------------------------

def time_unit(case):
    t = Table(case, "create table t (id int primary key, at timestamp, d date)")
    t.add("c", 1, {"id": 1, "at": None, "d": 17424})
    t.add("c", 2, {"id": 2, "at": 1478267490123, "d": 1})
    event = t.refused(["column public.t.at (timestamp without time zone)", "without a schema",
                       "set time-unit in [table.public.t]", "time-unit = us"])
    check_equal(event["offset"], 1, "offset")
    check_equal(t.rows("select id, d::text from t"), [(1, "2017-09-15")], "rows before it")
    t.run(**{"table.public.t": {"time-unit": "ms"}})
    check_equal(t.rows("select id, at::text from t order by 1"),
                [(1, None), (2, "2016-11-04 13:51:30.123")], "rows")


# ---- what PostgreSQL refuses -----------------------------------------------------------------------

REFUSED_SQL = """
create domain small as int check (value < 10);
create domain named as varchar(8) not null;
create table t (id int primary key, n small, s named default '', a int, b int, i inet, need int not null default 1,
                constraint ordered check (a < b), constraint positive check (a > 0))
"""
REFUSED = [
    ({"n": 11}, ["column public.t.n (integer)", "violates check constraint"], "23514"),
    ({"a": 7, "b": 5}, ["column public.t.a (integer), column public.t.b (integer)", "ordered"], "23514"),
    ({"a": -1, "b": 5}, ["column public.t.a (integer) " + HOLDS, "positive"], "23514"),
    ({"s": None}, ["column public.t.s (character varying(8))", "does not allow null"], "23502"),
    ({"need": None}, ["column public.t.need (integer)", "not-null constraint"], "23502"),
    ({"i": "secret"}, ["column public.t.i (inet)", "invalid input syntax for type inet"], "22P02"),
    ({"s": "secret secret"}, ["column public.t.s (character varying(8))",
                              "more characters than the column holds", "it is of the domain"], ""),
]


def refused_by_the_server(case):
    t = Table(case, REFUSED_SQL, errors={"on-bad-record": "dead-letter", "hold-key": "false"})
    for number, (columns, _, _) in enumerate(REFUSED, 1):
        t.add("c", number, {"id": number, "s": "s", "need": 1, **columns})
    t.run()
    check_equal(t.rows("select id from t"), [], "rows")
    letters = t.rows("select position::int, message, sqlstate from tidemark.dead_letters order by 1")
    check_equal(len(letters), len(REFUSED), "dead letters")
    for (_, message, sqlstate), (_, words, code) in zip(letters, REFUSED):
        for word in [*words, HOLDS, "(without a schema"]:
            check(word in message, f"{word!r} is not said: {message}")
        check("secret" not in message, f"the value is said: {message}")
        check_equal(sqlstate or "", code, "SQLSTATE")


# ---- types that stay -------------------------------------------------------------------------------

STAYS = [
    ("a view", "create view v as select n + 1 as more from t", "view public.v"),
    ("a generated column", "alter table t add g int generated always as (n + 1) stored",
     "default value for column g of table public.t"),
    ("a trigger", "create function f() returns trigger language plpgsql as 'begin return new; end'; "
     "create trigger tr after update of n on t execute function f()", "trigger tr on table public.t"),
    ("a row policy", "create policy p on t using (n > 0)", "policy p on table public.t"),
]


def type_stays(case, sql, words):
    """Refused at the value, before any DDL: the other rows are written, and no process stops."""
    t = Table(case, f"create table t (id int primary key, n int); {sql}")
    t.add("c", 1, {"id": 1, "n": 5})
    t.add("c", 2, {"id": 2, "n": 1 << 40})
    t.refused(["column public.t.n (integer) " + HOLDS, "out of the range of the integer column",
               f"the column's type is not changed, since {words} depends on it",
               'ALTER TABLE "public"."t" ALTER COLUMN "n" TYPE bigint', "while tidemark is stopped"])
    check_equal(t.rows("select id, n from t"), [(1, 5)], "rows")


def partitioned(case):
    t = Table(case, "create table t (id int, n int, primary key (id)) partition by range (id); "
              "create table t1 partition of t for values from (0) to (1000000)")
    t.add("c", 1, {"id": 1, "n": 1 << 40})
    t.run()
    check_equal([t.type_of("n"), t.rows()], ["bigint", [(1, 1 << 40)]], "a column of the partitions")
    t.add("c", 1 << 40, {"id": 1 << 40, "n": 1})
    t.refused(["public.t.id (integer)", "the partition key depends on it"])


def foreign_key(case):
    """Integers may grow on either side of a foreign key; into numeric they would not compare."""
    t = Table(case, "create table p (id int primary key); insert into p values (1); "
              "create table t (id int primary key, p int references p)")
    t.add("c", 1 << 40, {"id": 1 << 40, "p": 1})
    t.run()
    check_equal(t.type_of("id"), "bigint", "type of the key")
    t.target.run("alter table p alter id type bigint; insert into p values (%s)" % (1 << 40))
    t.add("c", 2, {"id": 2, "p": 1 << 40})
    t.run()
    check_equal([t.type_of("p"), t.rows()], ["bigint", [(2, 1 << 40), (1 << 40, 1)]], "the foreign key")
    t.add("c", 3, {"id": 3, "p": 1.5})
    t.refused(["public.t.p (bigint)", "the foreign key t_p_fkey compares it"])


def referenced_key(case):
    """The key that a foreign key of another table names: the children follow by themselves."""
    t = Table(case, "create table t (id int primary key, v text); "
              "create table child (id int primary key, t int references t on delete cascade)")
    t.add("c", 1, {"id": 1, "v": "a"})
    t.run()
    t.target.run("insert into child values (1, 1)")
    t.add("c", 1 << 40, {"id": 1 << 40, "v": "b"})
    t.add("d", 1, {"id": 1, "v": None})
    t.run()
    check_equal([t.type_of("id"), t.rows(), t.rows("select * from child")],
                ["bigint", [(1 << 40, "b")], []], "rows")


# ---- keys ------------------------------------------------------------------------------------------

def key_stays(case):
    t = Table(case, "create table t (id int primary key, v text)")
    t.add("c", 1, {"id": 1, "v": "a"})
    t.add("c", 1 << 70, {"id": 1 << 70, "v": "b"})
    t.refused(["column public.t.id (integer)", "the column's type is not changed, since it is in the key"])
    check_equal(t.rows(), [(1, "a")], "rows")


def composite_key(case):
    """Both columns of the key grow in the middle of a batch, and with them what is found by them."""
    t = Table(case, "create table t (a smallint, b varchar(2), v text, primary key (a, b))")
    keys = [(1, "x"), (40000, "x"), (1, "long one"), (1 << 40, "y")]
    for a, b in keys:
        t.add("c", {"a": a, "b": b}, {"a": a, "b": b, "v": "new"})
    for a, b in keys:
        t.add("u", {"a": a, "b": b}, {"a": a, "b": b, "v": "changed"})
    t.add("d", {"a": 1, "b": "x"}, {"a": 1, "b": "x", "v": None})
    t.records.pop()
    t.run()
    check_equal([t.type_of("a"), t.type_of("b")], ["bigint", "text"], "types")
    check_equal(t.rows("select a, b, v from t order by 1, 2"),
                sorted((a, b, "changed") for a, b in keys[1:]), "rows")


LACKS = "__debezium_unavailable_value"


def halves_across_widening(case, create_first):
    """A key changes, and between its halves the key's column grows: they still find each other."""
    t = Table(case, "create table t (id int primary key, big text, v text)", 2)
    t.add("c", 1, {"id": 1, "big": "kept", "v": "a"})
    t.run()

    def half(number):
        if number == 0:
            t.add("d", 1, {"id": 1}, to=2, lsn=500)
        else:
            t.add("c", 2, {"id": 2, "big": LACKS, "v": "b"}, partition=1, back=1, lsn=500)
    half(int(create_first))
    t.run()
    check_equal(t.target.value("select count(*) from tidemark.key_changes"), 1, "halves that wait")
    t.lsn = 1000
    t.add("c", 1 << 40, {"id": 1 << 40, "big": "x", "v": "x"}, partition=int(create_first))
    t.run()
    check_equal(t.type_of("id"), "bigint", "type of the key")
    half(int(not create_first))
    t.run()
    check_equal(t.rows("select id, big, v from t order by 1"), [(2, "kept", "b"), (1 << 40, "x", "x")],
                "rows")
    check_settled(t.target)


def held_across_widening(case):
    """Later events of a key with a dead letter wait behind it, also when the key's column has grown."""
    t = Table(case, "create table t (id int primary key, i inet)",
              errors={"on-bad-record": "dead-letter"})
    t.add("c", 1, {"id": 1, "i": "secret"})
    t.run()
    t.add("c", 1 << 40, {"id": 1 << 40, "i": "10.0.0.1"})
    t.add("u", 1, {"id": 1, "i": "10.0.0.2"})
    t.run()
    check_equal(t.type_of("id"), "bigint", "type of the key")
    check_equal(t.rows("select kind from tidemark.dead_letters order by id"), [("data",), ("held",)],
                "dead letters")
    check_equal(t.rows("select id, host(i) from t"), [(1 << 40, "10.0.0.1")], "rows")


def two_lanes(case):
    """Lanes that each meet a value that does not fit, again and again."""
    t = Table(case, "create table t (id int primary key, n smallint, s varchar(2), d numeric(3,1))", 4,
              batch={"lanes": 2, "max-rows": 20})
    wanted = []
    for i in range(400):
        n, s, d = (i * i * i, "x" * (i % 40), f"{i * 97}.{i % 1000}")
        t.add("c", i, {"id": i, "n": n, "s": s, "d": d}, partition=i % 4)
        wanted.append((i, n, s, float(d)))
    for i in range(4):
        key = (1 << 40) + i
        t.add("c", key, {"id": key, "n": 1 << 50, "s": "", "d": "1"}, partition=i)
        wanted.append((key, 1 << 50, "", 1.0))
    t.run()
    check_equal([t.type_of(c) for c in ("id", "n", "s")], ["bigint", "bigint", "text"], "types")
    check_equal(t.rows("select id, n, s, d::float8 from t order by 1"), wanted, "rows")


# ---- rows that move --------------------------------------------------------------------------------

def row_moves(case, runs, partitions=1):
    """What neither the delete's `before` nor the create has is the stored row's: it moves with it.
    Columns that only the target has too; generated ones are computed anew."""
    t = Table(case, "create table t (id int primary key, a text, b text default 'made', "
              "mine text default 'none', twice int generated always as (id * 2) stored)", partitions)
    t.add("c", 1, {"id": 1, "a": "a1", "b": "b1"})
    t.add("c", 5, {"id": 5, "a": "a5", "b": "b5"})
    t.run()
    t.target.run("update t set mine = 'mine ' || id")
    halves = [lambda: t.add("d", 1, {"id": 1}, to=2, lsn=500),
              lambda: t.add("c", 2, {"id": 2, "a": "a2"}, back=1, lsn=500, partition=partitions - 1)]
    t.settings = t.settings.with_({"target": {"schema-evolution": "none"}})
    t.lsn = 1000
    for half in halves:
        half()
        if runs == 2:
            t.run()  # another process, which has seen nothing but this half
    t.add("u", 5, {"id": 5, "a": "a55"})
    t.run()
    check_equal(t.rows(), [(2, "a2", "b1", "mine 1", 4), (5, "a55", "b5", "mine 5", 10)], "rows")
    check_settled(t.target)


def delete_never_sent(case):
    """In a topic of one partition the delete would have come before: the row does not wait for it."""
    t = Table(case, "create table t (id int primary key, a text, mine text default 'none')")
    t.add("c", 2, {"id": 2, "a": "a2"}, back=1)
    t.add("u", 2, {"id": 2, "a": "a3"})
    t.run()
    check_equal(t.rows(), [(2, "a3", "none")], "rows")


def main():
    suite = Suite(__doc__)
    suite.case("a number without a unit", time_unit)
    suite.case("refused by the server", refused_by_the_server)
    for name, sql, words in STAYS:
        suite.case(f"the type stays: {name}", type_stays, sql, words)
    suite.case("a partitioned table", partitioned)
    suite.case("a foreign key", foreign_key)
    suite.case("a key that is referenced", referenced_key)
    suite.case("a key stays of its kind", key_stays)
    suite.case("a composite key grows", composite_key)
    for create_first in (False, True):
        suite.case(f"halves across a widening, {'create' if create_first else 'delete'} first",
                   halves_across_widening, create_first)
    suite.case("held keys across a widening", held_across_widening)
    suite.case("two lanes widen", two_lanes)
    for runs in (1, 2):
        suite.case(f"a row moves, {runs} run{'s' * (runs - 1)}", row_moves, runs)
    suite.case("a create whose delete was never sent", delete_never_sent)
    suite.case("a row moves to another partition, 2 runs", row_moves, 2, 2)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
