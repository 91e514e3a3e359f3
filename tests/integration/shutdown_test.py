#!/usr/bin/python3
"""Stopping, and records that cannot be applied.

However tidemark is ended, the target holds exactly what its positions say. A record that cannot be
applied stops its partition or becomes a dead letter, in the transaction that passes it, and nothing
of a row's values, nor a password, is ever logged.
"""
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psycopg2

from harness import (Failed, Suite, bytes_of, change, check, check_equal, check_settled,
                     positions, process_seconds, stops_of, tombstone, wait_until)
from proxy import POSTGRES, Proxy

KEYS = 1000
SECRET_VALUE = "S3CRET-ROW-VALUE"
PASSWORD = "hunter2-the-password"
WAITING_SQL = ("select count(*) from pg_stat_activity where datname = current_database() "
               "and wait_event_type = 'Lock'")


# ---- batches that the target does not take

def too_long(case):
    """A batch that takes longer than the role's statement_timeout would do so for ever."""
    target, topic, config = load(case, 5000)
    target.run("create function slow() returns trigger language plpgsql as "
               "$$begin perform pg_sleep(0.0005); return new; end$$; "
               "create trigger slow before insert or update on hot for each row "
               "execute function slow()")
    target.run(f'alter database "{target.name}" set statement_timeout = 500')
    ended = case.until_current(config.with_({"batch": {"max-rows": 20000}, "log": {"level": "debug"}}))
    check_equal(check_exact(target, case, topic), 10000, "records")
    refused = [line for line in ended.events()
               if line["event"] == "target.retry" and line["sqlstate"] == "57014"]
    check(refused, "no statement took too long: nothing was tried")
    check(len(refused) < 20, f"{len(refused)} statements took too long: batches did not become smaller")


# ---- ends in mid-load ------------------------------------------------------------------------------

def load(case, per_partition=40000):
    """Two partitions of updates of a few keys: what the table must hold follows from the offsets."""
    target = case.target()
    target.run("create table hot (id int primary key, n int, pad text)")
    topic = case.topic("public.hot", 2)
    case.produce(change(topic, "hot", "u", {"id": id_of(p, o)},
                        {"id": id_of(p, o), "n": o, "pad": "x" * 40}, partition=p, lsn=o + 1)
                 for o in range(per_partition) for p in (0, 1))
    config = case.settings(target, [topic], batch={"max-rows": 200}, log={"level": "info"})
    return target, topic, config


def id_of(partition, offset):
    return 2 * (offset % KEYS) + partition


def check_exact(target, case, topic):
    """The rows are the fold of what stands before the positions. Returns how many records are in."""
    connection = target.connect(autocommit=False)
    connection.set_session(isolation_level="REPEATABLE READ")
    with connection, connection.cursor() as cursor:
        cursor.execute("select partition, last_watermark::int from tidemark.pipeline_watermarks "
                       "where last_watermark is not null and pipeline_name = %s", (case.id,))
        marks = dict(cursor.fetchall())
        cursor.execute("select id, n from hot")
        have = dict(cursor.fetchall())
    connection.close()
    want = {}
    for partition, mark in marks.items():
        for offset in range(max(0, mark - KEYS), mark):
            want[id_of(partition, offset)] = offset
    wrong = [key for key in have.keys() | want.keys() if have.get(key) != want.get(key)]
    check(not wrong, f"{len(wrong)} rows are not as the positions {marks} say, "
                     f"{[(k, have.get(k), want.get(k)) for k in wrong[:2]]}")
    return sum(marks.values())


def wait_mid_load(target, case, process):
    def begun():
        if not process.running():
            raise Failed(f"tidemark ended by itself with {process.process.returncode}")
        return target.value("select to_regclass('tidemark.pipeline_watermarks') is not null") and \
            sum(max(0, at) for at in positions(target, case.id).values()) > 2000
    wait_until(begun, 30, "tidemark writes", 0.01)


