#!/usr/bin/python3
"""`tidemark plan` against real servers: what it says is what `run` then does, and it does nothing.

Each case plans, looks that nothing was written anywhere (no table, no schema, no consumer group),
runs, and compares the statements that the log says were executed with those that were planned.
"""
import json
import sys

from harness import (FIXTURES, Suite, change, check, check_equal, user_tables)

SCHEMAS = "select nspname from pg_namespace where nspname !~ '^pg_' order by 1"


def plan(case, settings, *arguments, code=0, name="plan"):
    ended = case.start(settings, name, ["-o", "json", *arguments], command="plan").wait(60)
    check_equal(ended.code, code, f"exit code of plan ({ended.output[:300]} {ended.log[:300]})")
    return json.loads(ended.output)


def table_of(answer, source):
    return next(table for table in answer["result"]["tables"] if table["source"] == source)


def executed(ended):
    """The DDL that `run` says it has executed, in its order."""
    seen = []
    for event in ended.events():
        for statement in event.get("ddl", "").splitlines():
            statement = statement.rstrip(";")
            if statement and not statement.startswith("CREATE SCHEMA") and statement not in seen:
                seen.append(statement)
    return seen


def fixture_topics(case, name):
    topics = {}
    records = []
    with open(FIXTURES / name / "events.ndjson", encoding="utf-8") as file:
        for event in map(json.loads, file):
            if event["topic"] not in topics:
                topics[event["topic"]] = case.topic(event["topic"])
            records.append({**event, "topic": topics[event["topic"]]})
    case.produce(records)
    return list(topics.values())


def as_planned(case, fixture):
    """The statements are those that run executes; before it nothing is there, after it nothing is left
    to do."""
    target = case.target()
    topics = fixture_topics(case, fixture)
    settings = case.settings(target, topics)
    schemas = target.run(SCHEMAS)
    answer = plan(case, settings)
    check(answer["ok"], f"not ok: {answer['summary']}")
    check_equal(target.run(SCHEMAS), schemas, "schemas after plan")
    check_equal(user_tables(target), [], "tables after plan")
    check_equal(case.kafka.committed(f"tidemark-{case.id}", topics), {}, "group offsets after plan")
    tables = answer["result"]["tables"]
    check(tables and all(table["action"] == "create" for table in tables), "tables to be created")
    planned = {statement for table in tables for statement in table["ddl"]
               if not statement.startswith("CREATE SCHEMA")}
    ran = executed(case.until_current(settings))
    check_equal(sorted(ran), sorted(planned), "the DDL that was executed")
    # From the pipeline's positions on there is nothing to read.
    check_equal(plan(case, settings)["result"]["tables"], [], "tables of a plan after the run")
    # And another pipeline would find everything as it should be.
    other = settings.with_({"": {"pipeline": f"{case.id}_other"}})
    for table in plan(case, other)["result"]["tables"]:
        check_equal(table["ddl"], [], f"DDL for {table['source']} after the run")
        check_equal(table["action"], "none", f"action for {table['source']} after the run")


def sample_bounds(case):
    """So many records of each partition and no more, from both of its ends."""
    target = case.target()
    topic = case.topic("s.public.t", 2)
    case.produce([change(topic, "t", "c", {"id": i}, {"id": i, "v": "x"}, lsn=i + 1, partition=i % 2)
                  for i in range(400)])
    target.run("create table t (id int primary key, v text)")
    answer = plan(case, case.settings(target, [topic]), "--sample", "5")
    check_equal([(p["records"], p["begin"], p["end"], p["complete"])
                 for p in answer["result"]["sample"]], [(5, 0, 200, True)] * 2, "the sample")
    check_equal(table_of(answer, "public.t")["records"], {"c": 10}, "records")
    target.run("alter table t add column more text")
    answer = plan(case, case.settings(target, [topic]), "--sample", "1000")
    check_equal(table_of(answer, "public.t")["records"], {"c": 400}, "all records")


