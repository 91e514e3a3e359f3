#!/usr/bin/python3
"""Targets that mind the order: foreign keys, second unique keys, no key at all, truncates.

Rows of tables that belong together come by several topics and partitions, which have no order against
each other; and a batch folds many changes of a row into one. Neither may show in the target.
"""
import json
import random
import sys
import time

from harness import (Failed, Suite, change, check, check_equal, check_settled, first_difference,
                     positions, stops_of, tombstone, wait_until)

FAMILY = """
create table parent (id int primary key, name text);
create table child (id int primary key, parent_id int not null references parent, note text);
"""


def rows(database, table, columns="*"):
    return database.run(f"select {columns} from {table} order by 1, 2")


class Family:
    """A history of parents and children that a source with the foreign key allows."""

    def __init__(self, topics, partitions, seed):
        self.choose = random.Random(seed)
        self.topics, self.partitions = topics, partitions
        self.parents, self.children = {}, {}
        self.records, self.lsn = [], 1000

    def add(self, table, op, key, after=None):
        self.lsn += 8
        partition = (key * 7 + len(table)) % self.partitions
        self.records.append(change(self.topics[table], table, op, {"id": key}, after, lsn=self.lsn,
                                   partition=partition, before={"id": key} if op == "d" else None))
        if op == "d":
            self.records.append(tombstone(self.topics[table], {"id": key}, partition=partition))

    def step(self):
        choose, kind = self.choose, self.choose.random()
        if kind < 0.3 or not self.parents:
            key = choose.randrange(30)
            op = "u" if key in self.parents else "c"
            self.parents[key] = f"p{self.lsn}"
            self.add("parent", op, key, {"id": key, "name": self.parents[key]})
        elif kind < 0.7:
            key, parent = choose.randrange(60), choose.choice(sorted(self.parents))
            op = "u" if key in self.children else "c"
            self.children[key] = (parent, f"c{self.lsn}")
            self.add("child", op, key, {"id": key, "parent_id": parent, "note": self.children[key][1]})
        elif kind < 0.85 and self.children:
            key = choose.choice(sorted(self.children))
            del self.children[key]
            self.add("child", "d", key)
        else:
            key = choose.choice(sorted(self.parents))
            for child in [c for c, (parent, _) in self.children.items() if parent == key]:
                del self.children[child]
                self.add("child", "d", child)
            del self.parents[key]
            self.add("parent", "d", key)

    def check(self, target):
        wanted = sorted((key, name) for key, name in self.parents.items())
        check_equal(rows(target, "parent"), wanted, "parents")
        wanted = sorted((key, *value) for key, value in self.children.items())
        check_equal(rows(target, "child"), wanted, "children")


def family_topics(case, partitions):
    return {table: case.topic(f"public.{table}", partitions) for table in ("parent", "child")}


