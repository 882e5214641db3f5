"""The embedded upstream: the documented API with a store of its own, in-process or behind a socket."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from syncspec.errors import UpstreamError
from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream.protocol import ConnectContext, Connection

__all__ = ["connect", "store_path"]


def store_path(state_dir: Path, upstream: str) -> Path:
    """Give the file that holds the records of the embedded upstream of that name."""
    return state_dir / f"embedded.{quote(upstream, safe='')}.sqlite3"


@asynccontextmanager
async def connect(settings: UpstreamSettings, context: ConnectContext) -> AsyncIterator[Connection]:
    """Connect to the embedded upstream of the project, making its file where it is not there.

    Requests take the same way as to any endpoint, only without a socket. Syncs come into being when they are used.
    Raises UpstreamError where the file, a profile or a schema cannot be used.
    """
    from syncspec.upstream.embedded.app import create_app
    from syncspec.upstream.embedded.store import Store
    from syncspec.upstream.embedded.transport import in_process
    from syncspec.upstream.sequin.client import open_connection

    _make_folder(context.state_dir)
    store = Store.open(store_path(context.state_dir, settings.name))
    try:
        token = Secret(secrets.token_urlsafe(16))
        app = create_app(
            store,
            tokens=(token,),
            profiles=settings.profiles,
            data_schemas=context.data_schemas,
            enforce_schemas=settings.enforce_schemas,
        )
        inside = replace(settings, base_url="http://embedded.invalid", token=token)
        async with in_process(app) as transport, open_connection(inside, transport=transport) as connection:
            yield connection
    finally:
        store.close()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise UpstreamError(
            "The state folder cannot be made",
            detail=f"{folder}: {error.strerror}. Nothing was changed.",
            hint="set SYNCSPEC_STATE_DIR to a folder that can be written",
        ) from error
