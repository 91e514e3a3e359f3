#!/usr/bin/python3
"""tidemark and a schema registry that is away, slow, wrong, closed or behind TLS.

Records in Avro, captured from real Debezium, are applied while the registry misbehaves: nothing is
lost or refused because of it, it is waited for visibly, and credentials are never shown.
"""
import json
import sys
import time

from fixtures_test import Fixture, check_rows_as_text, make_source_tables
from harness import Suite, check, check_equal, check_settled, positions, short, wait_until
from registry_server import ABSENT, Certificates, RegistryServer, basic

FIXTURE = Fixture("pg-changes-avro")
SCHEMAS = FIXTURE.schemas


class Applied:
    """The fixture in topics of its own, a target with its tables, and a registry."""

    def __init__(self, case, schemas=None, source=None, errors=None, **server):
        self.case = case
        self.registry = RegistryServer(case, dict(SCHEMAS) if schemas is None else schemas, **server)
        self.target = case.target()
        make_source_tables(self.target, FIXTURE)
        self.topics = {name: case.topic(name, count) for name, count in FIXTURE.partitions().items()}
        case.produce([{**event, "topic": self.topics[event["topic"]]} for event in FIXTURE.events])
        self.settings = case.settings(self.target, self.topics.values(), errors=errors or {}, source={
            "registry-url": self.registry.url, **(source or {})})

    def start(self, settings=None):
        return self.case.start(settings or self.settings, arguments=["--until-current"])

    def run(self, code=0, seconds=60):
        return self.case.until_current(self.settings, code=code, seconds=seconds)

    def check_rows(self):
        check_rows_as_text(self.target, FIXTURE)
        ends = self.case.kafka.ends(self.topics.values())
        reached = {at: offset for at, offset in positions(self.target, self.case.id).items()
                   if offset >= 0}
        check_equal(reached, {at: end for at, end in ends.items() if end}, "positions")
        check_settled(self.target)


def wait_for_event(process, name, seconds=20):
    def seen():
        return next((e for e in process.events() if e.get("event") == name), None)
    return wait_until(seen, seconds, f"the log says {name}")


def finish(applied, process):
    check_equal(process.wait(60).code, 0, "exit code")
    applied.check_rows()


def times(count, answer):
    """A fault for the first questions about each path."""
    left = {}

    def fault(path):
        left[path] = left.get(path, count) - 1
        return answer if left[path] >= 0 else None
    return fault


# ---- applying --------------------------------------------------------------------------------------

def good(case):
    applied = Applied(case)
    applied.run()
    applied.check_rows()
    asked = applied.registry.asked
    check(asked and len(asked) == len(set(asked)), f"asked twice: {sorted(asked)}")


def away(case):
    applied = Applied(case)
    applied.registry.stop()
    process = applied.start()
    event = wait_for_event(process, "registry.unreachable")
    check("127.0.0.1" in event["error"], f"no address in {event}")
    time.sleep(1)
    check(process.running(), "it did not wait")
    check_equal(len([e for e in process.events() if e["event"] == "registry.unreachable"]), 1,
                "warnings within a second")
    applied.registry.start()
    finish(applied, process)


def away_too_long(case):
    applied = Applied(case)
    applied.registry.stop()
    ended = applied.run(69, 100)
    check("schema registry" in ended.summary()["error"]["message"], f"said {ended.output}")


def comes_back(case, fault):
    """Faults that pass: each schema is asked for until it comes."""
    applied = Applied(case)
    applied.registry.fault = fault
    applied.run()
    applied.check_rows()


