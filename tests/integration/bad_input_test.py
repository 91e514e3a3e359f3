#!/usr/bin/python3
"""Bad input: every row of a table of what a topic may hold, between two good records, in both policies.

Nothing crashes, nothing is guessed: the record is stored faithfully, becomes a dead letter with its
reason, a hint and its own bytes, or stops its partition in front of it. The good records around it are
what they must be, and positions are where that leaves them. The numbers are those of the rows.

What needs other settings or servers has its test elsewhere: Names (44-47) names_test and check_test,
registry ids (52) registry_test.
"""
import base64
import json
import re
import resource
import signal
import sys
import time
from pathlib import Path

import raw_batch
from fault_servers import peak_bytes
from harness import (Suite, Tidemark, bytes_of, change, check, check_equal, positions, stops_of,
                     tombstone, wait_until)

UNAVAILABLE = "__debezium_unavailable_value"
RECORD_BYTES_MAX = 512 * 1024
KEPT, LETTER, HALT = "kept", "letter", "halt"


class Row:
    """One row: its table's columns beside `id`, the records in the middle, and what must become of them.

    outcome KEPT: `rows` (id: the columns' text) are in the table beside 1 and 3, which may change too.
    LETTER: as on-bad-record says; `why` is in the message or the SQLSTATE. HALT: stops in any case.
    The record that is refused is the last one."""

    def __init__(self, number, name, records, outcome, rows=None, *, columns="v text", why="",
                 setup="", first=None, last=None):
        self.number, self.name, self.records, self.outcome = number, name, records, outcome
        self.rows, self.columns, self.why, self.setup = rows or {}, columns, why, setup
        self.first, self.last = first, last
        self.table = re.sub("[^a-z0-9]+", "_", f"r{number}_{name.lower()}")[:50]
        self.topic = ""

    def all_records(self):
        return [self.first or put(1, "before"), *self.records, self.last or put(3, "after")]


def put(key, v=None, op="u", **after):
    """A record without its topic and table: those are the row's."""
    row = {"id": key, **({"v": v} if v is not None else {}), **after}
    return lambda topic, table: change(topic, table, op, {"id": key}, row)


def raw(value, key='{"id":2}', headers=()):
    value = value if isinstance(value, (str, type(None))) else {"base64": b64(value)}
    return lambda topic, table: {"topic": topic, "key": key, "value": value,
                                 "headers": [list(h) for h in headers]}


def edited(edit, key=2, **after):
    """A good record, with its text or its bytes edited."""
    def make(topic, table):
        record = put(key, **{"v": "x", **after})(topic, table)
        value = edit(record["value"])
        return {**record, "value": value if isinstance(value, str) else {"base64": b64(value)}}
    return make


def typed(key, fields, op="u"):
    """With a schema: {column: (Connect's type, name or None, value)}."""
    def make(topic, table):
        record = put(key)(topic, table)
        plain = json.loads(record["value"])
        of_row = [{"type": "int32", "optional": False, "field": "id"}]
        after = {"id": key}
        for name, (kind, logical, value) in fields.items():
            of_row.append({"type": kind, "optional": True, "field": name,
                           **(logical if isinstance(logical, dict) else
                              {"name": logical, "version": 1} if logical else {})})
            after[name] = value
        struct = {"type": "struct", "fields": of_row, "optional": True, "name": f"{topic}.Value"}
        plain["after"], plain["op"] = after, op
        source = [{"type": "string", "optional": True, "field": name} for name in ("db", "schema", "table")]
        schema = {"type": "struct", "optional": False, "name": f"{topic}.Envelope", "fields": [
            {**struct, "field": "before"}, {**struct, "field": "after"},
            {"type": "struct", "fields": source, "optional": False, "field": "source"},
            {"type": "string", "optional": False, "field": "op"}]}
        plain["source"] = {name: plain["source"][name] for name in ("db", "schema", "table")}
        payload = {name: plain[name] for name in ("before", "after", "source", "op")}
        key_schema = {"type": "struct", "optional": False, "fields": of_row[:1]}
        return {**record, "value": json.dumps({"schema": schema, "payload": payload}),
                "key": json.dumps({"schema": key_schema, "payload": {"id": key}})}
    return make


def b64(data):
    return base64.b64encode(data).decode()


def of_op(op, key=2, before=None, after=None, headers=(), lsn=None):
    return lambda topic, table: change(topic, table, op, {"id": key}, after, before, headers=headers, lsn=lsn)


