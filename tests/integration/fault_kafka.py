"""Rows of the fault matrix that hit Kafka, its topics, or the consumer group."""
import random
import shutil
import time
from pathlib import Path

from fault_scenario import Scenario
from harness import Failed, check, check_equal, position_rows, wait_until
from proxy import LOSE, request


def broker_killed(case):
    """23, 24: the broker, which is the group's coordinator too, is killed and comes back."""
    s = Scenario(case, changes=1200, slow=0.02, kafka={
        "fetch.max.bytes": 20000, "message.max.bytes": 20000, "queued.max.messages.kbytes": 100})
    s.start()
    s.moving()
    servers = case.suite.servers
    servers.stop("kafka", now=True)
    s.waits_for("kafka.unreachable")
    s.calm()
    servers.start("kafka")
    s.waits_for("kafka.reachable")
    s.finish(seconds=60)


def broker_frozen(case):
    """23: the broker stands still for longer than the session, then goes on."""
    s = Scenario(case, changes=1500, slow=0.02)
    s.start()
    s.moving()
    case.suite.servers.freeze("kafka")
    case.at_end(case.suite.servers.wake, "kafka")
    s.calm(5)
    case.suite.servers.wake("kafka")
    s.finish(seconds=60)


def broker_slow(case):
    """23: every message takes its time."""
    s = Scenario(case, changes=900, kafka_proxied=True, slow=0.01)
    s.kafka.latency = 0.15
    s.start()
    s.moving()
    s.kafka.latency = 0
    s.finish()


def broker_silent(case):
    """23: connections stand, nothing comes."""
    s = Scenario(case, changes=900, kafka_proxied=True, slow=0.02,
                 kafka={"socket.timeout.ms": 2000, "queued.max.messages.kbytes": 100})
    s.start()
    s.moving()
    s.kafka.stall()
    s.waits_for("kafka.unreachable")
    s.calm(3)
    s.kafka.flow()
    s.finish(seconds=60)


def coordinator_lost(case):
    """24: heartbeats do not arrive, the session ends, joining again fails twice."""
    s = Scenario(case, changes=1500, slow=0.03, kafka_proxied=True)
    s.start()
    s.moving()
    beats = s.kafka.on(request("Heartbeat"), LOSE, times=8)
    joins = s.kafka.on(request("JoinGroup"), LOSE, times=2)
    beats.wait(10, "a lost heartbeat")
    time.sleep(4)
    s.kafka.calm()
    s.alive()
    check(beats.fired > 3, f"{beats.fired} heartbeats and {joins.fired} joins were lost")
    s.finish(seconds=60)


def rebalance_storm(case):
    """25: members come and go every second; there is progress all the time."""
    s = Scenario(case, changes=2500, partitions=4, slow=0.05, batch={"max-rows": 50})
    choose = random.Random(25)
    s.start("m0")
    s.moving()
    progress = []
    for number in range(1, 11):
        name = f"m{number}"
        s.start(name)
        progress.append(s.records_in())
        time.sleep(1)
        if len(s.processes) > 2:
            victim = choose.choice(sorted(s.processes))
            if number % 3:
                s.kill(victim)
            else:
                check_equal(s.processes.pop(victim).stop().code, 0, "exit code")
    check(sum(b > a for a, b in zip(progress, progress[1:])) >= 5, f"hardly any progress: {progress}")
    s.finish(seconds=60)


def static_member(case):
    """26: two processes with one group.instance.id: the older one ends."""
    s = Scenario(case, changes=1500, slow=0.02)
    s.settings = s.settings.with_({"kafka": {"group.instance.id": f"{case.id}-same"}})
    first = s.start("first")
    s.moving()
    s.start("second")
    wait_until(lambda: not first.running(), 20, "the first one ends")
    ended = first.wait(1)
    check(ended.code not in (0, -6, -11), f"exit code {ended.code}")
    check("group.instance.id" in ended.log, "the log does not say why")
    s.processes.pop("first")
    s.finish()


def stopped_in_front(s, process, partition, *words):
    """One partition stops, saying so, and the others go on."""
    s.may_stop = True
    event = s.waits_for("partition.stopped", seconds=30, process=process, partition=partition)
    text = event["msg"] + " " + event.get("hint", "")
    for word in words:
        check(word in text, f"{word!r} is not in {text!r}")
    return event


