"""The embedded upstream's records in one SQLite file, in stream order."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import orjson

from syncspec.errors import UpstreamError
from syncspec.records import Data, Json
from syncspec.upstream.embedded.ids import upstream_id
from syncspec.upstream.embedded.listing import Filter, Slice, page_query
from syncspec.upstream.embedded.mutations import Item, Mutation
from syncspec.upstream.embedded.rebuilding import rebuild
from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.embedded.replica import TABLES, Entry, Lag, keep_versions
from syncspec.upstream.embedded.streams import stream_id
from syncspec.upstream.embedded.unique import claim
from syncspec.upstream.protocol import MutationKind

__all__ = ["Filter", "Store", "Write", "timestamp"]

Write: TypeAlias = Callable[[Data, Data], Data]
"""From what is stored ({} in a create) and what was sent to what shall be stored; may raise RefusedError."""

BUSY_SECONDS = 20.0
PAGE_BYTES = 8 * 1024 * 1024
SCHEMA_VERSION = "1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY,
    sync_id TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (sync_id, collection_id, upstream_id)
);
CREATE INDEX IF NOT EXISTS stream ON records (sync_id, collection_id, position);
CREATE TABLE IF NOT EXISTS collections (
    sync_id TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    PRIMARY KEY (sync_id, collection_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unique_values (
    sync_id TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    PRIMARY KEY (sync_id, collection_id, field, value)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unique_owner ON unique_values (sync_id, collection_id, upstream_id);
"""

_COMPLETE_AT = "INSERT OR IGNORE INTO meta SELECT 'complete_at', value FROM meta WHERE name = 'created_at'"


