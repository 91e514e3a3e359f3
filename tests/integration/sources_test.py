#!/usr/bin/python3
"""How a source may be set up: Debezium's snapshot modes, signals, and what it writes beside the rows.

With real Debezium on PostgreSQL, and on MariaDB where the binary log matters. After each, the target
is what the mode says: the source's rows, those of the snapshot, or those that came afterwards.
"""
import itertools
import json
import sys
import threading

from harness import Connector, Suite, check, check_equal, check_settled, first_difference, wait_until
from mariadb import MariaDb, MariaDbConnector

SIGNALS = "create table signals (id varchar(42) primary key, type varchar(32), data varchar(2048))"


def rows(database, table):
    return sorted(tuple("" if v is None else str(v) for v in row)
                  for row in database.run(f"select * from {table}"))


def apply(case, database, topics, name="tidemark", **more):
    """What is in the topics now, and nothing may be refused."""
    for topic in topics:
        case.at_end(case.kafka.delete, [topic])
    case.until_current(case.settings(database, topics, **more), name)
    check_settled(database)


def skipped(case, target, topics):
    """{reason: how many} of the topics' records, as `tidemark plan` counts them."""
    settings = case.settings(target, topics)
    ended = case.start(settings, "plan", ["-o", "json"], command="plan").wait(60)
    return json.loads(ended.output)["result"]["skipped"]


def signal(database, number, kind, data):
    database.run(f"insert into signals values ('{number}', '{kind}', '{json.dumps(data)}')")


# ---- PostgreSQL ------------------------------------------------------------------------------------

MODES = ("initial", "initial_only", "no_data", "always", "when_needed")


def snapshot_modes(case):
    """Five connectors side by side, each stopped and started again while the source goes on."""
    source = case.source()
    source.run("create table t (id int primary key, v text);"
               "insert into t select i, 'snapshot' from generate_series(1, 5) i")
    connectors = {}
    for mode in MODES:
        connector = Connector(case.stack, f"{case.id}-{mode.replace('_', '-')}", source, **{
            "snapshot.mode": mode, "table.include.list": "public.t"})
        case.at_end(connector.delete)
        connectors[mode] = connector
    streaming = [c for mode, c in connectors.items() if mode != "initial_only"]
    topics = {mode: f"{c.name}.public.t" for mode, c in connectors.items()}
    for connector in streaming:
        connector.wait_streaming()
    wait_until(lambda: case.kafka.ends([topics["initial_only"]]) ==
               {(topics["initial_only"], 0): 5}, 60, "the snapshot of initial_only")
    source.run("insert into t values (6, 'streamed'); update t set v = 'changed' where id = 1;"
               "delete from t where id = 2; update t set id = 30 where id = 3")
    for connector in streaming:
        connector.wait_caught_up()
        connector.stop()
    source.run("insert into t values (7, 'meanwhile'); update t set v = 'again' where id = 1;"
               "delete from t where id = 4")
    for connector in streaming:
        connector.resume()
    for connector in streaming:
        connector.wait_streaming()
        connector.wait_caught_up()
    whole = rows(source, "t")
    streamed = [("1", "again"), ("30", "snapshot"), ("6", "streamed"), ("7", "meanwhile")]
    for mode in MODES:
        target = case.target(mode)
        apply(case, target, [topics[mode]], mode)
        wanted = {"initial_only": [(str(i), "snapshot") for i in range(1, 6)],
                  "no_data": streamed,
                  # It begins anew behind the delete, and a snapshot does not say what is gone.
                  "always": sorted([*whole, ("4", "snapshot")])}.get(mode, whole)
        check_equal(rows(target, "t"), wanted, f"rows by snapshot.mode={mode}")
    again = case.kafka.ends([topics["always"]])[topics["always"], 0]
    once = case.kafka.ends([topics["initial"]])[topics["initial"], 0]
    check(again > once, "`always` has made no snapshot again")


NUMBERS = itertools.count(1)


class Changes(threading.Thread):
    """Changes rows all the time, so that they fall into the windows of an incremental snapshot."""

    def __init__(self, database, statements):
        super().__init__(daemon=True)
        self.database, self.statements = database, statements
        self.stopping = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stopping.wait(0.02):
                number = next(NUMBERS)
                self.database.run(self.statements.format(n=number % 200, at=number))
        except Exception as error:  # shown by the case
            self.error = error

    def stop(self):
        self.stopping.set()
        self.join(30)
        if self.error:
            raise self.error


