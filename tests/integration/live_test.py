#!/usr/bin/python3
"""A random workload through real Debezium while tidemark is killed again and again.

At the end source and target must be equal, row by row. And a reader that looked at the target all the
time, at the positions and all tables in one snapshot, must have seen nothing but exact prefixes (I1):
each look is compared with what a model makes of the records before its positions.

Runs with topics of one and of three partitions. On failure the seed is printed: the workload and the
times of the kills follow from it (what the servers make of them does not).
"""
import json
import random
import signal
import sys
import time

from harness import (ROOT, Failed, Suite, check, check_equal, check_settled, positions, short,
                     wait_until)
from live_looks import Watcher, check_equal_tables, check_looks
from live_sources import SOURCES, PostgresSource
from live_tables import TABLES, Workload

SESSION_TIMEOUT = 6  # the broker's least


# ---- killing ---------------------------------------------------------------------------------------

class Processes:
    """One process always, a second part of the time, killed by schedule."""

    def __init__(self, case, settings, seconds, kills, choose):
        self.case, self.settings, self.choose = case, settings, choose
        self.running = {}
        self.killed = 0
        self.began = time.monotonic()
        self.schedule = [(choose.uniform(2, seconds - 1), "kill") for _ in range(kills)]
        self.schedule += [(seconds * 0.2, "start b"), (seconds * 0.55, "stop b"),
                          (seconds * 0.65, "start b")]
        if seconds >= 45:  # longer than the session: its partitions go to the other, then it wakes
            self.schedule += [(seconds * 0.72, "freeze b"),
                              (seconds * 0.72 + SESSION_TIMEOUT + 2, "wake b")]
        self.schedule.sort()
        self.frozen = None
        self.starts = []  # (when, name)
        self.start("a")

    def start(self, name):
        if name in self.running:
            return
        # A static member that is started again has its partitions at once. The other is none: it is
        # frozen for longer than its session, and a static one that is expelled ends by itself.
        instance = f"{self.case.id}-{name}" if name == "a" else None
        self.running[name] = self.case.start(
            self.settings.with_({"kafka": {"group.instance.id": instance}}), name)

    def tick(self):
        now = time.monotonic() - self.began
        while self.starts and self.starts[0][0] <= now:
            self.start(self.starts.pop(0)[1])
        while self.schedule and self.schedule[0][0] <= now:
            self.act(self.schedule.pop(0)[1], now)
        for name, process in self.running.items():
            self.look_at_log(name, process)
            if not process.running():
                last = [e for e in process.wait(1).events() if e.get("level") == "error"][-1:]
                raise Failed(f"tidemark {name} ended by itself with {process.process.returncode}: "
                             f"{short(last, 400)}")

    def look_at_log(self, name, process):
        """A partition that stops would be waited for in vain."""
        for event in process.new_events():
            if event.get("event") in ("partition.stopped", "record.dead_lettered"):
                raise Failed(f"tidemark {name}: {short(event, 500)}")

    def act(self, what, now):
        if what == "kill":
            name = self.choose.choice(sorted(set(self.running) - {self.frozen}) or [None])
            if name is None:  # all are about to start: a little later
                self.schedule.insert(0, (now + 0.3, "kill"))
                return
            self.running.pop(name).kill()
            self.killed += 1
            self.starts.append((now + self.choose.uniform(0, 0.4), name))
            self.starts.sort()
        elif what == "start b":
            self.start("b")
        elif what == "stop b" and "b" in self.running:
            if not self.running["b"].log():  # not at work yet: a signal would end it as any program
                self.schedule.insert(0, (now + 0.1, "stop b"))
                return
            check_equal(self.running.pop("b").stop().code, 0, "exit code of a process that was stopped")
        elif what == "freeze b" and "b" in self.running:
            self.running["b"].send(signal.SIGSTOP)
            self.frozen = "b"
        elif what == "wake b" and self.frozen:
            self.running["b"].send(signal.SIGCONT)
            self.frozen = None

    def stop(self):
        for name in sorted(self.running):
            ended = self.running.pop(name).stop()
            check_equal(ended.code, 0, f"exit code of {name}")


# ---- the end ---------------------------------------------------------------------------------------

def make_topics(case, prefix, schema, partitions):
    topics = []
    for table, spec in TABLES.items():
        topic = f"{prefix}.{schema}.{table}"
        # Records without a key have no order across partitions.
        case.kafka.create(topic, partitions if spec["key"] else 1)
        case.at_end(case.kafka.delete, [topic])
        topics.append(topic)
    return topics


AUDIT_SQL = """
create table audit (n bigint generated always as identity, at timestamptz default clock_timestamp(),
  tx bigint default txid_current(), pid int default pg_backend_pid(), tab text, op text, old jsonb,
  new jsonb);
create function audit() returns trigger language plpgsql as $$ begin
  insert into public.audit (tab, op, old, new) values (tg_table_name, tg_op,
    case when tg_op <> 'INSERT' then to_jsonb(old) - '{body,meta,raw}'::text[] end,
    case when tg_op <> 'DELETE' then to_jsonb(new) - '{body,meta,raw}'::text[] end);
  return null; end $$;
"""


