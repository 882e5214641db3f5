"""The seam for faults: what may stand between a request and the upstream that would answer it honestly.

A fault that is written in Python is a `Fault`, for what happens just before and just after a commit, or an `Around`,
for anything. The faults of a file are an `Around`: see `syncspec.upstream.embedded.faults.injection`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from syncspec.records import Json
from syncspec.upstream.embedded.listing import Listing, Page
from syncspec.upstream.embedded.mutations import Mutation
from syncspec.upstream.embedded.replica import Lag

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["Around", "ConnectionDroppedError", "Fault", "Honest"]


class ConnectionDroppedError(Exception):
    """Raised by a fault: the connection closes and no whole answer is sent."""


class Fault(Protocol):
    """Called around every commit. Either call may wait, answer in place of the application, or drop the connection."""

    async def before(self, mutation: Mutation) -> Response | None:
        """Called before the store is touched; an answer here means that nothing is changed."""

    async def after(self, mutation: Mutation) -> Response | None:
        """Called once the change is committed; an answer here replaces the true one."""


class Honest(Protocol):
    """The upstream behind the faults. Every call may raise RefusedError, and then nothing was changed."""

    async def commit(self, mutation: Mutation, *, at: datetime | None = None, lag: Lag | None = None) -> list[bytes]:
        """Carry a mutation out and give its records as JSON text; `at`: as if at that time, else now."""

    async def page(self, listing: Listing) -> Page:
        """Give one page of a list."""

    async def rebuild(self, *, at: datetime | None = None, fill: Lag | None = None) -> None:
        """Start all streams anew; see `Store.rebuild`."""


class Around(Protocol):
    """Answers every request that is well formed and let in, with the honest upstream at hand.

    Any call may wait, raise RefusedError for an error answer, or raise ConnectionDroppedError.
    """

    async def mutation(self, mutation: Mutation, honest: Honest) -> Response:
        """Answer a mutation, which may be committed in whole, in part, later, or not at all."""

    async def listing(self, listing: Listing, honest: Honest) -> Response:
        """Answer a request for a page of a list."""

    async def syncs(self, sync_id: str | None, read: Callable[[], Awaitable[Json]], honest: Honest) -> Response:
        """Answer a request for one sync, or for all; `read` gives the true answer."""