def mid_load(case, how):
    target, topic, config = load(case)
    process = case.start(config)
    wait_mid_load(target, case, process)
    process.send(how)
    ended = process.wait(22)
    if how == signal.SIGKILL:
        check_equal(ended.code, -9, "exit code")
    else:
        check_equal(ended.code, 0, "exit code")
        check_equal([e["event"] for e in ended.events()][-1], "pipeline.stopped", "the last word")
    done = check_exact(target, case, topic)
    check(0 < done < 80000, f"{done} records were in: not in mid-load")
    if how != signal.SIGKILL:
        reached = {at: max(0, to) for at, to in positions(target, case.id).items()}
        committed = case.kafka.committed(f"tidemark-{case.id}", [topic])
        check_equal({at: committed.get(at, 0) for at in reached}, reached, "Kafka's group offsets")
        # It has left the group: nobody waits for it.
        again = case.start(config, "again")
        wait_until(lambda: any(e["event"] == "partitions.assigned" for e in again.events()), 4,
                   "the next process has the partitions")
        again.kill()
        check_exact(target, case, topic)
    case.until_current(config.with_({"kafka": {"group.id": f"{case.id}-end"},
                                     "batch": {"max-rows": 20000}}), "end")
    check_equal(check_exact(target, case, topic), 80000, "records")
    check_settled(target)


def hold_lock(target):
    connection = target.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute("lock table hot in access exclusive mode")
    return connection


def blocked(case, first, second, code, most, **top):
    """While another session keeps the table: the batch is rolled back."""
    target, topic, config = load(case, 2000)
    lock = hold_lock(target)
    process = case.start(config.with_({"": top, "log": {"level": "debug"}}))
    wait_until(lambda: target.value(WAITING_SQL) > 0, 30, "tidemark waits for the lock")
    began = time.monotonic()
    process.send(first)
    if second:
        time.sleep(0.5)
        check(process.running(), "the first signal ended it at once, although a batch is at hand")
        began = time.monotonic()
        process.send(second)
    ended = process.wait(25)
    took = time.monotonic() - began
    check_equal(ended.code, code, "exit code")
    check(took < most, f"it took {took:.1f} s")
    lock.rollback()
    lock.close()
    wait_until(lambda: target.value("select count(*) from pg_stat_activity where datname = "
                                    "current_database() and application_name like 'tidemark%'") == 0,
               20, "its sessions are gone")
    check_equal(check_exact(target, case, topic), 0, "records")
    case.until_current(config.with_({"kafka": {"group.id": f"{case.id}-end"}}), "end")
    check_equal(check_exact(target, case, topic), 4000, "records")


def joined_while_full(case):
    """Another process joins the group while the first one's buffer is full and it reads nothing."""
    target, topic, config = load(case)
    config = config.with_({"batch": {"lanes": 1, "buffer-max-bytes": "4MiB"}})
    lock = hold_lock(target)
    first = case.start(config, "first", ["--until-current"])
    wait_until(lambda: target.value(WAITING_SQL) > 0, 30, "tidemark waits for the lock")
    time.sleep(2)  # for the buffer to fill, and the reader to pause
    second = case.start(config, "second", ["--until-current"])
    wait_until(lambda: any(e["event"] == "partitions.assigned" for e in second.events()), 30,
               "the second process has a partition")
    lock.rollback()
    lock.close()
    for process in (first, second):
        check_equal(process.wait(40).code, 0, "exit code")
    check_equal(check_exact(target, case, topic), 80000, "records")


def away(case, section, key, value):
    """A server that is not there is waited for, and does not keep a signal from ending it."""
    target, topic, config = load(case, 10)
    value = value or target.dsn.replace(f"port={port_of(target.dsn)}", "port=1")
    process = case.start(config.with_({section: {key: value}, "log": {"level": "debug"}}))
    time.sleep(3)
    check(process.running(), "it has ended, instead of waiting")
    used = process_seconds(process.pid)
    time.sleep(3)
    used = process_seconds(process.pid) - used
    check(used < 1, f"it uses {used:.1f} s of processor in 3 s while it waits")
    began = time.monotonic()
    check_equal(process.stop().code, 0, "exit code")
    check(time.monotonic() - began < 20, "it took too long")


def port_of(dsn):
    return psycopg2.extensions.parse_dsn(dsn)["port"]


# ---- exit codes ------------------------------------------------------------------------------------

