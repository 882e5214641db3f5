"""Attempts to send a record: what is kept of each before and after, and the journal's table of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from syncspec.apply.clock import Moment, rfc3339
from syncspec.apply.database import reading
from syncspec.apply.rows import open_attempt, packed_sent
from syncspec.apply.states import OPEN_STATES, AttemptState, may_follow
from syncspec.errors import StateError
from syncspec.lockfile import FieldDigests, LockEntry, OpenAttempt
from syncspec.lockfile.lines import lens_text
from syncspec.records import Data, Lens, ObservedRecord, Target

__all__ = ["AttemptOutcome", "AttemptTable", "Intended", "Intent", "Settlement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One record that is about to be sent. `key` and `loose_key` are digests, `sent` those of its fields.

    `repeats` is the attempt that came before, `absences` how often the record was sent and then proved absent;
    `alone`: it was in a request that was refused, so that it goes in one of its own. `before`: what the upstream showed
    of the fields of an update, those that are not sensitive.
    """

    address: str
    kind: str
    target: Target
    key: str | None = None
    loose_key: str | None = None
    key_id: str | None = None
    marker: str | None = None
    lens: Lens | None = None
    sent: Mapping[str, FieldDigests] = field(default_factory=dict)
    upstream_id: str | None = None
    cursor: str | None = None
    stream: str | None = None
    repeats: str | None = None
    absences: int = 0
    alone: bool = False
    before: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """A batch whose intents are on disk. `attempts` maps address to attempt; `not_after` is wall time in UTC."""

    run: str
    batch: int
    attempts: Mapping[str, str]
    target: Target
    at: Moment
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """What an answer, or the lack of one, says of one attempt; `entry` is the lock entry that follows from it.

    `replaces`: the entry of a deleted record that the address held before. `removes`: the entry of a record that is
    deleted, which the address holds no more.
    """

    address: str
    state: AttemptState
    message: str = ""
    status: int | None = None
    refused: bool = False
    entry: LockEntry | None = None
    replaces: LockEntry | None = None
    removes: LockEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a later reading, or a person, says of an open attempt.

    `entry` is the lock entry that follows, None where the address holds what it held. `absent`: proved absent.
    `found` are the live matches of a duplicate. `horizon` and `stream` replace the attempt's own where its list was
    rebuilt, which begins the wait anew. `replaces`: the entry of another record that the address held, where that one
    is deleted or a person decided so; `removes`: the entry of the record that this attempt deleted.
    """

    attempt: OpenAttempt
    state: AttemptState
    evidence: str
    entry: LockEntry | None = None
    absent: bool = False
    found: tuple[str, ...] = ()
    horizon: str | None = None
    stream: str | None = None
    replaces: LockEntry | None = None
    removes: LockEntry | None = None


_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_STATES))
_COLUMNS = (
    *("attempt", "run", "batch", "lockfile", "address", "kind", "upstream", "endpoint", "sync_id", "collection_id"),
    *("state", "key", "loose_key", "key_id", "marker", "lens", "sent", "cursor", "stream", "repeats"),
    *("absences", "alone", "intended_at", "boot", "uptime", "not_after", "horizon", "upstream_id"),
)
_ABSENT = (
    f"lockfile = ? AND state = '{AttemptState.NOT_APPLIED}' AND absences + absent > 0 AND NOT EXISTS ("  # noqa: S608
    "SELECT 1 FROM attempts AS later WHERE later.lockfile = attempts.lockfile "
    "AND later.address = attempts.address AND later.rowid > attempts.rowid) ORDER BY address"
)
_REJECTED = (
    f"lockfile = ? AND state = '{AttemptState.REJECTED}' AND NOT EXISTS ("  # noqa: S608
    "SELECT 1 FROM attempts AS later WHERE later.lockfile = attempts.lockfile "
    "AND later.address = attempts.address AND later.rowid > attempts.rowid) ORDER BY address"
)
_KEPT_COLUMNS = (*_COLUMNS, "status", "refused", "message", "found")


def _insert(columns: Sequence[str], *, verb: str = "INSERT") -> str:
    return f"{verb} INTO attempts ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


class AttemptTable:
    """The `attempts` of one lockfile and the IDs that answers `returned`. What writes runs in the caller's
    transaction."""

    def __init__(self, connection: sqlite3.Connection, lockfile: str) -> None:
        self._db = connection
        self._lockfile = lockfile

    def intend(
        self,
        run: str,
        batch: int,
        intents: Sequence[Intent],
        *,
        at: Moment,
        not_after: datetime,
        horizon: datetime,
    ) -> Mapping[str, str]:
        """Insert a batch's intents; gives the attempt of each address."""
        names = {intent.address: f"{run}.{batch}.{number}" for number, intent in enumerate(intents)}
        times = (rfc3339(at.wall), at.boot, at.uptime, rfc3339(not_after), rfc3339(horizon))
        distinct = {id(intent.lens): intent.lens for intent in intents if intent.lens is not None}
        lenses = {key: lens_text(lens) for key, lens in distinct.items()}
        self._db.executemany(
            _insert(_COLUMNS),
            [
                (
                    *(names[intent.address], run, batch, self._lockfile, intent.address, intent.kind),
                    *_place(intent.target),
                    *(AttemptState.INTENDED, intent.key, intent.loose_key, intent.key_id),
                    *(intent.marker, lenses.get(id(intent.lens)), packed_sent(intent.sent), intent.cursor),
                    *(intent.stream, intent.repeats, intent.absences, intent.alone, *times, intent.upstream_id),
                )
                for intent in intents
            ],
        )
        overwritten = [(names[intent.address], json.dumps(intent.before)) for intent in intents if intent.before]
        self._db.executemany("INSERT INTO overwritten VALUES (?, ?)", overwritten)
        return names

    def keep_lines(self, lines: Iterable[OpenAttempt]) -> None:
        """Take over a lockfile's pending lines: what another journal left open is this one's to settle."""
        self._db.executemany(
            _insert(_KEPT_COLUMNS, verb="INSERT OR IGNORE"),
            [
                (
                    *(line.attempt, "lockfile", 0, self._lockfile, line.address, line.kind),
                    *_place(line.target),
                    *(_kept_state(line.state), line.key, line.loose_key, line.key_id, line.marker),
                    *(lens_text(line.lens) if line.lens else None, packed_sent(line.sent), None, line.stream, None),
                    *(line.absences, False, line.intended_at, None, 0.0, None, line.horizon, line.upstream_id),
                    *(line.status, line.refused, line.evidence, orjson.dumps(line.candidates)),
                )
                for line in lines
            ],
        )

    def step(self, intended: Intended, outcomes: Sequence[AttemptOutcome], *, now: datetime) -> None:
        """Take each attempt of a batch to its outcome's state; only states from which that is a step are left."""
        ended_at = rfc3339(now)
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
            changed = self._db.executemany(
                "UPDATE attempts SET state = ?, message = ?, status = ?, refused = ?, "  # noqa: S608
                "upstream_id = coalesce(?, upstream_id), ended_at = ? "
                f"WHERE attempt = ? AND state IN ({_before(state)})",
                values,
            ).rowcount
            if changed != len(values):
                raise _contradiction(f"batch {intended.batch} in run {intended.run}", state, len(values) - changed)

    def settle(self, settlements: Iterable[Settlement], *, now: datetime) -> None:
        """Take each attempt to what a reading or a person says of it."""
        ended_at = rfc3339(now)
        for item in settlements:
            changed = self._db.execute(
                "UPDATE attempts SET state = ?, message = ?, absent = ?, found = ?, "  # noqa: S608
                "upstream_id = coalesce(?, upstream_id), horizon = coalesce(?, horizon), stream = coalesce(?, stream), "
                f"ended_at = ? WHERE attempt = ? AND state IN ({_before(item.state)})",
                (
                    *(item.state, item.evidence, item.absent, orjson.dumps(item.found) if item.found else None),
                    *(item.entry.upstream_id if item.entry else None, item.horizon, item.stream),
                    *(ended_at, item.attempt.attempt),
                ),
            ).rowcount
            if changed != 1:
                raise _contradiction(f"attempt {item.attempt.attempt} of {item.attempt.address}", item.state, 1)

    def keep_returned(
        self, intended: Intended, rows: Sequence[ObservedRecord], owners: Mapping[str, str], *, now: datetime
    ) -> None:
        """Keep every upstream ID of an answer; `owners` maps those that were told apart to their addresses."""
        target, received_at = intended.target, rfc3339(now)
        self._db.executemany(
            "INSERT OR REPLACE INTO returned VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(intended.run, intended.batch, target.endpoint, target.sync_id, target.collection_id),
                    *(row.upstream_id, owners.get(row.upstream_id), received_at),
                )
                for row in rows
            ],
        )

    def claim_returned(self, settlements: Iterable[Settlement]) -> None:
        """Note of IDs that answers returned whose they turned out to be."""
        for item in settlements:
            if item.entry is not None:
                self._db.execute(
                    "UPDATE returned SET address = ? WHERE address IS NULL AND upstream_id = ? AND (run, batch) IN "
                    "(SELECT run, batch FROM attempts WHERE attempt = ?)",
                    (item.attempt.address, item.entry.upstream_id, item.attempt.attempt),
                )

    def orphan(self, *, now: datetime) -> int:
        """Turn what earlier runs left intended to unknown; returns how many. Only for the holder of the run lock."""
        return self._db.execute(
            "UPDATE attempts SET state = ?, message = ?, ended_at = ? WHERE lockfile = ? AND state = ?",
            (
                *(AttemptState.UNKNOWN, "the run ended before it recorded an answer", rfc3339(now)),
                *(self._lockfile, AttemptState.INTENDED),
            ),
        ).rowcount

    def open(self) -> tuple[OpenAttempt, ...]:
        """All attempts of this lockfile that are not settled, by address, then attempt."""
        return tuple(self._select(f"lockfile = ? AND state IN ({_OPEN}) ORDER BY address, attempt"))

    def watched(self) -> tuple[OpenAttempt, ...]:
        """Attempts that led to a lock entry without proof, and whose horizon has not passed yet."""
        return tuple(self._select(f"lockfile = ? AND state = '{AttemptState.WATCHED}' ORDER BY address, attempt"))

    def absent(self) -> tuple[OpenAttempt, ...]:
        """The last attempts of addresses whose record was proved absent after it was sent: it is sent once more.

        `absences` counts that proof, and `refused` says whether it is to go in a request of its own.
        """
        return tuple(self._select(_ABSENT))

    def rejected(self) -> tuple[OpenAttempt, ...]:
        """The last attempts of addresses whose record the upstream rejected."""
        return tuple(self._select(_REJECTED))

    def elsewhere(self) -> tuple[OpenAttempt, ...]:
        """Attempts of other lockfiles that are not settled: what they may have made, this lockfile must not make."""
        return tuple(self._select(f"lockfile != ? AND state IN ({_OPEN}) ORDER BY attempt"))

    def known(self, attempts: Iterable[str]) -> frozenset[str]:
        """Those of the named attempts that this journal holds, whatever became of them."""
        with reading():
            return frozenset(
                attempt
                for attempt in attempts
                if self._db.execute("SELECT 1 FROM attempts WHERE attempt = ?", (attempt,)).fetchone()
            )

    def of_address(self, address: str) -> list[sqlite3.Row]:
        """Every attempt of one address, the oldest first."""
        with reading():
            return self._db.execute(
                "SELECT * FROM attempts WHERE lockfile = ? AND address = ? ORDER BY rowid", (self._lockfile, address)
            ).fetchall()

    def of_run(self, run: str) -> list[sqlite3.Row]:
        """Every attempt of one run in its order, with what an update overwrote as `overwritten`."""
        with reading():
            # A journal of an older version lacks the table until it is written to.
            has_table = self._db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'overwritten'").fetchone()
            known = "SELECT data FROM overwritten WHERE overwritten.attempt = attempts.attempt" if has_table else "NULL"
            return self._db.execute(
                f"SELECT *, ({known}) AS overwritten FROM attempts WHERE lockfile = ? AND run = ? ORDER BY rowid",  # noqa: S608
                (self._lockfile, run),
            ).fetchall()

    def _select(self, condition: str) -> Iterator[OpenAttempt]:
        with reading():
            rows = self._db.execute(f"SELECT * FROM attempts WHERE {condition}", (self._lockfile,)).fetchall()  # noqa: S608
            for row in rows:
                yield open_attempt(self._db, row)


def _kept_state(state: str) -> AttemptState:
    """The state of a pending line; one that is intended, or that a newer version wrote, may have been sent."""
    known = state in OPEN_STATES and state != AttemptState.INTENDED
    return AttemptState(state) if known else AttemptState.UNKNOWN


def _before(state: AttemptState) -> str:
    return ", ".join(f"'{each}'" for each in AttemptState if may_follow(each, state))


def _contradiction(what: str, state: AttemptState, number: int) -> StateError:
    return StateError(
        "The journal would contradict itself", detail=f"{number} of the attempts of {what} cannot become {state}."
    )


def _place(target: Target) -> tuple[str, str, str, str]:
    return (target.upstream, target.endpoint, target.sync_id, target.collection_id)
