"""Rows of the fault matrix that hit PostgreSQL, or the way to it."""
import time

import psycopg2

from fault_scenario import Scenario
from fault_servers import Postgres, SmallDisk
from harness import check, check_equal, wait_until, with_server
from proxy import CUT, LOSE, Proxy, completed, query, tag_begins

SINK_SESSIONS = ("select count(*) from pg_stat_activity where datname = current_database() and "
                 "application_name like 'tidemark%%' ")


def commit_lost(case):
    """6: COMMIT never reaches the server."""
    s = Scenario(case)
    rule = s.database.on(query("^COMMIT"), LOSE, skip=6, times=3)
    s.start()
    s.waits_for("commit.in_doubt")
    s.finish()
    check_equal(rule.fired, 3, "lost commits")
    check(not s.events("lane.fenced"), "a doubt ended as a lost partition, though nobody took it")


def commit_answer_lost(case):
    """7: COMMIT is done, and nobody says so."""
    s = Scenario(case)
    rule = s.database.on(completed("COMMIT"), LOSE, skip=6, times=3)
    s.start()
    s.waits_for("commit.in_doubt")
    s.finish()
    check_equal(rule.fired, 3, "lost answers")
    check(not s.events("lane.fenced"), "a doubt ended as a lost partition, though nobody took it")


SLOW_COMMIT = """
create function slow_commit() returns trigger language plpgsql as $$ begin
  perform pg_sleep(1); return null; end $$;
create constraint trigger slow_commit after update on tidemark.pipeline_watermarks
  deferrable initially deferred for each row when (old.last_watermark is distinct from new.last_watermark)
  execute function slow_commit();
"""


def commit_still_under_way(case):
    """7: the connection is lost while the old backend is still at its COMMIT: its end is waited for,
    or the doubt would be settled by what is not true yet."""
    s = Scenario(case, changes=150, partitions=1)
    rule = s.database.on(query("^COMMIT"), CUT, skip=1)
    s.target.run(SLOW_COMMIT)
    s.start()
    rule.wait(20, "COMMIT")
    s.waits_for("commit.in_doubt")
    s.moving(100)
    s.target.run("drop trigger slow_commit on tidemark.pipeline_watermarks")
    s.finish(distinct=3)
    check(not s.events("lane.fenced"), "it did not wait for the old backend's COMMIT")


def half_open(case, when):
    """8: a firewall has forgotten the connection: neither end is told. tidemark notices by itself, and
    the old backend, which may hold the position rows, by its own patience."""
    s = Scenario(case, changes=1500, slow=0.02)
    s.settings = s.settings.with_({"target": {
        "dsn": s.dsn + " keepalives_idle=1 keepalives_interval=1 keepalives_count=2 "
                       "tcp_user_timeout=3000 options='-c idle_in_transaction_session_timeout=4s'"}})
    opened = []

    def vanish(_=None):
        opened.append(s.database.connections)
        check(s.database.vanish() > 0, "there was no connection")
    s.start()
    if when == "idle":
        s.wait_for_the_end()
        vanish()
        s.load.more(300)
    else:
        s.database.on(tag_begins("MERGE") if when == "in a batch" else completed("COMMIT"), vanish,
                      skip=4).wait(20, when)
    began = time.monotonic()
    s.calm(1)
    s.stands_still()
    s.waits_for("commit.in_doubt" if when == "at COMMIT" else "target.retry")
    wait_until(lambda: s.alive() and s.database.connections > opened[0], 20, "it connects anew")
    s.moving(100)
    check(time.monotonic() - began < 15, "it was noticed too late")
    s.finish()
    check_equal(s.rebalances(), 1, "assignments")
    check(not s.events("lane.fenced"), "a lost connection ended as a lost partition")


def dead_server(case):
    """9: the server is killed, and comes back."""
    s = Scenario(case, changes=1500, slow=0.02)
    s.start()
    s.moving()
    servers = case.suite.servers
    servers.stop("target", now=True)
    s.waits_for("target.retry")
    s.calm()
    servers.start("target")
    s.finish()
    check(s.checker.lost > 0, "the server was never away")