def slow(case):
    """Slower than the group's patience: Kafka is polled meanwhile."""
    applied = Applied(case)
    slowed = []

    def fault(_):
        if not slowed:
            slowed.append(True)
            time.sleep(8)
    applied.registry.fault = fault
    applied.settings = applied.settings.with_({"batch": {"lanes": 1}, "kafka": {
        "max.poll.interval.ms": 6000, "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}})
    ended = applied.run()
    applied.check_rows()
    taken = [e for e in ended.events() if e["event"] == "partitions.assigned"]
    check_equal(len(taken), 1, "how often the group was joined")


def absent(case, policy):
    """52: the partitions stop, whatever the policy: the records are not bad. Once the registry has the schemas, nothing is missing."""
    applied = Applied(case, schemas={}, errors={"on-bad-record": policy})
    ended = applied.run(65)
    stopped = [e for e in ended.events() if e["event"] == "partition.stopped"]
    check(stopped and "the registry does not have the schema with id" in json.dumps(stopped[0]),
          f"stopped: {stopped[:1]}")
    check_equal([mark for mark in positions(applied.target, case.id).values() if mark > 0], [], "positions")
    check_settled(applied.target)
    applied.registry.schemas.update(SCHEMAS)
    applied.run()
    applied.check_rows()


def refused_at_start(case):
    applied = Applied(case, authorization=basic("me", "right"), source={
        "registry-user": "me", "registry-password": "wr0ng"})
    ended = applied.run(77)
    check("wr0ng" not in ended.log + ended.output, "the password is shown")


def refused_later(case):
    applied = Applied(case)
    refuse = []
    applied.registry.fault = lambda path: (403, "") if refuse else refuse.append(path)
    process = applied.start()
    wait_for_event(process, "registry.unauthorized")
    time.sleep(0.5)
    check(process.running(), "it did not wait")
    process.kill()
    applied.registry.fault = None
    applied.run()
    applied.check_rows()


def with_credentials(case, authorization, source):
    applied = Applied(case, authorization=authorization, source=source)
    ended = applied.run()
    applied.check_rows()
    check("s3cret" not in ended.log + ended.output, "the secret is shown")


def with_credentials_in_url(case):
    applied = Applied(case, authorization=basic("me", "s3cret/@"))
    place = applied.registry.url.replace("://", "://me:s3cret%2F%40" + "@")
    applied.settings = applied.settings.with_({"source": {"registry-url": place}})
    ended = applied.run()
    applied.check_rows()
    check("s3cret" not in ended.log + ended.output, "the secret is shown")


def tls(case):
    certificates = Certificates(case.folder, client_needed=True)
    applied = Applied(case, certificates=certificates, source={
        "registry-ca-file": certificates.path("ca.pem"),
        "registry-cert-file": certificates.path("client.pem"),
        "registry-key-file": certificates.path("client.key")})
    applied.run()
    applied.check_rows()


def second_address(case):
    applied = Applied(case)
    url = f"http://127.0.0.1:1,{applied.registry.url}"
    applied.settings = applied.settings.with_({"source": {"registry-url": url}})
    applied.run()
    applied.check_rows()


# ---- check -----------------------------------------------------------------------------------------

def checked(case, settings, registry, **source):
    """What `tidemark check` says of the registry, and its exit code."""
    settings = settings.with_({"source": {"registry-url": registry.url, **source}})
    ended = case.start(settings, "check", ["-o", "json"], command="check").wait(30)
    items = [item for item in json.loads(ended.output)["result"]["items"] if item["group"] == "Registry"]
    check("s3cret" not in ended.output + ended.log, "the secret is shown")
    check_equal(len(items), 1, "findings about the registry")
    return items[0], ended.code


def check_command(case):
    settings = case.settings(case.target(), [case.topic("t")])

    def expect(registry, source, code, text, what):
        item, ended = checked(case, settings, registry, **source)
        check_equal((item["code"], ended), (code, {"reachable": 0, "unreachable": 69, "refused": 1}[code]),
                    f"{what}: {item}")
        check(text in item["text"] + item["hint"], f"{what}: {item}")

    plain = RegistryServer(case, {}, authorization=basic("me", "s3cret"))
    who = {"registry-user": "me", "registry-password": "s3cret"}
    expect(plain, who, "reachable", plain.url, "good")
    expect(plain, {**who, "registry-user": "you"}, "refused", "401", "wrong user")
    plain.fault = lambda _: (200, "<html>")
    expect(plain, who, "unreachable", "Confluent's API", "something else")
    plain.stop()
    expect(plain, who, "unreachable", "registry-url", "away")

    mine = Certificates(case.folder)
    other = Certificates(case.folder, "other.example")
    authority, others = ({"registry-ca-file": one.path("ca.pem")} for one in (mine, other))
    closed = RegistryServer(case, {}, certificates=mine)
    expect(closed, authority, "reachable", "https", "TLS")
    expect(closed, {}, "unreachable", "registry-ca-file", "an unknown authority")
    expect(closed, others, "unreachable", "registry-ca-file", "another authority")
    named = RegistryServer(case, {}, certificates=other)
    expect(named, others, "unreachable", "registry-ca-file", "another host's certificate")


def check_reads_records(case):
    """By the schemas that the registry has: a key that the topic's name does not tell."""
    applied = Applied(case)
    applied.target.run("alter table pair drop constraint pair_pkey, add unique (v)")

    def findings(code):
        ended = case.start(applied.settings, "check", ["-o", "json"], command="check").wait(60)
        check_equal(ended.code, code, f"exit code ({short(ended.output, 400)})")
        return json.loads(ended.output)["result"]["items"]
    items = findings(0)
    told = [item["text"] for item in items if item["code"] == "key"]
    check(any("public.pair has no unique index for its key (\"a\", \"b\")" in text for text in told),
          f"said of keys: {told}")
    sample = [item for item in items if (item["group"], item["code"]) == ("Data", "sample")]
    check(len(sample) == 1 and " read, of " in sample[0]["text"], f"said of records: {sample}")
    applied.registry.fault = lambda path: None if path == "/schemas/types" else (403, "")
    refused = [item for item in findings(0) if (item["group"], item["code"]) == ("Data", "sample")]
    check(refused and "403" in refused[0]["text"], f"said of a refusal: {refused}")


# ---- plan ------------------------------------------------------------------------------------------

def plan_command(case):
    applied = Applied(case, authorization=basic("me", "s3cret"))

    def expect(code, text):
        ended = case.start(applied.settings, "plan", ["-o", "json"], command="plan").wait(60)
        check_equal(ended.code, code, f"exit code ({short(ended.output, 400)})")
        check(text in ended.output, f"said {short(ended.output, 400)}")
        check("s3cret" not in ended.output + ended.log, "the secret is shown")
    expect(77, "answers 401")
    applied.settings = applied.settings.with_({"source": {"registry-user": "me",
                                                          "registry-password": "s3cret"}})
    expect(0, "public.plain")
    applied.registry.fault = lambda _: (403, "")
    expect(77, "answers 403")
    applied.registry.stop()
    expect(69, "the schema registry: http")


def add_options(parser):
    parser.add_argument("--long", action="store_true", help="also what takes a minute of waiting")


def main():
    suite = Suite(__doc__, add_options)
    suite.case("check", check_command)
    suite.case("check reads records", check_reads_records)
    suite.case("plan", plan_command)
    suite.case("good", good)
    suite.case("away", away)
    suite.case("slow", slow)
    suite.case("absent at first", comes_back, times(2, ABSENT))
    suite.case("500 at first", comes_back, times(2, (500, "")))
    suite.case("429 at first", comes_back, times(2, (429, "")))
    suite.case("wrong JSON at first", comes_back, times(2, (200, '{"schema": ')))
    suite.case("a huge answer at first", comes_back, times(1, (200, b" " * (17 << 20))))
    for policy in "stop", "dead-letter":
        suite.case(f"52 absent for good, {policy}", absent, policy)
    suite.case("refused at the start", refused_at_start)
    suite.case("refused later", refused_later)
    suite.case("user and password", with_credentials, basic("me", "s3cret"), {
        "registry-user": "me", "registry-password": "s3cret"})
    suite.case("token", with_credentials, "Bearer s3cret", {"registry-token": "s3cret"})
    suite.case("credentials in the address", with_credentials_in_url)
    suite.case("TLS with certificates", tls)
    suite.case("the second address", second_address)
    if suite.options.long:
        suite.case("away for too long", away_too_long)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
