"""The shapes of the embedded upstream's answers."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

__all__ = ["DroppedAnswer", "mutation_error", "ok", "read_error", "records"]


def ok(body: bytes) -> Response:
    """Answer 200 with JSON text."""
    return Response(body, media_type="application/json")


def records(bodies: Iterable[bytes]) -> Response:
    """Answer a mutation that was carried out, with its records as JSON text."""
    return ok(b'{"records":[' + b",".join(bodies) + b"]}")


def mutation_error(status: int, message: str) -> Response:
    """Answer a mutation that failed: one text, without an index or a list of records."""
    return _json(status, {"error": f"Error: {message}", "docs": []})


def read_error(status: int, message: str) -> Response:
    """Answer a read that failed; a field that is invalid is named where the status is 422."""
    return _json(status, {"summary": message})


def _json(status: int, body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")


class DroppedAnswer(Response):
    """An answer that never becomes whole: it promises a body, and the connection closes before it comes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
