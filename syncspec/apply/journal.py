"""The journal: the durable record of every attempt, written before a request leaves and after its answer.

Order of one batch: `intend` commits an intent per record; only then may the request leave, and not after the
intent's `not_after`. `settle` commits the outcomes, every upstream ID of the answer, and the lock entries that
follow, in one transaction. What a process leaves `intended` when it dies may have been sent: `orphan` turns it to
unknown. `identities` are folded into the lockfile by whoever holds the run lock, and stay in the journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from syncspec.apply.clock import rfc3339
from syncspec.apply.database import open_database, prepare_state_dir, reading, writing
from syncspec.apply.locktable import LockTable
from syncspec.apply.rows import entry_of, open_attempt, private_digests
from syncspec.apply.states import OPEN_STATES, AttemptState, may_follow
from syncspec.errors import StateError
from syncspec.lockfile import LockEntry, OpenAttempt
from syncspec.lockfile.lines import entry_line
from syncspec.records import ObservedRecord, Target
from syncspec.settings import LoadedProject

__all__ = ["AttemptOutcome", "Identity", "Intended", "Intent", "Journal", "LockLostError", "lockfile_of"]


class LockLostError(StateError):
    """The run lock was taken away from this run; it must not send any more."""

    code = "lock-lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One record that is about to be sent. `payload`, `key` and `loose_key` are digests."""

    address: str
    kind: str
    target: Target
    payload: str
    key: str | None = None
    loose_key: str | None = None
    marker: str | None = None
    cursor: str | None = None
    repeats: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """A batch whose intents are on disk. `attempts` maps address to attempt; both times are wall time in UTC."""

    run: str
    batch: int
    attempts: Mapping[str, str]
    target: Target
    intended_at: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """What became of one attempt; `entry` is the lock entry that follows from it."""

    address: str
    state: AttemptState
    message: str = ""
    status: int | None = None
    refused: bool = False
    entry: LockEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the journal knows of one address; `entry` None: it holds nothing any more."""

    address: str
    entry: LockEntry | None
    folded: bool


def lockfile_of(project: LoadedProject) -> str:
    """How the journal names this project's lockfile; two checkouts of a project share what is known of it."""
    return f"{project.name}/{project.lockfile.name}"


_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_STATES))


