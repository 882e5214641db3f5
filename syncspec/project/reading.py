"""Connections to a project's upstreams, and reading its collections."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from typing import TypeAlias

import anyio

from syncspec.apply.state import State
from syncspec.errors import SyncspecError
from syncspec.planning.removal import removable
from syncspec.planning.wanted import Touches
from syncspec.records import Observation, Target
from syncspec.settings import LoadedProject
from syncspec.upstream import connect
from syncspec.upstream.observe import Wanted, observe
from syncspec.upstream.protocol import ConnectContext, Connection

__all__ = ["OnRows", "connection_to", "connections_of", "observe_all", "single_error"]

OnRows: TypeAlias = Callable[[Target, int], None]
"""Gets a collection's target and the number of rows read of it so far."""


@asynccontextmanager
async def connections_of(
    loaded: LoadedProject, state: State | None = None, *, touches: Touches | None = None
) -> AsyncIterator[dict[str, Connection]]:
    """Connect to every upstream that a set uses, and to those in which the `state` leaves something to settle or to
    delete; gives them by name. `touches` chooses the entries of the latter, see `places_to_observe`.

    Raises UpstreamError.
    """
    context = ConnectContext(state_dir=loaded.state_dir, data_schemas=loaded.data_schemas)
    endpoints = set[str]()
    if state is not None:
        endpoints |= {attempt.target.endpoint for attempt in state.to_reconcile}
        entries = state.lockfile.entries.values()
        touched = removable(entries, loaded.sets) if touches is None else filter(touches, entries)
        endpoints |= {entry.target.endpoint for entry in touched}
    names = sorted(
        {record_set.target.upstream for record_set in loaded.sets}
        | {lookups.target.upstream for lookups in loaded.lookups}
        | {name for name, settings in loaded.upstreams.items() if settings.endpoint in endpoints}
    )
    with single_error():
        async with AsyncExitStack() as stack:
            yield {name: await stack.enter_async_context(connect(loaded.upstreams[name], context)) for name in names}


@asynccontextmanager
async def connection_to(loaded: LoadedProject, upstream: str) -> AsyncIterator[Connection]:
    """Connect to one upstream, whatever sets use. Raises UpstreamError."""
    context = ConnectContext(state_dir=loaded.state_dir, data_schemas=loaded.data_schemas)
    with single_error():
        async with connect(loaded.upstreams[upstream], context) as connection:
            yield connection


async def observe_all(
    loaded: LoadedProject,
    wanted: Mapping[Target, Wanted],
    connections: Mapping[str, Connection],
    *,
    now: Callable[[], datetime],
    on_rows: OnRows | None,
) -> list[Observation]:
    """Read each collection once, those of one upstream within its concurrency; in the order of their targets.

    Raises UpstreamError where an upstream cannot be used at all; the others are then not read to their end.
    """
    found: dict[Target, Observation] = {}
    limits = {name: anyio.CapacityLimiter(max(1, each.concurrency)) for name, each in loaded.upstreams.items()}

    async def read(target: Target, wants: Wanted) -> None:
        async with limits[target.upstream]:
            found[target] = await observe(
                connections[target.upstream],
                target,
                wants,
                settings=loaded.upstreams[target.upstream],
                now=now,
                on_progress=functools.partial(on_rows, target) if on_rows is not None else None,
            )

    with single_error():
        async with anyio.create_task_group() as tasks:
            for target, wants in wanted.items():
                tasks.start_soon(read, target, wants)
    return [found[target] for target in sorted(found)]


@contextmanager
def single_error() -> Iterator[None]:
    """Raise the SyncspecError in an exception group as itself: callers catch errors, not the shape of our tasks.

    A group that holds anything else, such as a bug, goes on as it is.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        _, others = group.split(SyncspecError)
        if others is not None:
            raise
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
