#!/usr/bin/python3
"""The live test's workload through real Debezium with the converters that the live test does not use.

Avro with a real schema registry, JSON without schemas. tidemark is killed once on the way; at the end
source and target must be equal, row by row. Avro needs `scripts/stack --with registry up`.
"""
import random
import sys
import time

import converters
from harness import Suite, check, check_settled, positions, wait_until
from live_looks import check_equal_tables
from live_sources import PostgresSource
from live_tables import Workload
from live_test import make_topics

RATE = 400  # row changes a second


def make_target_tables(target):
    """Nothing tells their types. As at the source, but that only the source cascades."""
    sql = PostgresSource.sql
    target.run(sql[:sql.index("insert into plain")].replace("references parent", "").replace(
        " on update cascade on delete cascade", ""))


def live(case, settings_of_connector, seconds, seed, registry=None, schemas=True):
    source, target = PostgresSource(case), case.target()
    source.database.run(source.sql)
    if not schemas:
        make_target_tables(target)
    topics = make_topics(case, case.id, source.schema, 1)
    connector = source.connector(case.id, **settings_of_connector)
    case.at_end(connector.delete)
    connector.wait_streaming()
    # Without schemas only the values tell of what the column is that is added on the way. A static
    # member that is started again has its partitions at once.
    settings = case.settings(target, topics, source={"registry-url": registry},
                             kafka={"group.instance.id": case.id, "session.timeout.ms": 6000},
                             log={"level": "info"},
                             target={"schema-inference": str(not schemas).lower()},
                             **{f"table.{source.schema}.log": {"time-unit": "adaptive"}})
    process = case.start(settings)
    workload = Workload(source, seed, RATE)
    case.at_end(workload.stop)
    workload.start()
    time.sleep(seconds / 2)
    workload.add_column_now.set()
    process.kill()
    process = case.start(settings)
    time.sleep(seconds / 2)
    workload.stop()
    if workload.error:
        raise workload.error
    connector.wait_caught_up(120)
    ends = case.kafka.ends(topics)

    def reached():
        stopped = [e for e in process.events() if e["event"] == "partition.stopped"]
        check(not stopped, f"a partition has stopped: {stopped[:1]}")
        check(process.running(), "tidemark has ended by itself")
        now = positions(target, case.id)
        return all(now.get(at, 0) >= end for at, end in ends.items())
    wait_until(reached, 120, "tidemark catches up", 0.2)
    process.stop()
    check_equal_tables(source, target)
    check_settled(target)
    check(workload.extra.is_set(), "the column was not added")
    print(f"# {workload.counts.transactions} transactions, {sum(ends.values())} records", flush=True)


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=12, help="of workload (default: 12)")
    parser.add_argument("--seed", type=int, help="of the workload (default: a new one)")


def main():
    suite = Suite(__doc__, add_options)
    seconds = suite.options.seconds
    seed = suite.options.seed if suite.options.seed is not None else random.randrange(1 << 31)
    if converters.REGISTRY:
        suite.case(f"avro, seed {seed}", live, converters.avro(), seconds, seed, converters.REGISTRY)
    suite.case(f"json without schemas, seed {seed}", live,
               {**converters.json(False), "decimal.handling.mode": "string"}, seconds, seed, None, False)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