def restart(case, mode):
    """10: an orderly restart, and one that is not."""
    server = Postgres(case, "own")
    s = Scenario(case, changes=1500, slow=0.02, server=server)
    s.start()
    s.moving()
    server.stop(mode)
    s.waits_for("target.retry")
    s.calm(1)
    server.start()
    s.finish()
    check(s.checker.lost > 0, "the server was never away")


def terminated(case):
    """11: the session is ended again and again in the middle of a batch."""
    s = Scenario(case, changes=1500, slow=0.03)
    s.start()
    killed = 0
    for _ in range(12):
        s.moving(30)
        killed += len(s.target.run(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (s.role,)))
        time.sleep(0.1)
    check(killed >= 8, f"only {killed} sessions were ended")
    s.waits_for("target.retry", sqlstate="57P01")
    s.finish()


def standby_gone(case, cancel):
    """12, 13: COMMIT waits for a standby that is not there, for which no timeout of the server's
    fires; and somebody cancels that wait."""
    server = Postgres(case, "own")
    s = Scenario(case, changes=1500, slow=0.02, server=server)
    s.start()
    s.moving()

    def heal():
        server.sql("alter system reset synchronous_standby_names")
        server.sql("select pg_reload_conf()")
    case.at_end(heal)
    server.sql("alter system set synchronous_standby_names = 'nobody'")
    server.sql("select pg_reload_conf()")
    waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep' and usename = '%s'" % s.role
    wait_until(lambda: server.sql(waiting), 10, "COMMIT waits for the standby")
    s.waits_for("target.slow")
    s.calm()
    check_equal(s.rebalances(), 1, "assignments")
    if cancel:
        server.sql(waiting.replace("select pid", "select pg_cancel_backend(pid)"))
        s.waits_for("target.notice")
    heal()
    s.finish()


def failover(case):
    """14, 15: the standby that lags becomes the primary; later somebody leads us to the old one."""
    primary = Postgres(case, "primary", settings={"wal_level": "replica"})
    s = Scenario(case, changes=2500, slow=0.02, server=primary)
    wire = Proxy(("127.0.0.1", primary.port))
    case.at_end(wire.close)
    standby = Postgres(case, "standby", of=primary.dsn.replace(f"port={primary.port}", f"port={wire.port}"))
    process = s.start()
    s.moving()
    caught_up = "select pg_last_wal_replay_lsn() >= '%s'"
    now = primary.sql("select pg_current_wal_lsn()")[0][0]
    wait_until(lambda: standby.sql(caught_up % now)[0][0], 20, "the standby has caught up")
    wire.refuse()
    s.moving(600)
    lead(s, standby, primary)
    lagging = standby.sql("select pg_is_in_recovery()")[0][0]
    check(not lagging, "the standby is no primary")
    s.waits_for("position.fell_back")
    s.waits_for("target.changed")
    s.moving(300)
    # The old one comes back to life, and an address leads to it: its tables are as old as its
    # positions, so going on there is right, but somebody has to be told.
    primary.start()
    before = len(s.events("target.changed", process))
    s.database.to(("127.0.0.1", primary.port))
    s.checker.regressed(on(s, primary))
    s.database.cut()
    wait_until(lambda: len(s.events("target.changed", process)) > before, 15, "the change is logged")
    s.finish()


def lead(s, to, away_from):
    away_from.stop("immediate")
    s.checker.regressed(on(s, to))
    to.promote()
    s.database.to(("127.0.0.1", to.port))


def on(s, server):
    return server.dsn.replace("dbname=postgres", f"dbname={s.target.name}")


def restored(case):
    """14: a backup is restored under a running process."""
    s = Scenario(case, changes=1500, slow=0.02)
    process = s.start()
    s.moving()
    s.database.refuse()  # the old state is taken in one transaction, so it is one
    wait_until(lambda: not s.target.value(SINK_SESSIONS + "and state <> 'idle'"), 10, "it is away")
    s.target.run("create schema kept; create table kept.t as table t; create table kept.w as "
                 "table tidemark.pipeline_watermarks; create table kept.r as table row_history; "
                 "create table kept.p as table position_history; create table kept.k as "
                 "table tidemark.key_changes")
    s.database.accept()
    s.moving(500)
    s.checker.regressed()
    # The position rows first, as all do who write or look on.
    s.target.run("begin; lock table tidemark.pipeline_watermarks; set local session_replication_role = replica; truncate t, row_history, "
                 "position_history, tidemark.pipeline_watermarks, tidemark.key_changes; "
                 "insert into t select * from kept.t; insert into tidemark.pipeline_watermarks select * "
                 "from kept.w; insert into row_history overriding system value select * from kept.r; "
                 "insert into position_history overriding system value select * from kept.p; "
                 "insert into tidemark.key_changes overriding system value select * from kept.k; commit")
    s.checker.regressed()
    s.waits_for("position.fell_back", process=process)
    s.finish()


