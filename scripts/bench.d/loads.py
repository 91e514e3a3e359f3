"""The loads that are recorded, and the workloads that are measured with them: two tables of data."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Tables and changes of the source, and how Debezium writes them. The files are in sql/.

    Rows that are there before the first change come from rows_sql. With `snapshot` Debezium reads
    them, and there are no changes; else source and target both hold them from the start.
    """

    name: str
    tables: tuple
    tables_sql: str
    load_sql: str | None  # the changes
    events: int  # at scale 1, roughly: for the progress line alone
    schemas: bool = False  # inline; without them the target's tables must be there
    partitions: int = 1  # of each topic
    rows_sql: str | None = None
    rows: int = 0  # at scale 1
    slot: bool = False  # the changes are kept for native replication too
    settings: str = ""  # of tidemark: what records without schemas do not say

    @property
    def snapshot(self):
        return self.load_sql is None


@dataclass(frozen=True)
class Workload:
    """What is measured: these candidates (scripts/bench has them by name) on that load, in turn."""

    name: str
    text: str
    load: Load
    candidates: tuple = ("tidemark",)
    reference: str | None = None  # the candidate to which all rates are compared


MIX = Load("mix", ("orders", "customers"), "mix-tables.sql", "mix.sql", 1_076_000, schemas=True,
           slot=True)
ORDERS = {"tables": ("orders",), "tables_sql": "orders-tables.sql", "rows_sql": "orders-rows.sql"}

WORKLOADS = {workload.name: workload for workload in (
    Workload("mix", "two tables: inserts, updates and deletes, with inline schemas", MIX,
             ("tidemark", "native"), "native"),
    Workload("mix-schemaless", "the mix without schemas",
             Load("mix-schemaless", MIX.tables, MIX.tables_sql, MIX.load_sql, MIX.events,
                  settings="[table.public.customers]\ntime-unit = us\n")),
    Workload("snapshot", "a snapshot of a million rows, beside COPY of the same from a binary file",
             Load("snapshot", **ORDERS, load_sql=None, events=1_000_000, rows=1_000_000),
             ("tidemark", "copy"), "copy"),
    Workload("hot-key", "every second event changes the same row",
             Load("hot-key", ("counters",), "hot-key-tables.sql", "hot-key.sql", 1_000_000)),
    Workload("tables", "200 small tables in turn, 20 changes each",
             Load("tables", tuple(f"t_{number:03}" for number in range(1, 201)),
                  "tables-tables.sql", "tables.sql", 440_000)),
    Workload("wide", "60 columns, documents of 2 kB, not in half of the updates",
             Load("wide", ("wide",), "wide-tables.sql", "wide.sql", 180_000, schemas=True)),
    Workload("updates", "updates of random rows among ten million",
             Load("updates", **ORDERS, load_sql="updates.sql", events=500_000, rows=10_000_000,
                  slot=True),
             ("tidemark", "native", "full pages", "native, with room"), "native"),
    Workload("lanes", "the mix in four partitions: lanes and processes",
             Load("lanes", MIX.tables, MIX.tables_sql, MIX.load_sql, MIX.events, schemas=True,
                  partitions=4),
             ("1 lane", "2 lanes", "4 lanes", "2 processes"), "1 lane"),
    Workload("distance", "the mix, with a round trip of 5 ms to PostgreSQL", MIX,
             ("tidemark", "5 ms away"), "tidemark"),
)}
