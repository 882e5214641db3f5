"""A server that answers with whatever bytes a test wants, at whatever time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream.sequin.client import SequinConnection, open_connection

TOKEN = "unit-token-0e5d"
NOW = datetime(2024, 11, 10, 12, 0, 0, tzinfo=UTC)


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Seen, asyncio.StreamWriter], Awaitable[bool | None]]
"""Writes an answer; True keeps the connection open for the next request."""


@dataclass
class Hostile:
    """The server's side of a test: what it saw, and the client that talks to it."""

    url: str
    connection: SequinConnection
    seen: list[Seen] = field(default_factory=list)
    naps: list[float] = field(default_factory=list)

    async def listed(self, sync_id: str = "s", collection: str = "salesforce:contact") -> list[Any]:
        return [record async for page in self.connection.pages(sync_id, collection) for record in page.records]


def http(status: int, body: bytes | str | object = b"", headers: dict[str, str] | None = None) -> bytes:
    """Build a whole answer; anything but bytes and text becomes JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if status >= 200 and status not in (204, 304):
        lines.append(f"content-length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@asynccontextmanager
async def _served(answer: Answer, seen: list[Seen]) -> AsyncIterator[str]:
    writers: list[asyncio.StreamWriter] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.split("\r\n")
                method, target, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                parts = urlsplit(target)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                request = Seen(method=method, path=parts.path, query=query, headers=headers, body=body)
                seen.append(request)
                if not await answer(request, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def hostile() -> Callable[..., AbstractAsyncContextManager[Hostile]]:
    """Run a server that answers as the test says, and a client of it that never really sleeps.

    The answer is a coroutine function, or bytes that are sent to every request before the connection closes.
    """

    @asynccontextmanager
    async def opened(answer: Answer | bytes, *, seconds: float = 10.0, **settings: Any) -> AsyncIterator[Hostile]:
        async def same(request: Seen, writer: asyncio.StreamWriter) -> None:
            assert isinstance(answer, bytes)
            writer.write(answer)
            await writer.drain()

        seen: list[Seen] = []
        naps: list[float] = []

        async def sleep(time: float) -> None:
            naps.append(time)

        async with _served(same if isinstance(answer, bytes) else answer, seen) as url:
            options = {"name": "crm", "base_url": url, "token": Secret(TOKEN), "request_timeout": seconds} | settings
            async with open_connection(UpstreamSettings(**options), now=lambda: NOW, sleep=sleep) as connection:
                yield Hostile(url=url, connection=connection, seen=seen, naps=naps)

    return opened


@pytest.fixture
def reply() -> Callable[..., bytes]:
    return http
