"""One row of the fault matrix: a load, a target by way of a proxy, tidemark, and the checker.

    s = Scenario(case)                       records are there, nothing runs yet
    s.start(); s.moving()                    tidemark writes
    rule = s.database.on(query("COMMIT"), LOSE)
    rule.wait(10)                            the fault has fired
    s.waits_for("target.retry")              …is visible in the log, nobody spins, nobody has ended
    s.finish()                               lag reaches 0, and everything the checker knows holds

tidemark connects as a role that has no more rights than SECURITY.md says.
"""
import time

import psycopg2.extensions

from checker import Checker, Load
from fault_servers import SESSION_TIMEOUT
from harness import Failed, check, check_equal, process_seconds, short, wait_until, with_server
from proxy import KAFKA, POSTGRES, Proxy

SPIN = 0.4  # of one core, while it can do nothing but wait

ROLE_SQL = """
grant usage on schema public, tidemark to {role};
grant select, insert, update, delete on table t to {role};
grant select, insert, update, delete on all tables in schema tidemark to {role};
"""


class Scenario:
    def __init__(self, case, changes=1200, partitions=2, slow=0.0, seed=None, kafka_proxied=False,
                 server=None, topic=None, **sections):
        """slow: seconds that each batch takes longer. server: another PostgreSQL (fault_servers)."""
        self.case = case
        self.role = f"{case.id}_sink"
        self.server_dsn = server.dsn if server else case.stack.target_dsn
        with_server(self.server_dsn, f"create role {self.role} login password 'sesame'")
        if server is None:
            case.at_end(with_server, self.server_dsn, f"drop role {self.role}")
        self.target = case.target(server_dsn=server and server.dsn)
        self.load = Load(case, partitions, seed or sum(map(ord, case.name)), **(topic or {}))
        self.checker = Checker(self.target, self.load, case.id, slow)
        case.at_end(self.checker.stop)
        self.target.run(ROLE_SQL.format(role=self.role))
        place = psycopg2.extensions.parse_dsn(self.target.dsn)
        self.upstream = place["host"], int(place["port"])
        self.database = Proxy(self.upstream, POSTGRES)
        case.at_end(self.database.close)
        self.dsn = (f"host=127.0.0.1 port={self.database.port} user={self.role} password=sesame "
                    f"dbname={self.target.name}")
        self.kafka = None
        brokers = case.stack.kafka
        if kafka_proxied:
            self.kafka = Proxy(("127.0.0.1", case.suite.servers.behind), KAFKA,
                               case.suite.servers.proxied)
            case.at_end(self.kafka.close)
            brokers = f"127.0.0.1:{self.kafka.port}"
        self.settings = case.settings(
            self.target, [self.load.topic],
            kafka={"bootstrap.servers": brokers, "session.timeout.ms": SESSION_TIMEOUT * 1000,
                   "heartbeat.interval.ms": 400, "reconnect.backoff.max.ms": 500},
            target={"dsn": self.dsn}, batch={"max-rows": 100, "lanes": 1}).with_(sections)
        self.processes = {}
        self.may_stop = False
        if changes:
            self.load.more(changes)

    # ---- tidemark

    def start(self, name="a", settings=None, **more):
        self.processes[name] = self.case.start(settings or self.settings, name, **more)
        return self.processes[name]

    @property
    def process(self):
        return next(iter(self.processes.values()))

    def kill(self, name="a"):
        self.processes.pop(name).kill()

    def marks(self):
        check(self.checker.error is None, f"the one who looks on has failed: {self.checker.error!r}")
        looks = self.checker.looks
        return {at: mark for at, (mark, _) in looks[-1][1].items()} if looks else {}

    def records_in(self):
        return sum(max(0, mark) for mark in self.marks().values())

    def moving(self, more=300, seconds=20):
        """Until so many records more are in."""
        at_first = self.records_in()
        wait_until(lambda: self.alive() and self.records_in() > at_first + more, seconds,
                   "tidemark writes", 0.01)

    def alive(self):
        """No process has ended, no partition has stopped unless the case expects it."""
        for name, process in self.processes.items():
            if not process.running():
                errors = [e for e in process.events() if e.get("level") == "error"]
                raise Failed(f"tidemark {name} has ended with {process.process.returncode}: "
                             f"{short(errors[-1:], 500)}")
            for event in () if self.may_stop else process.new_events():
                if event.get("event") in ("partition.stopped", "record.dead_lettered"):
                    raise Failed(f"tidemark {name}: {short(event, 500)}")
        return True

    def events(self, name, process=None):
        return [e for e in (process or self.process).events() if e.get("event") == name]

    def waits_for(self, event, seconds=15, process=None, **fields):
        """The log says what it waits for."""
        def said():
            self.alive()
            return next((e for e in self.events(event, process) if all(
                str(e.get(name, "")).startswith(str(value)) for name, value in fields.items())), None)
        return wait_until(said, seconds, f"{event} {fields or ''} in the log")

    def calm(self, seconds=2.0, process=None):
        """Alive, and using next to no processor."""
        process = process or self.process
        before = process_seconds(process.pid)
        time.sleep(seconds)
        self.alive()
        used = process_seconds(process.pid) - before
        check(used < SPIN * seconds, f"it used {used:.1f} s of processor in {seconds} s of waiting")

    def stands_still(self, seconds=0.7):
        time.sleep(0.2)
        before = self.marks()
        time.sleep(seconds)
        check_equal(self.marks(), before, "positions while it should wait")

    def rebalances(self, process=None):
        return len(self.events("partitions.assigned", process))

    # ---- the end

    def finish(self, seconds=40, more=60, distinct=5):
        """After healing: what comes now gets through, and nothing was wrong at any time."""
        if more:
            self.load.more(more)
        self.wait_for_the_end(seconds)
        for name, process in self.processes.items():
            check_equal(process.stop().code, 0, f"exit code of {name}")
        seen = self.checker.finish()
        check(seen >= distinct, f"only {seen} positions were seen")

    def wait_for_the_end(self, seconds=40):
        ends = {at: end for at, end in self.load.ends().items() if end}

        def reached():
            self.alive()
            marks = self.marks()
            return all(marks.get(at) == end for at, end in ends.items())
        wait_until(reached, seconds, "lag reaches 0", 0.05)