CHANGES = ("update t set v = 'change {at}' where id = {n};\n"
           "delete from t where id = {n} + 200;\n"
           "insert into t values ({n} + 1000 * {at}, 'new {at}');\n"
           "update t set id = -{at} where id = {n} + 400;")


def snapshot_while_changing(case, database, topic, take):
    """`take` asks for a snapshot; waits until its rows are there."""
    changes = Changes(database, CHANGES)
    case.at_end(changes.stopping.set)
    changes.start()
    before = case.kafka.ends([topic])[topic, 0]
    take()

    def done():  # the last row's, which nothing changes
        return any('"op":"r"' in (record["value"] or "") and '"id":900' in record["key"]
                   for record in case.kafka.dump([topic]) if record["offset"] >= before)
    wait_until(done, 60, "the snapshot's rows", 0.5)
    changes.stop()


def signals(case, **settings):
    """Incremental and blocking snapshots, by the signal table and by Kafka, and everything else that
    Debezium can write, in one connector."""
    source, target = case.source(), case.target()
    source.run(SIGNALS + "; create table t (id int primary key, v text);"
               "create table beats (id int primary key, n bigint); insert into beats values (1, 0);"
               "create table wiped (id int primary key); insert into wiped values (1), (2);"
               "insert into t select i, 'before' from generate_series(1, 900) i")
    orders = case.topic("orders")
    name = case.id
    connector = Connector(case.stack, name, source, **{
        "snapshot.mode": "no_data", "signal.data.collection": "public.signals",
        "signal.enabled.channels": "source,kafka", "signal.kafka.topic": orders,
        "signal.kafka.bootstrap.servers": case.stack.kafka, "incremental.snapshot.chunk.size": "40",
        "notification.enabled.channels": "sink", "notification.sink.topic.name": f"{name}.notes",
        "provide.transaction.metadata": "true", "heartbeat.interval.ms": "200",
        "heartbeat.action.query": "update beats set n = n + 1", "skipped.operations": "none",
        **settings})
    case.at_end(connector.delete)
    connector.wait_streaming()
    topic = f"{name}.public.t"
    source.run("insert into t values (0, 'first'); insert into wiped values (3);"
               "select pg_logical_emit_message(true, 'a', 'x');"
               "select pg_logical_emit_message(false, 'b', 'y')")
    connector.wait_caught_up()
    what = {"data-collections": ["public.t"], "type": "incremental"}
    snapshot_while_changing(case, source, topic, lambda: signal(source, "one", "execute-snapshot", what))
    snapshot_while_changing(case, source, topic, lambda: case.produce([{
        "topic": orders, "key": name,
        "value": json.dumps({"id": "two", "type": "execute-snapshot", "data": what})}]))
    snapshot_while_changing(case, source, topic, lambda: signal(
        source, "three", "execute-snapshot", {**what, "type": "blocking"}))
    source.run("truncate wiped; insert into wiped values (4)")
    signal(source, "four", "log", {"message": "hello"})
    connector.wait_caught_up()
    beside = [f"{name}.notes", f"{name}.message", f"{name}.transaction", f"__debezium-heartbeat.{name}"]
    tables = ["t", "wiped", "signals"]
    topics = [f"{name}.public.{table}" for table in tables]
    case.at_end(case.kafka.delete, [f"{name}.public.beats"])
    counts = skipped(case, target, topics + beside)
    check_equal(sorted(counts), ["heartbeat", "logical_message", "notification", "transaction_marker"],
                "what is skipped")
    apply(case, target, topics + beside)
    for table in tables[:2]:
        difference = first_difference(rows(target, table), rows(source, table))
        check(not difference, f"{table}: {difference}")
    # Debezium's own marks of a snapshot's windows may be deleted or kept; ours are there.
    ours = {row for row in rows(source, "signals") if row[0] in ("one", "three", "four")}
    check(len(ours) == 3 and ours <= set(rows(target, "signals")), "signals are missing")


IDENTITIES = """
create schema a; create schema b; create schema "x.y"; create schema x;
create table a.t (id int primary key, v text); create table b.t (id int primary key, v text);
create table "x.y".z (id int primary key, v text); create table x."y.z" (id int primary key, v text);
create table whole (id int primary key, v text); alter table whole replica identity full;
create table keyless (a int, v text); alter table keyless replica identity full;
create table nothing (id int primary key, v text); alter table nothing replica identity nothing;
create table by_index (n int not null unique, v text);
alter table by_index replica identity using index by_index_n_key;
create table parts (id int primary key, v text) partition by range (id);
create table parts_1 partition of parts for values from (0) to (100);
create table parts_2 partition of parts for values from (100) to (200);
create publication {name} for all tables with (publish_via_partition_root = true);
"""
IDENTITY_TABLES = {"a.t": "a.t", "b.t": "b.t", '"x.y".z': "x.y.z", 'x."y.z"': "x.y.z",
                   "public.whole": "public.whole", "public.keyless": "public.keyless",
                   "public.nothing": "public.nothing", "public.by_index": "public.by_index",
                   "public.parts": "public.parts"}