def retention(case, running):
    """27: Kafka has thrown away what was not read yet."""
    s = Scenario(case, changes=50, slow=0.1, batch={
        "max-rows": 50, "lanes": 1, "buffer-max-bytes": "4MiB"}, kafka={
        "fetch.max.bytes": 100000, "message.max.bytes": 100000, "queued.max.messages.kbytes": 100})
    s.load.pad = 4000  # more than the buffer takes in advance
    s.load.more(2000)
    process = s.start()
    wait_until(lambda: len(s.marks()) == 2 and min(s.marks().values()) > 100, 20, "both move")
    if not running:
        check_equal(s.processes.pop("a").stop().code, 0, "exit code")
    else:
        s.database.stall()
        time.sleep(0.5)
    # The one that Kafka sent last.
    mark, victim = min((mark, partition) for (_, partition), mark in s.marks().items())
    low = s.load.sent[victim] - 5
    check(mark < low, "too far already")
    s.case.kafka.delete_records(s.load.topic, victim, low)
    if running:
        s.database.flow()
    else:
        process = s.start("again")
    event = stopped_in_front(s, process, victim, str(low))
    if not running:
        check(str(mark) in event["msg"], f"the position is not named: {event['msg']}")
    others_go_on(s, stopped=victim)


def others_go_on(s, stopped):
    other = 1 - stopped
    wait_until(lambda: s.alive() and s.marks().get((s.load.topic, other)) == s.load.sent[other], 30,
               "the other partition goes on")
    check(s.marks()[s.load.topic, stopped] < s.load.sent[stopped], "the stopped partition went on")
    s.calm(1, next(iter(s.processes.values())))
    check_equal(next(iter(s.processes.values())).stop().code, 0, "exit code")
    s.checker.stop()
    s.checker.check_looks()
    s.checker.check_rows_now()


def topic_made_anew(case, running, longer):
    """28: the topic is deleted and made again, with fewer or with more records than were applied."""
    s = Scenario(case, changes=300, partitions=1)
    process = s.start()
    s.wait_for_the_end()
    if not running:
        check_equal(s.processes.pop("a").stop().code, 0, "exit code")
    old = position_rows(s.target)
    s.case.kafka.delete([s.load.topic])
    wait_until(lambda: made_again(s), 20, "the topic can be made again", 0.1)
    records = s.load.records + s.load.records if longer else s.load.records[:20]
    # The same places, other records: only their content tells.
    s.case.produce([dict(record, value=record["value"] and record["value"].replace('"note":"', '"note":"x'))
                    for record in records])
    if not running:
        process = s.start("again")
    wait_until(lambda: any(e["event"] == "partition.stopped" for e in process.events())
               or not process.running(), 40, "the partition stops")
    if process.running():
        process.stop()
    check_equal([e["partition"] for e in process.events() if e["event"] == "partition.stopped"][:1], [0],
                "partitions that stopped")
    check_equal(position_rows(s.target), old, "the position")
    s.checker.stop()
    s.checker.check_looks()
    s.checker.check_rows_now()


def made_again(s):
    try:
        s.case.kafka.create(s.load.topic, 1)
        return True
    except Failed:
        return False


def log_truncated(case):
    """29: a broker's log loses its end, as after an unclean election, and other records come there."""
    s = Scenario(case, changes=200, partitions=1)
    servers = case.suite.servers
    folder = Path(servers.folder) / "kafka" / f"{s.load.topic}-0"
    servers.stop("kafka")
    kept = case.folder / "kept"
    shutil.copytree(folder, kept)
    servers.start("kafka")
    s.load.more(200)
    process = s.start()
    s.wait_for_the_end(60)
    process.stop()
    s.processes.clear()
    old = position_rows(s.target)
    servers.stop("kafka", now=True)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    servers.start("kafka")
    cut = sum(s.load.sent) - s.case.kafka.ends([s.load.topic])[s.load.topic, 0]
    check(cut > 100, f"the log was not cut: {cut}")
    s.case.produce([dict(record, value=record["value"] and record["value"].replace('"note":"', '"note":"x'))
                    for record in s.load.records[:cut + 50]])
    s.may_stop = True
    process = s.start("again")
    wait_until(lambda: s.events("partition.stopped", process), 30, "the partition stops")
    process.stop()
    check_equal(position_rows(s.target), old, "the position")
    s.checker.stop()
    s.checker.check_looks()
    s.checker.check_rows_now()


