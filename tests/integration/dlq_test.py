#!/usr/bin/python3
"""tidemark dlq: dead letters listed, shown, replayed and dropped, with and without a running process.

A replay ends with the rows that the source has: in order, from the same bytes, and never behind what
the target has. What still fails stays, with its new error.
"""
import json
import sys
import time

from harness import (Suite, Tidemark, change, check, check_equal, positions,
                     tombstone, wait_until)

SECRET = "S3CRET-ROW-VALUE"
LETTERS = {"errors": {"on-bad-record": "dead-letter"}, "target": {"schema-evolution": "none"}}


def dlq(case, config, *words, code=0):
    """The JSON answer of a command."""
    process = Tidemark(case, config, "dlq", [*map(str, words), "-o", "json"], command="dlq")
    ended = process.wait(60)
    check_equal(ended.code, code, f"exit code of dlq {' '.join(map(str, words))} ({ended.output} "
                                  f"{ended.log[-300:]})")
    return json.loads(ended.output)


def dlq_text(case, config, *words, code=0):
    process = Tidemark(case, config, "dlq-text", list(map(str, words)), command="dlq")
    ended = process.wait(60)
    check_equal(ended.code, code, f"exit code of dlq {' '.join(map(str, words))}")
    return ended.output


def replayed(case, config, *words, code=0, **wanted):
    result = dlq(case, config, "replay", *words, code=code)["result"]
    check_equal({name: result[name] for name in wanted}, wanted, "the replay's answer")
    return result


def letters(case, config, *words):
    return dlq(case, config, "list", *words)["result"]["letters"]


def row(topic, key, v="ok", op="u", lsn=None, **more):
    return change(topic, "t", op, {"id": key}, {"id": key, "v": v, **more}, lsn=lsn)


def rows(target):
    return dict(target.run("select id, v from t order by 1"))


def table(case, columns="id int primary key, v varchar(5)", **more):
    target = case.target()
    target.run(f"create table t ({columns})")
    topic = case.topic("public.t")
    config = case.settings(target, [topic]).with_(LETTERS).with_(more)
    return target, topic, config


# ---- replay ----------------------------------------------------------------------------------------

def in_order(case):
    """The column was too narrow; widened, a replay gives what the source has, in the keys' order."""
    target, topic, config = table(case, "id int primary key, v varchar(5), n int")
    headers = [["h", {"base64": "AP/+"}], ["none", None]]
    long = {**row(topic, 1, SECRET, n=1), "headers": headers}
    case.produce([row(topic, 1, "a", n=0), row(topic, 2, "b", n=0), long])
    case.until_current(config)
    case.produce([row(topic, 1, SECRET + "2", n=2), row(topic, 2, "b2", n=2), row(topic, 1, "end", n=3),
                  row(topic, 3, SECRET, n=1), change(topic, "t", "d", {"id": 3}),
                  tombstone(topic, {"id": 3})])
    case.until_current(config)
    check_equal(rows(target), {1: "a", 2: "b2"}, "rows before the replay")

    listed = letters(case, config)
    check_equal([(one["position"], one["kind"]) for one in listed],
                [(2, "decode"), (3, "decode"), (5, "held"), (6, "decode"), (7, "held"), (8, "held")], "letters")
    check(SECRET not in dlq_text(case, config, "list"), "the list shows a row's value")
    check_equal(letters(case, config, "--kind", "held"), [one for one in listed if one["kind"] == "held"],
                "of a kind")
    check_equal(letters(case, config, listed[1]["id"]), listed[1:2], "by number")
    check_equal(letters(case, config, "--stream", "none"), [], "of another topic")
    shown = dlq(case, config, "show", listed[0]["id"])["result"]
    check_equal([shown["key"], shown["value"], shown["headers"]],
                [long["key"], long["value"], headers], "the record")
    check(listed[0]["hint"] and "character varying" in listed[0]["message"] + listed[0]["hint"], "no cause is named")
    check(SECRET in dlq_text(case, config, "show", listed[0]["id"]), "show does not show the value")

    # Nothing is mended: everything stays as it is, and what is later of a key is behind it.
    before = positions(target, case.id)
    replayed(case, config, code=1, replayed=0, failed=2, behind=4)
    check_equal([one["id"] for one in letters(case, config)], [one["id"] for one in listed], "letters")
    # A letter that is behind another one is not taken alone.
    target.run("alter table t alter v type text")
    replayed(case, config, listed[2]["id"], code=1, replayed=0, behind=1)
    check_equal(rows(target), {1: "a", 2: "b2"}, "rows")

    result = replayed(case, config, replayed=6, applied=6, failed=0, behind=0)
    check_equal(result["skipped"], 0, "skipped")
    check_equal(target.run("select id, v, n from t order by 1"), [(1, "end", 3), (2, "b2", 2)], "rows")
    check_equal(positions(target, case.id), before, "positions")
    check_equal(letters(case, config), [], "open letters")
    check_equal(len(letters(case, config, "--replayed")), 6, "replayed letters")
    replayed(case, config, replayed=0)
    # The keys are free again, and a restart agrees.
    case.produce([row(topic, 1, "free"), row(topic, 3, "new")])
    case.until_current(config)
    check_equal(rows(target), {1: "free", 2: "b2", 3: "new"}, "rows of later events")