def gone(key, headers=()):
    return lambda topic, table: tombstone(topic, {"id": key}, headers=headers)


DECIMAL = {"name": "org.apache.kafka.connect.data.Decimal", "version": 1,
           "parameters": {"scale": "2", "connect.decimal.precision": "10"}}
DDL_EVENT = json.dumps({"source": {"version": "3.6.0.Final", "connector": "mysql", "name": "it"},
                        "databaseName": "it", "ddl": "DROP TABLE r39_schema_change", "tableChanges": []})


def rows():
    """All of them, in order."""
    return [
        Row(1, "tombstone", [put(2, "x"), of_op("d"), gone(2), gone(2)], KEPT),
        Row(2, "null key", [lambda t, n: {**put(2, "x")(t, n), "key": None}], LETTER, why="key"),
        Row(3, "empty value", [raw("")], LETTER, why="empty"),
        Row(4, "truncated", [edited(lambda text: text[:-30])], LETTER),
        Row(5, "trailing", [edited(lambda text: text + "x")], LETTER),
        Row(6, "bom", [edited(lambda text: "\ufeff" + text)], KEPT, {2: ("x",)}),
        Row(7, "not utf8", [edited(lambda text: text.replace('"x"', '"\u00ff"').encode("latin-1"))], LETTER),
        Row(8, "surrogate", [edited(lambda text: text.replace('"x"', '"\\ud800"'))], LETTER),
        Row(9, "nul in text", [put(2, "a\0b")], LETTER),
        Row(10, "nul in jsonb", [put(2, j='{"a":"\\u0000"}')], LETTER, columns="v text, j jsonb"),
        Row(11, "duplicate keys", [edited(lambda text: text.replace('"v":"x"', '"v":"x","v":"y"'))], LETTER),
        Row(12, "nested 200k", [edited(lambda text: text.replace('"x"', "[" * 200_000 + "]" * 200_000))],
            LETTER, why="record-max-depth"),
        Row(12, "nested 200k alone", [raw("[" * 200_000)], LETTER),
        Row(12, "nested 200k key", [raw('{"before":null}', key='{"id":' * 80_000)], LETTER),
        Row(13, "many elements", [edited(lambda text: text.replace('"x"', "[" + "1," * 300_000 + "1]"))],
            LETTER, why="record-max-bytes"),
        Row(15, "over the cap", [put(2, "x" * (RECORD_BYTES_MAX + 1))], LETTER, why="record-max-bytes"),
        Row(15, "key over the cap", [raw(None, key="x" * (RECORD_BYTES_MAX + 1))], LETTER,
            why="record-max-bytes"),
        Row(17, "integer of 2^64", [edited(lambda text: text.replace('"x"', "18446744073709551616"))], KEPT,
            {2: ("18446744073709551616",)}, columns="v numeric", first=put(1, 1), last=put(3, 3)),
        Row(17, "bigint of 2^64", [edited(lambda text: text.replace('"x"', "18446744073709551616"))], LETTER,
            columns="v bigint", first=put(1, 1), last=put(3, 3)),
        Row(18, "39 digits", [edited(lambda text: text.replace('"x"', "123456789012345678901234567890.123456789"))],
            KEPT, {2: ("123456789012345678901234567890.123456789",)}, columns="v numeric",
            first=put(1, 1), last=put(3, 3)),
        Row(19, "1e400", [edited(lambda text: text.replace('"x"', "1e400"))], LETTER, columns="v float8",
            first=put(1, 1), last=put(3, 3)),
        Row(20, "nan in float8", [put(2, "NaN")], KEPT, {2: ("NaN",)}, columns="v float8",
            first=put(1, 1), last=put(3, 3)),
        Row(20, "nan in int", [put(2, "NaN")], LETTER, columns="v int", first=put(1, 1), last=put(3, 3)),
        Row(21, "negative decimal", [typed(2, {"v": ("bytes", DECIMAL, b64((-12345).to_bytes(2, "big", signed=True)))})],
            KEPT, {2: ("-123.45",)}, columns="v numeric(10,2)",
            first=typed(1, {"v": ("bytes", DECIMAL, b64(b"\x01"))}),
            last=typed(3, {"v": ("bytes", DECIMAL, b64(b"\x02"))})),
        Row(21, "decimal not base64", [typed(2, {"v": ("bytes", DECIMAL, "@@@")})], LETTER,
            columns="v numeric(10,2)", first=typed(1, {"v": ("bytes", DECIMAL, b64(b"\x01"))}),
            last=typed(3, {"v": ("bytes", DECIMAL, b64(b"\x02"))})),
        Row(22, "int out of range", [put(2, 2 ** 31)], LETTER, columns="v int", first=put(1, 1), last=put(3, 3)),
        Row(23, "text too long", [put(2, "x" * 11)], LETTER, columns="v varchar(10)"),
        Row(24, "null in not null", [put(2, n=None)], LETTER, columns="v text, n int not null", why="23502",
            first=put(1, "before", n=1), last=put(3, "after", n=1)),
        Row(25, "bad uuid", [put(2, "not-a-uuid")], LETTER, columns="v uuid",
            first=put(1, "0" * 32), last=put(3, "1" * 32)),
        Row(25, "bad enum", [put(2, "sad")], LETTER, columns="v r25_mood",
            setup="create type r25_mood as enum ('ok')", first=put(1, "ok"), last=put(3, "ok")),
        Row(26, "year 10000", [typed(2, {"v": ("int32", "io.debezium.time.Date", 2932897)})], KEPT,
            {2: ("10000-01-01",)}, columns="v date", first=typed(1, {"v": ("int32", "io.debezium.time.Date", 0)}),
            last=typed(3, {"v": ("int32", "io.debezium.time.Date", -719529)})),
        Row(26, "year beyond", [typed(2, {"v": ("int32", "io.debezium.time.Date", 2147483646)})], LETTER,
            columns="v date", first=typed(1, {"v": ("int32", "io.debezium.time.Date", 0)}),
            last=typed(3, {"v": ("int32", "io.debezium.time.Date", 1)})),
        Row(27, "micro or milli", [typed(2, {"v": ("int64", "io.debezium.time.Timestamp", 1000)})], KEPT,
            {2: ("1970-01-01 00:00:01",)}, columns="v timestamp",
            first=typed(1, {"v": ("int64", "io.debezium.time.MicroTimestamp", 1000000)}),
            last=typed(3, {"v": ("int64", "io.debezium.time.NanoTimestamp", 1000000000)})),
        Row(27, "a time without a schema", [put(2, 1000)], LETTER, why="does not say", columns="v timestamp",
            first=put(1, "1970-01-01T00:00:00Z"), last=put(3, "1970-01-01T00:00:00Z")),
        Row(28, "24 hours", [typed(2, {"v": ("int64", "io.debezium.time.MicroTime", 86400000000)})], KEPT,
            {2: ("24:00:00",)}, columns="v time", first=typed(1, {"v": ("int64", "io.debezium.time.MicroTime", 0)}),
            last=typed(3, {"v": ("int64", "io.debezium.time.MicroTime", 1)})),
        Row(29, "placeholder", [put(2, "x", n=1), put(2, UNAVAILABLE, n=2)], KEPT, {2: ("x", "2")},
            columns="v text, n int"),
        Row(30, "placeholder no row", [put(2, UNAVAILABLE, n=2)], LETTER, columns="v text, n int"),
        Row(31, "text like the placeholder", [put(2, UNAVAILABLE + "!")], KEPT, {2: (UNAVAILABLE + "!",)}),
        Row(32, "key changed", [put(2, "x"), of_op("d", headers=[["__debezium.newkey", '{"id":4}']], lsn=7), gone(2),
                                of_op("c", 4, after={"id": 4, "v": UNAVAILABLE},
                                      headers=[["__debezium.oldkey", '{"id":2}']], lsn=7)], KEPT, {4: ("x",)}),
        Row(33, "delete of nothing", [of_op("d"), gone(2)], KEPT),
        Row(34, "create again", [put(2, "x"), put(2, "y", op="c")], KEPT, {2: ("y",)}),
        Row(35, "update of nothing", [put(2, "x")], KEPT, {2: ("x",)}),
        Row(36, "truncate", [put(2, "x"), of_op("t")], KEPT, {1: None}),
        Row(37, "message", [of_op("m")], KEPT),
        Row(37, "transaction marker", [raw('{"status":"BEGIN","id":"1","event_count":null,"data_collections":null,'
                                           '"ts_ms":1}', key='{"id":"1"}')], KEPT),
        Row(38, "unknown op", [of_op("z", after={"id": 2, "v": "x"})], HALT, why="unknown op"),
        Row(39, "schema change", [raw(DDL_EVENT, key='{"databaseName":"it"}')], KEPT),
        Row(40, "repeated", [of_op("u", after={"id": 2, "v": "new"}, lsn=100),
                             of_op("u", after={"id": 2, "v": "old"}, lsn=50)], KEPT, {2: ("new",)}),
        Row(41, "extra field", [put(2, "x", unknown="y")], KEPT, {2: ("x",)}),
        Row(42, "missing or null", [put(2, "x", n=1), put(2, "y"), put(4, "x", n=1), put(4, "y", n=None)], KEPT,
            {2: ("y", "1"), 4: ("y", "\\N")}, columns="v text, n int"),
        Row(43, "hostile field", [put(2, "x", **{'a"; DROP TABLE r43_hostile_field; --': 1})], KEPT, {2: ("x",)}),
        Row(48, "key twice", [put(2, "x"), put(2, "y"), put(2, "z")], KEPT, {2: ("z",)}),
        Row(49, "unique values swapped", [put(2, "x", n=20), put(4, "x", n=40), put(2, "x", n=-1), put(4, "x", n=20),
                                          put(2, "x", n=40)], KEPT, {2: ("x", "40"), 4: ("x", "20")},
            columns="v text, n int unique"),
        Row(50, "no partition", [put(200, "x")], LETTER, why="23514"),
        Row(51, "generated column", [put(2, "x", g="lie")], KEPT, {2: ("x", "xx")},
            columns="v text, g text generated always as (v || v) stored"),
        Row(52, "magic byte", [raw(b"\0\0\0\0\x07abc")], HALT, why="registry"),
        Row(53, "headers", [lambda t, n: {**put(2, "x")(t, n), "headers": [
            [f"h{i}", {"base64": b64(bytes([255, 0, i % 256]) * 50)}] for i in range(1000)]}], KEPT, {2: ("x",)}),
    ]


