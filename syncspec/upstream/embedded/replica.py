"""The lag of the replica: which version of each record a list shows at a moment.

Only what a list does not show yet takes room: a record with a change that is still hidden has all its versions in a
table of their own, from the one that is shown to the newest; every other record stands in the table of records alone.
A change keeps the position that it got when it was committed. So a change that becomes visible late may stand before
one that was read already, and whoever reads on from a cursor never sees it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeAlias

__all__ = ["PAGE", "TABLES", "Entry", "Lag", "keep_versions", "lagging_page"]

Lag: TypeAlias = Callable[[int], float]
"""From the position of a change to the seconds for which lists do not show it."""

Entry: TypeAlias = tuple[int, str, str, str, bool, bytes]
"""A row of the table of records: position, sync, collection, upstream ID, whether it is a tombstone, body."""

TABLES = """
CREATE TABLE IF NOT EXISTS versions (
    position INTEGER PRIMARY KEY,
    sync_id TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    visible_at REAL NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS versions_of_record ON versions (sync_id, collection_id, upstream_id, position);
CREATE INDEX IF NOT EXISTS versions_by_time ON versions (visible_at);
"""

PAGE = "SELECT position, body FROM records WHERE {conditions} ORDER BY position LIMIT :limit"
"""The next rows of a stream as they are."""

_LAGGING_PAGE = """
SELECT position, body FROM records AS own WHERE {conditions} AND NOT EXISTS (
    SELECT 1 FROM versions AS v
    WHERE v.sync_id = own.sync_id AND v.collection_id = own.collection_id AND v.upstream_id = own.upstream_id
)
UNION ALL
SELECT position, body FROM versions AS own WHERE {conditions} AND visible_at <= :as_of AND NOT EXISTS (
    SELECT 1 FROM versions AS v
    WHERE v.sync_id = own.sync_id AND v.collection_id = own.collection_id AND v.upstream_id = own.upstream_id
    AND v.position > own.position AND v.visible_at <= :as_of
)
ORDER BY position LIMIT :limit
"""

_SHOWN = """
SELECT sync_id, collection_id, upstream_id FROM versions AS own WHERE visible_at <= ? AND NOT EXISTS (
    SELECT 1 FROM versions AS v
    WHERE v.sync_id = own.sync_id AND v.collection_id = own.collection_id AND v.upstream_id = own.upstream_id
    AND v.position > own.position
)
"""
_FORGET = "DELETE FROM versions WHERE sync_id = ? AND collection_id = ? AND upstream_id = ?"
_BEFORE = """
INSERT OR IGNORE INTO versions
SELECT position, sync_id, collection_id, upstream_id, 0, body FROM records
WHERE sync_id = ? AND collection_id = ? AND upstream_id = ?
"""
_CHANGE = "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?)"


def lagging_page(conditions: str) -> str:
    """Give the query for the next rows as a list shows them at the time `as_of`."""
    return _LAGGING_PAGE.format(conditions=conditions)


def keep_versions(connection: sqlite3.Connection, entries: Sequence[Entry], *, at: float, lag: Lag | None) -> None:
    """Note when lists will show these changes, just before they take the place of what is stored.

    Runs inside the caller's transaction. Without a lag, and with nothing hidden, it changes nothing.
    """
    if lag is None and connection.execute("SELECT 1 FROM versions LIMIT 1").fetchone() is None:
        return
    connection.executemany(_FORGET, connection.execute(_SHOWN, (at,)).fetchall())
    connection.executemany(_BEFORE, [entry[1:4] for entry in entries])
    connection.executemany(
        _CHANGE, [(*entry[:4], at + (lag(entry[0]) if lag is not None else 0), entry[5]) for entry in entries]
    )