def findings(case):
    """A bad record, a column that is missing, a column that the target generates."""
    target = case.target()
    target.run("create table t (id int generated always as identity primary key, v int, "
               "twice int generated always as (v * 2) stored)")
    topic = case.topic("s.public.t")
    rows = [{"id": 1, "v": 1, "twice": 2}, {"id": 2, "v": "none", "twice": 0}]
    case.produce([change(topic, "t", "c", {"id": row["id"]}, row, lsn=row["id"]) for row in rows])
    settings = case.settings(target, [topic])
    answer = plan(case, settings, code=65)
    bad = answer["result"]["bad"]
    check_equal([(b["topic"], b["partition"], b["offset"], b["table"], b["stops_partition"])
                 for b in bad], [(topic, 0, 1, "public.t", True)], "bad records")
    check("public.t.v" in bad[0]["message"] and bad[0]["hint"] is not None, f"message: {bad[0]}")
    columns = {c["name"]: c for c in table_of(answer, "public.t")["columns"]}
    check_equal(columns["twice"]["fate"], "generated", "fate of the generated column")
    check(columns["id"]["identity_always"], "identity is not mentioned")
    answer = plan(case, settings.with_({"errors": {"on-bad-record": "dead-letter"}}))
    check_equal(len(answer["result"]["bad"]), 1, "bad records with dead letters")
    # No common type: nothing that could be run.
    text = case.start(settings, "text", ["-v"], command="plan").wait(30)
    check_equal(text.code, 65, "exit code of the text")
    check("GENERATED ALWAYS AS IDENTITY" in text.output and "MERGE INTO" in text.output,
          f"text: {text.output}")


def unreachable(case):
    target = case.target()
    topic = case.topic("s.public.t")
    settings = case.settings(target, [topic])
    away = settings.with_({"kafka": {"bootstrap.servers": "127.0.0.1:1"}})
    check(not plan(case, away, code=69)["ok"], "ok without Kafka")
    away = settings.with_({"target": {"dsn": "host=127.0.0.1 port=1 dbname=x"}})
    check(not plan(case, away, code=69)["ok"], "ok without a target")
    plan(case, settings.with_({"target": {"schema-evolution": "sometimes"}}), code=78)
    answer = plan(case, settings)
    check_equal(answer["result"]["tables"], [], "tables of an empty topic")


def check_learns(case):
    """`check` judges tables by what records say of them, not by their topics' names."""
    target = case.target()
    target.run("create table t (id int generated always as identity, twice int generated always as "
               "(1) stored, other int generated always as (2) stored); "
               "create table u (id int, tenant int, primary key (id, tenant))")
    topics = [case.topic("routed.some.name"), case.topic("routed.other.name"), case.topic("a.b.c")]
    case.produce([
        change(topics[0], "t", "c", {"id": 1}, {"id": 1, "twice": 2}, lsn=1),
        change(topics[1], "u", "c", {"id": 1}, {"id": 1, "tenant": 2}, lsn=1),
        {"topic": topics[2], "key": None, "value": "{not JSON"}])

    def found(settings, code):
        ended = case.start(settings, "check", ["-o", "json"], command="check").wait(60)
        check_equal(ended.code, code, f"exit code of check: {ended.output[:500]}")
        return [(i["code"], i["text"]) for i in json.loads(ended.output)["result"]["items"]
                if i["status"] != "passed" and i["group"] in ("Tables", "Data")]
    items = found(case.settings(target, topics), 0)
    for code, text in (("identity", "public.t.id is GENERATED ALWAYS"),
                       ("generated", "public.t.twice is generated"),
                       ("key", "public.t has no unique index for its key (\"id\")"),
                       ("key", "public.u has no unique index for its key (\"id\")"),
                       ("record", f"{topics[2]}[0]@0")):
        check(any(c == code and text in t for c, t in items), f"check does not say {text}: {items}")
    check(not any("public.t.other" in text for _, text in items), "a column that is not sent is judged")
    check_equal(case.kafka.committed(f"tidemark-{case.id}", topics), {}, "group offsets after check")
    # Two of the source's tables in one of the target: only the records tell.
    case.produce([change(topics[2], "t", "c", {"id": 2}, {"id": 2}, schema="elsewhere", lsn=1)])
    items = found(case.settings(target, topics, target={"table": "public.${table}"}), 1)
    check(any(code == "order" and topics[0] in text and topics[2] in text for code, text in items) or
          any("both lead to public.t" in text for _, text in items), f"the meeting is not told: {items}")


def main():
    suite = Suite(__doc__)
    for fixture in ("pg-types", "pg-evolution", "pg-names"):
        suite.case(f"as planned, {fixture}", as_planned, fixture)
    suite.case("the sample's bounds", sample_bounds)
    suite.case("bad records and generated columns", findings)
    suite.case("check learns from records", check_learns)
    suite.case("servers that are away", unreachable)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
