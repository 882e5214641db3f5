"""The embedded upstream as one ASGI application: the documented API over a store.

The same object answers in-process and behind a server. Values are stored as the profile of their provider stores
them; JSON Schemas, where they are given, refuse what does not fit, as a provider would.
"""

from __future__ import annotations

import hmac
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from syncspec.records import Data, Json
from syncspec.settings import Secret
from syncspec.upstream.embedded.answers import DroppedAnswer, mutation_error, read_error
from syncspec.upstream.embedded.faults import Around, ConnectionDroppedError, Fault
from syncspec.upstream.embedded.faults.plain import Plain
from syncspec.upstream.embedded.listing import Listing, Page, read_listing
from syncspec.upstream.embedded.mutations import Mutation, parse_mutation
from syncspec.upstream.embedded.profiles import Profile, profile_for
from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.embedded.replica import Lag
from syncspec.upstream.embedded.rules import Place
from syncspec.upstream.embedded.schemas import Schemas
from syncspec.upstream.embedded.store import Store
from syncspec.upstream.embedded.streams import Cursor, read_cursor
from syncspec.upstream.embedded.syncs import Syncs

__all__ = ["create_app"]

MAX_REQUEST_BYTES = 64 * 1024 * 1024

_log = logging.getLogger(__name__)

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
Complaint = Callable[[int, str], Response]


def create_app(
    store: Store,
    *,
    tokens: Collection[Secret] = (),
    profiles: Mapping[str, str] | None = None,
    data_schemas: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
    enforce_schemas: bool = False,
    syncs: Mapping[str, str] | None = None,
    fault: Fault | None = None,
    faults: Around | None = None,
    offload: bool = True,
) -> Starlette:
    """Build the application over a store, which stays the caller's to close.

    `tokens`: those that are accepted; none means that every request is. `profiles`: provider to profile; else a
    provider's own. `data_schemas` tell the known fields of a collection, and are enforced on request. `syncs`: sync
    ID to provider, and no others exist; None: a sync comes into being when it is used. `fault` or `faults`, not both:
    what goes wrong. `offload`: the store works in a thread of its own; without it everything happens in the caller's.
    Raises UpstreamError for an unknown profile or an unusable schema.
    """
    if fault is not None and faults is not None:
        raise ValueError("give fault or faults, not both")
    upstream = _Upstream(
        store=store,
        profiles={provider: profile_for(provider, profiles or {}) for provider in (profiles or {})},
        schemas=Schemas(data_schemas or {}, enforce=enforce_schemas),
        syncs=Syncs(store, syncs),
        faults=faults or Plain(fault),
        offload=offload,
    )
    accepted = tuple(token.reveal().strip().encode() for token in tokens)
    return Starlette(
        routes=[
            Route("/v1/mutations/run", _guarded(upstream.run, accepted, mutation_error), methods=["POST"]),
            Route("/v1/records", _guarded(upstream.list_records, accepted, read_error), methods=["GET"]),
            Route("/v1/syncs", _guarded(upstream.list_syncs, accepted, read_error), methods=["GET"]),
            Route("/v1/syncs/{sync_id:path}", _guarded(upstream.show_sync, accepted, read_error), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_route},
    )


class _Upstream:
    """Handles requests; and is the `Honest` upstream that faults are put around."""

    def __init__(
        self,
        *,
        store: Store,
        profiles: Mapping[str, Profile],
        schemas: Schemas,
        syncs: Syncs,
        faults: Around,
        offload: bool,
    ) -> None:
        self._store = store
        self._profiles = profiles
        self._schemas = schemas
        self._syncs = syncs
        self._faults = faults
        self._offload = offload

    async def run(self, request: Request) -> Response:
        mutation = parse_mutation(await _body(request))
        self._syncs.check(mutation.sync_id, mutation.provider)
        return await self._faults.mutation(mutation, self)

    async def list_records(self, request: Request) -> Response:
        listing = read_listing(request.query_params)
        if listing.wanted.sync_id is not None:
            self._syncs.check(listing.wanted.sync_id, None)
        return await self._faults.listing(listing, self)

    async def list_syncs(self, request: Request) -> Response:
        async def read() -> Json:
            return {"data": [*await self._call(self._syncs.every)]}

        return await self._faults.syncs(None, read, self)

    async def show_sync(self, request: Request) -> Response:
        sync_id = str(request.path_params["sync_id"])

        async def read() -> Json:
            return await self._call(partial(self._syncs.one, sync_id))

        return await self._faults.syncs(sync_id, read, self)

    async def commit(self, mutation: Mutation, *, at: datetime | None = None, lag: Lag | None = None) -> list[bytes]:
        return await self._call(partial(self._commit, mutation, at=at, lag=lag))

    async def page(self, listing: Listing) -> Page:
        return await self._call(partial(self._page, listing))

    async def rebuild(self, *, at: datetime | None = None, fill: Lag | None = None) -> None:
        await self._call(partial(self._store.rebuild, at=at, fill=fill))

    async def _call(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work) if self._offload else work()

    def _commit(self, mutation: Mutation, *, at: datetime | None, lag: Lag | None) -> list[bytes]:
        profile = self._profiles.get(mutation.provider) or profile_for(mutation.provider, {})
        place = Place(collection_id=mutation.collection_id, fields=self._schemas.fields(mutation.collection_id))

        def write(existing: Data, sent: Data) -> Data:
            self._schemas.check(mutation.collection_id, {**existing, **sent})
            return {**existing, **profile.write(sent, place)}

        return self._store.apply(mutation, write, profile.unique_fields(mutation.collection_id), at=at, lag=lag)

    def _page(self, listing: Listing) -> Page:
        epoch = self._store.epoch()
        start = read_cursor(listing.after)
        stale = listing.after and start.epoch != epoch
        if stale and not listing.restart:
            raise RefusedError(400, "after_cursor belongs to a stream that is gone")
        if stale or not listing.after:
            start = Cursor(epoch=epoch)
        found = self._store.page(listing.wanted, after=start.position, limit=listing.limit, as_of=listing.as_of)
        if found.last is not None:
            return Page(bodies=found.bodies, cursor=str(Cursor(position=found.last, epoch=epoch)), start=start)
        # The last page's cursor stays valid: asked with it again, the end answers nothing and the same cursor.
        return Page(bodies=(), cursor=str(start) if stale else listing.after, start=start)


def _guarded(handler: Handler, tokens: tuple[bytes, ...], complain: Complaint) -> Handler:
    """Give the handler behind the check of the token, with every failure as an answer of the route's own shape."""

    async def guarded(request: Request) -> Response:
        if tokens and not _is_accepted(request.headers.get("authorization", ""), tokens):
            return complain(401, "Unauthorized")
        try:
            return await handler(request)
        except RefusedError as refusal:
            return complain(refusal.status, refusal.message)
        except ConnectionDroppedError:
            return DroppedAnswer()
        except ClientDisconnect:
            return complain(400, "the request broke off")
        except sqlite3.Error as error:
            _log.warning("the store failed: %s", error)
            return complain(503, f"the store failed and nothing was changed: {error}")

    return guarded


def _is_accepted(header: str, tokens: tuple[bytes, ...]) -> bool:
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer":
        return False
    # Every token is compared, so that the time tells nothing about which one is near.
    return any([hmac.compare_digest(given.strip().encode(), token) for token in tokens])  # noqa: C419


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_REQUEST_BYTES:
            raise RefusedError(413, f"the request is larger than {MAX_REQUEST_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return read_error(status, "Not found" if status == 404 else "Method not allowed")
