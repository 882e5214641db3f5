"""The registry of upstream types: the entry points of the group `syncspec.upstreams`."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import cast

from syncspec.diagnostics import did_you_mean
from syncspec.errors import UpstreamError
from syncspec.upstream.protocol import Connect

__all__ = ["GROUP", "find", "types"]

GROUP = "syncspec.upstreams"


def types() -> tuple[str, ...]:
    """Give the names of all upstream types that are installed, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def find(name: str) -> Connect:
    """Load the `connect` of an upstream type. Raises UpstreamError where it is unknown or cannot be loaded."""
    points = entry_points(group=GROUP, name=name)
    if not points:
        known = types()
        raise UpstreamError(
            "Unknown type of upstream",
            detail=f'"{name}" is not installed; known are: {", ".join(known) or "none"}. Nothing was sent.',
            hint=did_you_mean(name, known),
        )
    point = next(iter(points))
    try:
        return cast(Connect, point.load())
    except (ImportError, AttributeError) as error:
        raise UpstreamError(
            "A type of upstream cannot be loaded",
            detail=f'"{name}" is named by {point.value}, which fails: {error}. Nothing was sent.',
            hint="install the package that offers it anew",
        ) from error
