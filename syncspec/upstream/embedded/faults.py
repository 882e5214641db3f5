"""The seam for faults: what may happen to a mutation just before and just after it is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from syncspec.upstream.embedded.mutations import Mutation

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["ConnectionDroppedError", "Fault"]


class ConnectionDroppedError(Exception):
    """Raised by a fault: the connection closes and no whole answer is sent."""


class Fault(Protocol):
    """Called around every commit. Either call may wait, answer in place of the application, or drop the connection."""

    async def before(self, mutation: Mutation) -> Response | None:
        """Called before the store is touched; an answer here means that nothing is changed."""

    async def after(self, mutation: Mutation) -> Response | None:
        """Called once the change is committed; an answer here replaces the true one."""
