"""The journal: the durable record of every attempt, written before a request leaves and after its answer.

Order of one batch: `intend` commits an intent per record; only then may the request leave, and not after the
intent's `not_after`. `answer` commits the outcomes, every upstream ID of the answer, and the lock entries that
follow, in one transaction. What a process leaves `intended` when it dies may have been sent: `take_over` turns it to
unknown, and `settle` commits what later readings tell of it. `identities` are folded into the lockfile by whoever
holds the run lock, and stay in the journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import orjson

from syncspec.apply.attempts import AttemptOutcome, AttemptTable, Intended, Intent, Settlement
from syncspec.apply.clock import Moment, rfc3339
from syncspec.apply.database import open_database, prepare_state_dir, reading, writing
from syncspec.apply.locktable import LockTable
from syncspec.apply.rows import entry_of, private_digests
from syncspec.errors import StateError
from syncspec.lockfile import LockEntry, OpenAttempt, identity_of
from syncspec.lockfile.lines import entry_line
from syncspec.records import ObservedRecord
from syncspec.settings import LoadedProject

__all__ = ["Identity", "Journal", "LockLostError", "lockfile_of"]


class LockLostError(StateError):
    """The run lock was taken away from this run; it must not send any more."""

    code = "lock-lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the journal knows of one address; `entry` None: it holds nothing any more.

    `replaces` is the place and upstream ID that the address held before, where somebody decided that it holds another,
    or that record was deleted.
    """

    address: str
    entry: LockEntry | None
    folded: bool
    replaces: tuple[str, ...] | None = None


def lockfile_of(project: LoadedProject) -> str:
    """How the journal names this project's lockfile; two checkouts of a project share what is known of it."""
    return f"{project.name}/{project.lockfile.name}"


