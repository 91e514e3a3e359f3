#!/usr/bin/python3
"""Captures fixtures anew from MariaDB: tests/integration/capture_mariadb.py [--build DIR] NAME...

A folder tests/fixtures/NAME has
  source.sql      the source's tables, run first, in the database "fixture"
  rows.sql        what is there for the snapshot
  changes.sql     what happens while Debezium streams
  target.sql      the tables as somebody would make them in PostgreSQL
  given.sql       of these, those that tidemark cannot make, since the records do not tell the type
  scenario.json   "connector": its settings; "of": the folder with the files above, if it is another;
                  "without": tables that are not captured; "losses": {TABLE: {COLUMN: SQL}}, what
                  becomes of a column where the connector's settings lose something
and gets events.ndjson, the records of all topics (with the schema-change topic, which is the prefix)
one after the other, and expected/fixture.TABLE.csv: MariaDB's own rows at the end, read by PostgreSQL
into target.sql's types. How a value of MariaDB's is written for PostgreSQL:
  binary, blob     its bytes, \\x and hexadecimal
  bit(n)           n digits; into boolean: true for 1
  float            as the double that it is exactly, since MariaDB prints six digits
  geometry         its WKB, with the SRID inside (EWKB) if it is not 0
  zero dates       null; 1970-01-01 in a column that is not null: so Debezium sends them
  timestamp        in UTC
  all else         MariaDB's text
Servers are those of `scripts/stack --with mariadb`.
"""
import argparse
import json
import struct
import sys

from harness import FIXTURES, Database, Kafka, Stack, check, quoted, wait_until
from mariadb import MariaDb, MariaDbConnector, text_of

NAME = "fixture"
WKB_SRID = 0x20000000


def write_events(kafka, topics, file):
    with open(file, "w", encoding="utf-8") as out:
        for record in kafka.dump(topics):
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def written(value, target_type, source_type, not_null):
    """A value of MariaDB's as PostgreSQL reads it."""
    if value is None:
        return None
    if source_type in ("point", "linestring", "polygon", "geometry", "geometrycollection"):
        return "\\x" + ewkb(value).hex()
    if source_type == "bit":
        number = int.from_bytes(value, "big")
        length = target_type.removeprefix("bit(").removesuffix(")")
        return "ft"[number] if target_type == "boolean" else f"{number:0{length}b}"
    if target_type == "bytea":
        return "\\x" + (value if isinstance(value, bytes) else value.encode()).hex()
    text = text_of(value)
    if source_type in ("date", "datetime", "timestamp") and "-00" in text[:10]:
        return "1970-01-01" if not_null else None
    return text + "+00" if source_type == "timestamp" else text


def ewkb(value):
    """MariaDB keeps the SRID in front of the WKB."""
    srid, order, kind = struct.unpack("<IBI", value[:9])
    check(order == 1, "WKB in another byte order")
    return value[4:] if srid == 0 else struct.pack("<BII", 1, kind | WKB_SRID, srid) + value[9:]


def copy_rows(source, target, table, losses):
    """MariaDB's rows into the table of target.sql; columns that only one of them has are left out."""
    of_source = {name: (kind, null == "NO") for name, kind, null in source.run(
        "select column_name, data_type, is_nullable from information_schema.columns where "
        f"table_schema = '{NAME}' and table_name = '{table}' order by ordinal_position")}
    of_target = dict(target.run(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute where attnum > 0 and "
        "attrelid = %s::regclass", (f"{NAME}.{table}",)))
    for name in set(of_source) - set(of_target):  # it came by ALTER
        target.run(f"alter table {NAME}.{table} add {quoted(name)} text")
        of_target[name] = "text"
    for name, kind in of_target.items():  # or an ALTER has widened it
        if kind.startswith("character varying"):
            target.run(f"alter table {NAME}.{table} alter {quoted(name)} type text")
    columns = [losses.get(name, f"cast({name} as double)" if kind == "float" else f"`{name}`")
               for name, (kind, _) in of_source.items()]
    marks = ", ".join("%s" for _ in columns)
    for row in source.run(f"select {', '.join(columns)} from `{table}`"):
        values = [written(value, of_target[name], kind, not_null)
                  for value, (name, (kind, not_null)) in zip(row, of_source.items())]
        target.run(f"insert into {NAME}.{table} ({', '.join(map(quoted, of_source))}) "
                   f"values ({marks})", values)
    return ", ".join(map(quoted, of_source))


def write_expected(source, target, folder, tables, losses):
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for table in tables:
        columns = copy_rows(source, target, table, losses.get(table, {}))
        rows = target.copy_out(f"select {columns} from {NAME}.{table} order by 1, 2")
        (folder / f"{NAME}.{table}.csv").write_text("\n".join(rows) + "\n")


def capture(stack, kafka, name):
    folder = FIXTURES / name
    scenario = json.loads((folder / "scenario.json").read_text())
    files = FIXTURES / scenario.get("of", name)
    source = MariaDb(NAME)
    target = Database(stack.target_dsn, f"capture {name}")
    connector = None
    try:
        source.run((files / "source.sql").read_text() + (files / "rows.sql").read_text())
        connector = MariaDbConnector(stack, kafka, name, source, **scenario["connector"])
        connector.wait_streaming()
        source.run((files / "changes.sql").read_text())
        connector.wait_caught_up()
        target.run((files / "target.sql").read_text())
        tables = [table for table, in target.run(
            "select tablename from pg_tables where schemaname = %s order by 1", (NAME,))
            if table not in scenario.get("without", ())]
        topics = [name] + [f"{name}.{NAME}.{table}" for table in tables]
        wait_until(lambda: all(kafka.ends(topics).values()), 30, "every topic has records")
        if scenario["connector"].get("provide.transaction.metadata"):
            topics += [f"{name}.transaction", f"__debezium-heartbeat.{name}"]
        write_events(kafka, topics, folder / "events.ndjson")
        write_expected(source, target, folder / "expected", tables, scenario.get("losses", {}))
        connector.delete()
        connector = None
        kafka.delete(topics + [f"{name}.{NAME}.caught_up"])
    finally:
        if connector:
            connector.delete()
        source.drop()
        target.drop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/asan-ubsan")
    parser.add_argument("names", nargs="+", metavar="NAME")
    options = parser.parse_args()
    stack = Stack.of_environment()
    for name in options.names:
        capture(stack, Kafka(stack.kafka, options.build), name)
        print(f"captured {name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
