"""What the soak does to a running pipeline. Each fault does its harm, proves that it was done, and
heals; what was harmed then has to catch up (soak_test.py).

Process a is there from the beginning to the end, so that its memory tells something: it is harmed only
from outside. Process b comes, is killed, frozen, ended, and is away part of the time.
"""
import signal
import time

from harness import check, check_equal, epochs, positions, process_seconds, wait_until
from proxy import LOSE, completed, query

SESSION_TIMEOUT = 6  # seconds
SILENCE = 8          # longer than the session
SPIN = 0.5           # of one core, while a process can do nothing but wait


class Faults:
    """Draws a kind at random, each as often as the others. `fired` counts by kind."""

    def __init__(self, soak, choose):
        self.soak, self.choose = soak, choose
        self.kinds = {
            "kill -9": self.kill, "SIGTERM": self.term, "SIGSTOP": self.freeze,
            "backends terminated": self.terminate, "PostgreSQL killed": self.kill_target,
            "PostgreSQL restarted": self.restart_target, "PostgreSQL silent": self.silent_target,
            "PostgreSQL's connections cut": self.cut_target,
            "PostgreSQL's connections half-open": self.half_open, "COMMIT lost": self.lose_commit,
            "COMMIT's answer lost": self.lose_answer, "Kafka killed": self.kill_broker,
            "Kafka frozen": self.freeze_broker, "Kafka silent": self.silent_broker,
            "Kafka's connections cut": self.cut_broker, "Debezium restarted": self.restart_debezium}
        self.fired = dict.fromkeys(self.kinds, 0)
        self.left = []

    def fire(self):
        """Returns its name, when it is over."""
        if not self.left:
            self.left = self.choose.sample(sorted(self.kinds), len(self.kinds))
        name = self.left.pop()
        self.kinds[name]()
        self.fired[name] += 1
        return name

    # ---- a process

    def kill(self):
        process = self.soak.second()
        time.sleep(self.choose.uniform(0, 1))
        self.soak.processes.pop("b")
        process.kill()
        check_equal(process.process.returncode, -signal.SIGKILL, "how the process ended")
        time.sleep(self.choose.uniform(0, 1))
        self.soak.start("b")

    def term(self):
        process = self.soak.second()
        self.soak.processes.pop("b")
        check_equal(process.stop().code, 0, "exit code after SIGTERM")

    def freeze(self):
        """For longer than its session: the other has its partitions by the time it wakes up."""
        process = self.soak.second()
        before = epochs(self.soak.target)
        process.send(signal.SIGSTOP)
        time.sleep(SESSION_TIMEOUT + 2)
        try:
            wait_until(lambda: any(epoch > before.get(at, 0) for at, epoch in
                                   epochs(self.soak.target).items()), 20, "somebody takes over")
        finally:
            process.send(signal.SIGCONT)

    # ---- PostgreSQL

    def terminate(self):
        ended = 0
        for _ in range(3):
            ended += len(self.soak.target.run(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = "
                "current_database() and application_name like 'tidemark%%'"))
            time.sleep(self.choose.uniform(0, 0.5))
        check(ended > 0, "no session was ended")

    def kill_target(self):
        self.away("target", True)

    def restart_target(self):
        self.away("target", False)

    def away(self, part, now):
        servers = self.soak.servers
        before = servers.pid(part)
        servers.stop(part, now)
        time.sleep(self.choose.uniform(0, 2))
        servers.start(part)
        check(servers.pid(part) != before, f"{part} is still the same process")

    def silent_target(self):
        self.silent(self.soak.database)

    def silent(self, proxy):
        proxy.stall()
        try:
            time.sleep(SILENCE / 2)  # what has been read may still be written
            self.stands_still(SILENCE / 2)
        finally:
            proxy.flow()

    def stands_still(self, seconds):
        marks, used = positions(self.soak.target, self.soak.id), process_seconds(self.soak.process.pid)
        time.sleep(seconds)
        check_equal(positions(self.soak.target, self.soak.id), marks, "positions in the silence")
        used = process_seconds(self.soak.process.pid) - used
        check(used < SPIN * seconds, f"{used:.1f} s of processor in {seconds} s of waiting")

    def cut_target(self):
        check(self.soak.database.cut() > 0, "there was no connection")

    def half_open(self):
        """Nobody is told. The old backend may hold the position rows, so the server's patience counts
        too (soak_test's dsn)."""
        check(self.soak.database.vanish() > 0, "there was no connection")
        opened = self.soak.database.connections
        wait_until(lambda: self.soak.database.connections > opened, 30, "it connects anew")

    def lose_commit(self):
        self.lose(query("^COMMIT"))

    def lose_answer(self):
        self.lose(completed("COMMIT"))

    def lose(self, message):
        rule = self.soak.database.on(message, LOSE, skip=self.choose.randrange(5), times=2)
        rule.wait(20, "COMMIT")
        self.soak.database.calm()

    # ---- Kafka

    def kill_broker(self):
        self.away("kafka", True)

    def freeze_broker(self):
        self.soak.servers.freeze("kafka")
        try:
            time.sleep(SILENCE / 2)
            self.stands_still(SILENCE / 2)
        finally:
            self.soak.servers.wake("kafka")

    def silent_broker(self):
        self.silent(self.soak.broker)

    def cut_broker(self):
        check(self.soak.broker.cut() > 0, "there was no connection")

    # ---- Debezium

    def restart_debezium(self):
        """It sends again what it had sent since its last stored position. Not between the halves of a
        key change: they have one position, and where Debezium 3.6 has stored it after the delete, the
        create never comes (debezium/dbz#2549)."""
        with self.soak.workload.without_key_changes():
            self.soak.connector.wait_caught_up(40)
            self.soak.connector.restart()
