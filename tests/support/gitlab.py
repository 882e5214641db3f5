"""A stand-in for GitLab's API over HTTP: notes, commit statuses, and the merge requests of a commit."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "glpat-token-91c2"
US = 7
PAGE = 2
"""Items a page, whatever is asked for."""


@dataclass
class GitLab:
    """What the API holds. `refused` counts requests without the token."""

    url: str = ""
    notes: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    merge_requests: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    def respond(self, method: str, path: str, query: dict[str, str], form: dict[str, str]) -> tuple[int, Any]:
        page = int(query.get("page", "1"))
        match method, path.strip("/").split("/")[2:]:
            case "GET", ["user"]:
                return 200, {"id": US}
            case "GET", ["projects", _, "merge_requests", number, "notes"]:
                found = [note for note in self.notes if note["merge_request"] == number]
                return 200, found[(page - 1) * PAGE : page * PAGE]
            case "POST", ["projects", _, "merge_requests", number, "notes"]:
                note = {"id": len(self.notes) + 1, "merge_request": number, "author": {"id": US}, **form}
                self.notes.append(note)
                return 201, note
            case "PUT", ["projects", _, "merge_requests", _, "notes", number]:
                (note,) = (each for each in self.notes if each["id"] == int(number))
                if note["author"]["id"] != US:
                    return 403, {"message": "403 Forbidden"}
                note.update(form)
                return 200, note
            case "POST", ["projects", _, "statuses", commit]:
                status = {"id": len(self.statuses) + 1, "sha": commit, "author": {"id": US}, **form}
                self.statuses.append(status)
                return 201, status
            case "GET", ["projects", _, "repository", "commits", commit, "statuses"]:
                return 200, [each for each in self.statuses if each["sha"] == commit]
            case "GET", ["projects", _, "repository", "commits", commit, "merge_requests"]:
                return 200, [each for each in self.merge_requests if commit in each.values()]
        return 404, {"message": f"404 {method} {path}"}


@contextmanager
def gitlab() -> Iterator[GitLab]:
    """Serve the API until the block ends."""
    state = GitLab()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            address = urlsplit(self.path)
            query, form = (
                {name: values[0] for name, values in parse_qs(text, strict_parsing=bool(text)).items()}
                for text in (address.query, body)
            )
            if self.headers.get("private-token") == TOKEN:
                status, value = state.respond(self.command, address.path, query, form)
            else:
                state.refused += 1
                status, value = 401, {"message": "401 Unauthorized"}
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:
            """Tell nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/api/v4"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