class Journal:
    """One lockfile's view of the journal in a state folder. Not safe for use from several threads.

    `locks` are the state folder's run locks, of all lockfiles; `attempts` are what was sent for this lockfile. A
    lockfile is named by its project and its file name (`lockfile_of`), since several projects may share a state folder.
    """

    def __init__(self, connection: sqlite3.Connection, lockfile: str) -> None:
        self.locks = LockTable(connection)
        self.attempts = AttemptTable(connection, lockfile)
        self._db = connection
        self._lockfile = lockfile

    @classmethod
    def open(cls, state_dir: Path, lockfile: str) -> Self:
        """Open for writing, made where it is missing. Raises StateError."""
        prepare_state_dir(state_dir)
        connection = open_database(state_dir, create=True)
        assert connection is not None
        return cls(connection, lockfile)

    @classmethod
    def open_for_reading(cls, state_dir: Path, lockfile: str) -> Self | None:
        """Open without writing anything; None where there is no journal. Raises StateError."""
        connection = open_database(state_dir, create=False)
        return None if connection is None else cls(connection, lockfile)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def digest_key(self) -> bytes:
        """The key of this machine's private digests, made with the journal."""
        with reading():
            row = self._db.execute("SELECT value FROM meta WHERE name = 'digest_key'").fetchone()
        return bytes.fromhex(row["value"])

    # Runs

    def begin(self, *, at: Moment | None) -> None:
        """Note since when this journal knows the lockfile's runs, where it does not yet; None: since the first."""
        with writing(self._db) as db:
            values = (None, None, None) if at is None else (rfc3339(at.wall), at.boot, at.uptime)
            db.execute("INSERT OR IGNORE INTO beginnings VALUES (?, ?, ?, ?)", (self._lockfile, *values))

    def trust(self) -> None:
        """Note that no run came before those that this journal knows."""
        with writing(self._db) as db:
            db.execute("INSERT OR REPLACE INTO beginnings VALUES (?, NULL, NULL, NULL)", (self._lockfile,))

    def cold_since(self) -> Moment | None:
        """Since when this journal knows the lockfile's runs; None where no run came before. See `begin`."""
        with reading():
            row = self._db.execute("SELECT * FROM beginnings WHERE lockfile = ?", (self._lockfile,)).fetchone()
        if row is None or row["since"] is None:
            return None
        return Moment(wall=datetime.fromisoformat(row["since"]), boot=row["boot"], uptime=row["uptime"])

    def begin_run(
        self, run: str, *, command: str, owner: str, now: datetime, epochs: Mapping[str, int] | None = None
    ) -> None:
        """Note a run. Raises LockLostError where a lock's epoch was raised since."""
        with writing(self._db) as db:
            self._check_epochs(epochs or {})
            db.execute(
                "INSERT INTO runs (run, lockfile, command, owner, started_at) VALUES (?, ?, ?, ?, ?)",
                (run, self._lockfile, command, owner, rfc3339(now)),
            )

    def knows_run(self, run: str) -> bool:
        """Whether a run is one of this journal's: all that it sent is then among its attempts."""
        with reading():
            return self._db.execute("SELECT 1 FROM runs WHERE run = ?", (run,)).fetchone() is not None

    def finish_run(self, run: str, *, exit_code: int, report: bytes, now: datetime) -> None:
        with writing(self._db) as db:
            db.execute(
                "UPDATE runs SET finished_at = ?, exit_code = ?, report = ? WHERE run = ?",
                (rfc3339(now), exit_code, report, run),
            )

    def runs(self) -> list[sqlite3.Row]:
        """All runs of this lockfile, the newest first."""
        with reading():
            return self._db.execute(
                "SELECT * FROM runs WHERE lockfile = ? ORDER BY rowid DESC", (self._lockfile,)
            ).fetchall()

    # Attempts

    def intend(
        self,
        run: str,
        batch: int,
        intents: Sequence[Intent],
        *,
        epochs: Mapping[str, int],
        at: Moment,
        not_after: datetime,
        horizon: datetime,
    ) -> Intended:
        """Put one batch's intents on disk; the request may leave when this has returned.

        Raises LockLostError where a lock's epoch was raised since, StateError where the disk refuses; nothing is then
        intended.
        """
        with writing(self._db):
            self._check_epochs(epochs)
            attempts = self.attempts.intend(run, batch, intents, at=at, not_after=not_after, horizon=horizon)
        target = intents[0].target
        return Intended(run=run, batch=batch, attempts=attempts, target=target, at=at, not_after=not_after)

    def _check_epochs(self, epochs: Mapping[str, int]) -> None:
        if any(self.locks.epoch(place) != epoch for place, epoch in epochs.items()):
            raise LockLostError(
                "The run lock was taken away",
                detail="Another run may have begun; this one sends nothing more.",
                hint="wait for the other run, then run the same command again",
            )

    def answer(
        self,
        intended: Intended,
        outcomes: Sequence[AttemptOutcome],
        *,
        returned: Sequence[ObservedRecord] = (),
        now: datetime,
    ) -> None:
        """Put the outcomes of a batch on disk, with every upstream ID of its answer and the lock entries that follow.

        Raises StateError where the disk refuses or the attempts are settled otherwise; they then stay as they are, and
        the IDs are kept where that is possible.
        """
        owners = {outcome.entry.upstream_id: outcome.address for outcome in outcomes if outcome.entry}
        try:
            with writing(self._db):
                self.attempts.step(intended, outcomes, now=now)
                self.attempts.keep_returned(intended, returned, owners, now=now)
                self._put(
                    (outcome.entry for outcome in outcomes if outcome.entry),
                    replaced={outcome.address: outcome.replaces for outcome in outcomes if outcome.replaces},
                )
                self._drop(outcome.removes for outcome in outcomes if outcome.removes)
        except StateError:
            if returned:
                with suppress(StateError), writing(self._db):
                    self.attempts.keep_returned(intended, returned, {}, now=now)
            raise

    def settle(self, settlements: Sequence[Settlement], *, epochs: Mapping[str, int], now: datetime) -> None:
        """Put on disk what a reading or a person says of open attempts, with the lock entries that follow.

        Raises LockLostError, and StateError where the disk refuses or an attempt was settled otherwise.
        """
        with writing(self._db):
            self._check_epochs(epochs)
            self.attempts.settle(settlements, now=now)
            self.attempts.claim_returned(settlements)
            self._put(
                (item.entry for item in settlements if item.entry),
                replaced={item.attempt.address: item.replaces for item in settlements if item.replaces},
            )
            self._drop(item.removes for item in settlements if item.removes)

    def take_over(self, lines: Iterable[OpenAttempt], *, now: datetime) -> None:
        """Turn what dead runs left intended to unknown, and take over pending lines. For the run lock's holder only."""
        with writing(self._db):
            self.attempts.orphan(now=now)
            self.attempts.keep_lines(lines)

    def entries_elsewhere(self) -> tuple[LockEntry, ...]:
        """What the journal knows other lockfiles to hold, by lockfile and address."""
        with reading():
            rows = self._db.execute(
                "SELECT * FROM identities WHERE lockfile != ? AND line IS NOT NULL ORDER BY lockfile, address",
                (self._lockfile,),
            ).fetchall()
        return tuple(entry for entry in map(entry_of, rows) if entry is not None)

    # Lock entries

    def put(
        self,
        entries: Iterable[LockEntry],
        *,
        removed: Iterable[LockEntry] = (),
        replaced: Mapping[str, LockEntry] | None = None,
        epochs: Mapping[str, int] | None = None,
    ) -> None:
        """Record lock entries that no request made (adoptions, moves), and entries that addresses hold no more.

        `replaced` are the entries of other records that addresses held before, where that was decided by somebody.
        Raises LockLostError where a lock's epoch was raised since.
        """
        with writing(self._db):
            self._check_epochs(epochs or {})
            self._drop(removed)
            self._put(entries, replaced=replaced or {})

    def _put(self, entries: Iterable[LockEntry], *, replaced: Mapping[str, LockEntry] | None = None) -> None:
        before = {address: orjson.dumps(identity_of(entry)) for address, entry in (replaced or {}).items()}
        self._db.executemany(
            "INSERT INTO identities VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (lockfile, address) DO UPDATE SET "
            "line = excluded.line, private = excluded.private, replaces = excluded.replaces, folded = 0",
            [
                (self._lockfile, entry.address, entry_line(entry), private_digests(entry), before.get(entry.address))
                for entry in entries
            ],
        )

    def _drop(self, entries: Iterable[LockEntry]) -> None:
        """Note that addresses hold nothing any more, and which record each held: no other one is dropped for it."""
        self._db.executemany(
            "INSERT INTO identities VALUES (?, ?, NULL, NULL, ?, 0) ON CONFLICT (lockfile, address) "
            "DO UPDATE SET line = NULL, private = NULL, replaces = excluded.replaces, folded = 0",
            [(self._lockfile, entry.address, orjson.dumps(identity_of(entry))) for entry in entries],
        )

    def identities(self, *, beyond: Container[str] = (), shared: bool = False) -> tuple[Identity, ...]:
        """What the journal knows of every address of this lockfile, by address.

        Of the addresses in `beyond`, which a lockfile holds, only what that lockfile may lack: lines that were not
        folded, and private digests. `shared`: the lockfile is the one that runs share, so that what counts as folded
        was published there; an address that it lacks although it was published was dropped by another run.
        """
        with reading():
            rows = self._db.execute(
                "SELECT * FROM identities WHERE lockfile = ? ORDER BY address", (self._lockfile,)
            ).fetchall()
        return tuple(
            Identity(
                address=row["address"],
                entry=entry_of(row),
                folded=folded,
                replaces=tuple(orjson.loads(row["replaces"])) if row["replaces"] else None,
            )
            for row in rows
            for folded in [_is_folded(row, shared=shared)]
            if not folded or (row["private"] is not None if row["address"] in beyond else not shared)
        )

    def mark_folded(self) -> None:
        """Note that a lockfile with all of this is on disk."""
        self._mark(f"{_FOLDED} WHERE folded < {_FOLDED}")

    def mark_leaving(self) -> None:
        """Note what is about to be published; what changes from now on is not part of it."""
        # That an address holds nothing any more was folded before there was a shared state: it says nothing to it.
        state = f"CASE WHEN folded = {_FOLDED} AND line IS NULL THEN {_PUBLISHED} ELSE {_LEAVING} END"
        self._mark(f"{state} WHERE folded < {_PUBLISHED}")

    def mark_published(self) -> None:
        """Note that the state that runs share holds what was about to be published."""
        self._mark(f"{_PUBLISHED} WHERE folded = {_LEAVING}")

    def _mark(self, change: str) -> None:
        with writing(self._db) as db:
            db.execute(f"UPDATE identities SET folded = {change} AND lockfile = ?", (self._lockfile,))  # noqa: S608


_LEAVING, _FOLDED, _PUBLISHED = -1, 1, 2
"""What `folded` says of an identity: it is about to be published, in a lockfile on disk, or in the shared one; 0: none
of these yet."""


def _is_folded(row: sqlite3.Row, *, shared: bool) -> bool:
    if not shared:
        return int(row["folded"]) >= _FOLDED
    return row["folded"] == _PUBLISHED or (row["folded"] == _FOLDED and row["line"] is None)
