#!/usr/bin/python3
"""Names: anything that Debezium can emit arrives as it is, or is refused with its place and what to do.

Nothing is cut to PostgreSQL's 63 bytes, nothing is folded, and two tables of the source never meet in
one of the target unless both are sent there by name.
"""
import json
import sys

from harness import (Suite, change, check, check_equal, check_settled, positions, quoted, short,
                     user_tables)

ODD = ["with space", 'quo"te', "dot.in.name", "$dollar", "{braces}", "${schema}", "select", "Ümläut",
       "日本語", "_u0020", "1digit", "trailing ", "semi;colon", "back\\slash", "per%cent", "tab\there",
       "a'b", "x" * 63, "é" * 31]


def stopped(ended):
    """{topic: what the log says about its stop}"""
    return {e["topic"]: f"{e['msg']} {e.get('hint', '')}" for e in ended.events()
            if e["event"] == "partition.stopped"}


def check_says(text, words):
    for word in words:
        check(word in text, f"{word!r} is not said: {short(text, 600)}")


def odd_names(case, infer):
    """Tables, schemas and columns of such names, made by tidemark or there already."""
    target = case.target()
    topic = case.topic("odd")
    records, lsn = [], 0
    for number, name in enumerate(ODD):
        schema = ODD[(number + 1) % len(ODD)]
        lsn += 10
        row = {"id": number, **{column: f"{name}/{column}" for column in ODD}}
        records.append(change(topic, name, "c", {"id": number}, row, schema=schema, lsn=lsn))
        records.append(change(topic, name, "u", {"id": number}, {**row, name: "new"}, schema=schema,
                              lsn=lsn + 5))
        if not infer:
            columns = ", ".join(f"{quoted(column)} text" for column in ODD)
            target.run(f"create schema {quoted(schema)}")
            target.run(f"create table {quoted(schema)}.{quoted(name)} (id int primary key, {columns})")
    case.produce(records)
    settings = case.settings(target, [topic], target={"schema-inference": str(infer).lower()})
    case.until_current(settings)
    for number, name in enumerate(ODD):
        schema = ODD[(number + 1) % len(ODD)]
        rows = target.run(f"select * from {quoted(schema)}.{quoted(name)}")
        wanted = ["new" if column == name else f"{name}/{column}" for column in ODD]
        check_equal([list(row)[1:] for row in rows], [wanted], f"row of {schema}.{name}")
    check_equal(len(user_tables(target)), len(ODD), "tables")
    check_settled(target)


def impossible_tables(case, policy):
    """44, 46: names that no table can have stop their topic, whatever the policy; two that would be one
    after a cut, both."""
    target = case.target()
    long = "t" * 63
    names = {"empty": "", "zero": "ze\0ro", "long": long + "x", "longer": long + "y",
             "system": ("pg_x", "t"), "own": ("tidemark", "t")}
    topics, words = {}, {
        "empty": ["names no table"], "zero": ["zero byte"], "long": ["more than 63 bytes", long + "x"],
        "longer": ["more than 63 bytes", long + "y"], "system": ["schema of PostgreSQL itself"],
        "own": ["tidemark's own tables"]}
    for kind, name in names.items():
        schema, table = name if isinstance(name, tuple) else ("public", name)
        topics[kind] = case.topic(kind)
        case.produce([change(topics[kind], table, "c", {"id": 1}, {"id": 1}, schema=schema, lsn=1)])
    settings = case.settings(target, topics.values(), target={"schema-inference": "true"},
                             errors={"on-bad-record": policy})
    said = stopped(case.until_current(settings, code=65))
    for kind in ("zero", "long", "longer", "system", "own"):
        check_says(said.get(topics[kind], ""), words[kind] + ["set [target] table, or target"])
    letters = dict(target.run("select stream, message from tidemark.dead_letters"))
    of_policy = letters if policy == "dead-letter" else said
    check_equal(set(letters), {topics["empty"]} if policy == "dead-letter" else set(), "dead letters")
    check_says(of_policy.get(topics["empty"], ""), words["empty"])
    check_equal(user_tables(target), [], "tables")
    reached = {stream for (stream, _), mark in positions(target, case.id).items() if mark > 0}
    check_equal(reached, set(letters), "topics that something was passed in")


