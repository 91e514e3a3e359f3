"""A schema registry for tests: Confluent's API for reading, over HTTP or TLS, with faults at will.

    registry = RegistryServer(case, {3: "…schema…"})
    registry.url, registry.asked (the paths), registry.fault = a function that is given each path and
    returns (status, body), or nothing for the true answer
"""
import json
import ssl
import subprocess
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import check

ABSENT = 404, json.dumps({"error_code": 40403, "message": "Schema not found"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):  # pylint: disable=invalid-name
        status, body = self.server.registry.answer(self.path, self.headers.get("Authorization"))
        data = body.encode() if isinstance(body, str) else body
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # it did not want to hear the end
            self.close_connection = True

    def log_message(self, *arguments):  # pylint: disable=arguments-differ
        pass


class RegistryServer:
    def __init__(self, case, schemas, certificates=None, authorization=None):
        self.schemas = schemas
        self.certificates = certificates
        self.authorization = authorization
        self.fault = None
        self.asked = []
        self.server = None
        self.port = 0
        self.start()
        case.at_end(self.stop)

    def start(self):
        """Again at the port that it had."""
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.registry = self
        self.port = self.server.server_port
        if self.certificates:
            self.server.socket = self.certificates.context().wrap_socket(self.server.socket,
                                                                         server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self):
        return f"{'https' if self.certificates else 'http'}://127.0.0.1:{self.port}"

    def answer(self, path, authorization):
        self.asked.append(path)
        wrong = self.fault(path) if self.fault else None
        if wrong:
            return wrong
        if self.authorization and authorization != self.authorization:
            return 401, json.dumps({"error_code": 40101, "message": "Unauthorized"})
        if path == "/schemas/types":
            return 200, json.dumps(["AVRO", "JSON", "PROTOBUF"])
        prefix, _, number = path.rpartition("/")
        if prefix == "/schemas/ids" and number.isdigit() and int(number) in self.schemas:
            return 200, json.dumps({"schema": self.schemas[int(number)]})
        return ABSENT


def basic(user, password):
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


class Certificates:
    """An authority of its own with a server's and a client's certificate, as files in a folder."""

    def __init__(self, folder, host="127.0.0.1", client_needed=False, days=2):
        """days: how long they are good; -1: no longer."""
        self.folder = folder / f"certificates-{host}-{days}"
        self.folder.mkdir()
        self.client_needed = client_needed
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca",
                     "-keyout", "ca.key", "-out", "ca.pem")
        kind = "IP" if host[0].isdigit() else "DNS"
        (self.folder / "names").write_text(f"subjectAltName={kind}:{host}\n")
        for name in ("server", "client"):
            self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                         "-keyout", f"{name}.key", "-out", f"{name}.csr")
            self.openssl("x509", "-req", "-days", str(days), "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey",
                         "ca.key", "-CAcreateserial", "-extfile", "names", "-out", f"{name}.pem")

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True,
                              timeout=60)
        check(done.returncode == 0, f"openssl {words[0]}: {done.stderr[-300:]}")

    def path(self, name):
        return str(self.folder / name)

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.pem"), self.path("server.key"))
        if self.client_needed:
            context.load_verify_locations(self.path("ca.pem"))
            context.verify_mode = ssl.CERT_REQUIRED
        return context