def prepare(case, chosen):
    """All topics and their records, written once."""
    for row in chosen:
        row.topic = case.topic(f"public.{row.table}", max_message_bytes=4 << 20)
    made = []
    for row in chosen:
        row.made = [make(row.topic, row.table) for make in row.all_records()]
        made += row.made
    case.produce(made)


def tables(target, chosen):
    for row in chosen:
        if row.setup:
            target.run(row.setup)
        partitioned = " partition by range (id)" if row.number == 50 else ""
        target.run(f"create table {row.table} (id int primary key, {row.columns}){partitioned}")
        if partitioned:
            target.run(f"create table {row.table}_1 partition of {row.table} for values from (0) to (100)")


def stored(target, row):
    names = [part.split()[0] for part in row.columns.split(", ")]
    shown = ", ".join(f"coalesce({name}::text, '\\N')" for name in names)
    return {one[0]: one[1:] for one in target.run(f"select id, {shown} from {row.table}")}


def check_rows(target, row, policy):
    have = stored(target, row)
    stopped = row.outcome == HALT or (row.outcome == LETTER and policy == "stop")
    want = {1} | set(row.rows) if row.outcome == KEPT else {1}
    want = {key for key in want if row.rows.get(key, ()) is not None}
    if not stopped:
        want.add(3)
    check_equal(set(have), want, f"{row.number} {row.name}: keys")
    for key, values in row.rows.items():
        if values is not None:
            check_equal(have[key], values, f"{row.number} {row.name}: row {key}")


