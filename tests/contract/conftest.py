"""Every upstream that the contract is tested against, behind one way to open it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.server import serve
from syncspec.upstream.embedded.store import Store
from syncspec.upstream.embedded.transport import in_process
from syncspec.upstream.protocol import Connection, MutationKind, MutationRequest
from syncspec.upstream.sequin.client import open_connection

TOKEN = "contract-token-7f3a"
SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"
CONTACTS = "salesforce:contact"


@dataclass
class Opened:
    """One upstream: the connection under test, and bare HTTP to it for what no connection offers."""

    connection: Connection
    http: httpx.AsyncClient

    async def post(self, **body: Any) -> httpx.Response:
        return await self.http.post("/v1/mutations/run", json={"sync_id": SYNC, "collection_id": CONTACTS} | body)

    async def create(self, *records: dict[str, Any], collection: str = CONTACTS) -> list[str]:
        result = await self.connection.run(create(*records, collection=collection))
        assert result.status == 200, result
        assert result.readable
        return [record.upstream_id for record in result.records]

    async def listed(self, collection: str = CONTACTS, after: str | None = None) -> list[Any]:
        return [
            record async for page in self.connection.pages(SYNC, collection, after=after) for record in page.records
        ]


Open = Callable[..., AbstractAsyncContextManager[Opened]]


def create(*records: dict[str, Any], collection: str = CONTACTS) -> MutationRequest:
    return MutationRequest(kind=MutationKind.CREATE, sync_id=SYNC, collection_id=collection, records=records)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["in-process", "socket"])
def upstream(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open the embedded upstream, with and without a socket; keyword arguments go to the application."""

    @asynccontextmanager
    async def opened(*, path: Path | None = None, seconds: float = 30.0, **options: Any) -> AsyncIterator[Opened]:
        store = Store.open(path or tmp_path / "upstream.sqlite3", seed=7)
        app = create_app(store, tokens=(Secret(TOKEN),), **options)
        async with AsyncExitStack() as stack:
            stack.callback(store.close)
            transport, url = None, "http://embedded.invalid"
            if request.param == "in-process":
                transport = await stack.enter_async_context(in_process(app))
            else:
                url = await stack.enter_async_context(listening(app))
            settings = UpstreamSettings(name="crm", base_url=url, token=Secret(TOKEN), request_timeout=seconds)
            connection = await stack.enter_async_context(open_connection(settings, transport=transport))
            headers = {"authorization": f"Bearer {TOKEN}"}
            http = httpx.AsyncClient(base_url=url, transport=transport, headers=headers, trust_env=False)
            # Its transport belongs to the connection where they share one.
            stack.push_async_callback(http.aclose)
            yield Opened(connection=connection, http=http)

    return opened


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    ready, stop = anyio.Event(), anyio.Event()
    ports: list[int] = []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(app, on_ready=on_ready, stop=stop))
        await ready.wait()
        try:
            yield f"http://127.0.0.1:{ports[0]}"
        finally:
            stop.set()


@pytest.fixture
def new() -> Callable[..., MutationRequest]:
    return create
