"""Unique fields: values that no two live records of a collection may share."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from syncspec.records import Json
from syncspec.upstream.embedded.mutations import Mutation
from syncspec.upstream.embedded.refusals import RefusedError

__all__ = ["claim"]

_OWNED = "DELETE FROM unique_values WHERE sync_id = ? AND collection_id = ? AND upstream_id = ?"
_CLAIM = "INSERT OR IGNORE INTO unique_values VALUES (?, ?, ?, ?, ?)"
_OWNER = "SELECT upstream_id FROM unique_values WHERE sync_id = ? AND collection_id = ? AND field = ? AND value = ?"


def claim(connection: sqlite3.Connection, mutation: Mutation, row: dict[str, Json], unique: Sequence[str]) -> None:
    """Take a row's unique values for it, after giving back those that it had; a tombstone has none.

    Null and "" are free for all. Runs inside the caller's transaction. Raises RefusedError with status 409 where
    another record has the value.
    """
    place = (mutation.sync_id, mutation.collection_id)
    owner, data = str(row["upstream_id"]), row["data"]
    connection.execute(_OWNED, (*place, owner))
    if row["deleted"] or not isinstance(data, dict):
        return
    for name in unique:
        if data.get(name) in (None, ""):
            continue
        value = orjson.dumps(data[name], option=orjson.OPT_SORT_KEYS).decode()
        if connection.execute(_CLAIM, (*place, name, value, owner)).rowcount == 0:
            taken = connection.execute(_OWNER, (*place, name, value)).fetchone()
            kind = mutation.collection_id.partition(":")[2].capitalize()
            message = f"{kind} already exists. Existing ID: {taken[0]}"
            raise RefusedError.by_provider(mutation.collection_id, message, status=409)