def check_position(at, row, policy):
    stopped = row.outcome == HALT or (row.outcome == LETTER and policy == "stop")
    want = len(row.made) - 2 if stopped else len(row.made)
    check_equal(at.get((row.topic, 0)), want, f"{row.number} {row.name}: position")


def check_letter(row, found):
    name = f"{row.number} {row.name}"
    check_equal(len(found), 1 if row.outcome == LETTER else 0, f"{name}: letters {found[:1]}")
    if not found:
        return
    position, key, value, sqlstate, message, hint, not_kept = found[0]
    record = row.made[-2]
    check_equal(position, len(row.made) - 2, f"{name}: the letter's position")
    check(message and hint, f"{name}: no message or hint: {message!r} {hint!r}")
    check(row.why in f"{sqlstate} {message} {hint}", f"{name}: the reason: {sqlstate} {message} | {hint}")
    if row.why == "record-max-bytes":
        check(not_kept and value is None, f"{name}: what is too large was kept")
        return
    check_equal(not_kept, None, f"{name}: not kept")
    check_equal(None if key is None else bytes(key), bytes_of(record["key"]), f"{name}: key")
    check_equal(None if value is None else bytes(value), bytes_of(record["value"]), f"{name}: value")


def every_failure(checks):
    """All of what does not hold, not only the first."""
    failures = []
    for function, *arguments in checks:
        try:
            function(*arguments)
        except Exception as failure:  # told below, all at once
            failures.append(str(failure))
    check(not failures, f"{len(failures)}: " + " ;; ".join(failures))