def exit_codes(case):
    target = case.target()
    target.run("create table t (id int primary key, v text); create table closed (id int primary key); "
               f'create role "{case.id}_r" login; grant create on database "{target.name}" to "{case.id}_r"')
    case.at_end(target.run, f'drop owned by "{case.id}_r"; drop role "{case.id}_r"')
    topic = case.topic("public.t")
    case.produce([change(topic, "t", "c", {"id": 1}, {"id": 1, "v": "x"}, lsn=1)])
    config = case.settings(target, [topic])
    answer = case.until_current(config).summary()
    check_equal(sorted(answer), ["command", "error", "ok", "result", "summary"], "the JSON answer")
    check(answer["ok"] and answer["command"] == "run" and answer["error"] is None, str(answer))

    role = config.with_({"target": {"dsn": target.dsn.replace("user=postgres", f"user={case.id}_r")},
                         "": {"pipeline": f"{case.id}.b"}})
    case.until_current(role, "role", 77)
    unknown = config.with_({"target": {"tabel": "x"}})
    ended = case.until_current(unknown, "unknown", 78)
    check("did you mean table" in ended.log + ended.output, "the nearest known key is not named")
    case.until_current(config, "usage", 64, arguments=["--no-such-flag"])
    missing = case.settings(target, [case.topic("public.missing")])
    case.produce([change(missing.values["source"]["topics"][0], "missing", "c", {"id": 1},
                         {"id": 1, "v": "x"}, lsn=1)])
    ended = case.until_current(missing.with_({"": {"pipeline": f"{case.id}.c"}}), "missing", 65)
    check("CREATE TABLE" in ended.log, "the hint does not show the table that would do")