def impossible_columns(case):
    """A column's name is refused with field and table; without it the rest of the row is written."""
    target = case.target()
    long = "c" * 63
    columns = ["", "ze\0ro", long + "x", long + "y"]
    topics = [case.topic(f"c{number}") for number in range(len(columns))]
    target.run("create table t (id int primary key)")
    for number, (topic, name) in enumerate(zip(topics, columns)):
        case.produce([change(topic, f"t{number}", "c", {"id": 1}, {"id": 1, name: "x", "v": "y"}, lsn=1)])
    settings = case.settings(target, topics, target={"schema-inference": "true"})
    said = stopped(case.until_current(settings, code=65))
    for number, topic in enumerate(topics):
        check_says(said.get(topic, ""), ["cannot be the name of a column: PostgreSQL takes 1 to 63 bytes",
                                         f"add it to columns-exclude in [table.public.t{number}]"])
    for number in (2, 3):
        check_says(said[topics[number]], [f'the field "{columns[number]}"'])
    # As dead letters they can be stored, whatever their names hold.
    case.until_current(settings.with_({"errors": {"on-bad-record": "dead-letter"}}))
    check_equal(target.value("select count(*) from tidemark.dead_letters"), len(columns), "dead letters")
    other = {f"table.public.t{n}": {"columns-exclude": columns[n]} for n in (2, 3)}
    again = settings.with_({"": {"pipeline": f"{case.id}_again"}, "source": {"topics": topics[2:]},
                            **other})
    case.until_current(again)
    check_equal(target.run("select id::int, v from t2 union all select id::int, v from t3"),
                [(1, "y"), (1, "y")], "rows without the columns")


def case_matters(case):
    """45: PostgreSQL folds what is not quoted; tidemark quotes everything."""
    target = case.target()
    topics = [case.topic(name) for name in ("upper", "lower")]
    for topic, table in zip(topics, ("Orders", "orders")):
        case.produce([change(topic, table, "c", {"Id": 1, "id": 2}, {"Id": 1, "id": 2, "V": table},
                             lsn=1)])
    settings = case.settings(target, topics, target={"schema-inference": "true"})
    case.until_current(settings)
    for table in ("Orders", "orders"):
        check_equal(target.run(f'select "Id"::int, id::int, "V" from "{table}"'), [(1, 2, table)], table)


def collapse(case, policy):
    """47: two tables of the source that the template sends into one: both are refused, by their names."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topics = [case.topic(f"{schema}.t") for schema in ("east", "west")]

    def records(first):
        return [change(topic, "t", "c", {"id": i}, {"id": i, "v": topic}, schema=schema, lsn=i)
                for topic, schema in zip(topics, ("east", "west")) for i in range(first, first + 3)]
    case.produce(records(1))
    settings = case.settings(target, topics, target={"table": "public.${table}"},
                             errors={"on-bad-record": policy})
    refused_at_start(case, settings, [*topics, "both lead to public.t", "between topics there is no order",
                                      "put ${topic} into [target] table"])
    check_equal(target.value("select to_regclass('tidemark.pipeline_watermarks')"), None, "state")
    # By a pattern too, which only the broker can say the topics of.
    pattern = settings.with_({"source": {"topics": [], "topics-regex": f"{case.id}[.](east|west)[.]t"}})
    refused_at_start(case, pattern, ["both lead to public.t"])
    # Asked for by name it is done.
    case.produce(records(10))
    named = settings.with_({"table.east.t": {"target": "public.t"}, "table.west.t": {"target": "public.t"},
                            "": {"pipeline": f"{case.id}_named"}})
    case.until_current(named)
    check_equal(target.value("select count(*) from t"), 6, "rows")


def refused_at_start(case, settings, words):
    ended = case.until_current(settings, code=78)
    check_says(json.dumps(ended.summary()), words)


def collapse_behind_routers(case, policy):
    """47: what the topics' names do not show is found at the second table's first record: both stop."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topics = [case.topic(name) for name in ("one", "two")]

    def produce(first):
        case.produce([change(topic, "t", "c", {"id": i}, {"id": i, "v": topic}, schema=schema, lsn=i)
                      for topic, schema in zip(topics, ("east", "west")) for i in range(first, first + 3)])
    produce(1)
    settings = case.settings(target, topics, target={"table": "public.${table}"},
                             errors={"on-bad-record": policy})
    said = stopped(case.until_current(settings, code=65))
    check(said, "no partition stopped")
    for text in said.values():
        check_says(text, [f"east.t of the topic {topics[0]}", f"west.t of the topic {topics[1]}",
                          "both lead to public.t", "put ${schema} or ${topic} into [target] table"])
    # Whoever came first comes no further either.
    produce(10)
    case.until_current(settings, code=65)
    check(len({v for (v,) in target.run("select v from t")}) <= 1, "rows of both topics in one table")
    check_equal(target.value("select count(*) from tidemark.dead_letters"), 0, "dead letters")


