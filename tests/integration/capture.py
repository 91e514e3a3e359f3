#!/usr/bin/python3
"""Captures fixtures anew from a real Debezium: tests/integration/capture.py [--build DIR] NAME...

A folder tests/fixtures/NAME has
  source.sql      the source's tables, run first
  rows.sql        what is there for the snapshot
  changes.sql     what happens while Debezium streams
  scenario.json   "common": settings of every connector; "connectors": {TABLE: its settings}, one
                  connector for each table; "losses": {TABLE or "*": {COLUMN: SQL}}, what becomes
                  of a column where Debezium with these settings loses something; "tidemark" and
                  "created" are fixtures_test.py's, "stack" says what it takes. ${registry} is the
                  address of Apicurio's own API
and gets events.ndjson, the records of all topics one after the other, registry.json, the schemas that
were registered for them, and expected/*.csv, the source's rows at the end with the named losses.
Servers are those of `scripts/stack env`.
"""
import argparse
import json
import sys
import urllib.request

import converters
from harness import (FIXTURES, Connector, Database, Kafka, Stack, check, csv_header, quoted,
                     wait_until)


def write_events(kafka, topics, file):
    with open(file, "w", encoding="utf-8") as out:
        for record in kafka.dump(topics):
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def write_registry(topics, file):
    """The schemas of the topics' subjects, by id."""
    def get(path):
        with urllib.request.urlopen(converters.REGISTRY + path, timeout=10) as answer:
            return json.load(answer)
    schemas = {}
    for subject in get("/subjects"):
        if not subject.startswith(tuple(topics)):
            continue
        for version in get(f"/subjects/{subject}/versions"):
            found = get(f"/subjects/{subject}/versions/{version}")
            schemas[found["id"]] = found["schema"]
    if schemas:
        file.write_text(json.dumps(schemas) + "\n")


def write_expected(database, folder, table, losses):
    header = csv_header("\n".join(database.copy_out(f"select * from {quoted(table)} limit 0")) + "\n")
    check(set(losses) <= set(header), f"{table}: there is no column {set(losses) - set(header)}")
    columns = ", ".join(f"{losses.get(name, quoted(name))} as {quoted(name)}" for name in header)
    rows = database.copy_out(f"select {columns} from {quoted(table)} order by 1")
    folder.mkdir(exist_ok=True)
    (folder / f"public.{table}.csv").write_text("\n".join(rows) + "\n")


def capture(stack, kafka, name):
    folder = FIXTURES / name
    scenario = json.loads((folder / "scenario.json").read_text())
    losses = scenario.get("losses", {})
    database = Database(stack.source_dsn, f"capture {name}")
    connectors = []
    try:
        database.run((folder / "source.sql").read_text())
        database.run((folder / "rows.sql").read_text())
        for table, settings in scenario["connectors"].items():
            settings = {key: value.replace("${registry}", converters.own_api())
                        for key, value in settings.items()}
            connectors.append(Connector(
                stack, f"{name}-{table.replace('_', '-')}", database,
                **{"table.include.list": f"public.{table}", "publication.autocreate.mode": "filtered",
                   **scenario.get("common", {}), **settings}))
        for connector in connectors:
            connector.wait_streaming()
        database.run((folder / "changes.sql").read_text())
        for connector in connectors:
            connector.wait_caught_up()
        topics = [f"{connector.name}.public.{table}"
                  for connector, table in zip(connectors, scenario["connectors"])]
        wait_until(lambda: all(kafka.ends(topics).values()), 30, "every topic has records")
        write_events(kafka, topics, folder / "events.ndjson")
        if converters.REGISTRY:
            write_registry(topics, folder / "registry.json")
        kafka.delete(topics)
        for table in scenario["connectors"]:
            write_expected(database, folder / "expected", table,
                           {**losses.get("*", {}), **losses.get(table, {})})
    finally:
        for connector in connectors:
            connector.delete()
        database.drop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/asan-ubsan")
    parser.add_argument("names", nargs="+", metavar="NAME")
    options = parser.parse_args()
    stack = Stack.of_environment()
    for name in options.names:
        capture(stack, Kafka(stack.kafka, options.build), name)
        print(f"captured {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
