"""A TCP proxy on loopback that knows where messages begin, so that a fault can hit a named one.

    proxy = Proxy(("127.0.0.1", 5432), POSTGRES)         listens on proxy.port
    rule = proxy.on(query("COMMIT"), LOSE, skip=4)       the fifth COMMIT never reaches the server
    rule.wait(20)                                        …and did so: a fault must prove that it fired
    proxy.stall(); proxy.flow()                          bytes stay where they are, connections stand
    proxy.refuse(); proxy.accept(); proxy.cut()          connections are reset
    proxy.vanish()                                       what there is gets no answer any more, from
                                                         nobody's kernel either; new ones do (half-open)
    proxy.to(("127.0.0.1", 5433))                        where new connections lead

What a rule can do to its message, and then to the connection:
    LOSE     the message is not passed on, both ends are reset
    CUT      the message is passed on, then both ends are reset
    HOLD     the message waits, with all behind it, until rule.release()
    a function of the message: called before it is passed on (unless that makes the link vanish)
"""
import contextlib
import ctypes
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass

from harness import Failed

LOSE, CUT, HOLD = "lose", "cut", "hold"
RAW, POSTGRES, KAFKA = "raw", "postgres", "kafka"

KAFKA_NAMES = {0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit",
               9: "OffsetFetch", 10: "FindCoordinator", 11: "JoinGroup", 12: "Heartbeat",
               13: "LeaveGroup", 14: "SyncGroup", 17: "SaslHandshake", 18: "ApiVersions"}
SO_ATTACH_FILTER = 26  # Linux
STARTUP, SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 196608, 80877103, 80877104, 80877102


@dataclass
class Message:
    to_server: bool
    name: str    # PostgreSQL: the type's letter, or Startup, Cancel; Kafka: the request's name
    body: bytes  # with its head, as it is sent


def query(pattern):
    """A statement on its way to the server, by its text: Query or Parse."""
    wanted = re.compile(pattern.encode())
    return lambda m: m.to_server and m.name in "QP" and wanted.search(m.body[5:])


def completed(tag):
    """The server's word that a statement is done."""
    return lambda m: not m.to_server and m.name == "C" and m.body[5:-1] == tag.encode()


def tag_begins(word):
    return lambda m: not m.to_server and m.name == "C" and m.body[5:].startswith(word.encode())


def cancelling(m):
    return m.to_server and m.name == "Cancel"


def request(name):
    return lambda m: m.to_server and m.name == name


def answer(name):
    return lambda m: not m.to_server and m.name == name


class Rule:
    def __init__(self, matches, action, skip, times):
        self.matches, self.action = matches, action
        self.skip, self.times = skip, times
        self.fired = 0
        self._fired = threading.Event()
        self._released = threading.Event()

    def wait(self, seconds, what="the fault"):
        if not self._fired.wait(seconds):
            raise Failed(f"{what} has not fired within {seconds} s")

    def release(self):
        self._released.set()


