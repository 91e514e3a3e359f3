#!/usr/bin/python3
"""Every captured stream of tests/fixtures, replayed into a real Kafka and applied by tidemark.

Each must result in the rows of its expected/*.csv:
  tables    into tables made from the fixture's source.sql, or target.sql where the source is not
            PostgreSQL; equal as text
  created   into an empty database, where tidemark makes schemas and tables (only with inline
            schemas); equal after a cast to the source's types
and however it is cut: in batches of one row, by several lanes, or in many runs that each find a
little more in Kafka. After each: running again changes nothing (not even a row's version), nor does
a new group; nothing waits in key_changes; Kafka's group offsets are the positions; every record is
counted once.
"""
import copy
import json
import random
import sys
from collections import Counter, defaultdict

from harness import (FIXTURES, Suite, check, check_equal, check_settled, columns_of, csv_header,
                     first_difference, position_rows, positions, quoted, row_versions, split_csv,
                     stops_of)
from registry_server import RegistryServer

EXTENSIONS = "hstore", "ltree", "citext"
# Of each mode of Debezium's a table, with settings of its own; and what takes an extension.
MODES = ("pg-modes", "pg-modes-schemaless", "pg-geometry", "pg-cloudevents",
         "pg-cloudevents-schemaless")
WITH_SCHEMAS = ("pg-types", "pg-changes", "pg-changes-avro", "pg-evolution", "pg-names", "mariadb-types",
                "mariadb-changes")
ALL = WITH_SCHEMAS + ("pg-types-schemaless", "pg-changes-partitioned", "pg-flattened-rewrite",
                      "mariadb-types-schemaless")
CUT = "pg-changes", "pg-changes-avro", "pg-changes-partitioned"  # where batches begin and end matters
IN_AVRO = "pg-types", "mariadb-types", "pg-geometry"
TWO_COLUMNS = '"pair"', '"binary_key"'  # tables whose key has so many
# Records of a key that comes by two partitions have no order, nor have those without a key.
PARTITIONED = {"pg-changes-partitioned": 4}


class Fixture:
    def __init__(self, name):
        self.name = name
        self.folder = FIXTURES / name
        scenario = json.loads((self.folder / "scenario.json").read_text())
        made = FIXTURES / scenario.get("of", name)
        self.settings = scenario.get("tidemark", {})
        file = self.folder / "registry.json"  # schemas by id, where the records have no others
        self.schemas = ({int(number): text for number, text in json.loads(file.read_text()).items()}
                        if file.exists() else None)
        # What tidemark cannot make as it must be: types that the records do not tell.
        self.given_sql = (made / "given.sql").read_text() if (made / "given.sql").exists() else ""
        file = made / "target.sql"
        self.source_sql = (file if file.exists() else made / "source.sql").read_text()
        with open(self.folder / "events.ndjson", encoding="utf-8") as file:
            self.events = [json.loads(line) for line in file]
        self.scenario = scenario
        self.expected = {}  # quoted table: CSV text
        for file in sorted((self.folder / "expected").glob("*.csv")):
            schema, table = file.stem.split(".", 1)
            self.expected[f"{quoted(schema)}.{quoted(table)}"] = file.read_text()

    def partitions(self):
        """How many each topic had."""
        out = defaultdict(int)
        for event in self.events:
            needed = max(event["partition"] + 1, PARTITIONED.get(self.name, 1))
            out[event["topic"]] = max(out[event["topic"]], needed)
        return out

    def created_as(self, table):
        """Columns that tidemark creates of another type than the source's: how they become that."""
        return self.scenario.get("created", {}).get(table.split(".")[1].strip('"'), {})

    def target_settings(self):
        return {"truncate": "false"} if self.name in PARTITIONED else {}


# Flattening loses the row before an update, which a table without a key needs: its partition stops.
STOPPING = {"pg-flattened-rewrite": "public.keyless"}