def unavailable(case):
    """--until-current does not wait for ever."""
    target, _, config = load(case, 10)
    dsn = target.dsn.replace(f"port={port_of(target.dsn)}", "port=1")
    options = ["--until-current", "-o", "json"]
    waiting = [case.start(config.with_(changes), name, options) for name, changes in (
        ("no-kafka", {"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "": {"pipeline": "a"}}),
        ("no-target", {"target": {"dsn": dsn}, "": {"pipeline": "b"}}))]
    for process in waiting:
        check_equal(process.wait(90).code, 69, f"exit code of {process.log_file.stem}")


# ---- what belongs to another process ---------------------------------------------------------------

def process_of_group(case, config, name, rank, arguments=(), lanes=1, **more):
    """Its members' ids begin with `rank`: the group gives partitions to the lowest ones first."""
    config = config.with_({"kafka": {"client.id": rank, "session.timeout.ms": 6000},
                           "batch": {"lanes": lanes}, **more})
    return case.start(config, name, arguments)


def owner_of(case, config, lanes=1, **more):
    """A partition for each of its lanes."""
    process = process_of_group(case, config, "owner", "a", lanes=lanes, **more)

    def all_have_one():
        last = {e["lane"]: e["msg"] for e in process.events() if e["event"] == "partitions.assigned"}
        return len(last) == lanes and all("over 1 " in msg for msg in last.values())
    wait_until(all_have_one, 20, "the first process has the partitions")
    return process


def applied(target, case, topic):
    if not target.value("select to_regclass('tidemark.pipeline_watermarks') is not null"):
        return -1
    return positions(target, case.id).get((topic, 0), -1)


def others_are_done(case):
    """What another process has applied, or what holds nothing, is not waited for."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", 20)
    config = case.settings(target, [topic])
    owner = owner_of(case, config, lanes=20)
    empty = process_of_group(case, config, "empty", "z", ["--until-current"])
    check_equal(empty.wait(30).code, 0, "exit code where the topic is empty")
    check("taking over 0 partitions" in empty.log(), "the partition was not the other's")
    case.produce([good(topic, key) for key in range(5)])
    # Behind the last record: what was rolled back, and its marker. No position ever stands there.
    # In the other partitions there is nothing else.
    case.kafka.produce_records(case.folder, [good(topic, 9, partition) for partition in range(20)],
                               "--transaction", "abort")
    wait_until(lambda: applied(target, case, topic) == 5, 20, "the owner applies")
    done = process_of_group(case, config, "done", "z", ["--until-current"])
    check_equal(done.wait(30).code, 0, "exit code where all is applied")
    check("taking over 0 partitions" in done.log(), "the partition was not the other's")
    check_equal(owner.stop().code, 0, "exit code of the owner")


def others_stand_still(case):
    """One that cannot go on: who waits for it says so, and does not call it applied."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t")
    place = psycopg2.extensions.parse_dsn(target.dsn)
    proxy = Proxy((place["host"], int(place["port"])), POSTGRES)
    case.at_end(proxy.close)
    config = case.settings(target, [topic])
    case.produce([good(topic, 1)])
    owner = owner_of(case, config, target={"dsn": target.dsn.replace(
        f"port={place['port']}", f"port={proxy.port}").replace(place["host"], "127.0.0.1")})
    wait_until(lambda: applied(target, case, topic) == 1, 20, "the owner applies")
    proxy.stall()
    case.produce([good(topic, key) for key in range(2, 7)])
    ended = process_of_group(case, config, "waits", "z", ["--until-current"]).wait(60)
    check_equal(ended.code, 69, "exit code")
    last = ended.events()[-1]
    check(f"{topic}[0] at 1 of 6" in last["msg"] and last["hint"], f"the last word: {last}")
    proxy.flow()
    wait_until(lambda: applied(target, case, topic) == 6, 30, "the owner goes on")
    check_equal(owner.stop().code, 0, "exit code of the owner")


# ---- bad records: stop -----------------------------------------------------------------------------

def good(topic, key, partition=0, lsn=1, v="good"):
    return change(topic, "t", "c", {"id": key}, {"id": key, "v": v}, partition=partition, lsn=lsn)


def stop(case):
    """Only its partition stops, in front of the record; the others go on."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(20))")
    topic = case.topic("public.t", 3)
    bad = {**good(topic, 12, 1, 3), "value": '{"before":null,"after":{"id":12,"v":"' + SECRET_VALUE}
    case.produce([good(topic, 10, 1, 1), good(topic, 11, 1, 2), bad, good(topic, 13, 1, 4),
                  good(topic, 20, 2), good(topic, 30, 0)])
    config = case.settings(target, [topic], batch={"lanes": 1})
    process = case.start(config)
    wait_until(lambda: any(e["event"] == "partition.stopped" for e in process.events()), 20,
               "the log says that a partition has stopped")
    check_equal(stops_of(process.events()), [(topic, 1, 2)], "stopped")
    case.produce([good(topic, 21, 2, 5), good(topic, 31, 0, 5), good(topic, 14, 1, 5)])
    wait_until(lambda: target.value("select count(*) from t") == 6, 10, "the others go on")
    time.sleep(0.5)
    check_equal([key for (key,) in target.run("select id from t order by 1")], [10, 11, 20, 21, 30, 31],
                "rows")
    check(process.running(), "the process has ended, although two partitions go on")
    check_equal(process.stop().code, 0, "exit code")
    check_equal(positions(target, case.id), {(topic, 0): 2, (topic, 1): 2, (topic, 2): 2}, "positions")
    ended = case.until_current(config, "current", 65)
    check_equal(ended.summary()["ok"], False, "ok")
    check(SECRET_VALUE not in process.log() + ended.log + ended.output, "a row's value is logged")


def stop_all(case):
    """When nothing is left to do, the process ends by itself."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(20) not null)")
    topic = case.topic("public.t", 2)
    case.produce([good(topic, 1), good(topic, 2, v=None), good(topic, 3, 1), good(topic, 4, 1, v="y" * 21)])
    process = case.start(case.settings(target, [topic], target={"schema-evolution": "none"}))
    check_equal(process.wait(30).code, 65, "exit code")
    check_equal(positions(target, case.id), {(topic, 0): 1, (topic, 1): 1}, "positions")
    check_equal(target.run("select id from t order by 1"), [(1,), (3,)], "rows")