def partitions_added(case):
    """30: a topic grows; the new partition is read from its beginning."""
    s = Scenario(case, changes=600, slow=0.01,
                 kafka={"topic.metadata.refresh.interval.ms": 1000})
    s.start()
    s.moving()
    s.case.kafka.add_partitions(s.load.topic, 3)
    s.load.partitions = 3
    s.load.rows.append({})
    s.load.sent.append(0)
    s.load.effects.append([])
    s.load.more(300)
    s.finish()
    check(s.rebalances() > 1, "no new assignment")


def transactions(case):
    """31: what was rolled back at the producer is never seen, what is open waits."""
    s = Scenario(case, changes=100, partitions=1)
    s.start()
    s.wait_for_the_end()
    wrong = [dict(record, value=record["value"] and record["value"].replace('"note":"', '"note":"x'))
             for record in s.load.records[:30]]
    case.kafka.produce_records(case.folder, wrong, "--transaction", "abort")
    # 30 records and a marker, which the broker writes when it likes: what follows has other offsets
    # than the load thinks.
    s.load.sent[0] += 31
    wait_until(lambda: case.kafka.ends([s.load.topic])[s.load.topic, 0] == s.load.sent[0], 20,
               "the marker is written")
    s.load.more(50)
    wait_until(lambda: s.marks()[s.load.topic, 0] >= s.load.sent[0], 20, "what follows is applied")
    opened = case.kafka.open_transaction(case.folder, wrong)
    try:
        s.load.sent[0] += 30
        before = s.marks()
        s.load.more(20)
        s.calm(2)
        check_equal(s.marks(), before, "positions behind an open transaction")
    finally:
        opened.stdin.close()
        opened.wait(20)
    s.load.sent[0] += 1
    # The marker comes last: everything before it was visible only then.
    wait_until(lambda: s.marks()[s.load.topic, 0] >= s.load.sent[0] - 1, 30, "what followed is applied")
    check_equal(s.processes.pop("a").stop().code, 0, "exit code")
    s.checker.stop()
    s.checker.check_history()
    rows = {row[0]: row[1:] for row in s.target.run("select id, n, note, body from t")}
    check_equal(rows == s.load.all_rows(), True, "the rows are the source's")


def compacted(case):
    """32: Kafka has removed what later records replace."""
    s = Scenario(case, changes=0, partitions=1, topic={
        "plain": True, "cleanup_policy": "compact", "min_cleanable_dirty_ratio": "0.01",
        "segment_ms": "200", "delete_retention_ms": "600000"})
    for _ in range(4):
        s.load.more(400)
        time.sleep(0.4)

    def gaps():
        return sum(s.load.sent) - sum(1 for _ in s.case.kafka.dump([s.load.topic]))
    wait_until(lambda: gaps() > 500, 40, "records are compacted away", 0.5)
    s.start()
    wait_until(lambda: s.alive() and s.marks().get((s.load.topic, 0)) == s.load.sent[0], 30, "lag reaches 0")
    check_equal(s.processes.pop("a").stop().code, 0, "exit code")
    s.checker.stop()
    rows = {row[0]: row[1:] for row in s.target.run("select id, n, note, body from t")}
    check_equal(rows == s.load.all_rows(), True, "the rows are the source's")


def sent_again(case):
    """33: the source sends a part of its history again, as Debezium does after its own restart."""
    s = Scenario(case, changes=400)
    s.start()
    s.wait_for_the_end()
    for back in (30, 200, 600):
        again = s.load.records[-back:]
        for record in again:
            s.load.sent[record["partition"]] += 1
        s.case.produce(again)
        s.load.more(20)
    s.finish()


def password_rotated(case):
    """36: the password at the broker changes, and changes back."""
    servers = case.suite.servers
    s = Scenario(case, changes=1200, slow=0.05)
    s.settings = s.settings.with_({"kafka": {
        "bootstrap.servers": f"127.0.0.1:{servers.sasl_port}", "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN", "sasl.username": "cdc", "sasl.password": "open-sesame"}})
    process = s.start()
    s.moving()
    servers.set_password("closed-sesame")  # connections that stand would not be asked again
    case.at_end(servers.set_password, "open-sesame")
    s.waits_for("kafka.unreachable", seconds=30)
    s.calm()
    servers.set_password("open-sesame")
    s.finish(seconds=60)
    check("open-sesame" not in process.log(), "the password is in the log")