def settings(case, target, chosen, policy):
    return case.settings(target, [row.topic for row in chosen], errors={"on-bad-record": policy},
                         target={"schema-evolution": "none"}, batch={"lanes": 1},
                         source={"record-max-bytes": f"{RECORD_BYTES_MAX // 1024}KiB"}, log={"level": "info"})


def all_rows(case, policy):
    chosen = rows()
    prepare(case, chosen)
    target = case.target()
    tables(target, chosen)
    config = settings(case, target, chosen, policy)
    ended = case.until_current(config, code=65, seconds=120)  # the unknown op stops in any case
    at = positions(target, case.id)
    checks = [(check_rows, target, row, policy) for row in chosen]
    checks += [(check_position, at, row, policy) for row in chosen]
    if policy == "dead-letter":
        for row in chosen:
            found = target.run("select position::int, key, value, coalesce(sqlstate, ''), message, hint, not_kept "
                               "from tidemark.dead_letters where stream = %s order by id", (row.topic,))
            checks.append((check_letter, row, found))
    else:
        stopped = stops_of(ended.events())
        for row in chosen:
            if row.outcome == KEPT:
                continue
            told = [offset for topic, _, offset in stopped if topic == row.topic]
            checks.append((check_equal, told, [len(row.made) - 2], f"{row.name}: told"))
    every_failure(checks)
    if policy == "dead-letter":
        before = {row.table: stored(target, row) for row in chosen}
        process = Tidemark(case, config, "replay", ["replay", "-o", "json"], command="dlq")
        replayed = process.wait(60)
        check_equal(replayed.code, 1, f"exit code of dlq replay: {replayed.log[-500:]}")
        check_equal({row.table: stored(target, row) for row in chosen}, before, "rows after the replay")


# ---- size and number -------------------------------------------------------------------------------

def bisecting(case):
    """One bad row in a batch of 20,000 costs less than a second more."""
    target = case.target()
    target.run("create table t (id int primary key, v text, n int check (n > 0))")
    topic = case.topic("public.t")
    size, took = 20_000, {}
    config = case.settings(target, [topic], errors={"on-bad-record": "dead-letter"}, batch={"max-rows": size},
                           target={"schema-evolution": "none"}, log={"level": "debug"})
    for name in "good", "bad":
        case.produce(change(topic, "t", "u", {"id": i}, {"id": i, "v": "x" * 20,
                                                         "n": -1 if name == "bad" and i == 24_000 else 1})
                     for i in range(2 * size))
        lock = target.connect(autocommit=False)
        with lock.cursor() as cursor:  # so that the second batch is full, whatever the first one got
            cursor.execute("lock table t in access exclusive mode")
        process = case.start(config, name, ["--until-current"])
        sql = "select count(*) from pg_locks where not granted and relation = 't'::regclass"
        wait_until(lambda: target.value(sql) > 0, 30, "it waits for the lock")
        time.sleep(1.5)
        lock.rollback()
        lock.close()
        check_equal(process.wait(60).code, 0, "exit code")
        batches = [e for e in process.events() if e["event"] == "batch.committed"]
        largest = max(batches[1:], key=lambda e: e["batch"])
        took[name], most = largest["duration_ms"], largest["batch"]
        check(most > size * 0.6, f"the largest batch has {most} rows")
    check_equal(target.value("select count(*) from tidemark.dead_letters"), 1, "letters")
    print(f"# a batch of {size}: {took['good']} ms, with a bad row {took['bad']} ms", flush=True)
    # A machine that is busy with other things takes longer for everything.
    check(took["bad"] - took["good"] < max(1000, 5 * took["good"]), f"a bad row costs {took['bad'] - took['good']} ms more")