def stop_alone(case):
    """A lane that has nothing but a stopped partition says nothing of the lanes beside it, which may
    be between two assignments. Which lane gets which partition is chance: some starts."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(20))")
    topic = case.topic("public.t", 3)
    case.produce([good(topic, 1, 0), good(topic, 2, 1, v="y" * 21), good(topic, 3, 2)])
    config = case.settings(target, [topic], batch={"lanes": 2}, target={"schema-evolution": "none"})
    for number in range(8):
        process = case.start(config, f"start-{number}")
        wait_until(lambda: sum(e["event"] == "partitions.assigned" for e in process.events()) >= 3, 20,
                   "both lanes have their partitions")
        time.sleep(0.3)
        check(process.running(), "the process has ended, although two partitions go on")
        check_equal(process.stop().code, 0, "exit code")


# ---- bad records: dead letters ---------------------------------------------------------------------

def bad_records(topic):
    """name: (record, kind, SQLSTATE or None), each of a key of its own."""
    def row(key, **values):
        return change(topic, "t", "u", {"id": key}, {"id": key, "v": "ok", "n": 1, "m": 1, **values},
                      lsn=500 + key)
    cut = row(101, v=SECRET_VALUE)
    out = {
        "cut off": ({**cut, "value": cut["value"][:-40]}, "decode", None),
        "text too long": (row(102, v=SECRET_VALUE * 3), None, None),
        "number too large": (row(103, n=2 ** 31), None, None),
        "null in NOT NULL": (row(104, m=None), "data", "23502"),
        "check violated": (row(105, v=SECRET_VALUE, n=-1), "data", "23514"),
        "not UTF-8": ({**row(106), "value": {"base64": "eyJiZWZvcmUiOv8="}}, "decode", None),
        "zero byte in text": (row(107, v=f"{SECRET_VALUE}\0"), None, None),
        "text for a number": (row(108, n=SECRET_VALUE), None, None),
        "no row for a placeholder": (row(109, v="__debezium_unavailable_value"), None, None),
        "empty value": ({**row(110), "value": ""}, "decode", None),
    }
    headers = [["h", "one"], ["h", {"base64": "AP/+"}], ["none", None], ["empty", ""]]
    for name, (record, kind, sqlstate) in out.items():
        out[name] = ({**record, "headers": headers}, kind, sqlstate)
    return out


def letters_of(target):
    return target.run("select position::int, kind, sqlstate, key, value, headers, message, hint, "
                      "table_name from tidemark.dead_letters order by id")


def decoded_headers(headers):
    return [[name, None if value is None else bytes_of({"base64": value})] for name, value in headers]


def dead_letters(case, **batch):
    """Byte for byte; later events of the key follow; neighbours are applied. In two runs: of a batch
    only the last value of a key is written, so a later event would replace a bad one unseen."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(20), n int check (n >= 0), m int not null)")
    topic = case.topic("public.t")
    bad, records = bad_records(topic), []

    # Without positions: those of the bad records rise, and what were below them would be repetitions.
    def plain(key, v="ok"):
        return change(topic, "t", "u", {"id": key}, {"id": key, "v": v, "n": 1, "m": 1})
    wanted, held, later = [], {}, []
    for name, (record, kind, sqlstate) in bad.items():
        key = json.loads(record["key"])["id"]
        records.append(plain(key - 100))        # a neighbour
        wanted.append((len(records), record, kind, sqlstate))
        records.append(record)
        held[name] = len(bad) * 2 + len(later)
        later.append(plain(key, "later"))       # of the same key
    # Every row but that of the placeholder is there before, so that a held event leaves it behind.
    before = [plain(key, "before") for key in range(101, 111) if key != 109]
    config = case.settings(target, [topic], batch=batch, target={"schema-evolution": "none"},
                           errors={"on-bad-record": "dead-letter"})
    case.produce(before)
    case.until_current(config)
    for produced, letters in (records, len(bad)), (later, len(held)):
        case.produce(produced)
        ended = case.until_current(config)
        check_equal(ended.summary()["result"]["dead_letters"], letters, "dead letters in the answer")
    count = len(before) + len(records) + len(later)
    check_equal(positions(target, case.id), {(topic, 0): count}, "positions")

    letters = {row[0] - len(before): row for row in letters_of(target)}
    for (offset, record, kind, sqlstate), name in zip(wanted, bad):
        check(offset in letters, f"{name}: no dead letter")
        _, got_kind, got_state, key, value, headers, message, _, _ = letters[offset]
        check_equal(bytes(key), bytes_of(record["key"]), f"{name}: key")
        check_equal(value if value is None else bytes(value), bytes_of(record["value"]), f"{name}: value")
        check_equal(decoded_headers(headers), [[n, bytes_of(v)] for n, v in record["headers"]],
                    f"{name}: headers")
        check(got_kind in ("decode", "data") and kind in (None, got_kind), f"{name}: kind {got_kind}")
        check(sqlstate in (None, got_state), f"{name}: SQLSTATE {got_state}")
        check(message and SECRET_VALUE not in message, f"{name}: message {message!r}")
    rows = dict(target.run("select id, v from t order by 1"))
    for name, offset in held.items():
        check(offset in letters and letters[offset][1] == "held",
              f"{name}: the key's later event is not held")
    check_equal(len(letters), len(bad) + len(held), "dead letters")
    check_equal(rows, {**{key: "ok" for key in range(1, 11)},
                       **{key: "before" for key in range(101, 111) if key != 109}}, "rows")

    # Another process holds the keys too.
    case.produce([plain(102, "even later"), plain(3, "new"),
                  change(topic, "t", "d", {"id": 104}, lsn=2002), tombstone(topic, {"id": 104})])
    case.until_current(config)
    rows = dict(target.run("select id, v from t where id in (3, 102, 104)"))
    check_equal(rows, {3: "new", 102: "before", 104: "before"}, "rows after a restart")
    no_secrets(case, target)


