"""An endpoint on 127.0.0.1 that holds what it is sent, and answers mutations as a test tells it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Raw:
    """A body as it is; `headers` are further ones. `cut` sends less than it says, `reset` nothing; both then close."""

    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    reset: bool = False


class Stub:
    """`answer` decides what a mutation gets; `requests` are the mutations; `authorizations` the headers seen.
    `date` is what its answers say that the time is, None the truth."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.authorizations: set[str | None] = set()
        self.answer: Callable[[dict[str, Any]], Answer] = self.create
        self.records_status = 200
        self.date: str | None = None
        self.url = ""
        self._lock = threading.Lock()

    def create(self, body: dict[str, Any]) -> Answer:
        with self._lock:
            made = [
                {
                    "sync_id": body["sync_id"],
                    "collection_id": body["collection_id"],
                    "upstream_id": f"ID{len(self.rows) + number}",
                    "data": record["data"],
                    "deleted": False,
                }
                for number, record in enumerate(body["records"])
            ]
            self.rows += made
        return 200, {"records": made}

    def get(self, path: str) -> Answer:
        if path.startswith("/v1/syncs/"):
            return 200, {
                "id": path.rpartition("/")[2],
                "provider": "salesforce",
                "status": "active",
                "health": {"status": "healthy"},
                "initial_backfill_completed_at": "2024-01-01T00:00:00Z",
                "sync_frequency": "continuous",
            }
        if path.startswith("/v1/records"):
            if self.records_status != 200:
                return self.records_status, {"error": "no"}
            return 200, {"records": [] if "after_cursor" in path else self.rows, "cursor": "1"}
        return 404, {"summary": "Not found"}


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            stub.authorizations.add(self.headers["authorization"])
            self._send(*stub.get(self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            stub.requests.append(body)
            self._send(*stub.answer(body))

        def _send(self, status: int, body: Any) -> None:
            raw = body if isinstance(body, Raw) else Raw(json.dumps(body).encode())
            content = raw.content
            if raw.reset or raw.cut:
                self.close_connection = True
            if raw.reset:
                return
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content) + 9 * raw.cut))
                for name, value in raw.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        def date_time_string(self, timestamp: float | None = None) -> str:
            return stub.date if stub.date is not None else super().date_time_string(timestamp)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that went away is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def project_file(stub: Stub, **settings: Any) -> str:
    """A project file whose upstream is the stub, and waits for nothing; `settings` are further ones of the upstream."""
    settings = {"settle_seconds": 0, "wait_seconds": 0, **settings}
    more = "".join(f"      {name}: {json.dumps(value)}\n" for name, value in settings.items())
    return (
        "apiVersion: syncspec/v1\nkind: Project\nmetadata:\n  name: arrakis\nspec:\n  manifests:\n    - manifests\n"
        "  upstreams:\n    crm:\n      type: sequin\n"
        f"      base_url: {stub.url}\n      token: ${{env.CRM_TOKEN}}\n      syncs:\n        salesforce: sync-1\n{more}"
    )