class Replay:
    """A fixture in topics of its own, and a target. `cut`: the partitions' order against each other
    is not Debezium's, so a child's parent may be gone before the child comes: no foreign keys."""

    def __init__(self, case, fixture, with_tables, cut=False, **settings):
        self.case, self.fixture = case, fixture
        self.target = case.target()
        if with_tables:
            make_source_tables(self.target, fixture)
        elif fixture.given_sql:
            self.target.run(fixture.given_sql)
        if with_tables and cut and " references " in fixture.source_sql:
            self.target.run("alter table child drop constraint child_parent_id_fkey")
        self.topics = {name: case.topic(name, count)
                       for name, count in fixture.partitions().items()}
        if fixture.schemas:
            settings["source"] = {"registry-url": RegistryServer(case, dict(fixture.schemas)).url}
        self.settings = case.settings(self.target, self.topics.values(),
                                      target=fixture.target_settings(), **fixture.settings,
                                      **settings)
        self.produced = Counter()
        self.stopping_names = [name for name in self.topics
                               if name.endswith(STOPPING.get(fixture.name, " none"))]
        self.stopping = self.topics[self.stopping_names[0]] if self.stopping_names else None

    def produce(self, events=None):
        events = self.fixture.events if events is None else events
        renamed = [{**event, "topic": self.topics[event["topic"]]} for event in events]
        self.case.produce(renamed)
        self.produced.update((event["topic"], event["partition"]) for event in renamed)

    def run(self, settings=None, name="tidemark"):
        """Until everything is applied; or all but the one partition that must stop."""
        stops = self.stopping and any(topic == self.stopping for topic, _ in self.produced)
        ended = self.case.until_current(settings or self.settings, name, 65 if stops else 0)
        stopped = [topic for topic, _, _ in stops_of(ended.events())]
        check_equal(stopped, [self.stopping] if stops else [], "partitions that stopped")
        return ended

    def check_accounts(self):
        """Positions, group offsets and counts, after a run."""
        pipeline = self.case.id
        ends = self.case.kafka.ends(self.topics.values())
        if self.stopping and self.produced[self.stopping, 0]:
            stopped_at = positions(self.target, pipeline)[self.stopping, 0]
            check(0 < stopped_at < ends[self.stopping, 0], f"{self.stopping} stands at {stopped_at}")
            ends[self.stopping, 0] = self.produced[self.stopping, 0] = stopped_at
        reached = {at: offset for at, offset in positions(self.target, pipeline).items()
                   if offset >= 0}
        check_equal(reached, {at: end for at, end in ends.items() if end > 0}, "positions")
        check_equal(reached, dict(self.produced), "records produced")
        committed = self.case.kafka.committed(f"tidemark-{pipeline}", self.topics.values())
        check_equal(committed, reached, "Kafka's group offsets")
        counted = {(row[1], row[2]): row[4] for row in position_rows(self.target) if row[4]}
        check_equal(counted, dict(self.produced), "records_processed")
        check_settled(self.target)

    def check_nothing_changes(self):
        """Again, and in a new group."""
        before = position_rows(self.target), row_versions(self.target)
        for name, settings in (
                ("again", self.settings),
                ("a new group", self.settings.with_({"kafka": {"group.id": f"{self.case.id}-new"}}))):
            ended = self.run(settings, "again")
            check_equal(ended.summary()["result"]["events"], 0, f"{name}: events applied")
            after = position_rows(self.target), row_versions(self.target)
            check_equal(after[0], before[0], f"{name}: positions")
            check(after[1] == before[1], f"{name}: rows were written")
        committed = self.case.kafka.committed(f"{self.case.id}-new", self.topics.values())
        check_equal(committed, dict(self.produced), "the new group's offsets")


def make_source_tables(database, fixture):
    # As a file: psql's way, one statement after the other.
    database.run(fixture.source_sql)


def check_rows_as_text(database, fixture):
    for table, wanted in fixture.expected.items():
        columns = csv_header(wanted)
        names = ", ".join(map(quoted, columns))
        got = database.copy_out(f"select {names} from {table} order by {order_of(table, columns)}")
        difference = first_difference(got, split_csv(wanted))
        check(not difference, f"{table}: {difference}")


def order_of(table, columns):
    """By key, which in the fixtures is the first columns."""
    return "1, 2" if table.endswith(('"keyless"', *TWO_COLUMNS)) else "1"


# ---- created: compared in tables of the source's types ---------------------------------------------

