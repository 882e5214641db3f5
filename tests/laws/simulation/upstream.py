"""The other side: an embedded upstream with weather, that tells what we made from what others made by hand."""

from __future__ import annotations

import asyncio
import contextvars
import json
import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import httpx
from anyio.abc import TaskGroup
from support.builders import NOW
from support.pipeline import CONTACT, SYNC, Wrapped

from simulation.loop import PROCESS, VirtualLoop
from simulation.process import Process, step
from simulation.weather import Weather
from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.profiles import profile_for
from syncspec.upstream.embedded.rules import Place
from syncspec.upstream.embedded.store import Filter, Store
from syncspec.upstream.embedded.transport import InProcessTransport
from syncspec.upstream.protocol import ConnectContext, Connection, MutationKind
from syncspec.upstream.sequin.client import open_connection

__all__ = ["Deletion", "Row", "Upstream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One live record. `token` names the person that it is, `is_ours` whether a request of ours made it."""

    upstream_id: str
    collection_id: str
    token: str
    note: str
    boss: str | None
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What a request was to delete, and whose it was."""

    process: Process
    token: str
    is_ours: bool


class Upstream:
    """Takes requests from any process, and goes on when a process dies."""

    def __init__(self, loop: VirtualLoop, draw: random.Random, *, profile: str) -> None:
        self._loop = loop
        self._draw = draw
        self.store = Store.open(None, seed=7, now=self.now)
        self._by_hand: set[str] = set()
        self.deletions: dict[str, Deletion] = {}
        """The first request to delete each record, whatever became of it."""
        self._profile = profile
        self._tasks: set[asyncio.Task[None]] = set()
        self._outside = contextvars.copy_context()
        self.unreachable = 0.0
        """How likely a connection is refused."""

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self._loop.time())

    def open(self, weather: Weather) -> None:
        self.weather = weather
        app = create_app(
            self.store, tokens=(Secret("t"),), faults=weather, profiles={"salesforce": self._profile}, offload=False
        )
        self._wire = _Wire(InProcessTransport(app, cast(TaskGroup, self)), self)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.store.close()

    def start_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Handle a request on this side: whoever sent it may die meanwhile."""
        task = self._loop.create_task(call(*args), context=self._outside.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=self._outside.copy())

    def refuses_connection(self) -> bool:
        return not self.weather.is_clear and self._draw.random() < self.unreachable

    def connect(self, settings: UpstreamSettings, context: ConnectContext) -> AbstractAsyncContextManager[Connection]:
        """Stands in for `syncspec.upstream.connect`."""
        return self._connected(settings)

    @asynccontextmanager
    async def _connected(self, settings: UpstreamSettings) -> AsyncIterator[Connection]:
        process = PROCESS.get()
        assert isinstance(process, Process)
        machine = process.machine
        async with open_connection(settings, transport=self._wire, now=machine.now, sleep=machine.sleep) as connection:
            yield _Stepped(connection, self, process)

    def create_by_hand(self, data: dict[str, Any], collection_id: str = CONTACT) -> str:
        """Create a record as another person does in the upstream's own pages."""
        body = {"kind": "create", "sync_id": SYNC, "collection_id": collection_id, "records": [{"data": data}]}
        profile = profile_for("salesforce", {"salesforce": self._profile})
        place = Place(collection_id=collection_id, fields=None)
        (stored,) = self.store.apply(
            parse_mutation(json.dumps(body).encode()), lambda existing, sent: {**existing, **profile.write(sent, place)}
        )
        upstream_id = str(json.loads(stored)["upstream_id"])
        self._by_hand.add(upstream_id)
        return upstream_id

    def edit_by_hand(self, row: Row, note: str) -> None:
        """Change a record as another person does."""
        self._change_by_hand(row, "update", records=[{"upstream_id": row.upstream_id, "data": {"Note": note}}])

    def delete_by_hand(self, row: Row) -> None:
        self._change_by_hand(row, "delete", upstream_ids=[row.upstream_id])

    def _change_by_hand(self, row: Row, kind: str, **items: Any) -> None:
        body = {"kind": kind, "sync_id": SYNC, "collection_id": row.collection_id, **items}
        self.store.apply(parse_mutation(json.dumps(body).encode()), lambda existing, sent: {**existing, **sent})

    def note_deletion(self, process: Process, upstream_ids: Collection[str]) -> None:
        """Remember what a request is to delete."""
        for row in map(json.loads, self.store.page(Filter(), after=0, limit=10_000).bodies):
            upstream_id = row["upstream_id"]
            if upstream_id in upstream_ids:
                is_ours, token = upstream_id not in self._by_hand, str(row["data"]["Token"])
                self.deletions.setdefault(upstream_id, Deletion(process=process, token=token, is_ours=is_ours))

    def rebuild(self, longest: float) -> None:
        """Start all streams anew; each record shows after a time of its own, and the sync tells so meanwhile."""
        self.store.rebuild(at=self.now(), fill=lambda position: self._draw.uniform(longest / 2, longest))

    async def rows(self) -> list[Row]:
        """Every live record as it is now, whatever lists show."""
        await self.weather.settle()
        bodies = self.store.page(Filter(), after=0, limit=10_000).bodies
        return [
            Row(
                upstream_id=row["upstream_id"],
                collection_id=row["collection_id"],
                token=str(row["data"]["Token"]),
                note=str(row["data"]["Note"]),
                boss=row["data"].get("Boss"),
                is_ours=row["upstream_id"] not in self._by_hand,
            )
            for row in map(json.loads, bodies)
            if not row["deleted"]
        ]


class _Wire(httpx.AsyncBaseTransport):
    """The network between all processes and the upstream."""

    def __init__(self, inner: InProcessTransport, upstream: Upstream) -> None:
        self._inner, self._upstream = inner, upstream

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._upstream.refuses_connection():
            raise httpx.ConnectError("connection refused")
        return await self._inner.handle_async_request(request)


class _Stepped(Wrapped):
    """A connection whose process takes a step before each request leaves, and one when its answer is there."""

    def __init__(self, inner: Connection, upstream: Upstream, process: Process) -> None:
        super().__init__(inner)
        self._upstream, self._process = upstream, process

    async def run(self, request: Any) -> Any:
        step("before send")
        if request.kind is MutationKind.DELETE:
            self._upstream.note_deletion(self._process, request.upstream_ids)
        result = await self.inner.run(request)
        step("after answer")
        return result