def dead_letters_are_atomic(case):
    """In every snapshot there are exactly the letters of the records before the position."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(20))")
    topic = case.topic("public.t")
    count, every = 20000, 500
    case.produce(good(topic, i, lsn=i + 1, v="y" * 30 if i % every == 7 else "ok") for i in range(count))
    config = case.settings(target, [topic], batch={"max-rows": 300}, target={"schema-evolution": "none"},
                           errors={"on-bad-record": "dead-letter"}, log={"level": "info"})
    wrong, looks = [], set()
    done = threading.Event()

    def watch():
        connection = target.connect(autocommit=False)
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        while not done.is_set():
            with connection, connection.cursor() as cursor:
                cursor.execute("select to_regclass('tidemark.dead_letters') is not null")
                if not cursor.fetchone()[0]:
                    continue
                cursor.execute("select (select last_watermark::int from tidemark.pipeline_watermarks), "
                               "(select count(*) from tidemark.dead_letters), (select count(*) from t)")
                mark, letters, rows = cursor.fetchone()
            mark = mark or 0
            looks.add(mark)
            expected = len([o for o in range(7, mark, every)])
            if (letters, rows) != (expected, mark - expected):
                wrong.append((mark, letters, rows))
        connection.close()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        case.until_current(config)
    finally:
        done.set()
        watcher.join(10)
    check(not wrong, f"position, letters, rows: {wrong[:3]}")
    check(len(looks) > 5, f"only {len(looks)} positions were seen")
    check_equal(target.value("select count(*) from tidemark.dead_letters"), count // every, "letters")


def not_held(case):
    target = case.target()
    target.run("create table t (id int primary key, v varchar(5))")
    topic = case.topic("public.t")
    case.produce([good(topic, 1, v="1"), good(topic, 1, lsn=2, v="too long"), good(topic, 1, lsn=3, v="3")])
    case.until_current(case.settings(target, [topic], target={"schema-evolution": "none"},
                                     errors={"on-bad-record": "dead-letter", "hold-key": "false"}))
    check_equal(target.run("select id, v from t"), [(1, "3")], "rows")
    check_equal([letter[:2] for letter in letters_of(target)], [(1, letters_of(target)[0][1])], "letters")


def too_many(case):
    """So many bad records are a wrong setting: it ends, and says so."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(5))")
    topic = case.topic("public.t")
    case.produce(good(topic, i, lsn=i + 1, v="too long" if i % 2 else "ok") for i in range(600))
    config = case.settings(target, [topic], target={"schema-evolution": "none"},
                           errors={"on-bad-record": "dead-letter"})
    ended = case.start(config, arguments=["--until-current"]).wait(60)
    check(ended.code in (65, 78), f"exit code {ended.code}")
    check("dead-letter-max-rate" in ended.log, "the log does not name the setting")


# ---- secrets ---------------------------------------------------------------------------------------