def names_alone_refuse_nothing(case):
    """Topics that a router has named alike: their records say that they are of different tables."""
    target = case.target()
    topics = [case.topic(f"{name}.public.t") for name in ("a", "b")]
    case.produce([change(topic, table, "c", {"id": 1}, {"id": 1}, lsn=1)
                  for topic, table in zip(topics, ("one", "two"))])
    settings = case.settings(target, topics, target={"schema-inference": "true"})
    case.until_current(settings)
    check_equal(user_tables(target), [("public", "one"), ("public", "two")], "tables")
    # Nothing in them yet: the names are all there is.
    empty = [case.topic(f"{name}.public.u") for name in ("a", "b")]
    refused_at_start(case, settings.with_({"source": {"topics": empty}}),
                     [*empty, "both lead to public.u"])
    long = case.topic("s.public." + "t" * 64)
    refused_at_start(case, settings.with_({"source": {"topics": [long]}}), ["more than 63 bytes"])


def collapse_in_one_topic(case):
    """A router has put two tables into one topic: ${topic} says that they are one, a fixed name not."""
    target = case.target()
    topic = case.topic("routed")
    case.produce([change(topic, table, "c", {"id": number}, {"id": number}, lsn=number)
                  for number, table in enumerate(("orders_1", "orders_2"), 1)])
    settings = case.settings(target, [topic], target={"table": "public.all", "schema-inference": "true"})
    check_says("".join(stopped(case.until_current(settings, code=65)).values()),
               ["public.orders_1", "public.orders_2", "both lead to public.all"])
    by_topic = settings.with_({"": {"pipeline": f"{case.id}_by_topic"},
                               "target": {"table": "public.t_${topic}"}})
    check(topic.count(".") == 1, "the topic's name has a dot")
    target.run(f'create table public."t_{topic}" (id int primary key)')
    case.until_current(by_topic)
    check_equal(target.run(f'select id from "t_{topic}" order by 1'), [(1,), (2,)], "rows")


def main():
    suite = Suite(__doc__)
    suite.case("odd names, tables that are there", odd_names, False)
    suite.case("odd names, tables made", odd_names, True)
    for policy in "stop", "dead-letter":
        suite.case(f"44 46 tables that cannot be, {policy}", impossible_tables, policy)
        suite.case(f"47 two tables into one, {policy}", collapse, policy)
        suite.case(f"47 two tables into one, behind routers, {policy}", collapse_behind_routers, policy)
    suite.case("columns that cannot be", impossible_columns)
    suite.case("45 case matters", case_matters)
    suite.case("topics of one name", names_alone_refuse_nothing)
    suite.case("two tables of a topic into one", collapse_in_one_topic)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
