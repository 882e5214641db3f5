"""The journal's rows as values."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import orjson

from syncspec.errors import StateError
from syncspec.lockfile import FieldDigests, LockEntry, OpenAttempt
from syncspec.lockfile.lines import parse_line
from syncspec.records import Target

__all__ = ["entry_of", "open_attempt", "private_digests"]


def open_attempt(connection: sqlite3.Connection, row: sqlite3.Row) -> OpenAttempt:
    """A row of `attempts`, with the IDs of its answer that nobody got."""
    candidates = connection.execute(
        "SELECT upstream_id FROM returned WHERE run = ? AND batch = ? AND address IS NULL ORDER BY upstream_id",
        (row["run"], row["batch"]),
    ).fetchall()
    return OpenAttempt(
        attempt=row["attempt"],
        address=row["address"],
        target=Target(
            upstream=row["upstream"],
            endpoint=row["endpoint"],
            sync_id=row["sync_id"],
            collection_id=row["collection_id"],
        ),
        kind=row["kind"],
        state=row["state"],
        horizon=row["horizon"],
        key=row["key"],
        loose_key=row["loose_key"],
        marker=row["marker"],
        evidence=row["message"],
        candidates=tuple(candidate["upstream_id"] for candidate in candidates),
    )


def entry_of(row: sqlite3.Row) -> LockEntry | None:
    """The lock entry of a row of `identities`; None: the address holds nothing any more. Raises StateError."""
    if row["line"] is None:
        return None
    entry = parse_line(row["line"])
    if not isinstance(entry, LockEntry):
        raise StateError("The journal cannot be read", detail="An identity is no lock entry. Nothing was sent.")
    private = {
        name: FieldDigests(sent=sent, seen=seen, private=True)
        for name, (sent, seen) in orjson.loads(row["private"] or b"{}").items()
    }
    return replace(entry, fields={**entry.fields, **private}) if private else entry


def private_digests(entry: LockEntry) -> bytes | None:
    """What of an entry stays out of its line, for the row's `private`."""
    digests = {name: (item.sent, item.seen) for name, item in entry.fields.items() if item.private}
    return orjson.dumps(digests) if digests else None