def type_names(database, table, columns):
    types = dict(database.run(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped", (table,)))
    return [types.get(column, "text") for column in columns]


def compared(column, type_name):
    """How a column is compared: by its text, but json as jsonb, and of a varbit the zeros in front
    are lost at the source."""
    if type_name == "json":
        return f"{quoted(column)}::jsonb::text"
    if type_name.startswith("bit varying"):
        return f"ltrim({quoted(column)}::text, '0')"
    return f"{quoted(column)}::text"


def check_rows_after_cast(case, created, fixture):
    judge = case.target("judge")
    make_source_tables(judge, fixture)
    for number, (table, wanted) in enumerate(fixture.expected.items()):
        columns = csv_header(wanted)
        have = columns_of(created, table)
        check(set(columns) <= set(have), f"{table}: columns {sorted(set(columns) - set(have))} missing")
        types = type_names(judge, table, columns)
        definitions = ", ".join(f"{quoted(c)} {without_length(t)}" for c, t in zip(columns, types))
        got, should = f"got{number}", f"should{number}"
        judge.run(f"create table {got} ({definitions}); create table {should} ({definitions})")
        judge.copy_in(should, columns, wanted)
        judge.copy_in(got, columns, "\n".join(created.copy_out(
            "select " + ", ".join(fixture.created_as(table).get(c) or sent(created, table, c, t)
                                  for c, t in zip(columns, types)) +
            f" from {table}")) + "\n")
        texts = ", ".join(compared(c, t) for c, t in zip(columns, types))
        difference = first_difference(
            *(judge.copy_out(f"select {texts} from {name} order by 1, 2") for name in (got, should)))
        check(not difference, f"{table}: {difference}")


def without_length(type_name):
    """Evolution widens: pg-evolution's columns end wider than source.sql made them."""
    if type_name.startswith("character varying"):
        return "text"
    return {"smallint": "bigint"}.get(type_name, type_name)


def sent(created, table, column, source_type):
    """The created column's value as the source's type reads it."""
    name = quoted(column)
    made = created.value("select format_type(atttypid, null) from pg_attribute where "
                         "attrelid = %s::regclass and attname = %s", (table, column))
    if made == "boolean" and source_type.startswith("bit"):
        return f"case {name} when true then '1' when false then '0' end as {name}"
    if made == "jsonb" and source_type == "hstore":
        return (f"case when {name} is not null then (select coalesce(string_agg(to_json(key) || '=>' "
                f"|| coalesce(to_json(value)::text, 'NULL'), ', '), '') from jsonb_each_text({name})) "
                f"end as {name}")
    return f"{name}::text as {name}"


def check_keys(created, fixture):
    """What tidemark made has the record's key as its primary key."""
    for table, wanted in fixture.expected.items():
        keys = [name for (name,) in created.run(
            "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and "
            "a.attnum = any(i.indkey) where i.indrelid = %s::regclass and i.indisprimary "
            "order by array_position(i.indkey::int[], a.attnum::int)", (table,))]
        width = 0 if table.endswith('"keyless"') else 2 if table.endswith(TWO_COLUMNS) else 1
        check_equal(keys, csv_header(wanted)[:width], f"{table}: primary key")


# ---- cases -----------------------------------------------------------------------------------------

def tables(case, fixture, **settings):
    replay = Replay(case, fixture, True, **settings)
    replay.produce()
    replay.run()
    check_rows_as_text(replay.target, fixture)
    replay.check_accounts()
    replay.check_nothing_changes()


def created(case, fixture, **settings):
    replay = Replay(case, fixture, False, **settings)
    replay.produce()
    replay.run()
    check_rows_after_cast(case, replay.target, fixture)
    check_keys(replay.target, fixture)
    replay.check_accounts()
    replay.check_nothing_changes()


def tables_in_avro(case, fixture):
    """As the source would have sent it with AvroConverter."""
    schemas = {}
    events = case.in_avro(fixture.events, schemas)
    check(schemas, "nothing is in Avro")
    same = copy.copy(fixture)
    same.events, same.schemas = events, schemas
    tables(case, same)


def in_pieces(case, fixture, with_tables, seed):
    """Many runs: each partition's records arrive in their order, the partitions against each other
    in any. Whatever a run leaves open, the next one finds in the target."""
    choose = random.Random(seed)
    replay = Replay(case, fixture, with_tables, cut=True)
    waiting = defaultdict(list)
    for event in fixture.events:
        if event["topic"] not in replay.stopping_names:
            waiting[event["topic"], event["partition"]].append(event)
    runs = min(len(fixture.events), 14)
    for left in range(runs, 0, -1):
        piece = []
        for at in choose.sample(sorted(waiting), len(waiting)):
            count = len(waiting[at]) if left == 1 else choose.randint(0, 1 + 2 * len(waiting[at]) // left)
            piece += waiting[at][:count]
            del waiting[at][:count]
        if piece:
            replay.produce(piece)
            replay.run()
    if with_tables:
        check_rows_as_text(replay.target, fixture)
    else:
        check_rows_after_cast(case, replay.target, fixture)
    replay.check_accounts()


def main():
    suite = Suite(__doc__, lambda parser: parser.add_argument(
        "--every", action="store_true", help="every fixture cut in every way, not only the changes"))
    for name in ALL:
        fixture = Fixture(name)
        suite.case(f"{name} tables", tables, fixture)
        if name in WITH_SCHEMAS:
            suite.case(f"{name} created", created, fixture)
        if name not in CUT and not suite.options.every:
            continue
        suite.case(f"{name} tables, a row a batch", lambda case, f: tables(
            case, f, batch={"max-rows": 1}), fixture)
        suite.case(f"{name} tables, three lanes", lambda case, f: tables(
            case, f, batch={"max-rows": 3, "lanes": 3}), fixture)
        suite.case(f"{name} tables, in pieces", in_pieces, fixture, True, name)
        if name in WITH_SCHEMAS:
            suite.case(f"{name} created, a row a batch", lambda case, f: created(
                case, f, batch={"max-rows": 1}), fixture)
            suite.case(f"{name} created, in pieces", in_pieces, fixture, False, name)
    for name in MODES:
        suite.case(f"{name} tables", tables, Fixture(name))
    suite.case("pg-modes tables, in pieces", in_pieces, Fixture("pg-modes"), True, "pg-modes")
    for name in ("pg-modes", "pg-cloudevents"):
        suite.case(f"{name} created", created, Fixture(name))
    for name in IN_AVRO:
        suite.case(f"{name} in Avro", tables_in_avro, Fixture(name))
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