class Store:
    """Records in the order of their last change; each is there once, deleted ones as tombstones.

    A mutation is one transaction: all of it is stored, or nothing. What is stored survives the end of the process;
    a loss of power may take the last transactions. Several processes may use one file, and several threads one store.
    """

    def __init__(self, connection: sqlite3.Connection, *, seed: int | None, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.now = now
        with self._transaction():
            for statement in (_SCHEMA + TABLES).split(";"):
                connection.execute(statement)
            own = secrets.randbelow(62**2) if seed is None else seed
            created = timestamp(now())
            first = [("version", SCHEMA_VERSION), ("seed", str(own)), ("created_at", created)]
            first += [("position", "0"), ("serial", "0"), ("epoch", "0")]
            connection.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", first)
            connection.execute(
                "INSERT OR IGNORE INTO meta SELECT 'complete_at', value FROM meta WHERE name = 'created_at'"
            )
            self.seed = int(self._meta("seed"))
            if self._meta("version") != SCHEMA_VERSION:
                raise sqlite3.DatabaseError("it was written by another version of syncspec")

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        seed: int | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Store:
        """Open the store of that file, making it where it is not there; None: a store in memory.

        `seed` makes the IDs of a new store predictable. Raises UpstreamError where the file cannot be used.
        """
        try:
            connection = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            return cls(connection, seed=seed, now=now)
        except sqlite3.Error as error:
            connection.close()
            raise _unusable(path, error) from error

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def apply(
        self,
        mutation: Mutation,
        write: Write,
        unique: Sequence[str] = (),
        *,
        at: datetime | None = None,
        lag: Lag | None = None,
    ) -> list[bytes]:
        """Carry out a mutation and give its records as JSON text, in the order of the request.

        `unique` names fields whose values no two live records of the collection may share. `at`: when it happens,
        else now. `lag`: for how long pages with `as_of` do not show the changes.
        Raises RefusedError, with nothing changed, where a record does not exist or must not be stored.
        """
        moment = at or self.now()
        now = timestamp(moment)
        with self._transaction():
            match mutation.kind:
                case MutationKind.CREATE:
                    rows = self._created(mutation, write, now)
                case MutationKind.UPDATE:
                    rows = [self._updated(mutation, item, write, now) for item in mutation.items]
                case MutationKind.DELETE:
                    rows = [self._deleted(mutation, item, now) for item in mutation.items]
            if unique:
                for row in rows:
                    claim(self._connection, mutation, row, unique)
            return self._append(mutation, rows, at=moment.timestamp(), lag=lag)

    def page(self, wanted: Filter, *, after: int, limit: int, as_of: datetime | None = None) -> Slice:
        """Give the next records of a stream after a position: at most `limit`, and not much over 8 MiB.

        `as_of`: as a replica shows them at that time; else as they are.
        """
        query, values = page_query(wanted, after=after, limit=limit, as_of=as_of)
        bodies: list[bytes] = []
        size, last = 0, None
        with self._lock:
            for position, body in self._connection.execute(query, values):
                bodies.append(body)
                size, last = size + len(body), position
                if size >= PAGE_BYTES:
                    break
        return Slice(bodies=tuple(bodies), last=last)

    def collections(self) -> dict[str, list[str]]:
        """Give the syncs that were written to, each with its collections, sorted."""
        found: dict[str, list[str]] = {}
        query = "SELECT sync_id, collection_id FROM collections ORDER BY sync_id, collection_id"
        with self._lock:
            for sync_id, collection_id in self._connection.execute(query):
                found.setdefault(sync_id, []).append(collection_id)
        return found

    def stream_id(self, sync_id: str) -> str:
        """Give the ID of a sync's stream."""
        return stream_id(self.seed, sync_id, self.epoch())

    def epoch(self) -> int:
        """Tell how often the streams were started anew."""
        with self._lock:
            return int(self._meta("epoch"))

    def complete_at(self) -> datetime:
        """Tell when pages hold, or will hold, all that there is: when the store was made, or its last rebuilding."""
        with self._lock:
            return datetime.fromisoformat(self._meta("complete_at"))

    def rebuild(self, *, at: datetime | None = None, fill: Lag | None = None) -> None:
        """Start all streams anew: other stream IDs, other positions, no tombstones.

        With `fill`, pages with `as_of` show each record only so long after `at`, which is else now.
        """
        moment = at or self.now()
        with self._transaction():
            epoch = int(self._meta("epoch")) + 1
            complete = rebuild(
                self._connection,
                stream=lambda sync_id: stream_id(self.seed, sync_id, epoch),
                take=lambda count: self._take("position", count),
                at=moment.timestamp(),
                fill=fill,
            )
            self._note("epoch", str(epoch))
            self._note("complete_at", timestamp(datetime.fromtimestamp(complete, UTC)))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite ends a transaction by itself after some errors, such as a full disk.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _meta(self, name: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0])

    def _note(self, name: str, value: str) -> None:
        self._connection.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))

    def _take(self, name: str, count: int) -> range:
        """Take the next numbers of a counter; what was taken is never given again."""
        first = int(self._meta(name)) + 1
        self._note(name, str(first + count - 1))
        return range(first, first + count)

    def _created(self, mutation: Mutation, write: Write, now: str) -> list[dict[str, Json]]:
        serials = self._take("serial", len(mutation.items))
        stream = stream_id(self.seed, mutation.sync_id, int(self._meta("epoch")))
        rows: list[dict[str, Json]] = []
        for serial, item in zip(serials, mutation.items, strict=True):
            rows.append(
                {
                    "id": f"rec_{serial}",
                    "sync_id": mutation.sync_id,
                    "collection_id": mutation.collection_id,
                    "provider": mutation.provider,
                    "stream_id": stream,
                    "upstream_id": upstream_id(mutation.collection_id, serial, self.seed),
                    "upstream_created_at": now,
                    "upstream_updated_at": now,
                    "inserted_at": now,
                    "created_at": now,
                    "data": write({}, item.data),
                    "deleted": False,
                }
            )
        return rows

    def _updated(self, mutation: Mutation, item: Item, write: Write, now: str) -> dict[str, Json]:
        row = self._live(mutation, item)
        existing = row["data"]
        data = write(existing if isinstance(existing, dict) else {}, item.data)
        return {**row, "data": data, "upstream_updated_at": now}

    def _deleted(self, mutation: Mutation, item: Item, now: str) -> dict[str, Json]:
        return {**self._live(mutation, item), "deleted": True, "upstream_updated_at": now}

    def _live(self, mutation: Mutation, item: Item) -> dict[str, Json]:
        found = self._connection.execute(
            "SELECT body FROM records WHERE sync_id = ? AND collection_id = ? AND upstream_id = ? AND NOT deleted",
            (mutation.sync_id, mutation.collection_id, item.upstream_id),
        ).fetchone()
        if found is None:
            message = f"the record {item.upstream_id} is deleted or was never there"
            raise RefusedError.by_provider(mutation.collection_id, message)
        row: dict[str, Json] = orjson.loads(found[0])
        return row

    def _append(self, mutation: Mutation, rows: list[dict[str, Json]], *, at: float, lag: Lag | None) -> list[bytes]:
        """Put rows at the end of the stream; a row that was there before leaves its old position."""
        positions = self._take("position", len(rows))
        place = (mutation.sync_id, mutation.collection_id)
        self._connection.execute("INSERT OR IGNORE INTO collections VALUES (?, ?)", place)
        try:
            bodies = [orjson.dumps({**row, "updated_idx": at}) for at, row in zip(positions, rows, strict=True)]
        except orjson.JSONEncodeError as error:
            raise RefusedError(400, f"the data cannot be stored: {error}") from error
        entries: list[Entry] = [
            (position, *place, str(row["upstream_id"]), bool(row["deleted"]), body)
            for position, row, body in zip(positions, rows, bodies, strict=True)
        ]
        keep_versions(self._connection, entries, at=at, lag=lag)
        self._connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)", entries)
        return bodies


def timestamp(moment: datetime) -> str:
    """Write a time as answers give it: in UTC, with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _unusable(path: Path | None, error: Exception) -> UpstreamError:
    return UpstreamError(
        "The embedded upstream cannot be opened",
        detail=f"{path or 'in memory'}: {error}. Nothing was changed.",
        hint="close what else uses the file, or move it away to start with an empty upstream",
    )