def rate(case):
    """More letters than dead-letter-max-rate allows: a setting, not data. Nothing of the batch is in."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(5))")
    topic = case.topic("public.t")
    case.produce(change(topic, "t", "u", {"id": i}, {"id": i, "v": "too long"}) for i in range(300))
    config = case.settings(target, [topic], errors={"on-bad-record": "dead-letter"},
                           target={"schema-evolution": "none"}, batch={"max-rows": 300})
    ended = case.start(config, arguments=["--until-current"]).wait(60)
    check_equal(ended.code, 78, "exit code")
    check("dead-letter-max-rate" in ended.log and "wrong setting" in ended.log, "the log does not say why")
    letters = target.value("select count(*) from tidemark.dead_letters")
    check(letters < 100, f"{letters} letters were written")
    check_equal(max(positions(target, case.id).values(), default=-1) <= letters, True, "the position")


def memory(case):
    """Records of the largest size, one after the other: what the process takes stays within its bound."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", max_message_bytes=40 << 20)
    file = Path(case.folder) / "large.ndjson"
    with open(file, "w") as out:
        for i in range(12):
            record = {**change(topic, "t", "u", {"id": i}, {"id": i, "v": "x" * (30 << 20)}), "offset": 0, "timestamp": 0}
            out.write(json.dumps(record) + "\n")
    case.kafka.produce(file)
    config = case.settings(target, [topic], errors={"on-bad-record": "dead-letter"},
                           source={"record-max-bytes": "1MiB"}, log={"level": "info"},
                           kafka={"queued.max.messages.kbytes": 65536})
    process = case.start(config)
    most = 0
    while max(positions_or_none(target, case), default=-1) < 12:
        check(process.running(), "it has ended")
        check(time.monotonic() - process.began < 90, "it takes too long")
        most = max(most, resident_mb(process.pid))
        time.sleep(0.02)
    check_equal(process.stop().code, 0, "exit code")
    check_equal(target.value("select count(*) from tidemark.dead_letters where value is null and not_kept is not null"),
                12, "letters")
    print(f"# 12 records of 30 MiB: {most} MB at most", flush=True)
    check(most < 900, f"{most} MB")


def too_large_to_fetch(case, codec):
    """16: a batch that librdkafka refuses: what came before it is in, its partition goes no further."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", max_message_bytes=8 << 20)
    for key, value in (1, "before"), (2, "x" * (6 << 20)), (3, "after"):
        file = Path(case.folder) / f"{key}.ndjson"
        record = {**change(topic, "t", "u", {"id": key}, {"id": key, "v": value}), "offset": 0, "timestamp": 0}
        file.write_text(json.dumps(record))
        case.kafka.produce(file, None, "-X", f"compression.type={codec}")
    config = case.settings(target, [topic], errors={"on-bad-record": "dead-letter"}, batch={"lanes": 1},
                           kafka={"fetch.max.bytes": 1000000, "receive.message.max.bytes": 2000000,
                                  "message.max.bytes": 1000000, "fetch.message.max.bytes": 500000})
    process = case.start(config)
    # librdkafka says nothing of a response that it drops, but in its log; it goes on asking.
    wait_until(lambda: [e for e in process.events() if e["event"] == "partition.stopped" or
                        "increase receive.message.max.bytes" in e["msg"]], 30, "it says that it cannot go on")
    wait_until(lambda: positions_or_none(target, case) == [1], 20, "what came before is in")
    time.sleep(1)
    check_equal(process.stop().code in (0, 65), True, "it ends as asked")
    check_equal(target.run("select id from t"), [(1,)], "rows")
    check_equal(positions(target, case.id), {(topic, 0): 1}, "position")


def bomb(case, codec):
    """200 MiB in one record that is small on the wire: a dead letter, or its partition stops and says so."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", max_message_bytes=4 << 20)
    file = Path(case.folder) / "bomb.ndjson"
    with open(file, "w") as out:
        for key, value in (1, "before"), (2, "x" * (200 << 20)), (3, "after"):
            record = {**change(topic, "t", "u", {"id": key}, {"id": key, "v": value}), "offset": 0, "timestamp": 0}
            out.write(json.dumps(record) + "\n")
    case.kafka.produce(file, None, "-X", f"compression.type={codec}", "-X", "message.max.bytes=300000000",
                       "-X", "batch.num.messages=1")
    file.unlink()
    config = case.settings(target, [topic], errors={"on-bad-record": "dead-letter"},
                           source={"record-max-bytes": "1MiB"}, log={"level": "info"}, batch={"lanes": 1})
    process = case.start(config)

    def verdict():
        if any(e["event"] == "partition.stopped" for e in process.new_events()):
            return "stopped"
        return "passed" if max(positions_or_none(target, case), default=-1) >= 3 else None
    most, how = 0, None
    while how is None:
        check(process.running(), "it has ended")
        check(time.monotonic() - process.began < 120, "neither passed nor stopped")
        most = max(most, resident_mb(process.pid))
        how = verdict()
        time.sleep(0.02)
    check_equal(process.stop().code in (0, 65), True, "it ends as asked")
    print(f"# {codec}: {how}, {most} MB at most", flush=True)
    check_equal(sorted(key for (key,) in target.run("select id from t")), [1, 3] if how == "passed" else [1], "rows")
    check(most < 1200, f"{most} MB")


