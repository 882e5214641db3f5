"""Upstreams: one protocol, a registry of the packages that offer it, and two of them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import ConnectContext, Connection

__all__ = ["connect"]


def connect(settings: UpstreamSettings, context: ConnectContext) -> AbstractAsyncContextManager[Connection]:
    """Connect to an upstream of any registered type. Raises UpstreamError where no package offers the type."""
    from syncspec.upstream.registry import find

    return find(settings.type)(settings, context)