def audit(target):
    """Every write of the tables, for a failure that the positions alone do not explain."""
    state = (ROOT / "schemas" / "state.sql").read_text().replace(':"state_schema"', "tidemark")
    source_sql = PostgresSource.sql
    target.run(source_sql[:source_sql.index("insert into plain")].replace("references parent", ""
               ).replace(" on update cascade on delete cascade", "") + state + AUDIT_SQL)
    for table in [*TABLES, "tidemark.key_changes", "tidemark.pipeline_watermarks"]:
        target.run(f"create trigger audit after insert or update or delete on {table} "
                   "for each row execute function public.audit()")


def keep_evidence(case, target, topics):
    """What a failure is explained by, before the databases and topics are removed."""
    with open(case.folder / "records.ndjson", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in case.kafka.dump(topics))
    tables = ["tidemark.pipeline_watermarks", "tidemark.key_changes", "tidemark.dead_letters"]
    if getattr(case.suite.options, "audit", False):
        tables.append("audit")
    for table in tables:
        if not target.value("select to_regclass(%s) is not null", (table,)):
            continue
        (case.folder / f"{table}.csv").write_text("\n".join(target.copy_out(f"select * from {table}")))


def live(case, source_class, partitions, seconds, seed, kills, rate):
    choose = random.Random(seed)
    source, target = source_class(case), case.target()
    source.database.run(source.sql)
    prefix = f"{case.id}"
    topics = make_topics(case, prefix, source.schema, partitions)
    connector = source.connector(prefix, **{"topic.creation.default.partitions": str(partitions)})
    case.at_end(connector.delete)
    connector.wait_streaming()

    settings = case.settings(
        target, topics, kafka={"session.timeout.ms": SESSION_TIMEOUT * 1000,
                               "heartbeat.interval.ms": 1000},
        target={"table": "public.${table}"},
        batch={"lanes": 2, "max-rows": choose.choice((40, 400, 4000))},
        log={"level": "info"})
    if case.suite.options.audit:
        audit(target)
    watcher = Watcher(target)
    watcher.start()
    workload = Workload(source, seed, rate)
    processes = Processes(case, settings, seconds, kills, choose)
    case.at_end(workload.stop)
    case.at_end(watcher.stopping.set)
    try:
        workload.start()
        keep_killing(processes, workload, seconds)
        connector.wait_caught_up(120)
        ends = case.kafka.ends(topics)
        wait_for_the_end(case, target, processes, ends)
        watcher.stop()
        processes.stop()
        seen = check_looks(watcher.looks, case.kafka.dump(topics))
        check_end(case, source, target, topics, ends, seen.model)
    except Exception:
        keep_evidence(case, target, topics)
        raise
    check_equal(processes.killed, kills, "kills")
    check_proof(source, workload.counts, processes, seen, seconds)


def keep_killing(processes, workload, seconds):
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        time.sleep(0.05)
        processes.tick()
        if workload.error:
            raise workload.error
        if time.monotonic() - began > seconds / 2:
            workload.add_column_now.set()
    workload.stop()
    if workload.error:
        raise workload.error


def wait_for_the_end(case, target, processes, ends):
    def reached():
        processes.tick()
        now = positions(target, case.id)
        return all(now.get(at, 0) >= end for at, end in ends.items())
    wait_until(reached, 120, "tidemark catches up", 0.2)


def check_end(case, source, target, topics, ends, model):
    check_equal_tables(source, target)
    check_settled(target)
    committed = case.kafka.committed(f"tidemark-{case.id}", topics)
    check_equal(committed, {at: end for at, end in ends.items() if end}, "Kafka's group offsets")
    check(not model.waiting, f"rows that were never completed: {sorted(model.waiting)[:3]}")
    check_equal(model.applied, sum(ends.values()), "records seen by the model")


def check_proof(source, counts, processes, seen, seconds):
    """That it was worth the time."""
    model, distinct = seen.model, len(seen.distinct)
    print(f"# {counts.transactions} transactions, {counts.rolled_back} rolled back, {counts.rows} "
          f"rows (largest {counts.largest}), {counts.key_changes} key changes; {model.applied} "
          f"records, {model.lacking} columns handed over, {model.crossed} before their delete; "
          f"{processes.killed} kills; {seen.number} looks at {distinct} positions", flush=True)
    check(distinct > seconds, "the reader has seen too few positions to prove anything")
    lacked = model.lacking > seconds / 2 if source.placeholders else model.lacking == 0
    check(counts.key_changes > seconds and lacked,
          "the workload changed too few keys to prove anything")


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=60, help="of workload (default: 60)")
    parser.add_argument("--source", choices=SOURCES, default="postgres", help="(default: postgres)")
    parser.add_argument("--partitions", type=int, choices=(1, 3), help="of the topics (default: both)")
    parser.add_argument("--seed", type=int, help="of workload and kills (default: a new one)")
    parser.add_argument("--kills", type=int, help="(default: 10 a minute, at least 4)")
    parser.add_argument("--audit", action="store_true", help="log every write of the target's tables")
    parser.add_argument("--rate", type=float, default=400, help="row changes a second (default: 400)")


def main():
    suite = Suite(__doc__, add_options)
    options = suite.options
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    kills = options.kills if options.kills is not None else max(4, round(options.seconds / 6))
    for partitions in [options.partitions] if options.partitions else (1, 3):
        suite.case(f"live, {options.source}, partitions {partitions}, seed {seed}, "
                   f"{options.seconds:g} s", live, SOURCES[options.source], partitions, options.seconds, seed, kills, options.rate)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
