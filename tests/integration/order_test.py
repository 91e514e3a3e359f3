#!/usr/bin/python3
"""What depends on the order of writing: foreign keys, second unique keys, tables without a key,
truncates, and topics that lead to one table."""
import sys

from harness import (Suite, Tidemark, change, check, check_equal, check_settled, rows_as_text,
                     tombstone)


def child(topic, number, parent, op="c", partition=0, lsn=1):
    return change(topic, "child", op, {"id": number}, {"id": number, "parent": parent},
                  partition=partition, lsn=lsn)


def parent(topic, number, op="c", partition=0, lsn=1):
    return change(topic, "parent", op, {"id": number}, {"id": number}, partition=partition, lsn=lsn)


def family(case):
    target = case.target()
    target.run("create table parent (id int primary key);"
               "create table child (id int primary key, parent int not null references parent)")
    return target, case.topic("s.public.parent", 2), case.topic("s.public.child", 2)


def children_before_parents(case):
    """Other topics and partitions: children may come first, and wait."""
    target, parents, children = family(case)
    case.produce([child(children, i, i % 50, partition=i % 2, lsn=1000 + i) for i in range(400)])
    settings = case.settings(target, [children, parents], batch={"lanes": "2", "max-rows": "37"})
    process = case.start(settings)
    case.produce([parent(parents, i, partition=i % 2, lsn=i + 1) for i in range(50)])
    case.until_current(settings.with_({"": {"pipeline": case.id}}), "second")
    process.stop()
    check_equal(target.value("select count(*) from child"), 400, "children")
    check_equal(target.value("select count(*) from parent"), 50, "parents")
    check_settled(target)


def parents_leave_last(case):
    """A batch that removes parents and their children, in the order of a transaction."""
    target, parents, children = family(case)
    case.produce([parent(parents, 1), child(children, 1, 1)])
    settings = case.settings(target, [parents, children], batch={"lanes": "1"})
    case.until_current(settings)
    case.produce([parent(parents, 2, lsn=5), child(children, 1, 2, "u", lsn=6),
                  change(parents, "parent", "d", {"id": 1}, None, {"id": 1}, lsn=7),
                  tombstone(parents, {"id": 1}),
                  change(children, "child", "d", {"id": 1}, None, {"id": 1, "parent": 2}, lsn=8),
                  change(parents, "parent", "d", {"id": 2}, None, {"id": 2}, lsn=9)])
    case.until_current(settings)
    check_equal(target.value("select count(*) from child"), 0, "children")
    check_equal(target.value("select count(*) from parent"), 0, "parents")
    check_settled(target)


def swapped_unique_values(case):
    """Three rows pass a unique value around; every batch alone would break the constraint."""
    target = case.target()
    target.run("create table t (id int primary key, mail text unique)")
    topic = case.topic("s.public.t")

    def row(number, mail, op, lsn):
        return change(topic, "t", op, {"id": number}, {"id": number, "mail": mail}, lsn=lsn)
    case.produce([row(1, "a", "c", 1), row(2, "b", "c", 2), row(3, "c", "c", 3)])
    settings = case.settings(target, [topic])
    case.until_current(settings)
    case.produce([row(1, "x", "u", 4), row(2, "a", "u", 5), row(3, "b", "u", 6), row(1, "c", "u", 7)]
                 + [row(10 + i, f"m{i}", "c", 20 + i) for i in range(100)])
    case.until_current(settings)
    rows = rows_as_text(target, "t")
    check({"1 | c", "2 | a", "3 | b"} <= set(rows), f"rows {rows[:5]}")
    check_equal(len(rows), 103, "rows")
    check_settled(target)


def rows_without_a_key(case):
    """A multiset: equal rows, one of which goes; an update is both."""
    target = case.target()
    target.run("create table t (a int, b json)")
    topic = case.topic("s.public.t")

    def row(op, after, before=None, lsn=1):
        return change(topic, "t", op, None, after, before, lsn=lsn)
    one, two = {"a": 1, "b": '{"x": 1}'}, {"a": 2, "b": None}
    case.produce([row("c", one, lsn=1), row("c", one, lsn=2), row("c", two, lsn=3)])
    settings = case.settings(target, [topic])
    case.until_current(settings)
    case.produce([row("d", None, one, lsn=4), row("u", one, two, lsn=5), row("c", two, lsn=6),
                  row("d", None, two, lsn=7)])
    case.until_current(settings)
    check_equal(rows_as_text(target, "t"), ['1 | {"x": 1}', '1 | {"x": 1}'], "rows")
    case.produce([row("c", two, lsn=6), row("d", None, one, lsn=4), row("c", two, lsn=8)])
    case.until_current(settings)
    check_equal(len(rows_as_text(target, "t")), 3, "rows after a repetition")
    check_settled(target)


def truncate(case):
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("s.public.t")

    def row(number, lsn):
        return change(topic, "t", "c", {"id": number}, {"id": number, "v": "x"}, lsn=lsn)
    case.produce([row(1, 1), row(2, 2), change(topic, "t", "t", lsn=3), row(3, 4)])
    case.until_current(case.settings(target, [topic]))
    check_equal(rows_as_text(target, "t"), ["3 | x"], "rows")


def truncate_has_no_order_across_partitions(case):
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("s.public.t", 2)
    case.produce([change(topic, "t", "c", {"id": 1}, {"id": 1, "v": "x"}, lsn=1),
                  change(topic, "t", "t", lsn=2, partition=1)])
    settings = case.settings(target, [topic])
    ended = case.until_current(settings, code=65)
    stops = [e for e in ended.events() if e["event"] == "partition.stopped"]
    check_equal([e["partition"] for e in stops], [1], "partitions that stopped")
    case.until_current(settings.with_({"target": {"truncate": "false"}}))
    check_equal(rows_as_text(target, "t"), ["1 | x"], "rows")


def two_topics_into_one_table(case):
    target = case.target()
    topics = [case.topic(f"{name}.public.t") for name in ("one", "two")]
    process = Tidemark(case, case.settings(target, topics, target={"table": "${schema}.t"}),
                       command="check")
    ended = process.wait(30)
    check_equal(ended.code, 1, "exit code")
    check("public.t" in ended.output, f"says {ended.output[:200]}")


def main():
    suite = Suite(__doc__)
    suite.case("children that come before their parents wait", children_before_parents)
    suite.case("parents leave after their children", parents_leave_last)
    suite.case("unique values swapped between rows", swapped_unique_values)
    suite.case("rows without a key", rows_without_a_key)
    suite.case("truncate", truncate)
    suite.case("truncate in a topic of several partitions", truncate_has_no_order_across_partitions)
    suite.case("two topics into one table are refused", two_topics_into_one_table)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