def still_bad(case):
    """One letter's cause is mended, the other's is another one now."""
    target, topic, config = table(case, "id int primary key, v varchar(5), n int check (n > 0)")
    case.produce([row(topic, 1, SECRET, n=1), row(topic, 2, SECRET, n=-1), row(topic, 3, "ok", n=-1)])
    case.until_current(config)
    target.run("alter table t alter v type text")
    replayed(case, config, code=1, replayed=1, applied=1, failed=2, behind=0)
    left = letters(case, config)
    check_equal([(one["position"], one["kind"], one["sqlstate"]) for one in left],
                [(1, "data", "23514"), (2, "data", "23514")], "letters")
    check(SECRET not in str(left), "a row's value is in a message")
    target.run("alter table t drop constraint t_n_check")
    replayed(case, config, replayed=2)
    check_equal(rows(target), {1: SECRET, 2: SECRET, 3: "ok"}, "rows")


def while_running(case):
    """The running process notices that keys are free: its epoch was raised."""
    target, topic, config = table(case)
    process = case.start(config)
    case.produce([row(topic, 1, "too long"), row(topic, 2, "b")])
    wait_until(lambda: rows(target) == {2: "b"}, 20, "the good one is in")
    case.produce([row(topic, 1, "1a"), row(topic, 2, "b2")])
    wait_until(lambda: rows(target) == {2: "b2"}, 20, "key 1 is held")
    wait_until(lambda: target.value("select count(*) from tidemark.dead_letters") == 2, 10, "two letters")
    target.run("alter table t alter v type text")
    replayed(case, config, replayed=2)
    check_equal(rows(target), {1: "1a", 2: "b2"}, "rows")
    case.produce([row(topic, 1, "1b"), row(topic, 2, "b3")])
    wait_until(lambda: rows(target) == {1: "1b", 2: "b3"}, 30, "both keys go on")
    check(any(e["event"] == "lane.fenced" for e in process.events()), "it was not fenced")
    check_equal(target.value("select count(*) from tidemark.dead_letters where replayed_at is null"), 0,
                "open letters")
    check_equal(process.stop().code, 0, "exit code")


def under_load(case):
    """Replays again and again while bad and good records of the same keys keep coming."""
    target, topic, config = table(case, "id int primary key, v text, n int")
    config = config.with_({"batch": {"max-rows": 50}, "errors": {"dead-letter-max-rate": "100%"}})
    process = case.start(config)
    wanted, step = {}, 0
    for turn in range(6):
        target.run("alter table t drop constraint if exists c; "
                   f"alter table t add constraint c check (n % 7 <> {turn}) not valid")
        records = []
        for _ in range(150):
            step += 1
            records.append(row(topic, step % 20, f"v{step}", n=step))
            wanted[step % 20] = f"v{step}"
        case.produce(records)
        time.sleep(0.5)
        replay_somehow(case, config)
    total = step
    wait_until(lambda: positions(target, case.id).get((topic, 0)) == total, 60, "all is read")
    target.run("alter table t drop constraint c")
    check_equal(process.stop().code, 0, "exit code")
    replayed(case, config, failed=0, behind=0)
    check_equal(rows(target), wanted, "rows")


