"""The connection to a Sequin-compatible endpoint: writes once, reads patiently."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

import anyio
import httpx

from syncspec.diagnostics import did_you_mean
from syncspec.errors import UpstreamError
from syncspec.records import Json
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import Answered, MutationRequest, NoAnswer, NotSent, Page, SendResult, SyncInfo
from syncspec.upstream.sequin.excerpt import EXCERPT_LENGTH, body_without, clean, error_text, safe, success_text
from syncspec.upstream.sequin.exchange import Endpoint, Reply, open_endpoint
from syncspec.upstream.sequin.failures import Failure
from syncspec.upstream.sequin.listing import Walk, read_page
from syncspec.upstream.sequin.syncs import describes_a_sync, find_sync, known_syncs, sync_info
from syncspec.upstream.sequin.wire import identifier, is_object, load_json, mutation_body, mutation_records

__all__ = ["SequinConnection", "open_connection", "retry_after"]

PAGE_LIMIT = "1000"
SMALLER_LIMIT = {"1000": "100", "100": "10", "10": "1"}
READ_ATTEMPTS = 4
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_READ_PAUSE_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 3600.0
KEPT_HEADERS = ("content-type", "date", "location", "retry-after", "x-request-id")

Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]


class _TooLargeError(UpstreamError):
    """An answer to a read is larger than we hold; asking again for the same would bring the same."""


class SequinConnection:
    """A `Connection` over HTTP.

    Writes are sent exactly once. Reads are tried up to four times where the connection, a rate limit or the server
    failed. How many requests run at once, and how many in a minute, is for the caller to decide.
    """

    def __init__(self, endpoint: Endpoint, settings: UpstreamSettings, *, now: Clock, sleep: Sleep) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._now = now
        self._sleep = sleep

    async def run(self, request: MutationRequest) -> SendResult:
        """Send a mutation once; see `Writer.run`."""
        seconds = self._settings.request_timeout
        if request.await_consumers is not None:
            seconds += request.await_consumers.seconds
        reply = await self._endpoint.exchange(
            "POST", "/v1/mutations/run", content=mutation_body(request), timeout=seconds
        )
        if isinstance(reply, Reply):
            return self._answered(reply)
        reason = self._safe(reply.reason)
        return NoAnswer(reason=reason) if reply.sent else NotSent(reason=reason)

    def _answered(self, reply: Reply) -> Answered:
        body = load_json(reply.body)
        success = 200 <= reply.status < 300
        records, readable = mutation_records(body) if success else ((), True)
        return Answered(
            status=reply.status,
            body=body if success else body_without(body, self._settings.token),
            text=self._text(reply, body),
            records=records,
            readable=readable,
            retry_after=retry_after(reply.headers.get("retry-after"), self._now()),
            headers={name: self._safe(reply.headers[name]) for name in KEPT_HEADERS if name in reply.headers},
            raw=reply.body,
        )

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> AsyncIterator[Page]:
        """List a collection to its end; see `Reader.pages`. A list that is rebuilt meanwhile is an UpstreamError."""
        params = {"sync_id": sync_id, "collection_id": collection_id, "limit": PAGE_LIMIT}
        walk, stream_id, more = Walk(after), None, True
        elsewhere: frozenset[str] = frozenset()
        ours = 0
        while more:
            if walk.cursor is not None:
                params["after_cursor"] = walk.cursor
            reply = await self._page(params)
            try:
                page = read_page(reply.body, sync_id, collection_id)
                if stream_id and page.stream_id and page.stream_id != stream_id:
                    raise ValueError("the list was rebuilt while it was read")
                more = walk.advance(page.cursor, [record.upstream_id for record in page.records])
            except ValueError as error:
                hint = "run the command again; doctor shows what the endpoint answers"
                raise self._error("/v1/records", str(error), hint) from error
            stream_id = stream_id or page.stream_id
            elsewhere, ours = elsewhere | page.elsewhere, ours + len(page.records)
            yield replace(page, answered_at=_http_date(reply.headers.get("date", "")))
        if elsewhere and not ours:
            raise self._foreign(sync_id, elsewhere)

    def _foreign(self, sync_id: str, elsewhere: frozenset[str]) -> UpstreamError:
        """Every row names another sync: it may be another name of ours, so nothing can be said to be absent."""
        named = ", ".join(sorted(elsewhere)[:5])
        reason = f"it was asked for sync {sync_id}, and all rows name {named}"
        return self._error("/v1/records", reason, "if that is the same sync, write that ID as sync_id in the project")

    async def _page(self, params: dict[str, str]) -> Reply:
        """Read one page; a limit that turns out wrong is lowered, or left out, for this page and those that follow."""
        try:
            reply = await self._get("/v1/records", params)
        except _TooLargeError:
            smaller = SMALLER_LIMIT.get(params.get("limit", ""))
            if smaller is None:
                raise
            params["limit"] = smaller
            return await self._page(params)
        if reply.status in (400, 422) and "limit" in params:
            # The largest limit is not documented, so that an endpoint may refuse ours; it then keeps to its own.
            del params["limit"]
            reply = await self._get("/v1/records", params)
        if not 200 <= reply.status < 300:
            raise self._refusal("/v1/records", reply)
        return reply

    async def describe(self, sync_id: str) -> SyncInfo | None:
        """Tell what is known of a sync; see `Reader.describe`."""
        path = f"/v1/syncs/{quote(sync_id, safe='')}"
        reply = await self._get(path)
        if reply.status in (404, 405, 501):
            return await self._describe_from_list(sync_id)
        body = self._object(path, reply)
        inner = body.get("data")
        sync = inner if is_object(inner) and "id" in inner else body
        if not describes_a_sync(sync):
            return None
        told = identifier(sync.get("id"))
        if told is not None and told.casefold() != sync_id.casefold():
            raise self._error(path, f'the answer is about the sync "{told}", not "{sync_id}"', f'use sync_id "{told}"')
        return sync_info(sync_id, sync)

    async def _describe_from_list(self, sync_id: str) -> SyncInfo | None:
        reply = await self._get("/v1/syncs")
        if reply.status in (404, 405, 501):
            return None
        syncs = known_syncs(self._object("/v1/syncs", reply))
        if syncs is None:
            raise self._error("/v1/syncs", 'the answer has no list "data"', "check base_url")
        found = find_sync(sync_id, syncs)
        if found is not None:
            return sync_info(sync_id, found)
        known = [told for told in (identifier(sync.get("id")) for sync in syncs) if told is not None]
        listed = ", ".join(known[:10]) + (", …" if len(known) > 10 else "") if known else "none"
        hint = did_you_mean(sync_id, known) or "check sync_id in the manifest, or syncs of the upstream"
        raise self._error("/v1/syncs", f'there is no sync "{sync_id}"; the endpoint knows: {listed}', hint)

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> Reply:
        """Give the first answer that trying again would not change. Raises UpstreamError after the last attempt."""
        attempt = 1
        while True:
            reply = await self._endpoint.exchange("GET", path, params=params, timeout=self._settings.request_timeout)
            if isinstance(reply, Reply) and not _is_transient(reply.status):
                return reply
            if isinstance(reply, Failure) and reply.too_large:
                error = self._error(path, reply.reason, "make the endpoint answer in smaller pages")
                raise _TooLargeError(str(error), diagnostics=error.diagnostics)
            reason, asked = self._setback(reply)
            pause = FIRST_BACKOFF_SECONDS * 2 ** (attempt - 1) * (0.5 + random.random())  # noqa: S311 - jitter only
            pause = max(pause, asked or 0.0)
            if attempt == READ_ATTEMPTS:
                raise self._error(path, f"{reason} ({attempt} attempts)", "try again when the upstream is well")
            if pause > LONGEST_READ_PAUSE_SECONDS:
                raise self._error(path, f"{reason} (asked to wait {pause:.0f} seconds)", "try again after that time")
            attempt += 1
            await self._sleep(pause)

    def _setback(self, reply: Reply | Failure) -> tuple[str, float | None]:
        """Say why a read is tried again, and for how long the other side asked to be left alone."""
        if isinstance(reply, Failure):
            return reply.reason, None
        asked = retry_after(reply.headers.get("retry-after"), self._now())
        return f"HTTP {reply.status}: {self._text(reply, load_json(reply.body))}", asked

    def _object(self, path: str, reply: Reply) -> dict[str, Json]:
        if not 200 <= reply.status < 300:
            raise self._refusal(path, reply)
        body = load_json(reply.body)
        if not is_object(body):
            raise self._error(
                path, "the answer is not a JSON object", "check base_url: another service may answer there"
            )
        return body

    def _refusal(self, path: str, reply: Reply) -> UpstreamError:
        text = self._text(reply, load_json(reply.body))
        said = f"HTTP {reply.status}: {text}" if text else f"HTTP {reply.status}"
        match reply.status:
            case 401:
                return self._error(path, f"the token was refused ({said})", "check the token of this upstream")
            case 403:
                return self._error(path, f"the token may not read this ({said})", "use a token with access to the sync")
            case 404:
                return self._error(path, f"nothing is there ({said})", "check base_url, sync_id and collection_id")
            case status if 300 <= status < 400:
                return self._error(
                    path, f"{text or said}; a redirect is never followed", "set base_url to the final address"
                )
            case _:
                return self._error(path, f"the request was refused ({said})", "check sync_id and collection_id")

    def _error(self, path: str, what: str, hint: str) -> UpstreamError:
        host = urlsplit(self._settings.base_url).hostname or "no host"
        return UpstreamError(
            "The upstream could not be read",
            detail=self._safe(f'GET {path} of upstream "{self._settings.name}" ({host}): {what}. Nothing was changed.'),
            hint=self._safe(hint),
        )

    def _text(self, reply: Reply, body: Json) -> str:
        if 300 <= reply.status < 400:
            target = _host(reply.headers.get("location", ""))
            return self._safe(f"redirected to {target}" if target else "redirected")
        words = success_text if 200 <= reply.status < 300 else error_text
        return self._safe(words(body, reply.body)[: EXCERPT_LENGTH * 4])

    def _safe(self, text: str) -> str:
        """Neither our token nor anything that could act on a terminal comes out."""
        return clean(safe(text, self._settings.token))


def _is_transient(status: int) -> bool:
    return status in (408, 425, 429, 500, 502, 503, 504)


def _host(location: str) -> str | None:
    try:
        return urlsplit(location).hostname
    except ValueError:
        return None


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` in seconds or as a date: 0 to 3600 seconds from `now`; None where it is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        at = _http_date(text)
        if at is None:
            return None
        seconds = (at - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    # A date with "-0000" comes without a zone; HTTP dates are always in UTC.
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@asynccontextmanager
async def open_connection(
    settings: UpstreamSettings,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    now: Clock = lambda: datetime.now(UTC),
    sleep: Sleep = anyio.sleep,
) -> AsyncIterator[SequinConnection]:
    """Open a connection for the length of the block. `transport`, `now` and `sleep` are seams.

    Raises UpstreamError where the settings cannot be used; nothing is sent before the first call.
    """
    async with open_endpoint(settings, transport=transport) as endpoint:
        yield SequinConnection(endpoint, settings, now=now, sleep=sleep)
