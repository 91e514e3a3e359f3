"""MariaDB as a source: databases of one's own on the server of `scripts/stack --with mariadb`, and
Debezium's connector for them."""
import os
import random
import sys

import pymysql
import pymysql.converters
from harness import AnyConnector, check, wait_until

USER = "stack"


def address():
    try:
        host, port = os.environ["TIDEMARK_STACK_MARIADB"].split(":")
    except KeyError as missing:
        sys.exit(f"{missing} is not set; start the servers with: scripts/stack --with mariadb up")
    return host, int(port)


class MariaDb:
    """A database of its own. Values come back as text, as the server writes them."""

    def __init__(self, name, make=True):
        self.name = name
        self.made = make
        if make:
            self.on_server(f"create or replace database `{name}`")
            self.run("create table caught_up (id int primary key, n int not null)")
            self.run("insert into caught_up values (1, 0)")

    def connect(self, autocommit=True, database=True):
        host, port = address()
        return pymysql.connect(host=host, port=port, user=USER, password=USER, charset="utf8mb4",
                               database=self.name if database else None, autocommit=autocommit,
                               init_command="set time_zone = '+00:00'",
                               conv=pymysql.converters.encoders)

    def on_server(self, sql):
        connection = self.connect(database=False)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def run(self, sql):
        """Statements, each ended by ; at a line's end; the rows of the last one."""
        rows = ()
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in sql.split(";\n"):
                if statement.strip():
                    cursor.execute(statement.rstrip().removesuffix(";"))
                    rows = cursor.fetchall()
        return rows

    def drop(self):
        """With its connections: a transaction that somebody left open would be waited for."""
        for number, in self.on_server("select id from information_schema.processlist where "
                                      f"db = '{self.name}'"):
            self.on_server(f"kill {number}")
        self.on_server(f"drop database if exists `{self.name}`")

    def log_end(self):
        """Where the binary log ends now."""
        file, position = self.on_server("show master status")[0][:2]
        return place(file, position)


def place(file, position):
    return int(file.rsplit(".", 1)[1]), int(position)


class MariaDbConnector(AnyConnector):
    """Topics are NAME.DATABASE.TABLE, the schema changes go to NAME."""

    def __init__(self, stack, kafka, name, database, **settings):
        self.database, self.kafka = database, kafka
        host, port = address()
        self.history = f"{name}-history"
        kafka.create(self.history)
        super().__init__(stack, name, {
            "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
            "topic.prefix": name, "database.hostname": host, "database.port": str(port),
            "database.user": USER, "database.password": USER, "database.ssl.mode": "disable",
            "database.server.id": str(random.randrange(10000, 1 << 31)),
            "database.include.list": database.name,
            "schema.history.internal.kafka.topic": self.history,
            "schema.history.internal.kafka.bootstrap.servers": stack.kafka,
            "schema.history.internal.store.only.captured.tables.ddl": "true",
            "topic.creation.enable": "true", "topic.creation.default.replication.factor": "1",
            "topic.creation.default.partitions": "1", **settings})

    def read_to(self):
        """How far what it has sent reaches, as its last stored offset says."""
        offsets = self.rest("GET", f"/connectors/{self.name}/offsets")["offsets"]
        last = offsets[0]["offset"] if offsets else {}
        streaming = last.get("file") and not last.get("snapshot")
        return place(last["file"], last["pos"]) if streaming else (0, 0)

    def wait_caught_up(self, seconds=60):
        """Until everything that is committed now is in Kafka."""
        end = self.database.log_end()

        def reached():
            # A change behind the end, or there is no later offset to store.
            self.database.run("update caught_up set n = n + 1")
            self.states()
            return self.read_to() >= end
        wait_until(reached, seconds, f"connector {self.name} has caught up", 0.3)

    def wait_streaming(self, seconds=60):
        self.wait_running(seconds)
        self.wait_caught_up(seconds)

    def delete(self):
        super().delete()
        self.kafka.delete([self.history])


def text_of(value):
    check(value is None or isinstance(value, (str, bytes)), f"a value of {type(value)}")
    return value.decode() if isinstance(value, bytes) else value
