"""The demo, once everything is built and the servers are up. Started by scripts/demo, which says
where they are by environment variables."""

import json
import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg2

from compare import compare_table
from meter import Meter, count_rows, end_offsets
from screen import Screen
from shop import TABLES, Shop

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "scripts" / "stack"
PROGRAM = ROOT / "build" / "release" / "tidemark"
PREFIX = "demo.shop."
CRASH_AT = 0.56  # of the time
CRASH_LASTS_S = 2.0
ARRIVAL_MAX_S = 120  # without any progress


class Trouble(Exception):
    """Something that ends the demo, told to the user as it is."""


def end_of(path, lines=15):
    text = path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else []
    return "\n".join(f"    {line[:300]}" for line in text)


def readers(dsn):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    return connection.cursor()


class Service:
    """The process `tidemark run`, in a session of its own: Ctrl-C is for the demo."""

    def __init__(self, folder):
        self.config = folder / "tidemark.conf"
        self.log = folder / "tidemark.log"
        self.pid_file = folder / "tidemark.pid"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            # pylint: disable-next=consider-using-with  # it may outlive the demo
            self.process = subprocess.Popen(
                [PROGRAM, "run", "-c", self.config], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        self.pid_file.write_text(f"{self.process.pid}\n")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.kill()

    def check(self):
        if self.process and self.process.poll() is not None:
            raise Trouble(f"tidemark ended with exit code {self.process.returncode}. The end of its"
                          f" log:\n{end_of(self.log)}")


class Demo:
    def __init__(self, seconds, folder):
        self.seconds = seconds
        self.folder = folder
        self.brokers = os.environ["TIDEMARK_STACK_KAFKA"]
        self.source_dsn = os.environ["TIDEMARK_STACK_SOURCE_DSN"]
        self.target_dsn = os.environ["TIDEMARK_STACK_TARGET_DSN"]
        self.base_port = int(os.environ["TIDEMARK_STACK_BASE_PORT"])
        self.screen = Screen()
        self.service = Service(folder)
        self.source = readers(self.source_dsn)
        self.target = readers(self.target_dsn)
        self.meter = Meter(self.target_dsn, "demo", PREFIX, TABLES)
        self.lines = queue.SimpleQueue()
        self.began = None

    def done(self, what, text):
        mark = self.screen.good("✓") if self.screen.live else "-"
        self.screen.say(f"  {mark} {what:<11} {text}")

    # --- before ------------------------------------------------------------------------------------

    def create_shop(self):
        self.source.execute((Path(__file__).parent / "shop.sql").read_text())
        rows = sum(count_rows(self.source, TABLES))
        self.done("shop", f"{len(TABLES)} tables with {rows:,} rows in the source")

    def stack(self, *arguments, given=None):
        done = subprocess.run([STACK, *arguments], input=given, text=True, check=False,
                              capture_output=True)
        if done.returncode:
            raise Trouble((done.stderr or done.stdout).strip())

    def start_connector(self):
        began = time.monotonic()
        settings = {
            "schema.include.list": "shop",
            "skipped.operations": "none",  # by default it leaves truncates out
            "poll.interval.ms": "50",
        }
        self.stack("connector", "put", "demo", "-", given=json.dumps(settings))
        self.stack("connector", "wait", "demo")
        topics = [PREFIX + table for table in TABLES]
        while not all(end_offsets(self.brokers, topics).values()):
            if time.monotonic() - began > 60:
                raise Trouble("Debezium has not read the shop after 60 s; Connect's log is"
                              f" {os.environ['TIDEMARK_STACK_LOGS']}/connect.log")
            time.sleep(0.3)
        self.done("connector", f"Debezium writes every change to Kafka, topics {PREFIX}*")

    def start_tidemark(self):
        self.service.config.write_text(f"""\
# Written by scripts/demo. Every setting with its default: tidemark config show
pipeline = demo

[kafka]
bootstrap.servers = {self.brokers}
# A process that starts again under its old name takes its old place in the group at once. Without
# one it waits until Kafka has given the killed one up: session.timeout.ms, 45 s.
group.instance.id = demo

[source]
topics-regex = ^demo\\.shop\\.

[target]
dsn = {self.target_dsn}

[log]
format = text

[http]
listen = 127.0.0.1:{self.base_port + 84}
""")
        self.service.start()
        self.meter.start()
        began = time.monotonic()
        while count_rows(self.source, TABLES) != count_rows(self.target, TABLES):
            self.service.check()
            if time.monotonic() - began > 60:
                raise Trouble("the shop has not arrived in the target after 60 s. The end of"
                              f" tidemark's log:\n{end_of(self.service.log)}")
            time.sleep(0.05)
        self.done("tidemark", "runs, has made the tables in the target and filled them after"
                  f" {time.monotonic() - began:.1f} s")

    # --- live --------------------------------------------------------------------------------------

    def rows(self):
        ends = end_offsets(self.brokers, [PREFIX + table for table in TABLES])
        counts = zip(TABLES, count_rows(self.source, TABLES), count_rows(self.target, TABLES))
        return [(table, source, target, self.meter.rate(table),
                 max(0, ends[PREFIX + table] - self.meter.position(table)),
                 self.meter.delay(table))
                for table, source, target in counts]

    def elapsed(self):
        return time.monotonic() - self.began

    def show(self, state):
        rows = self.rows()
        while not self.lines.empty():
            self.screen.tell(*self.lines.get())
        self.screen.draw(rows, self.elapsed(), self.seconds, state)

    def follow(self):
        self.screen.say()
        self.began = time.monotonic()
        self.meter.forget()
        shop = Shop(self.source_dsn, self.seconds,
                    lambda text: self.lines.put((self.elapsed(), text)))
        shop.start()
        crash_at, back_at = CRASH_AT * self.seconds, None
        while shop.is_alive():
            if crash_at and self.elapsed() >= crash_at:
                crash_at = None
                self.service.kill()
                back_at = self.elapsed() + CRASH_LASTS_S
                self.lines.put((self.elapsed(), "killed tidemark with kill -9"))
            if back_at and self.elapsed() >= back_at:
                back_at = None
                self.service.start()
                self.lines.put((self.elapsed(), "started tidemark again"))
            self.service.check()
            self.show("tidemark is dead" if back_at else "tidemark runs")
            time.sleep(0.2)
        if shop.error:
            raise Trouble(f"the shop met an error in the source: {shop.error}")
        if not self.service.process:
            self.service.start()
        self.lines.put((self.elapsed(), "the shop closes: no more changes"))
        self.wait_for_arrival(shop.closed_at)

    def wait_for_arrival(self, closed_at):
        progress, since = None, time.monotonic()
        while True:
            rows = self.rows()
            arrived = self.meter.applied_up_to()
            if arrived and arrived >= closed_at and not any(row[4] for row in rows):
                break
            if progress != (arrived, rows[0][4]):
                progress, since = (arrived, rows[0][4]), time.monotonic()
            if time.monotonic() - since > ARRIVAL_MAX_S:
                self.screen.say(f"  nothing has arrived for {ARRIVAL_MAX_S} s; comparing anyway")
                break
            self.service.check()
            self.show("waiting for the last changes")
            time.sleep(0.1)
        self.screen.erase_table()
        self.show("all has arrived")

    # --- after -------------------------------------------------------------------------------------

    def compare(self):
        self.screen.say()
        total, wrong = 0, 0
        for table in TABLES:
            rows, differences = compare_table(self.source, self.target, "shop", table)
            total += rows
            wrong += bool(differences)
            if differences:
                self.screen.say(f"  {self.screen.bad(table)}: {rows:,} rows in the source")
                for line in differences:
                    self.screen.say(f"    {line}")
        if wrong:
            self.screen.say(self.screen.bad(
                f"source and target differ in {wrong} of {len(TABLES)} tables"))
            return False
        self.screen.say(self.screen.good(
            f"source and target are equal, row by row: {len(TABLES)} tables, {total:,} rows"))
        return True

    def run(self):
        self.create_shop()
        self.start_connector()
        self.start_tidemark()
        self.follow()
        self.meter.stop()
        return self.compare()


def interrupted(_number, _frame):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    seconds, folder, keep = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "true"
    signal.signal(signal.SIGTERM, interrupted)
    demo = Demo(seconds, folder)
    kept = False
    try:
        equal = demo.run()
        kept = keep
        return 0 if equal else 1
    except Trouble as trouble:
        demo.screen.say(f"\nscripts/demo: {trouble}")
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not kept:
            demo.service.stop()


if __name__ == "__main__":
    sys.exit(main())
