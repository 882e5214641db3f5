"""An upstream without faults, or with one that is written in Python."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from starlette.responses import Response

from syncspec.records import Json
from syncspec.upstream.embedded.answers import ok, records
from syncspec.upstream.embedded.faults import Fault, Honest
from syncspec.upstream.embedded.listing import Listing
from syncspec.upstream.embedded.mutations import Mutation

__all__ = ["Plain"]


class Plain:
    """Answers honestly, but for what a `Fault` does around a commit."""

    def __init__(self, fault: Fault | None = None) -> None:
        self._fault = fault

    async def mutation(self, mutation: Mutation, honest: Honest) -> Response:
        if self._fault is not None and (instead := await self._fault.before(mutation)) is not None:
            return instead
        bodies = await honest.commit(mutation)
        if self._fault is not None and (instead := await self._fault.after(mutation)) is not None:
            return instead
        return records(bodies)

    async def listing(self, listing: Listing, honest: Honest) -> Response:
        return ok((await honest.page(listing)).body())

    async def syncs(self, sync_id: str | None, read: Callable[[], Awaitable[Json]], honest: Honest) -> Response:
        return ok(orjson.dumps(await read()))
