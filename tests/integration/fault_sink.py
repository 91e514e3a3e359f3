"""Rows of the fault matrix that hit tidemark itself: killed, frozen, starved, with a wrong clock."""
import os
import random
import signal
import subprocess
import time

from fault_scenario import Scenario
from fault_servers import SESSION_TIMEOUT, peak_bytes
from harness import check, check_equal, wait_until
from proxy import HOLD, completed, query, request, tag_begins

MOVE = r"UPDATE .*pipeline_watermarks.* SET last_watermark"


def kill_loop(case):
    """1: kill -9 at random moments."""
    s = Scenario(case, changes=1500, slow=0.02)
    choose = random.Random(1)
    for round_ in range(4):
        s.start(f"a{round_}")
        s.moving(choose.randrange(100, 500))
        time.sleep(choose.uniform(0, 0.05))
        s.kill(f"a{round_}")
    s.start("last")
    s.finish()


def kill_at(case, point, **topic):
    """2: kill -9 at each step of a batch."""
    s = Scenario(case, changes=400, topic=topic, kafka_proxied=point == "before Kafka's commit")
    where = {"after the fence": (s.database, lambda m: not m.to_server and m.body.endswith(b"UPDATE 1\0")),
             "after MERGE": (s.database, tag_begins("MERGE")),
             "before COMMIT": (s.database, query("^COMMIT")),
             "after COMMIT": (s.database, completed("COMMIT")),
             "before Kafka's commit": (s.kafka, request("OffsetCommit"))}
    proxy, matches = where[point]
    for round_ in range(2):
        rule = proxy.on(matches, HOLD, skip=3)
        s.start(f"a{round_}")
        rule.wait(20, point)
        s.kill(f"a{round_}")
        rule.release()
    s.start("last")
    s.finish()


def term_in_batch(case):
    """3: SIGTERM while COMMIT is on its way."""
    s = Scenario(case, changes=400)
    rule = s.database.on(query("^COMMIT"), HOLD, skip=3)
    process = s.start()
    rule.wait(20, "COMMIT")
    process.send(signal.SIGTERM)
    time.sleep(0.5)
    check(process.running(), "it has not waited for the batch at hand")
    rule.release()
    check_equal(process.wait(10).code, 0, "exit code")
    s.processes.clear()
    s.start("again")
    s.finish()


def term_while_silent(case, half):
    """3: SIGTERM while PostgreSQL, or Kafka, says nothing at all: within shutdown-timeout."""
    s = Scenario(case, changes=400, slow=0.02, kafka_proxied=True, **{"": {"shutdown-timeout": "4s"}})
    process = s.start()
    s.moving()
    silent = s.database if half == "PostgreSQL" else s.kafka
    silent.stall()
    time.sleep(1)
    began = time.monotonic()
    process.send(signal.SIGTERM)
    check_equal(process.wait(15).code, 0, "exit code")
    took = time.monotonic() - began
    check(took < 6, f"it took {took:.1f} s, with shutdown-timeout = 4s")
    silent.flow()
    s.processes.clear()
    s.start("again")
    s.finish()


def zombie(case, fenced=True, **topic):
    """4: frozen past its session in the middle of a batch; the other has taken over; it wakes up."""
    s = Scenario(case, changes=600, topic=topic)
    held = s.database.on(query("^BEGIN"), HOLD, skip=4)
    zombie_process = s.start("zombie")
    held.wait(20, "BEGIN")
    zombie_process.send(signal.SIGSTOP)
    heir = s.start("heir")
    s.moving(500)
    wait_until(lambda: sum(s.marks().values()) == sum(s.load.sent), 20, "the heir has applied all")
    held.release()
    zombie_process.send(signal.SIGCONT)
    if fenced:
        s.waits_for("lane.fenced", process=zombie_process)
    check(not s.events("lane.fenced", heir) or s.rebalances(heir) > 1, "the heir was fenced for nothing")
    s.finish()


def frozen_with_the_lock(case):
    """5: frozen while it holds the position rows: the server frees them."""
    s = Scenario(case, changes=600)
    s.settings = s.settings.with_({"target": {
        "dsn": s.dsn + " options='-c idle_in_transaction_session_timeout=3s'"}})
    held = s.database.on(lambda m: not m.to_server and m.body.endswith(b"UPDATE 1\0"), HOLD, skip=4)
    frozen = s.start("frozen")
    held.wait(20, "the fence")
    frozen.send(signal.SIGSTOP)
    began = time.monotonic()
    s.start("heir")
    s.moving(500)
    took = time.monotonic() - began
    check(took > SESSION_TIMEOUT / 2, "the rows were not locked")
    frozen.send(signal.SIGCONT)
    held.release()
    s.finish()


def second_owner(case):
    """Two groups, one pipeline: a mistake, but nothing is written twice."""
    s = Scenario(case, changes=600, slow=0.02)
    s.start("a")
    s.moving()
    s.start("b", s.settings.with_({"kafka": {"group.id": f"{case.id}-other"}}))
    wait_until(lambda: s.events("lane.fenced", s.processes["a"]), 15, "the first is fenced")
    s.processes.pop("b").stop()
    s.finish()


CLOCK_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long shift(void) { const char* s = getenv("SHIFT"); return s ? atol(s) : 0; }
int clock_gettime(clockid_t id, struct timespec* t) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int code = real(id, t);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) t->tv_sec += shift();
  return code;
}
time_t time(time_t* out) {
  struct timespec t; clock_gettime(CLOCK_REALTIME, &t);
  if (out) *out = t.tv_sec;
  return t.tv_sec;
}
int gettimeofday(struct timeval* out, void* zone) {
  struct timespec t; (void)zone; clock_gettime(CLOCK_REALTIME, &t);
  out->tv_sec = t.tv_sec; out->tv_usec = t.tv_nsec / 1000;
  return 0;
}
"""


def wrong_clock(case):
    """34: the machine's clock is an hour off, now this way, now that."""
    source, library = case.folder / "clock.c", case.folder / "clock.so"
    source.write_text(CLOCK_SOURCE)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    s = Scenario(case, changes=900, slow=0.02)
    for round_, shift in enumerate((3600, -3600, 0)):
        process = s.start(f"a{round_}", environment={
            "LD_PRELOAD": str(library), "SHIFT": str(shift),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
        s.moving(300)
        hour = next(e["ts"] for e in process.events() if "ts" in e)[11:13]
        wanted = time.strftime("%H", time.gmtime(time.time() + shift))
        before = time.strftime("%H", time.gmtime(time.time() + shift - 60))
        check(hour in (wanted, before), f"the clock was not shifted: {hour} instead of {wanted}")
        if shift:
            s.kill(f"a{round_}")
    s.finish()


def little_memory(case):
    """35: a target that is too slow for what Kafka holds: backpressure, not memory."""
    s = Scenario(case, changes=200, kafka={"queued.max.messages.kbytes": 4096},
                 batch={"buffer-max-bytes": "8MiB", "max-rows": 200, "lanes": 1})
    s.load.pad = 1500
    for _ in range(8):
        s.load.more(3000)
    s.database.latency = 0.02
    process = s.start()
    s.moving(1000)
    time.sleep(6)
    peak = peak_bytes(process.pid)
    sent = sum(len(record["value"] or "") for record in s.load.records)
    check(sent > 60e6, f"only {sent / 1e6:.0f} MB are there")
    check(sum(s.marks().values()) < sum(s.load.sent), "the target was not too slow")
    check(peak < 150e6 or "asan" in str(case.suite.build), f"{peak / 1e6:.0f} MB of memory")
    s.database.latency = 0
    s.finish(seconds=60)
