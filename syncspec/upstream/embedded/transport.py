"""The embedded upstream without a socket: requests go straight to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx
from anyio.abc import TaskGroup
from starlette.types import ASGIApp, Message

__all__ = ["InProcessTransport", "in_process"]


@dataclass(slots=True, kw_only=True)
class _Call:
    """One request on its way through the application."""

    body: bytes
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    is_whole: bool = False
    failure: Exception | None = None
    received: bool = False
    done: anyio.Event = field(default_factory=anyio.Event)

    async def receive(self) -> Message:
        if self.received:
            await self.done.wait()
            return {"type": "http.disconnect"}
        self.received = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands each request to the application in a task of its own.

    A caller that gives up does not stop the application, just as a closed connection does not stop a server. An
    answer that does not become whole is a broken connection.
    """

    def __init__(self, app: ASGIApp, tasks: TaskGroup) -> None:
        self._app = app
        self._tasks = tasks

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _Call(body=await request.aread())
        self._tasks.start_soon(self._answer, request, call)
        await call.done.wait()
        if call.failure is not None:
            raise httpx.ReadError(f"the application failed: {call.failure}") from call.failure
        if not call.is_whole:
            raise httpx.ReadError("the connection was dropped")
        return httpx.Response(call.status, headers=call.headers, content=b"".join(call.chunks))

    async def _answer(self, request: httpx.Request, call: _Call) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (request.url.host, request.url.port),
            "client": ("127.0.0.1", 0),
        }
        try:
            await self._app(scope, call.receive, call.send)
        except Exception as error:  # noqa: BLE001 - handed to the caller, as a server would answer 500 and go on
            call.failure = error
        finally:
            call.done.set()


@asynccontextmanager
async def in_process(app: ASGIApp) -> AsyncIterator[InProcessTransport]:
    """Give a transport to the application; requests that still run when the block ends are stopped."""
    async with anyio.create_task_group() as tasks:
        try:
            yield InProcessTransport(app, tasks)
        finally:
            tasks.cancel_scope.cancel()
