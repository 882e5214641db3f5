"""An embedded upstream with the faults of a file and a clock that is moved by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from support.builders import VirtualClock
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.faults.injection import Faults
from syncspec.upstream.embedded.faults.models import FaultsSpec
from syncspec.upstream.embedded.store import Filter, Store
from syncspec.upstream.embedded.transport import in_process

SYNC = "sync-1"
CONTACT = "salesforce:contact"


def spec_of(**spec: Any) -> FaultsSpec:
    """What a file with this `spec` says."""
    return FaultsSpec.model_validate(spec, by_name=False)


@dataclass
class Faulty:
    """Requests over the whole application, in one thread; every answer is read as a client would."""

    faults: Faults
    store: Store
    clock: VirtualClock
    http: httpx.AsyncClient
    lines: list[str] = field(default_factory=list)

    async def post(self, **body: Any) -> httpx.Response | None:
        """Send a mutation; None where no whole answer comes."""
        return await self._whole("POST", "/v1/mutations/run", json={"sync_id": SYNC, "collection_id": CONTACT} | body)

    async def create(self, *names: str, **more: Any) -> httpx.Response | None:
        return await self.post(kind="create", records=[{"data": {"LastName": name}} for name in names], **more)

    async def get(self, path: str = "/v1/records", **params: Any) -> httpx.Response | None:
        return await self._whole("GET", path, params=params)

    async def listed(self, **params: Any) -> list[str]:
        """The names of all live records that a list shows, paged to its end."""
        return [row["data"]["LastName"] for row in await self.rows(**params) if not row["deleted"]]

    async def rows(self, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            answer = await self.get(**params, **({"after_cursor": cursor} if cursor else {}))
            assert answer is not None, "the list broke off"
            assert answer.status_code == 200, answer.text
            rows += answer.json()["records"]
            if answer.json()["cursor"] in (None, cursor):
                return rows
            cursor = answer.json()["cursor"]

    def stored(self) -> list[str]:
        """The names of all live records that are there, whatever lists show."""
        rows = self.store.page(Filter(), after=0, limit=1000).bodies
        return [row["data"]["LastName"] for row in map(json.loads, rows) if not row["deleted"]]

    def wait(self, seconds: float) -> None:
        self.clock.moment += timedelta(seconds=seconds)

    async def _whole(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        try:
            return await self.http.request(method, path, **more)
        except httpx.ReadError:
            return None


@asynccontextmanager
async def faulty(
    spec: Mapping[str, Any] | None = None, *, seed: int = 7, path: Path | None = None, **more: Any
) -> AsyncIterator[Faulty]:
    """Run an upstream with these faults; `more` are further keys of the spec."""
    clock = VirtualClock()
    lines: list[str] = []
    faults = Faults(
        spec_of(**(spec or {}), **more),
        seed=seed,
        now=clock.now,
        sleep=clock.sleep,
        on_fault=lambda fault: lines.append(str(fault)),
    )
    store = Store.open(path, seed=7, now=clock.now)
    try:
        app = create_app(store, faults=faults, profiles={"salesforce": "plain"}, offload=False)
        async with (
            in_process(app) as transport,
            httpx.AsyncClient(transport=transport, base_url="http://embedded.invalid") as client,
        ):
            yield Faulty(faults=faults, store=store, clock=clock, http=client, lines=lines)
    finally:
        store.close()