def identities(case):
    """Replica identities, a partitioned table as one, and two tables whose topics have one name."""
    source, target = case.source(), case.target()
    name = case.id
    source.run(IDENTITIES.format(name=name))
    for table in IDENTITY_TABLES:
        source.run(f"insert into {table} select i, 'snapshot' from generate_series(1, 3) i")
    connector = Connector(case.stack, name, source, **{"publication.autocreate.mode": "disabled"})
    case.at_end(connector.delete)
    connector.wait_streaming()
    for table in IDENTITY_TABLES:
        source.run(f"insert into {table} values (4, 'streamed'), (104, 'far')")
        if table == "public.nothing":  # PostgreSQL refuses the rest
            continue
        key = {"public.keyless": "a", "public.by_index": "n"}.get(table, "id")
        source.run(f"update {table} set v = 'changed' where {key} = 1;"
                   f"update {table} set {key} = 120 where {key} = 2;"
                   f"delete from {table} where {key} = 3")
    connector.wait_caught_up()
    apply(case, target, sorted({f"{name}.{topic}" for topic in IDENTITY_TABLES.values()}))
    for table in IDENTITY_TABLES:
        difference = first_difference(rows(target, table), rows(source, table))
        check(not difference, f"{table}: {difference}")


# ---- MariaDB ---------------------------------------------------------------------------------------

def mariadb_again(case):
    """Debezium set back to an earlier place of the binary log: what it sends again is known, also in
    a table without a key. And an incremental snapshot between changes."""
    source, target = MariaDb(f"{case.id}_source"), case.target()
    case.at_end(source.drop)
    source.run(SIGNALS + ";\ncreate table t (id int primary key, v varchar(40));\n"
               "create table keyless (a int, v varchar(40));\n"
               "insert into t select seq, 'before' from seq_1_to_900;\n"
               "insert into keyless values (1, 'same'), (1, 'same');\n")
    name = case.id
    connector = MariaDbConnector(case.stack, case.kafka, name, source, **{
        "signal.data.collection": f"{source.name}.signals", "incremental.snapshot.chunk.size": "40"})
    case.at_end(connector.delete)
    connector.wait_streaming()
    topics = [f"{name}.{source.name}.{table}" for table in ("t", "keyless")]
    case.at_end(case.kafka.delete, [name, *(f"{name}.{source.name}.{t}" for t in ("signals", "caught_up"))])
    place = connector.rest("GET", f"/connectors/{name}/offsets")
    source.run("insert into keyless values (1, 'same'), (2, 'two');\nupdate keyless set v = 'x' limit 1;\n"
               "delete from keyless where a = 1 and v = 'same' limit 1;\n"
               "update t set id = -1 where id = 1;\nupdate t set id = 1 where id = 2;\n"
               "update t set id = 2 where id = -1;\ndelete from t where id = 3;\n")
    connector.wait_caught_up()
    more = {"target": {"table": "public.${table}"}}
    apply(case, target, topics, **more)
    ends = case.kafka.ends(topics)
    connector.stop()
    connector.rest("PATCH", f"/connectors/{name}/offsets", place)
    connector.resume()
    connector.wait_caught_up()
    check(all(end > ends[at] for at, end in case.kafka.ends(topics).items()), "nothing was sent again")
    what = {"data-collections": [f"{source.name}.t"], "type": "incremental"}
    snapshot_while_changing(case, source, topics[0],
                            lambda: signal(source, "one", "execute-snapshot", what))
    connector.wait_caught_up()
    case.until_current(case.settings(target, topics, **more), "again")
    check_settled(target)
    for table in ("t", "keyless"):
        difference = first_difference(rows(target, table), rows(source, table))
        check(not difference, f"{table}: {difference}")


def main():
    suite = Suite(__doc__)
    suite.case("snapshot modes", snapshot_modes)
    suite.case("signals, snapshots and what is beside the rows", signals)
    suite.case("identities and names", identities)
    suite.case("mariadb: sent again, and an incremental snapshot", mariadb_again)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