def foreign_keys(case, partitions, seed, pieces, **settings):
    """A long history in a few runs; every run begins wherever the one before has ended."""
    target = case.target()
    target.run(FAMILY)
    topics = family_topics(case, partitions)
    config = case.settings(target, topics.values(), **settings)
    family = Family(topics, partitions, seed)
    for _ in range(pieces):
        family.records = []
        for _ in range(400 // pieces):
            family.step()
        case.produce(family.records)
        case.until_current(config)
        family.check(target)
        check_settled(target)


def family_killed(case, seed):
    """Random bounds, and kill -9 at random moments while all of it is being read."""
    choose = random.Random(seed)
    partitions, lanes = choose.randint(2, 5), choose.randint(1, 3)
    target = case.target()
    target.run(FAMILY)
    topics = family_topics(case, partitions)
    config = case.settings(target, topics.values(), batch={
        "max-rows": choose.choice((2, 20, 500)), "lanes": lanes,
        "buffer-max-bytes": choose.choice(("4MiB", "16MiB"))})
    family = Family(topics, partitions, seed)
    for _ in range(choose.choice((300, 1500))):
        family.step()
    case.produce(family.records)
    for _ in range(3):
        process = case.start(config)
        time.sleep(choose.uniform(0.3, 3))
        process.kill()
    case.until_current(config, seconds=120)
    family.check(target)
    check_settled(target)


def child_first(case):
    """The child's partition waits, visibly, and goes on when the parent has come."""
    target = case.target()
    target.run(FAMILY)
    topics = family_topics(case, 1)
    case.produce([change(topics["child"], "child", "c", {"id": i},
                         {"id": i, "parent_id": 7, "note": "n"}, lsn=i) for i in (1, 2)])
    process = case.start(case.settings(target, topics.values()))
    wait_until(lambda: any(e["event"] == "partition.waiting" and e["topic"] == topics["child"]
                           for e in process.events()), 20, "the log says that it waits")
    check_equal(rows(target, "child"), [], "children before their parent")
    check_equal(max(positions(target, case.id).get((topics["child"], 0), -1), 0), 0, "position")
    case.produce([change(topics["parent"], "parent", "c", {"id": 7}, {"id": 7, "name": "p"}, lsn=1)])
    wait_until(lambda: len(rows(target, "child")) == 2, 15, "the children are there")
    # The other way round: the parent's delete waits for the child's.
    case.produce([change(topics["parent"], "parent", "d", {"id": 7}, lsn=9)])
    wait_until(lambda: any(e["event"] == "partition.waiting" and e["topic"] == topics["parent"]
                           for e in process.events()), 20, "the log says that the parent waits")
    case.produce([change(topics["child"], "child", "d", {"id": i}, lsn=5 + i) for i in (1, 2)])
    wait_until(lambda: not rows(target, "parent"), 25, "the parent is gone")
    check_equal(process.stop().code, 0, "exit code")
    check_settled(target)


def tree(case):
    """A table that refers to itself: children before their parents in one batch, and deletes."""
    target = case.target()
    target.run("create table node (id int primary key, up int references node)")
    topic = case.topic("public.node")
    config = case.settings(target, [topic], batch={"max-rows": 50})
    records = [change(topic, "node", "c", {"id": 0}, {"id": 0, "up": None}, lsn=1)]
    records += [change(topic, "node", "c", {"id": i}, {"id": i, "up": (i - 1) // 2}, lsn=i + 1)
                for i in range(1, 200)]
    # Turned upside down: the row of a small key refers to a larger one.
    records += [change(topic, "node", "u", {"id": i}, {"id": i, "up": 199}, lsn=300 + i)
                for i in range(1, 199)]
    case.produce(records)
    case.until_current(config)
    check_equal(target.value("select count(*) from node where up = 199"), 198, "nodes below 199")
    records = [change(topic, "node", "u", {"id": i}, {"id": i, "up": None}, lsn=600 + i)
               for i in range(1, 200)]
    records += [change(topic, "node", "d", {"id": i}, lsn=900 + i) for i in range(0, 200)]
    case.produce(records)
    case.until_current(config)
    check_equal(rows(target, "node", "id, up"), [], "rows")
    check_settled(target)


def deferred(case):
    """A constraint that is checked at COMMIT fails there: still only another partition's lag."""
    target = case.target()
    target.run(FAMILY.replace("references parent", "references parent deferrable initially deferred"))
    topics = family_topics(case, 1)
    case.produce([change(topics["child"], "child", "c", {"id": i},
                         {"id": i, "parent_id": i, "note": "n"}, lsn=i) for i in range(1, 9)])
    process = case.start(case.settings(target, topics.values()))
    wait_until(lambda: any(e["event"] == "partition.waiting" for e in process.events()), 20,
               "the log says that it waits")
    case.produce([change(topics["parent"], "parent", "c", {"id": i}, {"id": i, "name": "p"}, lsn=i)
                  for i in range(1, 9)])
    wait_until(lambda: len(rows(target, "child")) == 8, 15, "the children are there")
    check_equal(process.stop().code, 0, "exit code")
    check_settled(target)


def larger_than_the_buffer(case):
    """What waits must not keep out what it waits for, however much it is."""
    target = case.target()
    target.run(FAMILY)
    topics = family_topics(case, 1)
    count = 60000
    case.produce([change(topics["child"], "child", "c", {"id": i},
                         {"id": i, "parent_id": count - i, "note": "n" * 40}, lsn=i)
                  for i in range(count)])
    case.produce([change(topics["parent"], "parent", "c", {"id": i}, {"id": i, "name": "p" * 40}, lsn=i)
                  for i in range(1, count + 1)])
    config = case.settings(target, topics.values(),
                           batch={"lanes": 1, "buffer-max-bytes": "4MiB"}, log={"level": "info"})
    case.until_current(config, seconds=120)
    check_equal(target.value("select count(*) from child"), count, "children")
    check_settled(target)


def parent_after_the_buffer(case, size):
    """The parent comes when the children have filled the buffer, and nothing else is read."""
    target = case.target()
    target.run(FAMILY)
    topics = family_topics(case, 1)
    count = 20000
    case.produce([change(topics["child"], "child", "c", {"id": i},
                         {"id": i, "parent_id": 1, "note": "n" * 40}, lsn=10 + i)
                  for i in range(count)])
    process = case.start(case.settings(
        target, topics.values(), log={"level": "info"},
        batch={"lanes": 1, "buffer-max-bytes": size, "max-rows": 100}))
    wait_until(lambda: any(e["event"] == "partition.parked" for e in process.events()), 30,
               "the log says that the children are parked")
    case.produce([change(topics["parent"], "parent", "c", {"id": 1}, {"id": 1, "name": "p"}, lsn=1)])
    wait_until(lambda: target.value("select count(*) from child") == count, 40,
               "the children are there")
    check_equal(process.stop().code, 0, "exit code")
    check_settled(target)


def never_comes(case):
    """--until-current ends also where a parent never comes."""
    target = case.target()
    target.run(FAMILY)
    topics = family_topics(case, 1)
    case.produce([change(topics["child"], "child", "c", {"id": 1},
                         {"id": 1, "parent_id": 7, "note": "n"}, lsn=1),
                  change(topics["parent"], "parent", "c", {"id": 8}, {"id": 8, "name": "p"}, lsn=2)])
    case.until_current(case.settings(target, topics.values()), code=65, seconds=100)
    check_equal(rows(target, "parent"), [(8, "p")], "parents")


# ---- second unique keys ----------------------------------------------------------------------------

def unique_swapped(case, **settings):
    """Values of a second unique key go from row to row, inside a batch and across batches."""
    target = case.target()
    target.run("create table seat (id int primary key, place text unique)")
    topic = case.topic("public.seat")
    config = case.settings(target, [topic], **settings)
    choose, seats, lsn, records = random.Random(5), {}, 0, []

    def put(key, place):
        nonlocal lsn
        lsn += 8
        op = "u" if key in seats else "c"
        seats[key] = place
        records.append(change(topic, "seat", op, {"id": key}, {"id": key, "place": place}, lsn=lsn))
    for key in range(20):
        put(key, f"seat {key}")
    for _ in range(150):
        one, other = choose.sample(sorted(seats), 2)
        a, b = seats[one], seats[other]
        if choose.random() < 0.2:  # leaves, and another takes the seat
            lsn += 8
            records.append(change(topic, "seat", "d", {"id": one}, lsn=lsn))
            records.append(tombstone(topic, {"id": one}))
            del seats[one]
            put(100 + lsn, a)
        else:
            put(one, None)
            put(other, a)
            put(one, b)
    case.produce(records)
    case.until_current(config)
    check_equal(rows(target, "seat"), sorted(seats.items()), "rows")
    check_settled(target)


def equal_to_the_target_only(case):
    """Keys that differ in Kafka and are one to the target's type: the last one wins, in order."""
    target = case.target()
    target.run("create extension citext; create table tag (name citext primary key, n int)")
    topic = case.topic("public.tag")
    records = [change(topic, "tag", "c", {"name": name}, {"name": name, "n": i}, lsn=i + 1)
               for i, name in enumerate(("Abc", "x", "ABC", "aBc", "X"))]
    case.produce(records)
    case.until_current(case.settings(target, [topic]))
    got = target.run("select lower(name::text), n from tag order by 1")
    check_equal(got, [("abc", 3), ("x", 4)], "rows")
    check_settled(target)


# ---- key changes -------------------------------------------------------------------------------------

def renamed_across_a_new_column(case):
    """The halves of a key change come in two runs, and between them the table gets a column."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", 2)
    config = case.settings(target, [topic])
    old, new = [["__debezium.oldkey", '{"id":1}']], [["__debezium.newkey", '{"id":2}']]
    case.produce([change(topic, "t", "c", {"id": 1}, {"id": 1, "v": "x"}, lsn=1),
                  change(topic, "t", "d", {"id": 1}, None, {"id": 1, "v": None}, lsn=2, headers=new),
                  tombstone(topic, {"id": 1}, headers=new)])
    case.until_current(config)
    check_equal(rows(target, "t"), [], "rows after the delete")
    target.run("alter table t add extra int default 5")
    case.produce([change(topic, "t", "c", {"id": 9}, {"id": 9, "v": "y", "extra": 6}, lsn=1, partition=1),
                  change(topic, "t", "c", {"id": 2}, {"id": 2, "v": "__debezium_unavailable_value"},
                         lsn=2, partition=1, headers=old)])
    case.until_current(config)
    check_equal(rows(target, "t"), [(2, "x", 5), (9, "y", 6)], "rows")
    check_settled(target)


# ---- no key ----------------------------------------------------------------------------------------

def keyless(case, **settings):
    """A multiset: equal rows count, columns without `=` and nulls too."""
    target = case.target()
    target.run("create table entry (a int, b text, c json, d point)")
    topic = case.topic("public.entry")
    choose, have, lsn, records = random.Random(3), [], 0, []

    def row():
        at = choose.choice((None, {"x": 1.5, "y": -2.0, "wkb": "", "srid": None}))
        return {"a": choose.choice((1, 2, None)), "b": choose.choice(("", "b", None)),
                "c": choose.choice((None, "{\"k\":  1}", "[]")), "d": at}
    for _ in range(600):
        lsn += 8
        kind = choose.random()
        if kind < 0.5 or not have:
            have.append(row())
            records.append(change(topic, "entry", "c", None, have[-1], lsn=lsn))
        elif kind < 0.75:
            gone = have.pop(choose.randrange(len(have)))
            records.append(change(topic, "entry", "d", None, None, gone, lsn=lsn))
        else:
            place = choose.randrange(len(have))
            before, have[place] = have[place], row()
            records.append(change(topic, "entry", "u", None, have[place], before, lsn=lsn))
    config = case.settings(target, [topic], **settings)
    for part in (records[:200], records[200:210], records[210:]):
        case.produce(part)
        case.until_current(config)

    def text(one):
        at = one["d"] and "(1.5,-2)"
        return " | ".join("null" if v is None else str(v) for v in (one["a"], one["b"], one["c"], at))
    got = [line for (line,) in target.run(
        "select concat_ws(' | ', coalesce(a::text, 'null'), coalesce(b, 'null'), "
        "coalesce(c::text, 'null'), coalesce(d::text, 'null')) from entry order by 1")]
    difference = first_difference(got, sorted(map(text, have)))
    check(not difference, difference)
    check_settled(target)


# ---- truncate --------------------------------------------------------------------------------------

def truncate_records(topic, partition=0):
    rows_before = [change(topic, "t", "c", {"id": i}, {"id": i, "v": "before"}, lsn=i, partition=partition)
                   for i in range(1, 6)]
    rows_after = [change(topic, "t", "c", {"id": i}, {"id": i, "v": "after"}, lsn=20 + i,
                         partition=partition) for i in (2, 9)]
    return rows_before + [change(topic, "t", "t", None, None, lsn=10, partition=partition)] + rows_after


def truncate(case, split, **settings):
    """Empties what came before it, and nothing else: in one batch, or at the start of the next."""
    target = case.target()
    target.run("create table t (id int primary key, v text); insert into t values (77, 'old')")
    topic = case.topic("public.t")
    config = case.settings(target, [topic], **settings)
    records = truncate_records(topic)
    for part in ((records[:5], records[5:]) if split else (records,)):
        case.produce(part)
        case.until_current(config)
    check_equal(rows(target, "t"), [(2, "after"), (9, "after")], "rows")
    check_settled(target)


def truncate_off(case):
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", 3)
    case.produce(truncate_records(topic, 1))
    case.until_current(case.settings(target, [topic], target={"truncate": "false"}))
    check_equal(rows(target, "t"), [(1, "before"), (2, "after"), (3, "before"), (4, "before"),
                                    (5, "before"), (9, "after")], "rows")


def truncate_partitioned(case):
    """It has no order against the other partitions' rows: its partition stops, the others go on."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t", 3)
    others = [change(topic, "t", "c", {"id": 50 + p}, {"id": 50 + p, "v": "other"}, lsn=p, partition=p)
              for p in (0, 2)]
    case.produce(truncate_records(topic, 1) + others)
    ended = case.until_current(case.settings(target, [topic]), code=65)
    stopped = [(partition, offset) for _, partition, offset in stops_of(ended.events())]
    check_equal(stopped, [(1, 5)], "what stopped, and where")
    check_equal(rows(target, "t"), [(i, "before") for i in range(1, 6)] + [(50, "other"), (52, "other")],
                "rows")
    check_equal(positions(target, case.id), {(topic, 0): 1, (topic, 1): 5, (topic, 2): 1}, "positions")


# ---- two topics, one table -------------------------------------------------------------------------

def two_topics(case):
    """One key could come by two partitions: `check` refuses it and says which."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topics = [case.topic(f"{name}.t") for name in ("east", "west")]
    case.produce([change(topic, "t", "c", {"id": 1}, {"id": 1, "v": topic}, schema=name, lsn=1)
                  for topic, name in zip(topics, ("east", "west"))])
    config = case.settings(target, topics, target={"table": "public.${table}"})
    process = case.start(config, "check", ["-o", "json"], command="check")
    ended = process.wait(60)
    check_equal(ended.code, 1, "exit code of check")
    answer = json.loads(ended.output)
    check(not answer["ok"], "check says that all is well")
    text = json.dumps(answer)
    for topic in topics:
        check(topic in text, f"check does not name {topic}")
    config = case.settings(target, topics[:1], target={"table": "public.${table}"})
    ended = case.start(config, "check", ["-o", "json"], command="check").wait(60)
    check(ended.code == 0, f"check with one topic ends with {ended.code}: {ended.output[:300]}")


def main():
    suite = Suite(__doc__, lambda parser: parser.add_argument(
        "--seeds", type=int, nargs="*", help="of the random families; default: a new one"))
    for partitions in (1, 3):
        suite.case(f"foreign keys, partitions {partitions}", lambda case, p: foreign_keys(
            case, p, p, 4), partitions)
        suite.case(f"foreign keys, partitions {partitions}, small batches, three lanes",
                   lambda case, p: foreign_keys(case, p, 9, 3, batch={"max-rows": 3, "lanes": 3}),
                   partitions)
    for seed in suite.options.seeds or [random.randrange(1 << 30)]:
        suite.case(f"foreign keys, killed, seed {seed}", family_killed, seed)
    suite.case("a child comes before its parent", child_first)
    suite.case("a table that refers to itself", tree)
    suite.case("foreign keys that are checked at commit", deferred)
    suite.case("children that wait are more than the buffer holds", larger_than_the_buffer)
    for size in ("1MiB", "4MiB"):
        suite.case(f"a parent that comes after the buffer, {size}, is full",
                   parent_after_the_buffer, size)
    suite.case("a parent that never comes", never_comes)
    suite.case("a second unique key, swapped", unique_swapped)
    suite.case("a second unique key, swapped, small batches", lambda case: unique_swapped(
        case, batch={"max-rows": 7}))
    suite.case("keys that are equal to the target only", equal_to_the_target_only)
    suite.case("a key change across a new column", renamed_across_a_new_column)
    suite.case("a table without a key", keyless)
    suite.case("a table without a key, small batches", lambda case: keyless(
        case, batch={"max-rows": 5}))
    suite.case("truncate", truncate, False)
    suite.case("truncate, a row a batch", lambda case: truncate(case, False, batch={"max-rows": 1}))
    suite.case("truncate, after a restart", truncate, True)
    suite.case("truncate = false", truncate_off)
    suite.case("truncate on several partitions", truncate_partitioned)
    suite.case("two topics into one table", two_topics)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
