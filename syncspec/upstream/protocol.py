"""What an upstream must offer: a reader for the planner, a writer for the executor.

A new upstream is a sub-package with a `connect(settings, context)` function, named in the entry point group
`syncspec.upstreams`, and one more parameter of `tests/contract`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

from syncspec.records import AwaitConsumers, Data, Json, ObservedRecord
from syncspec.settings import UpstreamSettings

__all__ = [
    "REQUEST_LOG",
    "Answered",
    "Connect",
    "ConnectContext",
    "Connection",
    "MutationKind",
    "MutationRequest",
    "NoAnswer",
    "NotSent",
    "Page",
    "SendResult",
    "SyncInfo",
]

REQUEST_LOG = "syncspec.requests"
"""The logger that gets the outline of every request to an upstream, as `request` of its records: no body, no query, no
header. Nobody listens unless a caller sets it up."""


class MutationKind(StrEnum):
    """The kinds of the Mutation API."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationRequest:
    """One request to `POST /v1/mutations/run`, before it becomes JSON.

    `records` holds each record's data, in order: nothing in a delete. `upstream_ids` names the records of an update,
    in the order of `records`, and those of a delete; a create has none.
    """

    kind: MutationKind
    sync_id: str
    collection_id: str
    records: tuple[Data, ...] = field(default=(), repr=False)
    upstream_ids: tuple[str, ...] = ()
    await_consumers: AwaitConsumers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncInfo:
    """What `GET /v1/syncs/{id}` tells of a sync; None where it does not tell.

    `backfilled` None: not told. `healthy` None: not told. `polling_seconds` is 0 for a continuous sync.
    """

    sync_id: str
    provider: str | None = None
    name: str | None = None
    status: str | None = None
    healthy: bool | None = None
    health: str | None = None
    backfilled: bool | None = None
    max_age_days: int | None = None
    polling_seconds: float | None = None
    stream_id: str | None = None
    collection_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of `GET /v1/records`; `cursor` as the wire gave it, as text; `stream_id` where a row told it.

    Rows that name another sync or collection are left out; `elsewhere` are the syncs that they name. `answered_at` is
    the other side's time, where it tells it.
    """

    records: tuple[ObservedRecord, ...]
    cursor: str | None
    stream_id: str | None = None
    elsewhere: frozenset[str] = frozenset()
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Connection, DNS or TLS failed before a byte of the request left: nothing can have been applied."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A whole HTTP answer. `body` is the parsed JSON, None where it is not JSON; `text` an excerpt for people.

    `records` are those of a 2xx answer that carry an upstream ID, in the answer's order.
    `readable` False on a 2xx: the body does not hold what the page describes, so the outcome is unknown, though
    `records` keeps every ID that could be read. `retry_after` in seconds. `raw` is the body as it came, in which even
    our token may be quoted.
    """

    status: int
    body: Json = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    records: tuple[ObservedRecord, ...] = ()
    readable: bool = True
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """The request, or a part of it, may have been sent, and no whole answer came back."""

    reason: str


SendResult: TypeAlias = NotSent | Answered | NoAnswer


class Reader(Protocol):
    """Reads; never changes anything upstream."""

    async def describe(self, sync_id: str) -> SyncInfo | None:
        """Tell what is known of a sync; None where the endpoint has no syncs routes.

        Raises UpstreamError where the sync does not exist, access is refused, or the upstream cannot be reached.
        """

    def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> AsyncIterator[Page]:
        """List a collection to its end: a missing or unchanged cursor; bounded runs of empty pages go on.

        Must not skip a page and must not end early without an error.
        Raises UpstreamError where a page fails for good (retries of reads are the upstream's own affair).
        """


class Writer(Protocol):
    """Writes; used by the executor only, after the intent is on disk."""

    async def run(self, request: MutationRequest) -> SendResult:
        """Send the request at most once and tell what came back. Must never repeat it, follow a redirect, or raise
        for anything that the network or the other side does; cancellation passes through.
        """


class Connection(Reader, Writer, Protocol):
    """A live connection to one upstream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectContext:
    """What an upstream may need of the project. `data_schemas`: collection ID to JSON Schemas."""

    state_dir: Path
    data_schemas: Mapping[str, tuple[Mapping[str, object], ...]] = field(default_factory=dict)


class Connect(Protocol):
    """The entry point of an upstream package."""

    def __call__(
        self, settings: UpstreamSettings, context: ConnectContext
    ) -> AbstractAsyncContextManager[Connection]: ...