class Proxy:
    def __init__(self, upstream, protocol=RAW, port=0, host="127.0.0.1"):
        self.upstream, self.protocol = upstream, protocol
        self.latency = 0
        self.connections = 0
        self._rules, self._links = [], set()
        self._lock = threading.Lock()
        self._flowing, self._accepting = threading.Event(), threading.Event()
        self._flowing.set()
        self._accepting.set()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(64)
        self.host, self.port = self._listener.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    # ---- what a test does to it

    def on(self, matches, action, skip=0, times=1):
        rule = Rule(matches, action, skip, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def calm(self):
        """No rule any more; what was held goes on."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.release()

    def stall(self):
        self._flowing.clear()

    def flow(self):
        self._flowing.set()

    def refuse(self):
        self._accepting.clear()
        self.cut()

    def accept(self):
        self._accepting.set()

    def cut(self):
        """How many there were."""
        links = self._open_links()
        for link in links:
            link.reset()
        return len(links)

    def vanish(self):
        links = self._open_links()
        for link in links:
            link.vanish()
        return len(links)

    def _open_links(self):
        with self._lock:
            return [link for link in self._links if not link.vanished]

    def to(self, upstream):
        self.upstream = upstream

    def close(self):
        self.calm()
        self.flow()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            links = list(self._links)
        for link in links:
            link.reset()

    # ---- inside

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if not self._accepting.is_set():
                reset(client)
                continue
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        try:
            server = socket.create_connection(self.upstream, timeout=10)
        except OSError:
            reset(client)
            return
        link = Link(self, client, server)
        with self._lock:
            self._links.add(link)
        link.run()
        with self._lock:
            self._links.discard(link)

    def _rule_for(self, message):
        with self._lock:
            for rule in self._rules:
                if rule.fired >= rule.times or not rule.matches(message):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.fired += 1
                return rule
        return None

    def pass_on(self, message, send, link):
        if link.vanished:
            return
        rule = self._rule_for(message)
        self._flowing.wait()
        if self.latency:
            time.sleep(self.latency)
        if rule and callable(rule.action):
            rule.action(message)
            if link.vanished:
                rule._fired.set()
                return
        elif rule and rule.action == HOLD:
            rule._fired.set()
            rule._released.wait()
        if not rule or rule.action != LOSE:
            send(message.body)
        if rule and rule.action in (LOSE, CUT):
            if rule.action == CUT:
                time.sleep(0.05)  # what was sent is not overtaken by the reset
            link.reset()
        if rule:
            rule._fired.set()


def reset(peer):
    """Closes with RST, as a crash or a firewall does."""
    try:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    peer.close()


class Link:
    """One connection: two threads, one a direction."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        for peer in (client, server):
            peer.settimeout(None)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.started = proxy.protocol != POSTGRES  # before: messages without a letter
        self.plain = proxy.protocol != RAW         # false: bytes that we do not understand (TLS)
        self.asked_tls = False
        self.requests = {}                         # Kafka's correlation id: name
        self.vanished = False

    def run(self):
        back = threading.Thread(target=self._pump, args=(self.server, self.client, False), daemon=True)
        back.start()
        self._pump(self.client, self.server, True)
        back.join()

    def reset(self):
        reset(self.client)
        reset(self.server)

    def vanish(self):
        """As if a firewall forgot the connection: neither end is told, and what either sends is dropped
        before TCP could acknowledge it."""
        self.vanished = True
        drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # BPF: return 0
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):  # it has gone by itself
                end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                               struct.pack("@HP", 1, ctypes.addressof(drop_all)))

    def _pump(self, source, sink, to_server):
        buffer = bytearray()
        try:
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                buffer += data
                while (message := self._next(buffer, to_server)) is not None:
                    self.proxy.pass_on(message, sink.sendall, self)
            self.proxy._flowing.wait()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()
            return
        if to_server:  # the client has gone: so does the server's side
            return
        reset(source)

    def _next(self, buffer, to_server):
        """Takes one whole message off the buffer."""
        if not buffer:
            return None
        if not self.plain:
            size, name = len(buffer), ""
        elif self.proxy.protocol == KAFKA:
            size, name = self._kafka(buffer, to_server)
        elif to_server and not self.started:
            size, name = self._startup(buffer)
        elif not to_server and self.asked_tls:
            size, name = 1, "TLS"
            self.asked_tls, self.plain = False, buffer[:1] != b"S"
        else:
            size = 1 + struct.unpack_from(">i", buffer, 1)[0] if len(buffer) >= 5 else 0
            name = chr(buffer[0])
        if size == 0 or len(buffer) < size:
            return None
        body = bytes(buffer[:size])
        del buffer[:size]
        return Message(to_server, name, body)

    def _startup(self, buffer):
        if len(buffer) < 8:
            return 0, ""
        size, code = struct.unpack_from(">ii", buffer)
        if len(buffer) < size:
            return 0, ""
        self.asked_tls = code in (SSL_REQUEST, GSS_REQUEST)
        self.started = code == STARTUP
        return size, {CANCEL_REQUEST: "Cancel", STARTUP: "Startup"}.get(code, "TLS?")

    def _kafka(self, buffer, to_server):
        if len(buffer) < 12:
            return 0, ""
        size = 4 + struct.unpack_from(">i", buffer)[0]
        if len(buffer) < size:
            return 0, ""
        if not to_server:
            return size, self.requests.pop(struct.unpack_from(">i", buffer, 4)[0], "")
        key, _, correlation = struct.unpack_from(">hhi", buffer, 4)
        self.requests[correlation] = KAFKA_NAMES.get(key, str(key))
        return size, self.requests[correlation]
