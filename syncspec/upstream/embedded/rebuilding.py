"""Starts the streams of a store anew, as a sync does that reads its provider again from the beginning."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import orjson

from syncspec.upstream.embedded.replica import Lag

__all__ = ["rebuild"]

ROWS_AT_ONCE = 1000

_ROWS = (
    "SELECT position, sync_id, collection_id, upstream_id, body FROM records "
    "WHERE position <= ? ORDER BY position LIMIT ?"
)
_MOVE = "UPDATE records SET position = ?, body = ? WHERE position = ?"
_HIDE = "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?)"


def rebuild(
    connection: sqlite3.Connection,
    *,
    stream: Callable[[str], str],
    take: Callable[[int], range],
    at: float,
    fill: Lag | None,
) -> float:
    """Give every live record a new place, in the old order, and the new stream ID of its sync; tombstones go.

    `take` gives that many new positions. `fill`: how long after `at` each record shows; None: at once, whatever was
    hidden before. Runs inside the caller's transaction. Gives the time from which all records show.
    """
    connection.execute("DELETE FROM versions")
    connection.execute("DELETE FROM records WHERE deleted")
    (newest,) = connection.execute("SELECT max(position) FROM records").fetchone()
    complete = at
    while rows := connection.execute(_ROWS, (newest, ROWS_AT_ONCE)).fetchall():
        for position, (old, sync_id, collection_id, upstream_id, body) in zip(take(len(rows)), rows, strict=True):
            row = {**orjson.loads(body), "stream_id": stream(sync_id), "updated_idx": position}
            renewed = orjson.dumps(row)
            connection.execute(_MOVE, (position, renewed, old))
            if fill is not None:
                shown = at + fill(position)
                complete = max(complete, shown)
                connection.execute(_HIDE, (position, sync_id, collection_id, upstream_id, shown, renewed))
    return complete