def no_secrets(case, target):
    texts = {file.name: file.read_text(errors="replace") for file in Path(case.folder).glob("*")
             if file.suffix in (".log", ".out")}
    for row in target.run("select coalesce(message, '') || coalesce(hint, '') from tidemark.dead_letters"):
        texts["dead_letters"] = texts.get("dead_letters", "") + row[0]
    for name, text in texts.items():
        check(SECRET_VALUE not in text, f"a row's value is in {name}")
        check(PASSWORD not in text, f"the password is in {name}")


def secrets(case):
    """Every way of giving the password, good and bad records, and a server that is away."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(20), u text unique)")
    topic = case.topic("public.t")

    def row(key, u, v="ok"):
        return change(topic, "t", "u", {"id": key}, {"id": key, "v": v, "u": u}, lsn=key)
    case.produce([row(1, SECRET_VALUE), row(2, SECRET_VALUE), row(3, "x", SECRET_VALUE * 9)])
    password_file = case.folder / "password.txt"
    password_file.write_text(PASSWORD + "\n")
    config = case.settings(target, [topic], target={"schema-evolution": "none"},
                           errors={"on-bad-record": "dead-letter"})
    ways = {"file": {"password-file": password_file}, "dsn": {"dsn": f"{target.dsn} password={PASSWORD}"},
            "uri": {"dsn": uri_of(target.dsn)}}
    for name, way in ways.items():
        case.until_current(config.with_({"target": way, "": {"pipeline": f"{case.id}.{name}"}}), name)
        gone = {key: str(value).replace(port_of(target.dsn), "1") for key, value in way.items()}
        gone.setdefault("dsn", target.dsn.replace(f"port={port_of(target.dsn)}", "port=1"))
        process = case.start(config.with_({"target": gone}), f"away-{name}")
        time.sleep(2)
        process.stop()
        process = case.start(config.with_({"target": way}), f"show-{name}", command="config",
                             arguments=["show"])
        process.wait(10)
    bad = case.start(config.with_({"target": {"dsn": f"host=x password={PASSWORD} port=nonsense"}}), "bad")
    bad.wait(20)
    command = Path(f"/proc/{os.getpid()}/cmdline").read_text()
    check(PASSWORD not in command, "the test itself shows the password")
    no_secrets(case, target)
    check(target.value("select count(*) from tidemark.dead_letters") >= 2, "no letter: nothing was tried")


def uri_of(dsn):
    parts = psycopg2.extensions.parse_dsn(dsn)
    return f"postgresql://{parts['user']}:{PASSWORD}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def main():
    suite = Suite(__doc__)
    suite.case("SIGTERM in mid-load", mid_load, signal.SIGTERM)
    suite.case("SIGINT in mid-load", mid_load, signal.SIGINT)
    suite.case("kill -9 in mid-load", mid_load, signal.SIGKILL)
    suite.case("SIGTERM while the table is locked", blocked, signal.SIGTERM, None, 0, 20)
    suite.case("SIGTERM while the table is locked, shutdown-timeout 3 s", lambda case: blocked(
        case, signal.SIGTERM, None, 0, 4, **{"shutdown-timeout": "3s"}))
    suite.case("a second SIGTERM", blocked, signal.SIGTERM, signal.SIGTERM, 143, 1)
    suite.case("SIGTERM, then SIGINT", blocked, signal.SIGTERM, signal.SIGINT, 130, 1)
    suite.case("another process joins while the buffer is full", joined_while_full)
    suite.case("SIGTERM while PostgreSQL is away", away, "target", "dsn", None)
    suite.case("SIGTERM while Kafka is away", away, "kafka", "bootstrap.servers", "127.0.0.1:1")
    suite.case("statement_timeout below a batch's time", too_long)
    suite.case("exit codes", exit_codes)
    suite.case("--until-current with a server that is away", unavailable)
    suite.case("--until-current where others have the partitions", others_are_done)
    suite.case("--until-current where others stand still", others_stand_still)
    suite.case("a bad record stops its partition", stop)
    suite.case("all partitions stopped", stop_all)
    suite.case("a stopped partition in a lane of its own", stop_alone)
    suite.case("dead letters", dead_letters)
    suite.case("dead letters, a row a batch", lambda case: dead_letters(case, **{"max-rows": 1}))
    suite.case("dead letters are atomic", dead_letters_are_atomic)
    suite.case("hold-key = false", not_held)
    suite.case("too many dead letters", too_many)
    suite.case("secrets", secrets)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