def replay_somehow(case, config):
    """While others write: 0 or 1, whatever is left."""
    process = Tidemark(case, config, "dlq", ["replay"], command="dlq")
    code = process.wait(60).code
    check(code in (0, 1), f"exit code {code}")


def never_back(case):
    """hold-key = false: later events of the key are in the target, and stay."""
    target, topic, config = table(case)
    config = config.with_({"errors": {"hold-key": "false"}})
    case.produce([row(topic, 1, "1"), row(topic, 1, "too long"), row(topic, 2, "2"),
                  row(topic, 2, "too long")])
    case.until_current(config)
    case.produce([row(topic, 1, "3")])
    case.until_current(config)  # another process: it knows the letters from the target
    check_equal(rows(target), {1: "3", 2: "2"}, "rows")
    target.run("alter table t alter v type text")
    replayed(case, config, code=1, replayed=1, failed=1)
    check_equal(rows(target), {1: "3", 2: "too long"}, "rows after the replay")
    left = letters(case, config)
    check_equal([(one["position"], one["passed"]) for one in left], [(1, True)], "letters")
    check("go back" in left[0]["message"], left[0]["message"])
    # It does not hold its key, with hold-key either.
    held = config.with_({"errors": {"hold-key": "true"}})
    case.produce([row(topic, 1, "4")])
    case.until_current(held)
    check_equal(rows(target), {1: "4", 2: "too long"}, "rows")


def unknown_key(case):
    """The key could not be read when the letter was written: Kafka tells what came after."""
    target, topic, config = table(case)
    config = config.with_({"target": {"schema-evolution": "none"}})
    case.produce([row(topic, 1, "1"), row(topic, 2, "2")])
    case.until_current(config)

    def keyless_record(key, v):
        return {**row(topic, key, v), "key": None}
    case.produce([keyless_record(1, "1b"), keyless_record(2, "2b")])
    case.until_current(config)
    case.produce([row(topic, 2, "2c")])
    case.until_current(config)
    check_equal([one["kind"] for one in letters(case, config)], ["decode", "decode"], "letters")
    check_equal(rows(target), {1: "1", 2: "2c"}, "rows")
    # With the key configured the row itself tells it.
    keyed = config.with_({"table.public.t": {"key": "id"}})
    replayed(case, keyed, code=1, replayed=1, failed=1)
    check_equal(rows(target), {1: "1b", 2: "2c"}, "rows after the replay")
    check("go back" in letters(case, config)[0]["message"], "the message")


def truncated(case):
    """A truncate releases its table's keys and closes their letters."""
    target, topic, config = table(case)
    case.produce([row(topic, 1, "1"), row(topic, 1, "too long"), row(topic, 2, "2")])
    case.until_current(config)
    case.produce([change(topic, "t", "t"), row(topic, 1, "new")])
    case.until_current(config)
    check_equal(rows(target), {1: "new"}, "rows")
    check_equal(letters(case, config), [], "open letters")
    case.produce([row(topic, 1, "newer")])
    case.until_current(config)
    check_equal(rows(target), {1: "newer"}, "rows")


def key_change(case):
    """The hold goes along with a changed key; replayed, the row is under the new one."""
    target, topic, config = table(case, "id int primary key, v varchar(5), big text")
    case.produce([change(topic, "t", "c", {"id": 1}, {"id": 1, "v": "1", "big": "BIG"}),
                  change(topic, "t", "u", {"id": 1}, {"id": 1, "v": "too long", "big": "BIG2"}),
                  change(topic, "t", "d", {"id": 1}, headers=[["__debezium.newkey", '{"id":9}']], lsn=5),
                  tombstone(topic, {"id": 1})])
    case.until_current(config)
    case.produce([change(topic, "t", "c", {"id": 9},
                         {"id": 9, "v": "2", "big": "__debezium_unavailable_value"},
                         headers=[["__debezium.oldkey", '{"id":1}']], lsn=5)])
    case.until_current(config)
    case.produce([change(topic, "t", "u", {"id": 9},
                         {"id": 9, "v": "3", "big": "__debezium_unavailable_value"}, lsn=6)])
    case.until_current(config)
    check_equal(target.run("select id, v, big from t"), [(1, "1", "BIG")], "rows before")
    check_equal([one["kind"] for one in letters(case, config)], ["decode"] + ["held"] * 4, "letters")
    target.run("alter table t alter v type text")
    replayed(case, config, replayed=5)
    check_equal(target.run("select id, v, big from t"), [(9, "3", "BIG2")], "rows")
    check_equal(target.value("select count(*) from tidemark.key_changes"), 0, "rows in key_changes")