def deadlock(case):
    """16: another session locks the same rows the other way round."""
    s = Scenario(case, changes=600, partitions=1, slow=0.02)
    s.start()
    s.moving(400)
    rival = s.target.connect(autocommit=False)
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    before = s.target.value(deadlocks)
    for _ in range(4):
        with rival.cursor() as cursor:
            cursor.execute("set local deadlock_timeout = '20s'")
            cursor.execute("select 1 from t for update")  # the sink waits for a row of these
            waits = SINK_SESSIONS + "and wait_event_type = 'Lock'"
            wait_until(lambda: s.target.value(waits), 10, "it waits for a row")
            cursor.execute("select 1 from tidemark.pipeline_watermarks for update")  # it holds this
        rival.rollback()
        if s.events("target.retry"):
            break
    s.waits_for("target.retry", sqlstate="40P01")
    wait_until(lambda: s.target.value(deadlocks) > before, 10, "a deadlock is counted")
    rival.close()
    s.finish()


def long_lock(case):
    """17: somebody keeps the table for longer than lock_timeout."""
    s = Scenario(case, changes=900, slow=0.01)
    s.settings = s.settings.with_({"target": {"dsn": s.dsn + " options='-c lock_timeout=500ms'"}})
    s.start()
    s.moving()
    rival = s.target.connect(autocommit=False)
    with rival.cursor() as cursor:
        cursor.execute("lock table tidemark.pipeline_watermarks, t in share row exclusive mode")
    s.waits_for("target.retry", sqlstate="55P03")
    s.calm(2.5)
    s.stands_still()
    check_equal(s.rebalances(), 1, "assignments")
    rival.rollback()
    rival.close()
    s.finish()


def stalled(case):
    """18: PostgreSQL says nothing for longer than any of Kafka's intervals."""
    s = Scenario(case, changes=1500, slow=0.01, kafka={"max.poll.interval.ms": 3000})
    s.start()
    s.moving()
    s.database.stall()
    s.waits_for("target.slow")
    s.calm(5)
    s.stands_still()
    check_equal(s.rebalances(), 1, "assignments")
    check_equal(s.events("kafka.evicted"), [], "evictions")
    s.database.flow()
    s.finish()
    check_equal(s.rebalances(), 1, "assignments at the end")


def disk_full(case):
    """19: no room for another page."""
    disk = SmallDisk(case, "24m")
    server = Postgres(case, "own")
    server.sql(f"create tablespace small location '{disk.folder}'")
    s = Scenario(case, changes=600, slow=0.01, server=server)
    s.target.run("alter table t set tablespace small; create table filler (x text) tablespace small; "
                 "alter table filler alter x set storage plain; alter table t set "
                 "(autovacuum_enabled = off)")
    s.start()
    s.moving()
    try:
        while True:
            s.target.run("insert into filler select repeat('x', 1000) from generate_series(1, 100)")
    except psycopg2.errors.DiskFull:
        pass
    s.load.more(1500)
    s.waits_for("target.retry", seconds=20, sqlstate="53100")
    s.calm()
    s.stands_still()
    s.target.run("drop table filler")
    s.finish()


def no_connection_left(case):
    """20: the role's connections are used up."""
    s = Scenario(case, changes=900, slow=0.01)
    s.start()
    s.moving()
    s.target.run(f"alter role {s.role} connection limit 0")
    s.database.cut()
    s.waits_for("target.retry", sqlstate="53300")
    s.calm()
    s.target.run(f"alter role {s.role} connection limit -1")
    s.finish()


def read_only(case):
    """21: the address leads to a server that does not write."""
    s = Scenario(case, changes=900, slow=0.01)
    s.start()
    s.moving()
    s.target.run(f'alter database "{s.target.name}" set default_transaction_read_only = on')
    s.database.cut()
    s.waits_for("target.retry", sqlstate="25006")
    s.calm()
    s.stands_still()
    with_server(s.server_dsn, f'alter database "{s.target.name}" reset default_transaction_read_only')
    s.database.cut()
    s.finish()


