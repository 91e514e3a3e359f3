#!/usr/bin/python3
"""Whole records in, rows out: tests/golden/vectors/*.json, all in one pipeline.

A vector has
  shows         what it is about
  tables        {table: its columns}, made before; the first is the records' table
  fields        {column: Kafka Connect's schema}: the records have inline schemas; none: they have none
  steps         lists of records; tidemark runs until it is current after each
  rows          {table: what it then holds, as text}
  dead_letters  for each dead letter in its turn, something that its message says
A record has a key, partition, headers, table or topic where they are not the first, and one of
  op, before, after, lsn, snapshot, transaction    an envelope
  flat          a flattened row
  value         another value; null: a tombstone
  raw           the value's bytes
"""
import json
import sys

from harness import ROOT, Suite, change, check, check_equal, columns_of, quoted

VECTORS = ROOT / "tests" / "golden" / "vectors"


class Vector:
    def __init__(self, file):
        self.name = file.stem
        self.told = json.loads(file.read_text())
        self.tables = self.told["tables"]
        self.fields = self.told.get("fields")
        self.lsn = 100

    def topics(self, case):
        """{table or topic: topic}"""
        named = [r["topic"] for step in self.told["steps"] for r in step if "topic" in r]
        return {**{t: case.topic(f"{self.name}.public.{t}", 2) for t in self.tables},
                **{t: case.topic(f"{self.name}.{t}", 1) for t in named}}

    def struct(self, names, name, **more):
        fields = [{**self.fields[n], "field": n} for n in names]
        return {"type": "struct", "fields": fields, "name": name, **more}

    def with_schema(self, payload):
        rows = [self.struct(self.fields, "srv.Value", optional=True, field=field)
                for field in ("before", "after")]
        schema = {"type": "struct", "optional": False, "name": "srv.Envelope", "version": 2,
                  "fields": rows + [{"type": "string", "optional": False, "field": "op"}]}
        return {"schema": schema, "payload": payload}

    def record(self, told, topics):
        table = told.get("table", next(iter(self.tables)))
        self.lsn = told.get("lsn", self.lsn + 8)
        key = told.get("key")
        out = {"topic": topics[told.get("topic", table)], "partition": told.get("partition", 0),
               "headers": told.get("headers", []), "key": text(key)}
        if "raw" in told:
            return {**out, "value": told["raw"]}
        if "flat" in told or "value" in told:
            return {**out, "value": text(told.get("flat", told.get("value")))}
        made = change(out["topic"], table, told["op"], key, told.get("after"), told.get("before"),
                      lsn=self.lsn)
        value = json.loads(made["value"])
        value["transaction"] = told.get("transaction")
        value["source"]["snapshot"] = told.get("snapshot", value["source"]["snapshot"])
        if self.fields:
            value = self.with_schema(value)
            out["key"] = text({"schema": self.struct(key, "srv.Key"), "payload": key})
        return {**out, "value": text(value)}


def text(value):
    return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def rows_as_text(database, table):
    """All rows, each a line of its columns' text, in the order of the text."""
    parts = ", ".join(f"coalesce({quoted(c)}::text, '\\N')" for c in columns_of(database, table))
    return [line for (line,) in database.run(
        f"select concat_ws(' | ', {parts}) from {table} order by 1")]


def run_steps(case, vectors, topics, settings):
    for number in range(max(len(v.told["steps"]) for v in vectors)):
        for vector in vectors:
            steps = vector.told["steps"]
            if number < len(steps):
                case.produce([vector.record(told, topics[vector.name]) for told in steps[number]])
        case.until_current(settings, f"step {number}")


def check_dead_letters(target, vectors, topics):
    wanted = []
    for vector in vectors:
        streams = set(topics[vector.name].values())
        got = [message for stream, message in target.run(
            "select stream, message from tidemark.dead_letters order by id") if stream in streams]
        told = vector.told.get("dead_letters", [])
        check_equal(len(got), len(told), f"{vector.name}: dead letters {got}")
        for message, part in zip(got, told):
            check(part in message, f"{vector.name}: the dead letter says {message!r}")
        wanted += told
    check_equal(target.value("select count(*) from tidemark.dead_letters"), len(wanted),
                "dead letters of all")


def all_vectors(case, **batch):
    vectors = [Vector(file) for file in sorted(VECTORS.glob("*.json"))]
    check_equal([v.name for v in vectors], [f"vector-{n:02}" for n in range(1, 21)], "vectors")
    target = case.target()
    for vector in vectors:
        for table, columns in vector.tables.items():
            target.run(f"create table public.{table} ({columns})")
    topics = {v.name: v.topics(case) for v in vectors}
    settings = case.settings(target, [t for ts in topics.values() for t in ts.values()],
                             errors={"on-bad-record": "dead-letter", "dead-letter-max-rate": "100%"},
                             batch=batch)
    run_steps(case, vectors, topics, settings)
    check_dead_letters(target, vectors, topics)
    for vector in vectors:
        for table, rows in vector.told["rows"].items():
            check_equal(rows_as_text(target, f"public.{table}"), rows, f"{vector.name}: {table}")


def main():
    suite = Suite(__doc__)
    suite.case("all vectors", all_vectors)
    suite.case("all vectors, a row a batch", lambda case: all_vectors(case, **{"max-rows": 1}))
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