def not_kept(case):
    """Larger than record-max-bytes: what is known of it, and no replay."""
    target, topic, config = table(case, "id int primary key, v text")
    small = config.with_({"source": {"record-max-bytes": "100KiB"}})
    case.produce([row(topic, 1, "a"), row(topic, 2, SECRET * 20000), row(topic, 3, "c")])
    case.until_current(small)
    check_equal(rows(target), {1: "a", 3: "c"}, "rows")
    letter = dlq(case, small, "show", letters(case, small)[0]["id"])["result"]
    check(letter["value"] is None and "XXH3-128" in letter["not_kept"], str(letter["not_kept"]))
    check_equal(letter["key"], '{"id":2}', "key")
    replayed(case, small, code=1, replayed=0, failed=1)
    check_equal(rows(target), {1: "a", 3: "c"}, "rows")


# ---- drop, and the rest ----------------------------------------------------------------------------

def drop(case):
    target, topic, config = table(case)
    case.produce([row(topic, 1, "too long"), row(topic, 2, "too long")])
    case.until_current(config)
    process = case.start(config)
    case.produce([row(topic, 1, "1"), row(topic, 2, "2")])
    wait_until(lambda: len(letters(case, config)) == 4, 20, "four letters")
    listed = letters(case, config)
    check_equal(dlq(case, config, "drop", "--all")["result"], {"letters": 4, "dropped": False}, "dry run")
    check_equal(len(letters(case, config)), 4, "letters after the dry run")
    dlq_text(case, config, "drop", code=64)
    dlq_text(case, config, "drop", "--all", "--kind", "held", code=64)
    check_equal(dlq(case, config, "drop", listed[0]["id"], "--yes")["result"],
                {"letters": 1, "dropped": True}, "one")
    replayed(case, config, "--kind", "held", code=1, replayed=1, behind=1)
    check_equal(rows(target), {1: "1"}, "rows")
    dlq(case, config, "drop", "--all", "--yes")
    check_equal(letters(case, config), [], "letters")
    case.produce([row(topic, 1, "1b"), row(topic, 2, "2b")])
    wait_until(lambda: rows(target) == {1: "1b", 2: "2b"}, 30, "the running process goes on with the keys")
    check_equal(process.stop().code, 0, "exit code")


def usage(case):
    target, topic, config = table(case)
    check_equal(dlq(case, config, "list")["result"], {"total": 0, "letters": []}, "before any run")
    replayed(case, config, replayed=0)
    dlq(case, config, "show", "7", code=1)
    dlq_text(case, config, "show", code=64)
    dlq_text(case, config, "replay", "x", code=64)
    dlq_text(case, config, "replay", "--kind", "none", code=64)
    dlq_text(case, config, "lsit", code=64)
    check("dlq list|replay|drop" in dlq_text(case, config, "--help"), "--help")
    away = config.with_({"target": {"dsn": "host=127.0.0.1 port=1 dbname=x user=x"}})
    dlq_text(case, away, "list", code=69)
    dlq_text(case, away, "replay", code=69)


def main():
    suite = Suite(__doc__)
    for name, function in (
            ("replay in order", in_order), ("a letter that still fails", still_bad),
            ("replay while it runs", while_running), ("replays under load", under_load),
            ("never back", never_back), ("a key that was not known", unknown_key),
            ("truncate", truncated), ("a key change is held along", key_change),
            ("too large to be kept", not_kept), ("drop", drop), ("usage", usage)):
        suite.case(name, function)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
