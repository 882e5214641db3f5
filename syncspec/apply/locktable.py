"""Who holds which run lock, and in which epoch; the operating-system locks themselves are `runlock.py`'s."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from syncspec.apply.database import reading, writing

__all__ = ["LockTable"]


class LockTable:
    """The `locks` table of a journal. A place is a text that names what is locked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def take(self, epochs: Mapping[str, int], owner: str) -> bool:
        """Note who holds the run lock of these places; False, and nothing noted, where one is in another epoch."""
        with writing(self._db) as db:
            if any(self.epoch(place) != epoch for place, epoch in epochs.items()):
                return False
            db.executemany(
                "INSERT INTO locks VALUES (?, 0, ?) ON CONFLICT (place) DO UPDATE SET owner = excluded.owner",
                [(place, owner) for place in epochs],
            )
            return True

    def release(self, epochs: Mapping[str, int]) -> None:
        """Forget the owner of places that are still in that epoch."""
        with writing(self._db) as db:
            db.executemany("UPDATE locks SET owner = NULL WHERE place = ? AND epoch = ?", list(epochs.items()))

    def epochs(self, places: Sequence[str]) -> dict[str, int]:
        """The present epoch of each place, 0 where it was never taken."""
        with reading():
            return {place: self.epoch(place) for place in places}

    def owners(self, places: Sequence[str]) -> dict[str, str]:
        """Who took the lock of each place and has not released it; the owner may be dead."""
        with reading():
            rows = self._db.execute("SELECT place, owner FROM locks WHERE owner IS NOT NULL").fetchall()
        return {row["place"]: row["owner"] for row in rows if row["place"] in places}

    def raise_epochs(self, places: Sequence[str]) -> None:
        """Take the run lock of these places away from whoever holds it: their next intent fails."""
        with writing(self._db) as db:
            for place in places:
                db.execute(
                    "INSERT INTO locks VALUES (?, 1, NULL) "
                    "ON CONFLICT (place) DO UPDATE SET epoch = epoch + 1, owner = NULL",
                    (place,),
                )

    def epoch(self, place: str) -> int:
        """The present epoch of one place; for use within a transaction."""
        row = self._db.execute("SELECT epoch FROM locks WHERE place = ?", (place,)).fetchone()
        return int(row["epoch"]) if row else 0
