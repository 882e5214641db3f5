"""A small endpoint of the Mutation API, written from its documentation alone, that behaves in ways it leaves open."""

from __future__ import annotations

import itertools
import json
import random
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "third-party-token"
CREATED = "2024-11-10T18:39:00.070453Z"


@dataclass(frozen=True)
class Switches:
    """What the documentation does not say, or what compatible endpoints are known to do otherwise."""

    echo_place: bool = True
    extra_fields: bool = False
    sparse: bool = False
    page_size: int = 50
    ignore_limit: bool = False
    refuse_limit: bool = False
    numeric_cursor: bool = False
    last_cursor: str = "same"
    empty_last_page: bool = False
    idle_page: bool = False
    syncs: str = "show"
    numeric_ids: bool = False
    shuffled: bool = False
    no_data: bool = False
    chunked: bool = False
    http_1_0: bool = False
    lower_keys: bool = False
    status: int = 200
    ignore_filters: bool = False
    bom: bool = False
    repeats_rows: bool = False


@dataclass
class ThirdParty:
    """The endpoint's store and what it was asked.

    `held` is a method, GET or POST: such requests set `arrived` and are answered only after `release`.
    """

    switches: Switches
    seed: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    creates: list[dict[str, Any]] = field(default_factory=list)
    authorized: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)
    held: str = ""
    arrived: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.numbers = itertools.count(1)

    def wait(self, method: str) -> None:
        if method == self.held:
            self.arrived.set()
            self.release.wait(60)

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.creates.append(body)
            made = [self._record(body, item["data"]) for item in body["records"]]
            self.rows += made
        shown = [self._shown(row, in_answer=True) for row in made]
        if self.switches.shuffled:
            self.random.shuffle(shown)
        return {"records": shown}

    def _record(self, body: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        number = next(self.numbers)
        return {
            "sync_id": body["sync_id"],
            "collection_id": body["collection_id"],
            "upstream_id": 10**17 + number if self.switches.numeric_ids else f"up-{number}",
            "upstream_updated_at": CREATED,
            "data": data,
            "deleted": False,
        }

    def _shown(self, row: dict[str, Any], *, in_answer: bool) -> dict[str, Any]:
        switches = self.switches
        shown = dict(row)
        if not switches.echo_place:
            del shown["collection_id"], shown["sync_id"]
        if switches.sparse:
            del shown["upstream_updated_at"], shown["deleted"]
        if switches.extra_fields:
            shown |= {"id": None, "stream_id": "s", "updated_idx": 7, "links": [{}], "provider": "salesforce"}
        if switches.no_data and in_answer:
            del shown["data"]
        elif switches.lower_keys and in_answer:
            shown["data"] = {name.lower(): value for name, value in shown["data"].items()}
        return shown

    def page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        switches = self.switches
        wanted = {name: query[name][0] for name in ("sync_id", "collection_id") if name in query}
        # An endpoint that does not filter must at least say of each row where it belongs.
        filters = not (switches.ignore_filters and switches.echo_place)
        with self.lock:
            rows = [
                row for row in self.rows if not filters or all(row[name] == value for name, value in wanted.items())
            ]
        after = query.get("after_cursor", [""])[0]
        start = int(after.removeprefix("c").partition("-")[0] or 0) if after else 0
        if switches.idle_page and not after.endswith("-idle"):
            return {"records": [], "cursor": f"c{start}-idle"}
        size = (
            switches.page_size if switches.ignore_limit else min(switches.page_size, int(query.get("limit", ["50"])[0]))
        )
        found = rows[start : start + size]
        end = start + len(found)
        shown = [self._shown(row, in_answer=False) for row in found]
        if switches.repeats_rows and shown:
            shown.append(shown[0])
        answer: dict[str, Any] = {"records": shown}
        is_last = end >= len(rows) and (not switches.empty_last_page or not found)
        if not is_last or switches.last_cursor == "same":
            answer["cursor"] = after if is_last and after and not found else self._cursor(end)
        elif switches.last_cursor != "absent":
            answer["cursor"] = {"null": None, "empty": ""}[switches.last_cursor]
        return answer

    def _cursor(self, at: int) -> Any:
        return at if self.switches.numeric_cursor and not self.switches.idle_page else f"c{at}"

    def sync(self, sync_id: str) -> dict[str, Any]:
        if self.switches.syncs == "bare":
            return {"id": sync_id}
        return {
            "id": sync_id,
            "provider": "salesforce",
            "status": "active",
            "health": {"status": "healthy"},
            "initial_backfill_completed_at": CREATED,
            "sync_frequency": "continuous",
        }


class _Handler(BaseHTTPRequestHandler):
    endpoint: ThirdParty
    # Head and body are two writes: with Nagle's algorithm the second waits for the client's delayed ACK.
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self._is_authorized():
            return self._answer(401, {"error": "Unauthorized"})
        if urlsplit(self.path).path != "/v1/mutations/run":
            return self._answer(404, {"error": "Not found"})
        answer = self.endpoint.create(body)
        self.endpoint.wait("POST")
        return self._answer(self.endpoint.switches.status, answer)

    def do_GET(self) -> None:
        parts, switches = urlsplit(self.path), self.endpoint.switches
        self.endpoint.wait("GET")
        query = parse_qs(parts.query)
        if not self._is_authorized():
            return self._answer(401, {"summary": "Unauthorized"})
        if parts.path == "/v1/records":
            if switches.refuse_limit and "limit" in query:
                return self._answer(422, {"summary": "invalid", "validation_errors": {"limit": ["too large"]}})
            return self._answer(200, self.endpoint.page(query))
        if parts.path.startswith("/v1/syncs/") and switches.syncs in ("show", "bare"):
            return self._answer(200, self.endpoint.sync(parts.path.removeprefix("/v1/syncs/")))
        if parts.path == "/v1/syncs" and switches.syncs == "list":
            return self._answer(200, {"data": [self.endpoint.sync("other"), self.endpoint.sync(SYNC)]})
        return self._answer(404, {"summary": "Not found"})

    def _is_authorized(self) -> bool:
        accepted = self.headers.get("authorization") == f"Bearer {TOKEN}"
        self.endpoint.authorized &= accepted
        return accepted

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        switches = self.endpoint.switches
        raw = (b"\xef\xbb\xbf" if switches.bom else b"") + json.dumps(body).encode()
        self.protocol_version = "HTTP/1.0" if switches.http_1_0 else "HTTP/1.1"
        self.send_response(status)
        self.send_header("content-type", "application/json")
        if switches.http_1_0:
            self.close_connection = True
        elif switches.chunked:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(raw)))
        self.end_headers()
        if switches.chunked and not switches.http_1_0:
            parts = [raw[start : start + 7] for start in range(0, len(raw), 7)]
            raw = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        self.wfile.write(raw)


SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may go away; that is no failure of the server."""

    def server_bind(self) -> None:
        # Without the reverse look-up of the host's name, which may be slow.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


@contextmanager
def third_party(switches: Switches, *, seed: int = 0) -> Iterator[tuple[ThirdParty, str]]:
    """Serve the endpoint on a free port of this machine; gives it and its URL."""
    endpoint = ThirdParty(switches, seed=seed)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"endpoint": endpoint}))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield endpoint, f"http://127.0.0.1:{server.server_port}"
    finally:
        endpoint.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
