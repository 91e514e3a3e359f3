#!/usr/bin/python3
"""TLS to PostgreSQL and Kafka, with certificates that are good and bad; and how the program is built.

A server whose certificate is expired, of another host, or of an unknown authority gets no record and
no password, and gives none; the log says why.
"""
import os
import shutil
import signal
import subprocess
import sys

from fault_servers import FaultStack, Postgres
from harness import ROOT, Suite, change, check, check_equal, with_dbname, wait_until
from registry_server import Certificates

WHY = {"good": None, "expired": "certificate verify failed", "another host": "host",
       "unknown authority": "certificate verify failed"}


def certificates(folder):
    """By what is wrong with them: (certificates, the authority that the client trusts)."""
    good = Certificates(folder)
    stranger = folder / "stranger"
    stranger.mkdir()
    old = Certificates(folder, days=-1)
    other = Certificates(folder, host="elsewhere.example")
    return {"good": (good, good), "expired": (old, old), "another host": (other, other),
            "unknown authority": (good, Certificates(stranger))}


def one_record(case):
    topic = case.topic("public.t")
    case.produce([change(topic, "t", "c", {"id": 1}, {"id": 1}, lsn=1)])
    return topic


def postgres(case):
    server = Postgres(case, "tls")
    for number, (name, (shown, trusted)) in enumerate(certificates(case.folder).items()):
        for file, place in (("server.pem", "server.crt"), ("server.key", "server.key")):
            shutil.copy(shown.path(file), server.data / place)
            shutil.chown(server.data / place, "postgres", "postgres")
            os.chmod(server.data / place, 0o600)
        server.sql("alter system set ssl = on")
        server.sql("select pg_reload_conf()")
        wait_until(lambda: server.sql("show ssl") == [("on",)], 10, "TLS is on")
        target = case.target(f"t{number}", server.dsn)
        target.run("create table t (id int primary key)")
        dsn = with_dbname(server.dsn, target.name, sslmode="verify-full", sslrootcert=trusted.path("ca.pem"))
        settings = case.settings(target, [one_record_of(case)], target={"dsn": dsn}).with_(
            {"": {"pipeline": f"{case.id}.{number}"}})
        process = case.start(settings, f"pg-{number}")
        if WHY[name] is None:
            wait_until(lambda: target.run("select id from t") == [(1,)], 20, "the row is there")
            tls = target.value("select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) "
                               "where application_name = 'tidemark'")
            check(tls, "the session is not encrypted")
        else:
            wait_until(lambda: any(WHY[name] in str(e.get("error")) for e in process.events()
                                   if e["event"] in ("target.retry", "catalog.unreachable")), 20,
                       f"{name}: the log says why")
            check_equal(target.run("select id from t"), [], f"{name}: rows")
        check_equal(process.stop().code, 0, f"{name}: exit code")


def one_record_of(case):
    if not hasattr(case, "record_topic"):
        case.record_topic = one_record(case)
    return case.record_topic


def kafka(case):
    for number, name in enumerate(WHY):
        target = case.target(f"t{number}")
        target.run("create table t (id int primary key)")
        _, trusted = case.suite.certificates[name]
        settings = case.settings(target, [one_record_of(case)], kafka={
            "bootstrap.servers": f"127.0.0.1:{case.suite.tls_ports[name]}", "security.protocol": "ssl",
            "ssl.ca.location": trusted.path("ca.pem")}).with_({"": {"pipeline": f"{case.id}.{number}"}})
        process = case.start(settings, f"kafka-{number}")
        if WHY[name] is None:
            wait_until(lambda: target.run("select id from t") == [(1,)], 20, "the row is there")
        else:
            wait_until(lambda: any("certificate" in e["msg"] or "SSL handshake" in e["msg"]
                                   for e in process.events() if e["event"] == "kafka.unreachable"), 20,
                       f"{name}: the log says why")
            check_equal(target.run("select id from t"), [], f"{name}: rows")
        check_equal(process.stop().code, 0, f"{name}: exit code")


def hardened(case):
    """Position-independent, read-only relocations bound at the start, guarded stacks and calls."""
    def readelf(option):
        return subprocess.run(["readelf", option, str(case.program)], capture_output=True, text=True,
                              check=True).stdout
    check("DYN (Position-Independent" in readelf("-hW"), "not position-independent")
    check("GNU_RELRO" in readelf("-lW"), "no read-only relocations")
    check("NOW" in readelf("-dW"), "not bound at the start")
    check("GNU_STACK" in readelf("-lW") and "RWE" not in readelf("-lW"), "an executable stack")
    symbols = readelf("-sW")
    check("__stack_chk_fail" in symbols, "no stack protector")
    check("_chk@" in symbols.replace("__stack_chk", ""), "no fortified calls")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    servers = FaultStack(ROOT / ".stack" / "security")
    os.environ.update(servers.environment())
    suite = Suite(__doc__)
    suite.servers = servers
    made = suite.folder / "tls"
    made.mkdir()
    suite.certificates = certificates(made)
    listeners, settings, suite.tls_ports = {}, {}, {}
    for at, (name, label) in enumerate({"good": "GOOD", "expired": "OLD", "another host": "OTHER"}.items()):
        port = servers.base + 97 + at
        shown, _ = suite.certificates[name]
        keys = made / f"{label}.pem"
        keys.write_text(open(shown.path("server.key")).read() + open(shown.path("server.pem")).read())
        listeners[label] = ("SSL", port, port)
        suite.tls_ports[name] = port
        settings[f"listener.name.{label.lower()}.ssl.keystore.type"] = "PEM"
        settings[f"listener.name.{label.lower()}.ssl.keystore.location"] = keys
    suite.tls_ports["unknown authority"] = suite.tls_ports["good"]
    servers.listen(listeners)
    try:
        servers.up(settings)
        suite.case("TLS to PostgreSQL", postgres)
        suite.case("TLS to Kafka", kafka)
        suite.case("how it is built", hardened)
    finally:
        servers.destroy()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