class Journal:
    """One lockfile's view of the journal in a state folder. Not safe for use from several threads.

    `locks` are the state folder's run locks, of all lockfiles. A lockfile is named by its project and its file name
    (`lockfile_of`), since several projects may share a state folder.
    """

    def __init__(self, connection: sqlite3.Connection, lockfile: str) -> None:
        self.locks = LockTable(connection)
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

    def begin_run(self, run: str, *, command: str, owner: str, now: datetime) -> None:
        with writing(self._db) as db:
            db.execute(
                "INSERT INTO runs (run, lockfile, command, owner, started_at) VALUES (?, ?, ?, ?, ?)",
                (run, self._lockfile, command, owner, rfc3339(now)),
            )

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
        now: datetime,
        not_after: datetime,
        horizon: datetime,
    ) -> Intended:
        """Put one batch's intents on disk; the request may leave when this has returned.

        Raises LockLostError where a lock's epoch was raised since, StateError where the disk refuses; nothing is then
        intended.
        """
        attempts = {intent.address: f"{run}.{batch}.{number}" for number, intent in enumerate(intents)}
        times = (rfc3339(now), rfc3339(not_after), rfc3339(horizon))
        with writing(self._db) as db:
            for place, epoch in epochs.items():
                if self.locks.epoch(place) != epoch:
                    raise LockLostError(
                        "The run lock was taken away",
                        detail="Another run may have begun; this one sends nothing more.",
                        hint="wait for the other run, then run the same command again",
                    )
            db.executemany(
                "INSERT INTO attempts (attempt, run, batch, lockfile, address, kind, upstream, endpoint, sync_id, "
                "collection_id, state, payload, key, loose_key, marker, cursor, repeats, intended_at, not_after, "
                "horizon) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        *(attempts[intent.address], run, batch, self._lockfile, intent.address, intent.kind),
                        *_place(intent.target),
                        *(AttemptState.INTENDED, intent.payload, intent.key, intent.loose_key, intent.marker),
                        *(intent.cursor, intent.repeats, *times),
                    )
                    for intent in intents
                ],
            )
        target = intents[0].target
        return Intended(run=run, batch=batch, attempts=attempts, target=target, intended_at=now, not_after=not_after)

    def settle(
        self,
        intended: Intended,
        outcomes: Sequence[AttemptOutcome],
        *,
        returned: Sequence[ObservedRecord] = (),
        now: datetime,
    ) -> None:
        """Put the outcomes of a batch on disk, with every upstream ID of its answer and the lock entries that follow.

        Raises StateError where the disk refuses; the attempts then stay intended, which the next run reads as unknown.
        """
        ended_at = rfc3339(now)
        owners = {outcome.entry.upstream_id: outcome.address for outcome in outcomes if outcome.entry}
        target = intended.target
        with writing(self._db) as db:
            self._step(intended, outcomes, ended_at)
            db.executemany(
                "INSERT OR REPLACE INTO returned VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        *(intended.run, intended.batch, target.endpoint, target.sync_id, target.collection_id),
                        *(row.upstream_id, owners.get(row.upstream_id), ended_at),
                    )
                    for row in returned
                ],
            )
            self._put(outcome.entry for outcome in outcomes if outcome.entry)

    def _step(self, intended: Intended, outcomes: Sequence[AttemptOutcome], ended_at: str) -> None:
        """Take each attempt to its outcome's state; only states from which that is a step are left."""
        steps: dict[AttemptState, list[tuple[object, ...]]] = {}
        for outcome in outcomes:
            steps.setdefault(outcome.state, []).append(
                (
                    *(outcome.state, outcome.message, outcome.status, outcome.refused),
                    *(outcome.entry.upstream_id if outcome.entry else None, ended_at),
                    intended.attempts[outcome.address],
                )
            )
        for state, values in steps.items():
            before = ", ".join(f"'{each}'" for each in AttemptState if may_follow(each, state))
            changed = self._db.executemany(
                "UPDATE attempts SET state = ?, message = ?, status = ?, refused = ?, upstream_id = ?, ended_at = ? "  # noqa: S608
                f"WHERE attempt = ? AND state IN ({before})",
                values,
            ).rowcount
            if changed != len(values):
                raise StateError(
                    "The journal would contradict itself",
                    detail=f"Of {len(values)} attempts of batch {intended.batch} in run {intended.run}, "
                    f"{len(values) - changed} cannot become {state}.",
                )

    def orphan(self, *, now: datetime) -> int:
        """Turn what earlier runs left intended to unknown; returns how many. Only for the holder of the run lock."""
        with writing(self._db) as db:
            cursor = db.execute(
                "UPDATE attempts SET state = ?, message = ?, ended_at = ? WHERE lockfile = ? AND state = ?",
                (
                    *(AttemptState.UNKNOWN, "the run ended before it recorded an answer", rfc3339(now)),
                    *(self._lockfile, AttemptState.INTENDED),
                ),
            )
            return cursor.rowcount

    def open_attempts(self) -> tuple[OpenAttempt, ...]:
        """All attempts of this lockfile that are not settled, by address, then attempt."""
        with reading():
            rows = self._db.execute(
                f"SELECT * FROM attempts WHERE lockfile = ? AND state IN ({_OPEN}) ORDER BY address, attempt",  # noqa: S608
                (self._lockfile,),
            ).fetchall()
            return tuple(open_attempt(self._db, row) for row in rows)

    def attempts_elsewhere(self) -> tuple[OpenAttempt, ...]:
        """Attempts of other lockfiles that are not settled: what they may have made, this lockfile must not make."""
        with reading():
            rows = self._db.execute(
                f"SELECT * FROM attempts WHERE lockfile != ? AND state IN ({_OPEN}) ORDER BY attempt",  # noqa: S608
                (self._lockfile,),
            ).fetchall()
            return tuple(open_attempt(self._db, row) for row in rows)

    def entries_elsewhere(self) -> tuple[LockEntry, ...]:
        """What the journal knows other lockfiles to hold, by lockfile and address."""
        with reading():
            rows = self._db.execute(
                "SELECT * FROM identities WHERE lockfile != ? AND line IS NOT NULL ORDER BY lockfile, address",
                (self._lockfile,),
            ).fetchall()
        return tuple(entry for entry in map(entry_of, rows) if entry is not None)

    def known_attempts(self, attempts: Iterable[str]) -> frozenset[str]:
        """Those of the named attempts that this journal holds, whatever became of them."""
        with reading():
            return frozenset(
                attempt
                for attempt in attempts
                if self._db.execute("SELECT 1 FROM attempts WHERE attempt = ?", (attempt,)).fetchone()
            )

    def attempts_of(self, address: str) -> list[sqlite3.Row]:
        """Every attempt of one address, the oldest first."""
        with reading():
            return self._db.execute(
                "SELECT * FROM attempts WHERE lockfile = ? AND address = ? ORDER BY rowid",
                (self._lockfile, address),
            ).fetchall()

    # Lock entries

    def put(self, entries: Iterable[LockEntry], *, removed: Iterable[str] = ()) -> None:
        """Record lock entries that no request made (adoptions, moves), and addresses that hold nothing any more."""
        with writing(self._db) as db:
            db.executemany(
                "INSERT INTO identities VALUES (?, ?, NULL, NULL, 0) "
                "ON CONFLICT (lockfile, address) DO UPDATE SET line = NULL, private = NULL, folded = 0",
                [(self._lockfile, address) for address in removed],
            )
            self._put(entries)

    def _put(self, entries: Iterable[LockEntry]) -> None:
        self._db.executemany(
            "INSERT INTO identities VALUES (?, ?, ?, ?, 0) ON CONFLICT (lockfile, address) "
            "DO UPDATE SET line = excluded.line, private = excluded.private, folded = 0",
            [(self._lockfile, entry.address, entry_line(entry), private_digests(entry)) for entry in entries],
        )

    def identities(self, *, beyond: Container[str] = ()) -> tuple[Identity, ...]:
        """What the journal knows of every address of this lockfile, by address.

        Of the addresses in `beyond`, which a lockfile holds, only what that lockfile may lack: lines that were not
        folded, and private digests.
        """
        with reading():
            rows = self._db.execute(
                "SELECT * FROM identities WHERE lockfile = ? ORDER BY address", (self._lockfile,)
            ).fetchall()
        return tuple(
            Identity(address=row["address"], entry=entry_of(row), folded=bool(row["folded"]))
            for row in rows
            if not row["folded"] or row["private"] is not None or row["address"] not in beyond
        )

    def mark_folded(self) -> None:
        """Note that a lockfile with all of this is on disk."""
        with writing(self._db) as db:
            db.execute("UPDATE identities SET folded = 1 WHERE lockfile = ? AND folded = 0", (self._lockfile,))


def _place(target: Target) -> tuple[str, str, str, str]:
    return (target.upstream, target.endpoint, target.sync_id, target.collection_id)
