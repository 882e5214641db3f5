"""Makes an upstream's settings of what the project file says about it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never
from urllib.parse import SplitResult, urlsplit

from syncspec.diagnostics import Severity
from syncspec.manifests.documents import Document, Path
from syncspec.manifests.models import AwaitConsumersSpec
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_models import UpstreamSpec, UpstreamType
from syncspec.records import AwaitConsumers
from syncspec.settings import RateLimit, Secret, UpstreamSettings

__all__ = ["DEFAULT_BASE_URL", "awaited", "embedded_settings", "upstream_settings", "warn_without_effect"]

DEFAULT_BASE_URL = "https://api.sequin.io"

_DEFAULTS = UpstreamSettings(name="")
_EMBEDDED_TIMEOUT = 20.0
"""Seconds; an upstream in the same process answers at once, or never."""


def upstream_settings(
    name: str,
    spec: UpstreamSpec,
    *,
    document: Document,
    where: Callable[[Path], Path],
    unresolved: Callable[[Path], bool],
    problems: Problems,
) -> UpstreamSettings | None:
    """The settings of a declared upstream, or None where they cannot be used; findings are reported.

    `where` gives the place in the document that an effective setting comes from.
    """
    at: Path = ("spec", "upstreams", name)
    match spec.type:
        case None:
            problems.add(
                document,
                path=where(at),
                code="missing-key",
                summary="A key is missing",
                detail=f'The upstream "{name}" has no type.',
                hint="add type: sequin, or type: embedded",
                at="key",
            )
            return None
        case UpstreamType.EMBEDDED:
            return embedded_settings(name, spec)
        case UpstreamType.SEQUIN:
            return _sequin(name, spec, document=document, where=where, unresolved=unresolved, problems=problems)
        case _:
            assert_never(spec.type)


def embedded_settings(name: str, spec: UpstreamSpec) -> UpstreamSettings:
    """The settings of an upstream that runs inside syncspec; it needs no address and no token, and settles at once."""
    return replace(
        _shared(name, spec),
        type=UpstreamType.EMBEDDED.value,
        settle=spec.settle_seconds or 0.0,
        request_timeout=spec.request_timeout_seconds or _EMBEDDED_TIMEOUT,
        # One batch is one transaction of its store.
        atomic_batches=spec.atomic_batches is not False,
        profiles=spec.profiles or {},
        enforce_schemas=bool(spec.enforce_schemas),
    )


def awaited(spec: AwaitConsumersSpec | None) -> AwaitConsumers | None:
    """The consumers that a manifest or the project file names."""
    return None if spec is None else AwaitConsumers(ids=spec.ids, timeout_ms=spec.timeout_ms)


def _sequin(
    name: str,
    spec: UpstreamSpec,
    *,
    document: Document,
    where: Callable[[Path], Path],
    unresolved: Callable[[Path], bool],
    problems: Problems,
) -> UpstreamSettings | None:
    at: Path = ("spec", "upstreams", name)
    token = None if spec.token is None or unresolved((*at, "token")) else spec.token
    if spec.token is None:
        problems.add(
            document,
            path=where(at),
            code="missing-key",
            summary="A key is missing",
            detail=f'The upstream "{name}" has no token.',
            hint="add token: ${env.SEQUIN_API_KEY}, and set that variable where syncspec runs",
            at="key",
        )
    elif token is not None and not _is_header_safe(token):
        _refuse_token(document, where((*at, "token")), problems)
        token = None
    # Two upstreams whose addresses are not known must not be taken for one.
    url = f"https://{name}.invalid"
    if not unresolved((*at, "base_url")):
        url = _usable_url(spec.base_url or DEFAULT_BASE_URL, document, where((*at, "base_url")), problems) or url
    for extra in ("profiles", "enforce_schemas"):
        if getattr(spec, extra) is not None:
            detail = f"{extra} is for upstreams of type embedded."
            warn_without_effect(detail, document, where((*at, extra)), problems)
    return replace(
        _shared(name, spec),
        type=UpstreamType.SEQUIN.value,
        base_url=url,
        token=None if token is None else Secret(token),
    )


def _shared(name: str, spec: UpstreamSpec) -> UpstreamSettings:
    """What all types have in common."""
    return UpstreamSettings(
        name=name,
        syncs={provider: sync for provider, sync in (spec.syncs or {}).items() if sync is not None},
        concurrency=spec.concurrency or _DEFAULTS.concurrency,
        rate_limit=_rate_limit(spec),
        request_timeout=spec.request_timeout_seconds or _DEFAULTS.request_timeout,
        settle=_DEFAULTS.settle if spec.settle_seconds is None else spec.settle_seconds,
        wait=_DEFAULTS.wait if spec.wait_seconds is None else spec.wait_seconds,
        atomic_batches=bool(spec.atomic_batches),
        unique=bool(spec.unique_upstream),
        assume_complete=bool(spec.assume_complete),
        await_consumers=awaited(spec.await_consumers),
    )


def _rate_limit(spec: UpstreamSpec) -> RateLimit | None:
    if spec.rate_limit is None:
        return None
    return RateLimit(requests=spec.rate_limit.requests, per_seconds=float(spec.rate_limit.per_seconds))


def _is_header_safe(token: str) -> bool:
    """Whether the token can stand in a header: printable ASCII without spaces."""
    return all("!" <= char <= "~" for char in token)


def _refuse_token(document: Document, path: Path, problems: Problems) -> None:
    problems.add(
        document,
        path=path,
        code="invalid-token",
        summary="A token cannot be sent",
        detail="It holds spaces, line breaks or characters outside ASCII, or is empty.",
        hint="look at how the variable is set; a line break at its end is a common cause",
    )


def warn_without_effect(detail: str, document: Document, path: Path, problems: Problems) -> None:
    """Report a setting that changes nothing where it stands."""
    problems.add(
        document,
        path=path,
        severity=Severity.WARNING,
        code="without-effect",
        summary="A setting has no effect",
        detail=detail,
        hint="remove it",
        at="key",
    )


def _usable_url(url: str, document: Document, path: Path, problems: Problems) -> str | None:
    """The URL, or None where it cannot be used; findings are reported, without a line that may hold credentials."""
    problem = _url_problem(url)
    if problem is not None:
        problems.hide_fields(document.file, ["base_url"])
        problems.add(
            document,
            path=path,
            code="invalid-url",
            summary="A URL cannot be used",
            detail=problem,
            hint=f"write it like {DEFAULT_BASE_URL}",
        )
        return None
    parts = urlsplit(url)
    if parts.scheme.lower() == "http" and not _is_loopback(parts.hostname or ""):
        problems.add(
            document,
            path=path,
            severity=Severity.WARNING,
            code="unencrypted",
            summary="Requests travel unencrypted",
            detail=f"With http, whoever stands between here and {parts.hostname} reads the token and the records.",
            hint="use https",
        )
    return url


def _url_problem(url: str) -> str | None:
    """Why the URL cannot be used; the text never repeats it, since it may hold credentials."""
    if any(char <= " " or char == "\x7f" or char == "\\" for char in url):
        return "It holds a space, a backslash or a control character."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "Its host or port cannot be read."
    return _parts_problem(parts, port)


def _parts_problem(parts: SplitResult, port: int | None) -> str | None:
    if parts.scheme.lower() not in ("http", "https"):
        return "It does not begin with https:// or http://."
    if "@" in parts.netloc:
        return "It holds credentials; those belong in token."
    if not parts.hostname or port == 0:
        return "It names no host." if not parts.hostname else "Its port cannot be used."
    if parts.query or parts.fragment:
        return "It holds a query or a fragment, and paths are appended to it."
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
