"""Settling by hand what became of a record that was sent."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncspec.address import matches_any
from syncspec.apply.attempts import Settlement
from syncspec.apply.clock import moment_of, rfc3339
from syncspec.apply.entries import EntryMaker
from syncspec.apply.opening import open_run
from syncspec.apply.reconcile import Reading, intent_of, visible_matches
from syncspec.apply.run import Run
from syncspec.apply.state import reading_of
from syncspec.apply.states import AttemptState
from syncspec.diagnostics import did_you_mean
from syncspec.errors import StateError, UpstreamError, UsageError
from syncspec.lockfile import OpenAttempt, Origin, is_conflict
from syncspec.planning.wording import ids_text
from syncspec.project.core import AsyncProject
from syncspec.project.outlook import observe
from syncspec.project.reading import connections_of
from syncspec.records import DesiredSet, Observation, ObservedRecord
from syncspec.settings import LoadedProject
from syncspec.upstream.protocol import MutationKind
from syncspec.values import short_id

__all__ = ["Resolution", "resolve", "resolve_not_created"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What was decided; `upstream_id` None: nothing was created, and the next apply creates the record.

    `attempts` counts those that this settled.
    """

    address: str
    upstream_id: str | None
    attempts: int


async def resolve(
    project: AsyncProject,
    address: str,
    *,
    created: str | None,
    force: bool = False,
    lock_timeout: float = 0.0,
    command: str = "syncspec.resolve",
) -> Resolution:
    """Settle every open attempt of an address: it created that upstream ID, or nothing (None).

    Of an update, None says that nobody knows: what its record shows is compared with the manifest anew.

    Nothing is sent. An ID that another address holds is refused; so is one that is deleted upstream, and that nothing
    was created before the horizon has passed or while something like it is visible, unless `force` is given.
    Raises UsageError where nothing is open or the ID cannot be one, StateError where it is refused, and what
    `AsyncProject.plan` raises.
    """
    created = _checked_id(created)
    loaded = project.load()
    async with open_run(loaded, command=command, lock_timeout=lock_timeout, clock=project.clock) as run:
        attempts = [attempt for attempt in run.state.open_attempts if attempt.address == address]
        if not attempts:
            raise _nothing_open(address, run)
        reading = await _look(project, loaded, run, {address}, created)
        if created is None:
            settlements = _nothing_created(attempts, reading, force=force)
        else:
            _check_creations(attempts)
            settlements = [_created(attempt, created, run, reading, force=force) for attempt in attempts]
        run.settle(settlements)
    return Resolution(address=address, upstream_id=created, attempts=len(attempts))


async def resolve_not_created(
    project: AsyncProject,
    patterns: Sequence[str],
    *,
    force: bool = False,
    lock_timeout: float = 0.0,
    command: str = "syncspec.resolve",
) -> tuple[Resolution, ...]:
    """Settle every open attempt of the addresses, sets and globs: it created nothing. Sorted by address.

    The upstream is read once. Where `resolve` would refuse one of them, none is settled. Raises as that does, and
    UsageError where nothing is open that a pattern names.
    """
    loaded = project.load()
    async with open_run(loaded, command=command, lock_timeout=lock_timeout, clock=project.clock) as run:
        for pattern in patterns:
            if not any(matches_any(attempt.address, [pattern]) for attempt in run.state.open_attempts):
                raise _nothing_open(pattern, run)
        attempts = [attempt for attempt in run.state.open_attempts if matches_any(attempt.address, patterns)]
        counts = Counter(attempt.address for attempt in attempts)
        reading = await _look(project, loaded, run, counts.keys(), None)
        run.settle(_nothing_created(attempts, reading, force=force))
    return tuple(
        Resolution(address=address, upstream_id=None, attempts=count) for address, count in sorted(counts.items())
    )


def _nothing_open(pattern: str, run: Run) -> UsageError:
    known = [attempt.address for attempt in run.state.open_attempts]
    return UsageError(
        "Nothing to settle",
        detail=f"No attempt of {pattern} is open. Nothing was changed.",
        hint=did_you_mean(pattern, known) or "syncspec lock list shows what is not settled",
    )


def _checked_id(upstream_id: str | None) -> str | None:
    """The ID without the blanks around it: what is empty, or cannot be printed, was pasted wrongly."""
    if upstream_id is None:
        return None
    bare = upstream_id.strip()
    if not bare or not bare.isprintable():
        raise UsageError(
            "Not an upstream ID",
            detail=f"{upstream_id!a} cannot be the ID of a record. Nothing was changed.",
            hint="copy the ID from the upstream; syncspec explain shows what may be the record",
        )
    return bare


