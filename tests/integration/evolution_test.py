#!/usr/bin/python3
"""The source's schema changes while its changes flow: what happens to the target.

Every change in each form that records can have (with schemas or without, in Avro with a registry,
enveloped or flattened), under `evolve`, `validate` and `none`; the words of every refusal are those of docs/formats.md. And
with real Debezium: tables altered in mid-stream, compared with the source's at the end.
"""
import base64
import json
import sys
import time

import converters
from harness import (Connector, Suite, change, check, check_equal, check_settled, first_difference,
                     rows_as_text, short, wait_until)
from registry_server import RegistryServer


# ---- records ---------------------------------------------------------------------------------------

class Col:
    """A column as Debezium's schema states it; `default` in the schema's own form."""

    def __init__(self, name, kind, *, required=False, default=None, semantic=None, **parameters):
        self.name, self.required = name, required
        self.node = {"type": kind, "optional": not required, "field": name}
        if semantic:
            self.node.update(name=semantic, version=1)
        if parameters:
            self.node["parameters"] = {k.replace("source_", "__debezium.source.column."): str(v)
                                       for k, v in parameters.items()}
        if default is not None:
            self.node["default"] = default


def decimal(name, precision, scale, **more):
    return Col(name, "bytes", semantic="org.apache.kafka.connect.data.Decimal", scale=scale,
               **{"connect.decimal.precision": precision}, **more)


