#!/usr/bin/python3
"""tidemark status: positions, lag, dead letters and what keeps a partition, as text, JSON and exit code."""
import json
import sys
import time

from harness import Suite, Tidemark, change, check, check_equal, wait_until


def status(case, config, *words, code=0):
    process = Tidemark(case, config, "status", [*words, "-o", "json"], command="status")
    ended = process.wait(30)
    check_equal(ended.code, code, f"exit code of status {' '.join(words)}: {ended.output} {ended.log[-200:]}")
    return json.loads(ended.output)["result"]


def status_text(case, config, *words, code=0):
    process = Tidemark(case, config, "status-text", list(words), command="status")
    ended = process.wait(30)
    check_equal(ended.code, code, f"exit code of status {' '.join(words)}")
    return ended.output


def row(topic, key, v="ok", partition=0):
    return change(topic, "t", "u", {"id": key}, {"id": key, "v": v}, partition=partition, lsn=key)


def of(result, partition):
    return next(one for one in result["partitions"] if one["partition"] == partition)


def life(case):
    """Before, while and after it runs."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(5))")
    topic = case.topic("public.t", 2)
    config = case.settings(target, [topic], errors={"on-bad-record": "dead-letter"},
                           target={"schema-evolution": "none"})
    case.produce([row(topic, 1), row(topic, 2, partition=1), row(topic, 3, "too long", 1),
                  row(topic, 3, "later", 1)])
    result = status(case, config)
    check_equal((result["state"], result["lag"], result["not_ready"]), ("NEVER RUN", 4, "starting"), "before")
    check_equal(status_text(case, config, "--ready", code=1), "starting\n", "--ready before")

    process = case.start(config)
    wait_until(lambda: status(case, config)["lag"] == 0, 20, "all is applied")
    result = status(case, config)
    check_equal((result["state"], result["members"], result["not_ready"]), ("RUNNING", 2, None), "while it runs")
    check_equal((result["dead_letters"], result["held"], result["held_keys"]), (2, 1, 1), "letters")
    one = of(result, 1)
    check_equal((one["position"], one["begin"], one["end"], one["lag"], one["state"], one["dead_letters"]),
                (3, 0, 3, 0, "ok", 2), "the partition")
    check(one["applied_up_to"].startswith("2023-11-14T22:13:20") and one["owner"] and one["committed_at"],
          f"times and owner: {one}")
    check_equal(result["tables"], [{"table": "public.t", "dead_letters": 2}], "tables")
    check_equal(status_text(case, config, "--ready"), "ready\n", "--ready")
    text = status_text(case, config)
    check(text.startswith("RUNNING  group ") and "2 dead letters, 1 key held" in text and
          "tidemark dlq list --table public.t" in text, text)
    watch = Tidemark(case, config, "watch", ["--watch"], command="status")
    time.sleep(3)
    check_equal(watch.stop().code, 0, "exit code of --watch")
    check_equal(process.stop().code, 0, "exit code")

    case.produce([row(topic, 5)])
    result = status(case, config)
    check_equal((result["state"], result["lag"], result["not_ready"]), ("STOPPED", 1, "stopped"), "after")


def halted(case):
    """What stopped a partition is in the target, until it goes on."""
    target = case.target()
    target.run("create table t (id int primary key, v varchar(5)); "
               "create table p (id int primary key); "
               "create table c (id int primary key, p int references p)")
    topic = case.topic("public.t", 2)
    child = case.topic("public.c")
    config = case.settings(target, [topic, child], target={"schema-evolution": "none"})
    case.produce([row(topic, 1), row(topic, 2, "too long"),
                  change(child, "c", "c", {"id": 1}, {"id": 1, "p": 7}, lsn=1)])
    process = case.start(config)
    seen = {}

    def one_stopped_one_waits():
        seen.update((one["state"], one) for one in status(case, config)["partitions"])
        return {"ok", "stopped", "waiting"} <= seen.keys()

    wait_until(one_stopped_one_waits, 20, "one has stopped, one waits")
    stopped, waiting = seen["stopped"], seen["waiting"]
    check("character varying" in stopped["reason"] and stopped["position"] == 1, str(stopped))
    check("foreign key" in waiting["reason"], str(waiting))
    # A second lane that joins has the first one look at both again.
    wait_until(lambda: all(word in status_text(case, config) for word in ("stopped: ", "waiting: ")), 10,
               "the text says both")
    target.run("alter table t alter v type text; insert into p values (7)")
    wait_until(lambda: target.value("select count(*) from c") == 1, 30, "the waiting row is in")
    wait_until(lambda: of_stream(status(case, config), child)["state"] == "ok", 10, "it goes on")
    check_equal(process.stop().code, 0, "exit code")
    case.until_current(config)
    check_equal({one["state"] for one in status(case, config)["partitions"]}, {"ok"}, "states")


def of_stream(result, stream):
    return next(one for one in result["partitions"] if one["stream"] == stream)


def lost(case):
    """Kafka has thrown away what comes next."""
    target = case.target()
    target.run("create table t (id int primary key, v text)")
    topic = case.topic("public.t")
    config = case.settings(target, [topic])
    case.produce([row(topic, 1)])
    case.until_current(config)
    target.run("update tidemark.pipeline_watermarks set last_watermark = '-5'")
    one = status(case, config)["partitions"][0]
    check_equal(one["state"], "lost", "state")
    check("holds nothing before 0" in one["reason"], one["reason"])


def away(case):
    target = case.target()
    topic = case.topic("public.t")
    config = case.settings(target, [topic])
    no_kafka = config.with_({"kafka": {"bootstrap.servers": "127.0.0.1:1"}})
    result = status(case, no_kafka, code=69)
    check_equal((result["state"], result["lag"], result["not_ready"]), ("UNKNOWN", None, "kafka_unreachable"),
                "without Kafka")
    check_equal(status_text(case, no_kafka, "--ready", code=1), "kafka_unreachable\n", "--ready")
    no_target = config.with_({"target": {"dsn": "host=127.0.0.1 port=1 dbname=x user=x"}})
    status_text(case, no_target, code=69)
    check_equal(status_text(case, no_target, "--ready", code=1), "target_unreachable\n", "--ready")


def main():
    suite = Suite(__doc__)
    suite.case("before, while and after it runs", life)
    suite.case("what keeps a partition", halted)
    suite.case("a position that Kafka does not hold", lost)
    suite.case("servers that are away", away)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
