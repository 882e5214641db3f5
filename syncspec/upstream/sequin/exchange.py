"""One HTTP exchange at a time: a request, sent once, and its whole answer or the reason why there is none."""

from __future__ import annotations

import contextlib
import logging
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import anyio
import httpx

from syncspec._version import __version__
from syncspec.errors import UpstreamError
from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream.protocol import REQUEST_LOG
from syncspec.upstream.sequin.excerpt import clean
from syncspec.upstream.sequin.failures import AnswerTooLargeError, Failure, Progress, translate

__all__ = ["Endpoint", "Reply", "open_endpoint"]

_log = logging.getLogger(REQUEST_LOG)

MAX_ANSWER_BYTES = 64 * 1024 * 1024
CONNECT_SECONDS = 20.0
CONNECT_SHARE = 0.45
"""Connecting and TLS each get less than half of the time: cut off from outside, a TLS handshake leaks its socket."""
KEEPALIVE_SECONDS = 3.0
"""Shorter than servers commonly keep an idle connection, so that one rarely closes under a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer. `headers` has lower-case names; `body` is empty where its encoding cannot be undone."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Endpoint:
    """Sends requests to one base URL with one token. Never repeats a request and never follows a redirect."""

    def __init__(self, client: httpx.AsyncClient, *, base_url: str, token: Secret | None, traced: bool) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._traced = traced

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        timeout: float,  # noqa: ASYNC109 - an exchange that ran out of time has an outcome, which only we can tell
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply | Failure:
        """Send one request and give its whole answer, or why there is none, within `timeout` seconds in all.

        Raises nothing but cancellation.
        """
        began = time.monotonic()
        result = await self._bounded_exchange(method, path, timeout, params or {}, content)
        with contextlib.suppress(Exception):
            # Whatever listens, what came back must reach the caller.
            _tell(method, path, content, result, seconds=time.monotonic() - began)
        return result

    async def _bounded_exchange(
        self,
        method: str,
        path: str,
        timeout: float,  # noqa: ASYNC109 - as above
        params: Mapping[str, str],
        content: bytes | None,
    ) -> Reply | Failure:
        progress = Progress(traced=self._traced)
        with anyio.move_on_after(timeout):
            try:
                return await self._once(method, path, params, content, progress, timeout)
            except Exception as error:  # noqa: BLE001 - whatever fails here, the caller must learn if it was sent
                return translate(error, progress)
        return Failure(sent=progress.may_have_been_sent, reason=f"no whole answer came within {timeout:g} seconds")

    async def _once(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        content: bytes | None,
        progress: Progress,
        seconds: float,
    ) -> Reply:
        request = self._client.build_request(
            method,
            self._base_url + path,
            params=dict(params) or None,
            content=content,
            headers=self._headers(content is not None),
            timeout=httpx.Timeout(seconds, connect=min(seconds * CONNECT_SHARE, CONNECT_SECONDS)),
            extensions={"trace": progress.trace},
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            raw = await _bounded(response)
        finally:
            with contextlib.suppress(httpx.HTTPError, OSError):
                # The answer is whole, or its own error is on the way: how the connection closes changes neither.
                await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(status=response.status_code, headers=headers, body=_decoded(raw, headers))

    def _headers(self, has_body: bool) -> dict[str, str]:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        if has_body:
            headers["content-type"] = "application/json"
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.reveal().strip()}"
        return headers


def _tell(method: str, path: str, content: bytes | None, result: Reply | Failure, *, seconds: float) -> None:
    if not _log.isEnabledFor(logging.DEBUG):
        return
    sent = len(content or b"")
    status, received = (result.status, len(result.body)) if isinstance(result, Reply) else (None, 0)
    outline = {"method": method, "path": path, "status": status, "seconds": round(seconds, 3)}
    _log.debug(
        "%s %s: %s in %.3f s, %d bytes sent, %d received",
        *(method, path, status or "no answer", seconds, sent, received),
        extra={"request": {**outline, "bytes_sent": sent, "bytes_received": received}},
    )


async def _bounded(response: httpx.Response) -> bytes:
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise httpx.StreamError("the transport gave no asynchronous stream")
    chunks, size = [], 0
    async for chunk in stream:
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise AnswerTooLargeError(f"more than {MAX_ANSWER_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _decoded(raw: bytes, headers: Mapping[str, str]) -> bytes:
    """Undo gzip or deflate, which were not asked for, without ever unpacking more than the limit."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return b""
    unpacker = zlib.decompressobj(wbits=47)
    try:
        body = unpacker.decompress(raw, MAX_ANSWER_BYTES + 1)
    except zlib.error:
        return b""
    if len(body) > MAX_ANSWER_BYTES:
        raise AnswerTooLargeError(f"more than {MAX_ANSWER_BYTES} bytes")
    return body if unpacker.eof else b""


@asynccontextmanager
async def open_endpoint(
    settings: UpstreamSettings, *, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Endpoint]:
    """Open an endpoint for the length of the block; `transport` replaces the network.

    Proxies and certificate files of the environment are used for https to other hosts only: there the token passes
    a proxy encrypted, while a proxy for plain http would see it. Cookies are neither kept nor sent.
    Raises UpstreamError where the URL holds credentials or the token cannot be sent in a header.
    """
    parts = _parts(settings)
    _check(settings, parts)
    async with _client(settings, parts, transport) as client:
        yield Endpoint(client, base_url=settings.base_url, token=settings.token, traced=transport is None)


def _client(
    settings: UpstreamSettings, parts: SplitResult, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            transport=transport,
            trust_env=transport is None and _is_remote_https(parts),
            headers={"user-agent": f"syncspec/{__version__}"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=max(settings.concurrency, 1),
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise UpstreamError(
            "The connection cannot be set up",
            detail=f'upstream "{settings.name}": {clean(str(error))}. Nothing was sent.',
            hint="check the environment's proxy and certificate variables: HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE",
        ) from error


def _parts(settings: UpstreamSettings) -> SplitResult:
    try:
        return urlsplit(settings.base_url)
    except ValueError as error:
        raise UpstreamError(
            "The URL of an upstream is invalid",
            detail=f'upstream "{settings.name}": {clean(str(error))}. Nothing was sent.',
            hint="give base_url as scheme and host, such as https://api.example.com",
        ) from error


def _check(settings: UpstreamSettings, parts: SplitResult) -> None:
    where = f'upstream "{settings.name}"'
    if parts.username is not None or parts.password is not None:
        raise UpstreamError(
            "The URL of an upstream holds credentials",
            detail=f"{where}: a URL is shown in messages, so that no secret may stand in it. Nothing was sent.",
            hint="take the user name and password out of base_url; the token has a setting of its own",
        )
    token = settings.token.reveal().strip() if settings.token is not None else None
    if token is not None and (not token or not token.isascii() or not token.isprintable() or " " in token):
        raise UpstreamError(
            "The token cannot be sent",
            detail=f"{where}: the token is empty or holds a character that an HTTP header cannot carry. "
            "Nothing was sent.",
            hint="check the environment variable that the token comes from",
        )


def _is_remote_https(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "https" and not loopback