def unscaled(number):
    """What a Decimal holds."""
    size = max(1, (number.bit_length() + 8) // 8)
    return base64.b64encode(number.to_bytes(size, "big", signed=True)).decode()


def varchar(name, length, **more):
    return Col(name, "string", source_type="VARCHAR", source_length=length, **more)


SOURCE_BLOCK = [Col(name, kind, required=name not in ("sequence", "txId", "lsn", "xmin"))
                for name, kind in (
                    ("version", "string"), ("connector", "string"), ("name", "string"),
                    ("ts_ms", "int64"), ("snapshot", "string"), ("db", "string"),
                    ("sequence", "string"), ("schema", "string"), ("table", "string"),
                    ("txId", "int64"), ("lsn", "int64"), ("xmin", "int64"))]


class Form:
    """A way in which the same changes are written. `avro`: from JSON with schemas, as they are
    produced."""

    def __init__(self, name, schemas, flattened, avro=False):
        self.name, self.schemas, self.flattened, self.avro = name, schemas, flattened, avro

    def struct(self, columns, name, **more):
        return {"type": "struct", "optional": True, "name": name,
                "fields": [c.node for c in columns], **more}

    def record(self, topic, table, op, key, columns, row, *, lsn, schema="public"):
        """`key`: names of the key's columns; `row`: the values in the columns' order."""
        row = dict(zip([c.name for c in columns], row))
        made = change(topic, table, op, {name: row[name] for name in key} or None,
                      None if op == "d" else row, row if op == "d" else None, lsn=lsn, schema=schema)
        value, value_schema = json.loads(made["value"]), None
        if self.flattened:
            value = {**row, "__op": op, "__deleted": "true" if op == "d" else "false"}
            extra = [Col("__op", "string"), Col("__deleted", "string")]
            value_schema = self.struct([*columns, *extra], f"{topic}.Value")
        elif self.schemas:
            both = [self.struct(columns, f"{topic}.Value", field=part) for part in ("before", "after")]
            source = {"type": "struct", "optional": False, "field": "source", "name": "it.Source",
                      "fields": [c.node for c in SOURCE_BLOCK]}
            more = [Col("transaction", "string"), Col("op", "string", required=True),
                    Col("ts_ms", "int64")]
            value_schema = {"type": "struct", "optional": False, "name": f"{topic}.Envelope",
                            "version": 2, "fields": [*both, source, *(c.node for c in more)]}
        if self.schemas:
            made["value"] = json.dumps({"schema": value_schema, "payload": value})
            of_key = self.struct([c for c in columns if c.name in key], f"{topic}.Key")
            if key:
                made["key"] = json.dumps({"schema": of_key, "payload": json.loads(made["key"])})
        else:
            made["value"] = json.dumps(value)
        return made


FORMS = [Form("with schemas", True, False), Form("without schemas", False, False),
         Form("in Avro", True, False, avro=True), Form("flattened, with schemas", True, True),
         Form("flattened, without schemas", False, True),
         Form("flattened, in Avro", True, True, avro=True)]


class Stream:
    """A topic and its target; records in one form."""

    def __init__(self, case, form, create=None, mode="evolve", topic="s.public.t", **settings):
        self.case, self.form = case, form
        self.target = case.target()
        if create:
            self.target.run(create)
        self.topic = case.topic(topic)
        self.lsn = 0
        self.registry = RegistryServer(case, {}) if form.avro else None
        more = {"schema-evolution": mode, **settings.pop("target", {})}
        source = {"registry-url": self.registry.url} if form.avro else {}
        self.settings = case.settings(self.target, [self.topic], target=more, source=source, **settings)
        self.records = []

    def add(self, op, columns, row, key=("id",), topic=None, table="t", schema="public"):
        self.lsn += 10
        self.records.append(self.form.record(topic or self.topic, table, op, key, columns, row,
                                             lsn=self.lsn, schema=schema))

    def run(self, code=0, **more):
        if self.registry:
            self.records = self.case.in_avro(self.records, self.registry.schemas)
        if self.records:
            self.case.produce(self.records)
        self.records = []
        return self.case.until_current(self.settings, code=code, **more)

    def rows(self, query="select * from t order by 1"):
        return self.target.run(query)

    def types(self, table="t"):
        """{column: type, with ! for NOT NULL}"""
        return dict(self.target.run(
            "select attname, format_type(atttypid, atttypmod) || case when attnotnull then '!' else '' "
            "end from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
            (table,)))

    def refused(self, words, code=65):
        """The run stops, and says so in these words."""
        ended = self.run(code=code)
        told = [e for e in ended.events() if e.get("level") == "error"]
        text = " ".join(f"{e.get('msg', '')} {e.get('error', '')} {e.get('hint', '')}" for e in told)
        for word in words:
            check(word in text, f"the log does not say {word!r}: {short(text, 600)}")
        return ended


ID = Col("id", "int32", required=True)
V = Col("v", "string")


# ---- columns come and go ---------------------------------------------------------------------------

def column_added(case, form):
    stream = Stream(case, form, "create table t (id int primary key, v text)"
                    if not form.schemas else None,
                    target={"schema-inference": "true"})
    n = Col("n", "int32")
    stream.add("c", [ID, V], (1, "a"))
    stream.add("c", [ID, V, n], (2, "b", 7))
    stream.add("u", [ID, V], (1, "a2"))
    stream.run()
    stream.add("u", [ID, V, n], (1, "a3", 9))
    stream.run()
    check_equal([tuple(map(str, row)) for row in stream.rows()],
                [("1", "a3", "9"), ("2", "b", "7")], "rows")
    check_settled(stream.target)


def column_added_with_default(case, form):
    """The rows that are there get what the source has given them, without an event for any."""
    stream = Stream(case, form)
    old = [ID, V]
    new = [*old, Col("n", "int32", required=True, default=7), Col("o", "int64", default=8),
           Col("s", "string", default="it's"), Col("b", "boolean", default=False),
           decimal("d", 8, 3, required=True, default=unscaled(1500))]
    stream.add("c", old, (1, "a"))
    stream.run()
    stream.add("c", new, (2, "b", 1, None, None, True, unscaled(2250)))
    stream.run()
    check_equal(stream.rows(), [(1, "a", 7, 8, "it's", False, stream.rows()[0][6]),
                                (2, "b", 1, None, None, True, stream.rows()[1][6])], "rows")
    check_equal([str(row[6]) for row in stream.rows()], ["1.500", "2.250"], "decimals")
    check_equal(stream.types()["n"], "integer!", "type of n")


def default_that_is_none(case, form):
    """Debezium states the epoch for a default such as now(): that is nobody's value."""
    stream = Stream(case, form)
    at = "io.debezium.time.MicroTimestamp"
    stream.add("c", [ID], (1,))
    stream.run()
    stream.add("c", [ID, Col("at", "int64", semantic=at, required=True, default=0),
                     Col("seen", "int64", semantic=at, default=0)], (2, 1700000000000000, 5))
    stream.run()
    check_equal([str(v) for v in stream.rows()[0]], ["1", "None", "None"], "the row that was there")


def column_dropped(case, form):
    stream = Stream(case, form, "create table t (id int primary key, v text not null, w int not null)")
    v, w = Col("v", "string", required=True), Col("w", "int32", required=True)
    stream.add("c", [ID, v, w], (1, "a", 1))
    stream.add("c", [ID, v], (2, "b"))
    stream.add("u", [ID, v], (1, "a2"))
    if form.schemas:
        stream.run()
        check_equal(stream.rows(), [(1, "a2", 1), (2, "b", None)], "rows")
    else:
        # Nobody says whether the column is gone or was left out.
        stream.refused(['null value in column "w"'])


def column_renamed(case, form):
    stream = Stream(case, form, None if form.schemas else "create table t (id int primary key, v text,"
                    " w text)")
    stream.add("c", [ID, V], (1, "a"))
    stream.add("c", [ID, Col("w", "string")], (2, "b"))
    stream.add("u", [ID, Col("w", "string")], (1, "a2"))
    stream.run()
    check_equal(stream.rows("select id, v, w from t order by 1"), [(1, "a", "a2"), (2, None, "b")],
                "rows")


# ---- types -----------------------------------------------------------------------------------------

TIME = "io.debezium.time."
RETYPED = [
    # name, before, its value, after, its value, the target's type at the end, rows at the end
    ("int to bigint", Col("v", "int32"), 1, Col("v", "int64"), 1 << 40, "bigint", ["1", str(1 << 40)]),
    ("bigint to int", Col("v", "int64"), 1 << 40, Col("v", "int32"), 2, "bigint", [str(1 << 40), "2"]),
    ("smallint to numeric", Col("v", "int16"), 5, decimal("v", 8, 2), unscaled(150), "numeric",
     ["5", "1.50"]),
    ("numeric wider", decimal("v", 6, 2), unscaled(150), decimal("v", 8, 4), unscaled(15000),
     "numeric(8,4)", ["1.5000", "1.5000"]),
    ("varchar longer", varchar("v", 3), "abc", varchar("v", 6), "abcdef", "character varying(6)",
     ["abc", "abcdef"]),
    ("varchar shorter", varchar("v", 6), "abcdef", varchar("v", 3), "abc", "character varying(6)",
     ["abcdef", "abc"]),
    ("varchar to text", varchar("v", 3), "abc", Col("v", "string", source_type="TEXT"), "abcdef",
     "text", ["abc", "abcdef"]),
    ("int to text", Col("v", "int32"), 1, Col("v", "string"), "one", "text", ["1", "one"]),
    ("boolean to text", Col("v", "boolean"), True, Col("v", "string"), "yes", "text", ["true", "yes"]),
    ("uuid to text", Col("v", "string", semantic="io.debezium.data.Uuid"),
     "b68a35a7-17ad-35b3-af2a-ae46edb4545a", Col("v", "string"), "none",
     "text", ["b68a35a7-17ad-35b3-af2a-ae46edb4545a", "none"]),
    ("real to double", Col("v", "float"), 1.5, Col("v", "double"), 0.1, "double precision",
     ["1.5", "0.1"]),
    ("date to timestamp", Col("v", "int32", semantic=TIME + "Date"), 1,
     Col("v", "int64", semantic=TIME + "MicroTimestamp"), 86400000001,
     "timestamp without time zone", ["1970-01-02 00:00:00", "1970-01-02 00:00:00.000001"]),
    ("timestamp of more digits", Col("v", "int64", semantic=TIME + "Timestamp"), 1,
     Col("v", "int64", semantic=TIME + "MicroTimestamp"), 2, "timestamp without time zone",
     ["1970-01-01 00:00:00.001", "1970-01-01 00:00:00.000002"]),
    ("bits of another length", Col("v", "bytes", semantic="io.debezium.data.Bits", length=3),
     "BQ==", Col("v", "bytes", semantic="io.debezium.data.Bits", length=5), "EQ==",
     "bit varying(5)", ["101", "10001"]),
    ("text to int", Col("v", "string"), "one", Col("v", "int32"), 1, "text", ["one", "1"]),
    ("the key, int to bigint", None, None, None, None, "text", ["a", "b"]),
]
NO_COMMON_TYPE = [
    # before, its value, after, its value, the words
    (Col("v", "int32"), 1, Col("v", "string", semantic="io.debezium.data.Uuid"),
     "b68a35a7-17ad-35b3-af2a-ae46edb4545a", "column public.t.v (integer) cannot take the field of that "
     "name (io.debezium.data.Uuid)"),
    (Col("v", "bytes"), "AQID", Col("v", "boolean"), True,
     "column public.t.v (bytea) cannot take the field of that name (boolean)"),
]


def retyped(case, form):
    """One run for all of them: a topic and a table each, the change in the middle of a batch."""
    stream = Stream(case, form)
    topics = []
    for number, (_, before, first, after, second, _, _) in enumerate(RETYPED):
        topic = case.topic(f"s.public.t{number}")
        topics.append(topic)
        if before is None:
            long_id = Col("id", "int64", required=True)
            stream.add("c", [ID, V], (1, "a"), topic=topic, table=f"t{number}")
            stream.add("c", [long_id, V], (1 << 40, "b"), topic=topic, table=f"t{number}")
        else:
            stream.add("c", [ID, before], (1, first), topic=topic, table=f"t{number}")
            stream.add("c", [ID, after], (2, second), topic=topic, table=f"t{number}")
    stream.settings = stream.settings.with_({"source": {"topics": topics}})
    stream.run()
    for number, (name, *_, final, rows) in enumerate(RETYPED):
        check_equal(stream.types(f"t{number}")["v"], final, f"{name}: type")
        check_equal([v for (v,) in stream.rows(f"select v::text from t{number} order by id")], rows,
                    f"{name}: rows")


def no_common_type(case, form, before, first, after, second, words):
    stream = Stream(case, form)
    stream.add("c", [ID, before], (1, first))
    stream.add("c", [ID, after], (2, second))
    stream.refused([words, "change the column's type to", "or add it to columns-exclude"])
    check_equal(len(stream.rows()), 1, "rows")


def value_wider(case, form):
    """Without a word in the schema: a value that no longer fits is what tells it."""
    stream = Stream(case, form, "create table t (id int primary key, s varchar(3), n int, "
                    "d numeric(4,2), small smallint)")
    columns = [ID, Col("s", "string"), Col("n", "int64"),
               Col("d", "string"), Col("small", "int32")]
    if form.schemas:
        columns[3] = Col("d", "string", source_type="NUMERIC")
    stream.add("c", columns, (1, "abc", 1, "1.5", 1))
    stream.run()
    before = stream.types()
    stream.add("c", columns, (2, "abcdef", 1 << 40, "12345.678", 70000))
    stream.run()
    after = stream.types()
    check_equal([before["s"], after["s"]], ["character varying(3)", "text"], "type of s")
    check_equal(after["n"], "bigint", "type of n")
    check_equal(after["small"], "integer", "type of small")
    check_equal(stream.rows("select id, s, n, d::text, small from t order by id"),
                [(1, "abc", 1, stream.rows("select d::text from t where id = 1")[0][0], 1),
                 (2, "abcdef", 1 << 40, "12345.678", 70000)], "rows")
    return stream


def widened_in_the_batch(case):
    """The DDL, the rows and the position are one transaction: a later failure undoes all three."""
    stream = Stream(case, FORMS[0], "create table t (id int primary key, s varchar(3), "
                    "n int check (n < 5))")
    columns = [ID, Col("s", "string"), Col("n", "int32")]
    stream.add("c", columns, (1, "abcdef", 9))
    stream.run(code=65)
    check_equal(stream.types()["s"], "character varying(3)", "type after the failure")
    check_equal(stream.rows(), [], "rows after the failure")


# ---- validate and none -----------------------------------------------------------------------------

def validate(case, form):
    stream = Stream(case, form, "create table t (id int primary key, v varchar(3))", "validate")
    stream.add("c", [ID, V], (1, "a"))
    stream.add("c", [ID, V, Col("n", "int32")], (2, "b", 7))
    stream.refused(['the field "n" has no column in public.t',
                    'ALTER TABLE "public"."t" ADD COLUMN "n"', "or add it to columns-exclude"])
    check_equal(stream.rows(), [(1, "a")], "rows")
    stream.target.run("alter table t add column n int")
    stream.run()
    stream.add("c", [ID, V, Col("n", "int64")], (3, "c", 1 << 40))
    stream.refused(["column public.t.n (integer) cannot hold the record's value",
                    'ALTER TABLE "public"."t" ALTER COLUMN "n" TYPE bigint'])
    stream.target.run("alter table t alter column n type bigint")
    stream.add("c", [ID, V, Col("n", "int64")], (4, "abcd", 4))
    stream.refused(["column public.t.v (character varying(3)) cannot hold the record's value",
                    'ALTER COLUMN "v" TYPE text'])
    check_equal(stream.rows("select id, v, n from t order by 1"),
                [(1, "a", None), (2, "b", 7), (3, "c", 1 << 40)], "rows")


def validate_dropped(case, form):
    """A column of the target that the source does not have: nothing to say, unless it needs a value."""
    stream = Stream(case, form, "create table t (id int primary key, v text, w int)", "validate")
    stream.add("c", [ID, V], (1, "a"))
    stream.run()
    stream.target.run("alter table t add column x int not null default 5")
    stream.add("c", [ID, V], (2, "b"))
    stream.run()
    check_equal(stream.rows(), [(1, "a", None, 5), (2, "b", None, 5)], "rows")


def none(case, form):
    stream = Stream(case, form, "create table t (id int primary key, v varchar(3))", "none")
    stream.add("c", [ID, V, Col("n", "int32")], (1, "a", 7))
    stream.add("u", [ID, Col("n", "int32")], (1, 8))
    stream.run()
    check_equal(stream.rows(), [(1, "a")], "rows")
    stream.add("c", [ID, V], (2, "abcd"))
    stream.refused(["column public.t.v (character varying(3)) cannot hold the record's value"])


def table_missing(case, form, mode):
    stream = Stream(case, form, mode=mode)
    stream.add("c", [ID, V], (1, "a"))
    stream.refused(["the table public.t does not exist", 'CREATE TABLE "public"."t" ("id" ',
                    'PRIMARY KEY ("id")',
                    "schema-inference = true" if mode == "evolve" else "schema-evolution = evolve"])


# ---- keys ------------------------------------------------------------------------------------------

def key_grows(case, form):
    """A column joins the primary key: rows are told apart by both from then on."""
    stream = Stream(case, form, "create table t (id int, tenant int default 1, v text, "
                    "primary key (id))")
    tenant = Col("tenant", "int32", required=True, default=1)
    stream.add("c", [ID, tenant, V], (1, 1, "a"))
    stream.add("u", [ID, tenant, V], (1, 1, "b"), key=("id", "tenant"))
    stream.add("c", [ID, tenant, V], (2, 1, "c"), key=("id", "tenant"))
    stream.run()
    check_equal(stream.rows(), [(1, 1, "b"), (2, 1, "c")], "rows")
    stream.add("c", [ID, tenant, V], (1, 2, "other tenant"), key=("id", "tenant"))
    stream.refused(["public.t", 'PRIMARY KEY ("id", "tenant")'])
    stream.target.run("alter table t drop constraint t_pkey, add primary key (id, tenant)")
    stream.run()
    check_equal(stream.rows("select * from t order by 1, 2"),
                [(1, 1, "b"), (1, 2, "other tenant"), (2, 1, "c")], "rows")


def key_shrinks(case, form):
    stream = Stream(case, form, "create table t (id int, tenant int, v text, primary key (id, tenant))")
    tenant = Col("tenant", "int32", required=True)
    stream.add("c", [ID, tenant, V], (1, 1, "a"), key=("id", "tenant"))
    stream.add("c", [ID, tenant, V], (2, 1, "b"), key=("id", "tenant"))
    stream.add("u", [ID, tenant, V], (1, 5, "a2"))
    stream.add("d", [ID, tenant, V], (2, 0, None))
    stream.run()
    check_equal(stream.rows(), [(1, 5, "a2")], "rows")


def key_replaced(case, form):
    """The key's column is gone: the target's primary key asks for a value that nobody sends."""
    stream = Stream(case, form, "create table t (id int primary key, uid int, v text)")
    uid = Col("uid", "int32", required=True)
    stream.add("c", [ID, uid, V], (1, 11, "a"))
    stream.run()
    stream.add("c", [uid, V], (12, "b"), key=("uid",))
    stream.refused(['the primary key of public.t has the column "id", and the record has no such field',
                    'DROP CONSTRAINT', 'ADD PRIMARY KEY ("uid")'])
    check_equal(stream.rows(), [(1, 11, "a")], "rows")
    stream.target.run("alter table t drop constraint t_pkey, alter id drop not null, "
                      "add primary key (uid)")
    stream.run()
    check_equal(stream.rows("select * from t order by uid"), [(1, 11, "a"), (None, 12, "b")], "rows")


def key_lost(case, form):
    stream = Stream(case, form, "create table t (id int primary key, v text)")
    stream.add("c", [ID, V], (1, "a"))
    stream.add("c", [ID, V], (2, "b"), key=())
    stream.refused(["the record has no key, and the table public.t has one", "message.key.columns"])
    check_equal(stream.rows(), [(1, "a")], "rows")


# ---- tables ----------------------------------------------------------------------------------------

def made_again(case, form):
    """The source drops the table and makes another of its name: no record says so, and its rows are
    not the target's any more to take away; those of the new table are as they should be."""
    stream = Stream(case, form)
    stream.add("c", [ID, V], (1, "a"))
    stream.add("c", [ID, V], (2, "b"))
    stream.run()
    new = [Col("id", "int64", required=True), Col("w", "int32", required=True), V]
    stream.add("c", new, (1, 5, "new"))
    stream.run()
    check_equal(stream.rows("select id, v, w from t order by 1"), [(1, "new", 5), (2, "b", None)],
                "rows")


def dropped_in_the_target(case):
    """Somebody drops the target's table while tidemark runs: `evolve` makes it again."""
    stream = Stream(case, FORMS[0])
    process = case.start(stream.settings)
    stream.add("c", [ID, V], (1, "a"))
    case.produce(stream.records)
    exists = "select to_regclass('public.t') is not null"
    wait_until(lambda: stream.target.value(exists) and len(stream.rows()) == 1, 20, "the first row")
    stream.target.run("drop table t")
    stream.records = []
    stream.add("c", [ID, V], (2, "b"))
    case.produce(stream.records)
    wait_until(lambda: stream.target.value(exists) and stream.rows() == [(2, "b")], 20,
               "the row in the table that was made again")
    check_equal(process.stop().code, 0, "exit code")


def column_dropped_in_the_target(case):
    stream = Stream(case, FORMS[0], "create table t (id int primary key, v text, extra int)")
    process = case.start(stream.settings)
    for number, change_of_table in enumerate(["select", "alter table t drop column v"], 1):
        stream.target.run(change_of_table)
        stream.records = []
        stream.add("c", [ID, V], (number, "x"))
        case.produce(stream.records)
        wait_until(lambda n=number: stream.target.value("select count(*) from t") == n, 20,
                   f"row {number}")
    check_equal(stream.rows("select id, v from t order by 1"), [(1, None), (2, "x")], "rows")
    check_equal(process.stop().code, 0, "exit code")


def two_topics(case, form):
    """Two topics that the configuration sends into one table, with columns of their own each."""
    stream = Stream(case, form, None if form.schemas else
                    "create table t (id int primary key, v text, n int)", topic="s.east.t")
    west = case.topic("s.west.t")
    stream.settings = stream.settings.with_({
        "source": {"topics": [stream.topic, west]},
        "table.east.t": {"target": "public.t"}, "table.west.t": {"target": "public.t"}})
    n = Col("n", "int32")
    for i in range(0, 40, 2):
        stream.add("c", [ID, V], (i, "e"), schema="east")
        stream.add("c", [ID, n], (i + 1, i), topic=west, schema="west")
    stream.run()
    check_equal(stream.rows("select id, v, n from t order by 1"),
                [row for i in range(0, 40, 2) for row in ((i, "e", None), (i + 1, None, i))], "rows")


# ---- real Debezium ---------------------------------------------------------------------------------

LIVE_SQL = """
create table t (id int primary key, name varchar(10), age smallint, note text not null default 'n');
create table k (a int, b int, v text, primary key (a));
"""
# One by one while rows flow; then what a row of that time looks like.
LIVE_STEPS = [
    ("alter table t add column email text", "name, age, email", "'n%(i)s', 1, 'e@%(i)s'"),
    ("alter table t add column score numeric(8,3) not null default 1.5, "
     "add column ok boolean default true, add column label varchar(5) default 'its'",
     "name, age, score", "'n%(i)s', 2, 2.25"),
    ("alter table t alter column age type bigint", "name, age", "'n%(i)s', 5000000000 + %(i)s"),
    ("alter table t alter column name type text", "name", "repeat('long ', 10) || %(i)s"),
    ("alter table t alter column score type numeric(12,5)", "score", "1234567.12345"),
    ("alter table t drop column note", "name", "'after the drop %(i)s'"),
    ("alter table t rename column email to mail; update t set mail = mail", "name, mail", "'renamed', 'm@%(i)s'"),
    ("alter table t add column tags text[], add column doc jsonb", "tags, doc",
     "array['a', null, '%(i)s'], '{\"a\": %(i)s}'"),
    ("alter table t alter column ok type text using ok::text", "ok", "'yes %(i)s'"),
    ("alter table t add column n int not null default 5, add column day date default '2024-02-29'",
     "name", "'defaults again'"),
    ("alter table t alter column n type text using n::text", "n", "'text %(i)s'"),
]


def live(case, settings_of_connector, registry=None):
    source, target = case.source(), case.target()
    source.run(LIVE_SQL)
    prefix = case.id
    topics = [f"{prefix}.public.t", f"{prefix}.public.k"]
    for topic in topics:
        case.kafka.create(topic)
    case.at_end(case.kafka.delete, topics)
    connector = Connector(case.stack, prefix, source, **{
        "table.include.list": "public.*", "column.propagate.source.type": ".*",
        **settings_of_connector})
    case.at_end(connector.delete)
    connector.wait_streaming()
    process = case.start(case.settings(target, topics, source={"registry-url": registry}))
    number = 0
    for statement, columns, values in [("select", "name, age", "'x%(i)s', 0"), *LIVE_STEPS]:
        source.run(statement)
        for _ in range(5):
            number += 1
            source.run(f"insert into t (id, {columns}) values ({number}, {values % {'i': number}})")
            source.run(f"insert into k values ({number}, {number * 2}, 'v')")
            source.run("update t set age = age + 1 where id = %s", (number // 2,))
            if number % 4 == 0:
                source.run("delete from t where id = %s", (number // 3,))
        time.sleep(0.2)
    connector.wait_caught_up(60)
    ends = case.kafka.ends(topics)
    sql = "select stream, partition, last_watermark from tidemark.pipeline_watermarks"

    def reached():
        check(process.running(), f"tidemark ended: {short(process.log()[-800:], 800)}")
        stopped = [e for e in process.events() if e["event"] == "partition.stopped"]
        check(not stopped, f"a partition stopped: {short(stopped, 500)}")
        now = {(s, p): int(m or 0) for s, p, m in target.run(sql)}
        return all(now.get(at, 0) >= end for at, end in ends.items())
    wait_until(reached, 30, "tidemark catches up", 0.2)
    check_equal(process.stop().code, 0, "exit code")
    for table in ("t", "k"):
        columns = [name for (name,) in source.run(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 "
            "and not attisdropped order by 1", (table,))]
        difference = first_difference(rows_as_text(target, table, columns),
                                      rows_as_text(source, table, columns))
        check(not difference, f"source and target differ, table {table}: {difference}")
    check_settled(target)


# In every form; then those that need schemas, or no schemas.
CASES = [("a column is added", column_added), ("a column is dropped", column_dropped),
         ("a column is renamed", column_renamed), ("the key grows", key_grows),
         ("the key shrinks", key_shrinks), ("the key is replaced", key_replaced),
         ("the key is lost", key_lost), ("two topics into one table", two_topics), ("none", none),
         ("validate", validate), ("validate, a column is dropped", validate_dropped)]
CASES += [(f"no such table, {mode}", lambda case, form, m=mode: table_missing(case, form, m))
          for mode in ("none", "validate")]
TYPED_CASES = [("a column is added with a default", column_added_with_default),
               ("a default that is none", default_that_is_none), ("a value does not fit", value_wider),
               ("a table is made again", made_again), ("types change", retyped)]
TYPED_CASES += [(f"no common type {number}", lambda case, form, r=refusal: no_common_type(case, form, *r))
                for number, refusal in enumerate(NO_COMMON_TYPE, 1)]
UNTYPED_CASES = [("no such table, evolve",
                  lambda case, form: table_missing(case, form, "evolve"))]
# What flattening, and what Avro could make different; the rest of it with --every-form.
FLATTENED = ("a column is added", "a column is dropped", "the key is replaced", "types change")
AVRO = ("a column is added", "a column is added with a default", "a column is dropped",
        "a column is renamed", "the key grows", "the key is replaced", "types change",
        "a value does not fit", "no common type 1")


def makes_a_difference(form, name):
    return (not form.flattened or name in FLATTENED) and (not form.avro or name in AVRO)


def main():
    suite = Suite(__doc__, lambda parser: parser.add_argument(
        "--every-form", action="store_true", help="all cases flattened and in Avro too, not only a few"))
    for form in FORMS:
        for name, function in CASES + (TYPED_CASES if form.schemas else UNTYPED_CASES):
            if not suite.options.every_form and not makes_a_difference(form, name):
                continue
            suite.case(f"{name}, {form.name}", function, form)
    suite.case("widened in the batch's own transaction", widened_in_the_batch)
    suite.case("the target's table is dropped", dropped_in_the_target)
    suite.case("the target's column is dropped", column_dropped_in_the_target)
    suite.case("live, with schemas", live, converters.json(True))
    if converters.REGISTRY:
        suite.case("live, in Avro", live, converters.avro(), converters.REGISTRY)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