async def _look(
    project: AsyncProject, loaded: LoadedProject, run: Run, addresses: Collection[str], created: str | None
) -> Reading:
    """What the upstream shows; nothing where it cannot be read."""
    known = {record.address for each in loaded.sets for record in each.records}
    declared = known.issuperset(addresses)

    def chosen(_: DesiredSet | None, other: str) -> bool:
        return other in addresses

    began = moment_of(project.clock)
    observations: list[Observation] = []
    async with connections_of(loaded, run.state) as connections:
        try:
            observations = await observe(
                loaded,
                run.state,
                chosen if declared else None,
                connections,
                clock=project.clock,
                also=(created,) if created is not None else (),
            )
        except UpstreamError:
            observations = []
    return reading_of(loaded, run.state, observations, began=began, clock=project.clock)


def _nothing_created(attempts: Sequence[OpenAttempt], reading: Reading, *, force: bool) -> list[Settlement]:
    for attempt in attempts:
        if is_conflict(attempt):
            ids = ids_text(attempt.candidates)
            raise _refused(attempt, f"two IDs are recorded for it: {ids}", "say which one it is with --created ID")
    if not force:
        _check_absent(attempts, reading)
    return [
        Settlement(attempt=each, state=AttemptState.NOT_APPLIED, evidence=f"{_somebody()} said: not {_done(each)}")
        for each in attempts
    ]


def _check_absent(attempts: Sequence[OpenAttempt], reading: Reading) -> None:
    anyway = "--force says so all the same; where it was created after all, it is then created twice"
    for attempt in attempts:
        if not reading.began.has_reached(datetime.fromisoformat(attempt.horizon), since=intent_of(attempt)):
            raise _refused(attempt, f"it may still be executed until {attempt.horizon}", f"wait for that; {anyway}")
        seen = reading.observations.get(attempt.target.place)
        if seen is None or not seen.readable:
            why = seen.reason if seen is not None else "it was not read"
            raise _refused(attempt, f"the upstream's list is not known ({why})", f"try again; {anyway}")
    creations = [attempt for attempt in attempts if attempt.kind == MutationKind.CREATE]
    matches: dict[str, list[str]] = {}
    for attempt, row in visible_matches(creations, reading):
        matches.setdefault(attempt.attempt, []).append(row.upstream_id)
    for attempt in creations:
        if ids := matches.get(attempt.attempt):
            hint = f"name it with --created {ids[0]}; {anyway}"
            raise _refused(attempt, f"{ids_text(ids)} upstream may be it", hint)


def _check_creations(attempts: Sequence[OpenAttempt]) -> None:
    for attempt in attempts:
        if attempt.kind != MutationKind.CREATE:
            why = f"the {attempt.kind} of {attempt.upstream_id} is open, which creates nothing"
            hint = "--not-created settles it: what the record shows then is compared with the manifest anew"
            raise _refused(attempt, why, hint)


def _created(attempt: OpenAttempt, upstream_id: str, run: Run, reading: Reading, *, force: bool) -> Settlement:
    place, address = attempt.target.place, attempt.address
    others = sorted(set(reading.holders(place, upstream_id)) - {address})
    if others:
        why = f"{upstream_id} belongs to {' and '.join(others)}"
        raise _refused(attempt, why, "one upstream record belongs to one address: syncspec lock list")
    seen = reading.observations.get(place)
    shown = {short_id(row.upstream_id): row for row in seen.rows} if seen is not None else {}
    row = shown.get(short_id(upstream_id))
    if row is not None and row.deleted and not force:
        raise _refused(attempt, f"{upstream_id} is deleted upstream", "--not-created has it created again")
    locked = run.state.lockfile.entries.get(address)
    evidence = f"{_somebody()} said: created as {upstream_id}"
    if locked is not None and short_id(locked.upstream_id) == short_id(upstream_id):
        return Settlement(attempt=attempt, state=AttemptState.APPLIED, evidence=evidence)
    entries: EntryMaker = reading.entries
    entry = entries.found(
        attempt,
        row or ObservedRecord(upstream_id=upstream_id, data={}),
        origin=Origin.CREATED,
        declared=reading.declared.get(address) if row is not None else None,
        at=rfc3339(reading.began.wall),
    )
    return Settlement(attempt=attempt, state=AttemptState.APPLIED, evidence=evidence, entry=entry, replaces=locked)


def _refused(attempt: OpenAttempt, why: str, hint: str) -> StateError:
    return StateError(
        "The attempt cannot be settled like that", detail=f"{attempt.address}: {why}. Nothing was changed.", hint=hint
    )


def _done(attempt: OpenAttempt) -> str:
    return "created" if attempt.kind == MutationKind.CREATE else "applied"


def _somebody() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
