"""Servers that a fault may hit: a Kafka and a target PostgreSQL of the suite's own, so that nobody
else's are killed; single PostgreSQL servers for a case (a standby, another configuration); TLS.

The stack's folder stays when the suite is killed; the next run removes it.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg2

from harness import ROOT, Failed, check, wait_until

SESSION_TIMEOUT = 2  # seconds; the broker is told to allow it


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_base_port(first):
    first = first if first < 32000 else 24100  # from 32768 on are the ports that connections get
    for base in range(first, 32600, 100):
        if all(port_is_free(base + at) for at in (32, 33, 83, *range(92, 100))):
            return base
    raise Failed("no free ports")


def plain_login(password):
    return ("org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_cdc="{password}";')


class FaultStack:
    """Kafka at .kafka, by a proxy at .proxied (which is the test's) that leads to .behind, and with
    a password at .sasl_port; the target at .target_dsn. With `connect` the source and Debezium too."""

    def __init__(self, folder, connect=False):
        self.folder = Path(folder)
        self.connect = connect
        self.script("destroy", check_code=False)
        self.base = free_base_port(int(os.environ.get("TIDEMARK_STACK_BASE_PORT", 24000)) + 100)
        self.kafka_port, self.target_port = self.base + 92, self.base + 33
        self.behind, self.proxied, self.sasl_port = self.base + 94, self.base + 95, self.base + 96
        self.listen({})

    def listen(self, more):
        """Before up(). more: listeners by name: (protocol, port, advertised port)."""
        listeners = {"CLIENT": ("PLAINTEXT", self.kafka_port, self.kafka_port),
                     "CONTROLLER": ("PLAINTEXT", self.base + 93, None),
                     "PROXY": ("PLAINTEXT", self.behind, self.proxied),
                     "LOGIN": ("SASL_PLAINTEXT", self.sasl_port, self.sasl_port),
                     **more}
        self.settings = {
            "listeners": ",".join(f"{name}://127.0.0.1:{port}"
                                  for name, (_, port, _) in listeners.items()),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}"
                                             for name, (_, _, port) in listeners.items() if port),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}" for name, (protocol, _, _) in listeners.items()),
            "listener.name.login.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
            "listener.name.login.plain.sasl.jaas.config": plain_login("open-sesame"),
            "listener.name.login.scram-sha-256.sasl.jaas.config":
                "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "group.min.session.timeout.ms": "500",
            "log.cleaner.backoff.ms": "300", "log.retention.check.interval.ms": "500",
            "log.initial.task.delay.ms": "500", "log.segment.delete.delay.ms": "0",
            "heap": "512m"}

    def up(self, kafka_settings=None):
        words = [f"--set=kafka.{name}={value}" for name, value in
                 {**self.settings, **(kafka_settings or {})}.items()]
        words = [part for word in words for part in word.split("=", 1)]
        parts = [] if self.connect else ["--only", "kafka,target"]
        self.script(*words, "--set", "target.fsync=off", *parts, "up")

    def script(self, *words, check_code=True):
        base = ["--base-port", str(self.base)] if hasattr(self, "base") else []
        done = subprocess.run([str(ROOT / "scripts" / "stack"), "--dir", str(self.folder), *base, *words],
                              capture_output=True, text=True, timeout=240)
        if check_code and done.returncode != 0:
            raise Failed(f"scripts/stack {' '.join(words[-3:])}: {done.stdout[-300:]} {done.stderr[-600:]}")
        return done.stdout

    def start(self, part, **settings):
        words = [word for name, value in settings.items() for word in ("--set", f"{part}.{name}={value}")]
        self.script(*words, "--only", part, "up")

    def set_password(self, password):
        """Of Kafka's user cdc, for new connections; restarts the broker."""
        self.stop("kafka", now=True)
        self.start("kafka", **{"listener.name.login.plain.sasl.jaas.config": plain_login(password)})

    def stop(self, part, now=False):
        self.script("--only", part, "down", *(["--now"] if now else []))

    def destroy(self):
        self.script("destroy", check_code=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def scram(self, user, password):
        self.script("run-class", "kafka.admin.ConfigCommand", "--bootstrap-server", self.kafka,
                    "--alter", "--add-config", f"SCRAM-SHA-256=[iterations=4096,password={password}]",
                    "--entity-type", "users", "--entity-name", user)

    def pid(self, part):
        if part == "kafka":
            return int((self.folder / "run" / "kafka.pid").read_text())
        home = Path((self.folder / "pg-home").read_text().strip())
        return int((home / "target" / "postmaster.pid").read_text().splitlines()[0])

    def freeze(self, part):
        os.kill(self.pid(part), signal.SIGSTOP)

    def wake(self, part):
        os.kill(self.pid(part), signal.SIGCONT)

    @property
    def kafka(self):
        return f"127.0.0.1:{self.kafka_port}"

    @property
    def target_dsn(self):
        return f"host=127.0.0.1 port={self.target_port} user=postgres dbname=target"

    def environment(self):
        """What harness.Stack wants."""
        connect, source = "none", "none"
        if self.connect:
            connect = f"http://127.0.0.1:{self.base + 83}"
            source = f"host=127.0.0.1 port={self.base + 32} user=postgres dbname=source"
        return {"TIDEMARK_STACK_KAFKA": self.kafka, "TIDEMARK_STACK_CONNECT": connect,
                "TIDEMARK_STACK_SOURCE_DSN": source, "TIDEMARK_STACK_TARGET_DSN": self.target_dsn,
                "TIDEMARK_STACK_LOGS": str(self.folder / "log")}


# ---- a PostgreSQL of one case ----------------------------------------------------------------------

def as_postgres(*words):
    if os.geteuid() != 0:
        return list(words)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *words]


def pg_bin(name):
    homes = sorted(Path("/usr/lib/postgresql").iterdir(), key=lambda home: int(home.name))
    return str(homes[-1] / "bin" / name)


class Postgres:
    """A server of one case, in a folder that the user postgres can reach."""

    def __init__(self, case, name, of=None, settings=None, hba=None):
        """of: the address of the server whose standby it is to be."""
        self.folder = Path(f"/var/tmp/tidemark-{case.id}-{name}")
        self.folder.mkdir(mode=0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = self.folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.dsn = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        case.at_end(self.destroy)
        if of is None:
            self.run(pg_bin("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                     "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        else:
            self.run(pg_bin("pg_basebackup"), "-d", of, "-D", self.data, "-R", "-c", "fast",
                     "--no-sync", "-X", "stream")
        lines = [f"{key} = '{value}'" for key, value in {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
            "fsync": "off", "timezone": "UTC", **(settings or {})}.items()]
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        if hba:
            (self.data / "pg_hba.conf").write_text(hba)
        self.start()

    def run(self, *words):
        done = subprocess.run(as_postgres(*map(str, words)), capture_output=True, text=True, timeout=90,
                              cwd="/")
        check(done.returncode == 0, f"{Path(str(words[0])).name}: {done.stderr[-400:]}")

    def start(self):
        # Not captured: the server would keep the pipe open.
        with open(self.folder / "start.log", "w", encoding="utf-8") as log:
            done = subprocess.run(as_postgres(pg_bin("pg_ctl"), "-D", str(self.data), "-l",
                                              str(self.folder / "log"), "-w", "start"),
                                  stdout=log, stderr=log, timeout=90, cwd="/")
        check(done.returncode == 0, "pg_ctl start: " + (self.folder / "start.log").read_text()[-300:])

    def stop(self, mode="fast"):
        self.run(pg_bin("pg_ctl"), "-D", self.data, "-m", mode, "-w", "stop")

    def promote(self):
        self.run(pg_bin("pg_ctl"), "-D", self.data, "-w", "promote")

    def sql(self, text, dbname="postgres"):
        connection = psycopg2.connect(self.dsn.replace("dbname=postgres", f"dbname={dbname}"))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def destroy(self):
        if (self.data / "postmaster.pid").exists():
            self.run(pg_bin("pg_ctl"), "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class SmallDisk:
    """A file system of a few megabytes, for a tablespace."""

    def __init__(self, case, size):
        self.folder = Path(f"/var/tmp/tidemark-{case.id}-disk")
        self.folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.folder)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.folder.rmdir()
            raise Failed(f"no file system can be mounted here: {done.stderr.strip()}")
        shutil.chown(self.folder, "postgres", "postgres")
        case.at_end(self.remove)

    def remove(self):
        wait_until(lambda: subprocess.run(["umount", str(self.folder)]).returncode == 0, 10, "umount", 0.5)
        self.folder.rmdir()


def peak_bytes(pid):
    """The most memory that a process has had."""
    return memory_of(pid, "VmHWM")


def resident_bytes(pid):
    return memory_of(pid, "VmRSS")


def memory_of(pid, name):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(name + r":\s+(\d+) kB", text).group(1)) * 1024


def established(port):
    """Connections to a port of this machine."""
    done = subprocess.run(["ss", "-Htn", "state", "established", f"( dport = :{port} )"],
                          capture_output=True, text=True)
    return len(done.stdout.splitlines())


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))
