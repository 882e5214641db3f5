"""Sequin-compatible endpoints: the documented Mutation and Records API over HTTP."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import ConnectContext, Connection

__all__ = ["connect"]


def connect(settings: UpstreamSettings, context: ConnectContext) -> AbstractAsyncContextManager[Connection]:
    """Connect to the endpoint that `settings` name; nothing is sent before the first call."""
    from syncspec.upstream.sequin.client import open_connection

    return open_connection(settings)
