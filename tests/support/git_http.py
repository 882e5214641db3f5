"""A git host on 127.0.0.1 that speaks smart HTTP, asks who we are, and fails as a test tells it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class Host:
    """`wanted` is the Authorization header that it asks for, `seen` are all those that came, one list per request.

    `refuse` maps a part of a path to a status; `drop` is "before" or "after": a write gets no answer, and was then not
    begun or already made.
    """

    root: Path
    wanted: str | None = None
    refuse: dict[str, int] = field(default_factory=dict)
    drop: str = ""
    url: str = ""
    seen: list[list[str]] = field(default_factory=list)

    def status(self, path: str, authorizations: list[str]) -> int:
        for part, status in self.refuse.items():
            if part in path:
                return status
        return 200 if self.wanted is None or authorizations == [self.wanted] else 401


@contextmanager
def hosting(host: Host) -> Iterator[Host]:
    """Serve the repositories under `host.root`; its URL has no slash at the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._handle(b"")

        def do_POST(self) -> None:
            self._handle(self.rfile.read(int(self.headers["Content-Length"])))

        def _handle(self, body: bytes) -> None:
            authorizations = self.headers.get_all("Authorization") or []
            host.seen.append(authorizations)
            status = host.status(self.path, authorizations)
            if status != 200:
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            is_write = self.path.endswith("/git-receive-pack")
            if is_write and host.drop == "before":
                return
            head, _, content = _backend(host, self, body).partition(b"\r\n\r\n")
            if is_write and host.drop == "after":
                return
            self.send_response(200)
            for line in head.decode().split("\r\n"):
                name, _, value = line.partition(": ")
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _backend(host: Host, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
    parts = urlsplit(request.path)
    variables = {
        **os.environ,
        "GIT_PROJECT_ROOT": str(host.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "REMOTE_USER": "someone",
    }
    return subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=True).stdout
