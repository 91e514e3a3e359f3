"""The rival: Debezium's JDBC sink connector, in the stack's Kafka Connect."""
import json
import time
import urllib.error
import urllib.request

from candidates import DATABASE, TIMEOUT, finish, fresh_target
from recording import JSON
from servers import Failure
from usage import Meter, cpu_of_process, peak_memory

# What one who wants it fast sets; and with it as many tasks as there are partitions.
TUNED = {"batch.size": "10000", "use.reduction.buffer": "true",
         "consumer.override.max.poll.records": "10000"}
WATCH_SECONDS = 0.5


class JdbcSink:
    """From the connector's creation until its group has committed everything; its process is
    Connect's, which runs before and holds nothing else. It commits once a second, so a run is up to
    that much shorter than it seems."""

    def __init__(self, name, tuned=False, tasks=False):
        self.name = name
        self.tuned = tuned
        self.tasks = tasks

    def run(self, recording, facts):
        stack = recording.stack
        if not recording.load.schemas:
            raise Failure(f"the JDBC sink needs records with schemas, which {recording.load.name} "
                          "does not have")
        stack.add("jdbc-sink")
        target = fresh_target(recording)
        connector = f"sink-{recording.name}-{time.time_ns()}"
        pid = stack.pid("connect")
        ends = stack.ends(recording.topics)
        used, meter, began = cpu_of_process(pid), Meter(stack), time.monotonic()
        self._ask(stack, "PUT", f"/connectors/{connector}/config", self._config(recording))
        try:
            self._wait(recording, connector, ends, began + TIMEOUT)
            seconds, cpu = time.monotonic() - began, meter.read()
            used = cpu_of_process(pid) - used
        finally:
            self._ask(stack, "DELETE", f"/connectors/{connector}")
        return finish(self.name, recording, facts, seconds, cpu, used, peak_memory(pid), target)

    def _config(self, recording):
        stack = recording.stack
        url = f"jdbc:postgresql://127.0.0.1:{stack.port('target')}/{DATABASE}"
        return {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "topics": ",".join(recording.topics),
            "tasks.max": str(len(recording.topics) * recording.load.partitions
                             if self.tasks else 1),
            "connection.url": url + ("?reWriteBatchedInserts=true" if self.tuned else ""),
            "connection.username": "postgres", "connection.password": "any",
            "insert.mode": "upsert", "delete.enabled": "true", "primary.key.mode": "record_key",
            "schema.evolution": "none",
            # (It passes tombstones over then; the deletes before them are applied.)
            "collection.name.format": "${source.table}",
            "key.converter": JSON, "key.converter.schemas.enable": "true",
            "value.converter": JSON, "value.converter.schemas.enable": "true",
            **(TUNED if self.tuned else {})}

    def _wait(self, recording, connector, ends, deadline):
        stack = recording.stack
        looked = time.monotonic()
        while stack.committed(f"connect-{connector}", recording.topics) != ends:
            now = time.monotonic()
            if now > deadline:
                raise Failure(f"{self.name} has not applied everything in {TIMEOUT} s")
            if now - looked > 2:
                looked = now
                self._check(stack, connector)
            time.sleep(WATCH_SECONDS)

    def _check(self, stack, connector):
        status = self._ask(stack, "GET", f"/connectors/{connector}/status")
        for task in status["tasks"]:
            if task["state"] == "FAILED":
                reasons = [line for line in task["trace"].splitlines()
                           if not line.startswith("\t")]
                raise Failure(f"{self.name} failed: {reasons[-1]}")

    @staticmethod
    def _ask(stack, method, path, body=None):
        request = urllib.request.Request(
            stack.connect + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        for _ in range(100):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    text = answer.read().decode()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code not in (404, 409):
                    raise Failure(f"Connect refuses {method} {path}: "
                                  f"{error.read().decode()[:300]}") from error
            time.sleep(0.2)
        raise Failure(f"Connect does not answer {method} {path}")
