"""The servers of the benchmarks: a stack of their own, SQL sessions, Kafka's offsets."""
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Like a server that keeps data: scripts/stack's own are quicker and forget in a power cut.
# And a subscription starts at once, not up to 5 s after the one before.
SETTINGS = ["target.fsync=on", "target.full_page_writes=on",
            "target.wal_retrieve_retry_interval=10ms"]


class Failure(Exception):
    """Ends the program with its text."""


def say(text):
    print(text, flush=True)


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line now and then."""

    def __init__(self, every=15):
        self.terminal = sys.stdout.isatty()
        self.every = every
        self.shown_at = None

    def show(self, text, now):
        if self.terminal:
            print(f"\r  {text:<90}", end="", flush=True)
        elif self.shown_at is None or now - self.shown_at >= self.every:
            self.shown_at = now
            say(f"  {text}")

    def done(self, text):
        say(f"\r  {text:<90}" if self.terminal else f"  {text}")


class Stack:
    """scripts/stack at one base port, and what it does not do: sessions and offsets."""

    def __init__(self, base_port):
        self.base_port = base_port
        self.dir = ROOT / ".stack" / str(base_port)
        self.started = []

    def claim(self):
        """Until this program ends: two would share a target."""
        self.dir.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.dir / "bench-lock", "w", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"another scripts/bench is at work at base port {self.base_port}; "
                          "--base-port gives this one servers of its own") from None

    def command(self, *arguments, **options):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("TIDEMARK_STACK_")}
        return subprocess.run(
            [ROOT / "scripts/stack", "--base-port", str(self.base_port), *arguments],
            env=environment, text=True, check=False, **options)

    def call(self, *arguments, **options):
        done = self.command(*arguments, **options)
        if done.returncode:
            raise Failure(f"scripts/stack {' '.join(arguments)} failed; what it said is above")
        return done

    def exists(self):
        return (self.dir / "base-port").exists()

    def up(self, *parts):
        """Starts the parts that are down, and remembers them for down()."""
        new = [part for part in parts if not self.is_up(part)]
        if not new:
            return
        settings = []
        if not (self.dir / "settings").exists():
            settings = [word for setting in SETTINGS for word in ("--set", setting)]
        self.call("--only", ",".join(new), *settings, "up")
        self.started += new

    def add(self, plugin):
        """A connector for Connect, which is started anew if it does not have it yet."""
        self.call("--with", plugin, "--only", "connect", "up", stdout=subprocess.DEVNULL)
        if "connect" not in self.started:
            self.started.append("connect")

    def down(self, *parts):
        """Stops those of the parts, or of all parts, that up() has started."""
        ours = [part for part in self.started if not parts or part in parts]
        if ours:
            self.call("--only", ",".join(ours), "down")
        self.started = [part for part in self.started if part not in ours]

    def destroy(self):
        """With what was recorded beside the servers' data."""
        for file in [*self.dir.glob("*.copy"), self.dir / "bench-lock"]:
            file.unlink()
        self.call("destroy")
        return 0

    def is_up(self, part):
        return self.exists() and self.command(
            "--only", part, "status", stdout=subprocess.DEVNULL).returncode == 0

    @property
    def connect(self):
        return f"http://127.0.0.1:{self.base_port + 83}"

    @property
    def kafka(self):
        return f"127.0.0.1:{self.base_port + 92}"

    def port(self, part):
        return self.base_port + {"source": 32, "target": 33}[part]

    def dsn(self, part, database):
        return f"host=127.0.0.1 port={self.port(part)} user=postgres dbname={database}"

    def pid(self, part):
        """Of the server's first process."""
        if part in ("kafka", "connect"):
            return int((self.dir / f"run/{part}.pid").read_text())
        home = Path((self.dir / "pg-home").read_text().strip())
        return int((home / part / "postmaster.pid").read_text().split()[0])

    def kafka_admin(self, *words):
        done = subprocess.run([find_tool("kafka_admin"), "--brokers", self.kafka,
                               *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"kafka_admin {words[0]}: {done.stderr.strip()}")
        return [line.split() for line in done.stdout.splitlines()]

    def topics(self):
        done = subprocess.run(["kcat", "-b", self.kafka, "-L", "-J"], capture_output=True,
                              text=True, check=True)
        return [topic["topic"] for topic in json.loads(done.stdout)["topics"]]

    def ends(self, topics):
        """The next offset of each partition."""
        return {(topic, partition): int(high)
                for topic, partition, _, high in self.kafka_admin("ends", *topics)}

    def committed(self, group, topics):
        """What a consumer group has committed; nothing of partitions where it has not."""
        return {(topic, partition): int(offset)
                for topic, partition, offset in self.kafka_admin("committed", group, *topics)}


def find_tool(name):
    """Of the release build."""
    tool = ROOT / "build/release" / name
    if not tool.exists():
        raise Failure(f"there is no build/release/{name}: cmake --preset release && "
                      "cmake --build --preset release")
    return tool


def sql(dsn, statement, variables=()):
    """Runs statements in one psql and returns its rows as lists of texts."""
    command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\t"]
    for name, value in dict(variables).items():
        command += ["-v", f"{name}={value}"]
    done = subprocess.run([*command, dsn], input=statement, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Failure(f"PostgreSQL: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def value(dsn, statement):
    return sql(dsn, statement)[0][0]


class Session:
    """A psql that stays, for questions that must cost the machine little."""

    def __init__(self, dsn):
        self.psql = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", dsn], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, query):
        """The only value of a query that has one row."""
        self.psql.stdin.write(query + ";\n")
        self.psql.stdin.flush()
        answer = self.psql.stdout.readline()
        if not answer:
            raise Failure("the connection to PostgreSQL broke; what psql said is above")
        return answer.rstrip("\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.psql.stdin.close()
        self.psql.wait()