UNPACKED = 800 << 20


def unpacked(case, count):
    """14: a batch of 800 KB in gzip that unpacks to 800 MiB, as one record, which becomes a letter, or as
    many good ones. librdkafka unpacks it whole. The process takes no more than `most`, and gives it back.
    With less memory than that it ends, nothing is lost, and with more it goes on."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", max_message_bytes=4 << 20)
    case.produce([change(topic, "t", "u", {"id": -2}, {"id": -2, "v": "before"})])
    records = []
    for i in range(count):
        record = change(topic, "t", "u", {"id": i}, {"id": i, "v": "@"})
        head, tail = record["value"].split("@")
        records.append((record["key"], head, UNPACKED // count, tail))
    check(raw_batch.send(case.stack.kafka, topic, 0, records) < 2 << 20, "the batch is not small")
    case.produce([change(topic, "t", "u", {"id": -1}, {"id": -1, "v": "after"})])
    config = case.settings(target, [topic], errors={"on-bad-record": "dead-letter"}, log={"level": "info"},
                           source={"record-max-bytes": "2MiB"}, batch={"lanes": 1})
    starved = case.start(config, "starved")
    resource.prlimit(starved.pid, resource.RLIMIT_DATA, (UNPACKED * 3 // 4, UNPACKED * 3 // 4))
    check(starved.wait(60).code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL, 70, 71),
          f"how it ends without memory: {starved.process.returncode}")
    check(max(positions_or_none(target, case), default=-1) <= 1, "it has passed what it had no memory for")
    process = case.start(config)
    wait_until(lambda: process.running() and max(positions_or_none(target, case), default=-1) == count + 2,
               90, "everything is in", 0.2)
    # The batch itself, read again for the letter, and the record in it.
    peak, most = peak_bytes(process.pid), UNPACKED * (3 if count == 1 else 1) + (400 << 20)
    wait_until(lambda: resident_mb(process.pid) < 300, 30, "the memory is given back", 0.5)
    left = resident_mb(process.pid)
    check_equal(process.stop().code, 0, "exit code")
    letters = target.run("select position::int, value is null and not_kept is not null from tidemark.dead_letters")
    check_equal(letters, [(1, True)] if count == 1 else [], "letters")
    check_equal(target.run("select count(*), min(length(v)) from t where id >= 0"),
                [(0, None)] if count == 1 else [(count, UNPACKED // count)], "rows")
    print(f"# 800 MiB in {count}: {peak >> 20} MiB at most, {left} MB afterwards", flush=True)
    check(peak < most, f"{peak >> 20} MiB of memory, {most >> 20} allowed")


def positions_or_none(target, case):
    if not target.value("select to_regclass('tidemark.pipeline_watermarks') is not null"):
        return []
    return list(positions(target, case.id).values())


def resident_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="what takes longer too: records of 30 MiB")


def main():
    suite = Suite(__doc__, add_options)
    suite.case("all rows, stop", all_rows, "stop")
    suite.case("all rows, dead-letter", all_rows, "dead-letter")
    suite.case("a bad row in a batch of 20,000", bisecting)
    suite.case("dead-letter-max-rate", rate)
    for codec in "none", "zstd":
        suite.case(f"16 a batch too large to fetch, {codec}", too_large_to_fetch, codec)
    if suite.options.full:
        suite.case("large records", memory)
        for codec in "gzip", "zstd", "lz4":
            suite.case(f"14 a bomb of {codec}", bomb, codec)
        for count in 1, 800:
            suite.case(f"14 800 MiB in {count}", unpacked, count)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