def column_gone(case):
    """22: a column is dropped under it, by a hand that is not ours: it stops, and goes on when the
    column is there again. Nothing between is lost."""
    s = Scenario(case, changes=900, slow=0.02, target={"schema-evolution": "validate"})
    s.settings = s.settings.with_({"target": {"dsn": s.dsn}})
    process = s.start()
    s.moving()
    with s.target.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("alter table t rename note to hidden")
    wait_until(lambda: not process.running(), 20, "it stops")
    ended = process.wait(1)
    check(ended.code in (65, 78), f"exit code {ended.code}")
    check("note" in ended.log, "the column is not named")
    s.processes.clear()
    s.target.run("alter table t rename hidden to note")
    s.checker.regressed()
    s.start("again")
    s.finish()


def type_changed(case):
    """22: a column's type is changed under it to one that still takes the values."""
    s = Scenario(case, changes=900, slow=0.02)
    s.start()
    s.moving()
    s.target.run("alter table t alter note type varchar(4000)")
    s.finish()


def wrong_password(case, how):
    """36: the password is changed at the server; later the file has the new one."""
    server = Postgres(case, "own", hba="host all postgres 127.0.0.1/32 trust\n"
                                       "host replication all 127.0.0.1/32 trust\n"
                                       "host all all 127.0.0.1/32 scram-sha-256\n")
    s = Scenario(case, changes=900, slow=0.02, server=server)
    secret = case.folder / "password"
    secret.write_text("sesame\n")
    dsn = s.dsn.replace(" password=sesame", "")
    s.settings = s.settings.with_({"target": {"dsn": dsn, "password-file": secret}})
    process = s.start()
    s.moving()
    server.sql(f"alter role {s.role} password 'open-barley'" if how == "password"
               else f"alter role {s.role} valid until '2001-01-01'")
    s.database.cut()
    s.waits_for("target.retry", sqlstate="28P01")
    s.calm()
    if how == "password":
        secret.write_text("open-barley\n")
    else:
        server.sql(f"alter role {s.role} valid until 'infinity'")
    s.finish()
    log = process.log()
    check("sesame" not in log and "open-barley" not in log, "a password is in the log")


def wrong_password_at_the_start(case):
    """36: at the start it is a wrong setting."""
    server = Postgres(case, "own", hba="host all postgres 127.0.0.1/32 trust\n"
                                       "host all all 127.0.0.1/32 scram-sha-256\n")
    s = Scenario(case, changes=50, server=server)
    s.settings = s.settings.with_({"target": {"dsn": s.dsn.replace("sesame", "salami")}})
    process = s.start()
    check_equal(process.wait(20).code, 77, "exit code")
    check("salami" not in process.log(), "the password is in the log")


def revoked(case, what):
    """37: what keeps the state may not be written: it stops in front of it."""
    s = Scenario(case, changes=600, slow=0.02, partitions=1, errors={"on-bad-record": "dead-letter"})
    process = s.start()
    s.moving()
    if what == "dead_letters":
        s.target.run(f"revoke insert on tidemark.dead_letters from {s.role}")
        bad = dict(s.load.records[-1], value='{"before":')
        s.case.produce([bad])
    else:
        s.target.run(f"revoke update on tidemark.pipeline_watermarks from {s.role}")
    wait_until(lambda: not process.running(), 30, "it stops")
    check_equal(process.wait(1).code, 77, "exit code")
    s.processes.clear()
    s.checker.check_rows_now()
    check(sum(s.marks().values()) <= sum(s.load.sent), "the bad record was passed")
    s.target.run(f"grant insert, update on all tables in schema tidemark to {s.role}")
    if what != "dead_letters":
        s.start("again")
        s.finish()
        return
    s.start("again")
    wait_until(lambda: sum(s.marks().values()) == sum(s.load.sent) + 1, 30, "lag reaches 0")
    check_equal(s.processes["again"].stop().code, 0, "exit code")
    check_equal(s.target.run("select kind, position::int from tidemark.dead_letters"),
                [("decode", sum(s.load.sent))], "dead letters")
    s.checker.stop()
    s.checker.check_looks()
