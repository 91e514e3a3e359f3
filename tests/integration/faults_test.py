#!/usr/bin/python3
"""The fault matrix on real servers.

Each case does one harm to tidemark, to PostgreSQL or to Kafka while records are being applied,
proves that the harm was done, and checks (checker.py) that the target held exactly what its
positions say, at every moment, and holds the source's rows at the end. Meanwhile the process has
neither ended nor used the processor, and its log has said what it waited for, unless the case says
otherwise. The servers are the suite's own, since they are killed; it needs root for a small disk.
"""
import os
import signal
import sys

import fault_kafka as kafka
import fault_negative as negative
import fault_sink as sink
import fault_target as target
from fault_servers import FaultStack
from harness import ROOT, Suite

# (row of the matrix, name, function, arguments). The quick ones run with the default suite.
CASES = [
    (1, "kill -9 at random", sink.kill_loop),
    *((2, f"kill -9 {point}", sink.kill_at, point) for point in (
        "after the fence", "after MERGE", "before COMMIT", "after COMMIT", "before Kafka's commit")),
    (3, "SIGTERM during COMMIT", sink.term_in_batch),
    *((3, f"SIGTERM while {half} is silent", sink.term_while_silent, half)
      for half in ("PostgreSQL", "Kafka")),
    (4, "a frozen process wakes up", sink.zombie),
    (5, "frozen with the lock", sink.frozen_with_the_lock),
    (5, "two groups, one pipeline", sink.second_owner),
    (6, "COMMIT lost", target.commit_lost),
    (7, "COMMIT's answer lost", target.commit_answer_lost),
    (7, "COMMIT still under way", target.commit_still_under_way),
    *((8, f"half-open {when}", target.half_open, when) for when in ("in a batch", "at COMMIT", "idle")),
    (9, "the server is killed", target.dead_server),
    *((10, f"{mode} restart", target.restart, mode) for mode in ("fast", "immediate")),
    (11, "sessions ended", target.terminated),
    (12, "the wait for a standby is cancelled", target.standby_gone, True),
    (13, "no standby", target.standby_gone, False),
    (14, "failover to a standby that lags, and back", target.failover),  # 15 too: the old primary
    (14, "a backup is restored", target.restored),
    (16, "deadlock", target.deadlock),
    (17, "long lock", target.long_lock),
    (18, "PostgreSQL stalls", target.stalled),
    (19, "disk full", target.disk_full),
    (20, "no connection left", target.no_connection_left),
    (21, "read-only", target.read_only),
    (22, "a column is dropped", target.column_gone),
    (22, "a column's type is changed", target.type_changed),
    (23, "the broker is killed", kafka.broker_killed),
    (23, "the broker is frozen", kafka.broker_frozen),
    (23, "the broker is slow", kafka.broker_slow),
    (23, "the broker is silent", kafka.broker_silent),
    (24, "the coordinator is lost", kafka.coordinator_lost),
    (25, "rebalances every second", kafka.rebalance_storm),
    (26, "a static member is replaced", kafka.static_member),
    (27, "retention passes a running process", kafka.retention, True),
    (27, "retention passes a stopped process", kafka.retention, False),
    *((28, f"a topic made anew, {'longer' if longer else 'shorter'}, "
           f"{'running' if running else 'stopped'}", kafka.topic_made_anew, running, longer)
      for longer in (False, True) for running in (False, True)),
    (29, "a log truncated", kafka.log_truncated),
    (30, "partitions added", kafka.partitions_added),
    (31, "transactions rolled back and open", kafka.transactions),
    (32, "compacted topic", kafka.compacted),
    (33, "records sent again", kafka.sent_again),
    (34, "the clock is wrong", sink.wrong_clock),
    (35, "little memory", sink.little_memory),
    (36, "another password", target.wrong_password, "password"),
    (36, "an expired password", target.wrong_password, "expired"),
    (36, "a wrong password at the start", target.wrong_password_at_the_start),
    (36, "another password at the broker", kafka.password_rotated),
    *((37, f"no right to write {what}", target.revoked, what)
      for what in ("dead_letters", "pipeline_watermarks")),
]
QUICK = {"kill -9 before COMMIT", "kill -9 after COMMIT", "a frozen process wakes up", "COMMIT lost",
         "COMMIT's answer lost", "deadlock", "sessions ended", "PostgreSQL stalls",
         "retention passes a stopped process", "SIGTERM while PostgreSQL is silent", "half-open at COMMIT"}


def add_options(parser):
    parser.add_argument("--quick", action="store_true", help="only the quickest and most important")
    parser.add_argument("--negative", action="store_true",
                        help="the negative controls instead: target tidemark_mutants must be built")
    parser.add_argument("--row", type=int, action="append", help="only this row of the matrix")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    servers = FaultStack(ROOT / ".stack" / "faults")
    os.environ.update(servers.environment())
    suite = Suite(__doc__, add_options)
    suite.servers = servers
    try:
        servers.up()
        for mutant in negative.CONTROLS if suite.options.negative else ():
            suite.case(f"caught: {mutant}", negative.caught, mutant)
        for row, name, function, *arguments in () if suite.options.negative else CASES:
            if suite.options.quick and name not in QUICK:
                continue
            if suite.options.row and row not in suite.options.row:
                continue
            suite.case(f"{row:02} {name}", function, *arguments)
    finally:
        servers.destroy()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
