"""What earlier runs left: the lockfile with the journal folded in, and what is not settled."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from anyio import to_thread

from syncspec.apply.base import Base, known_here, read_base
from syncspec.apply.clock import Clock, Moment
from syncspec.apply.entries import EntryMaker
from syncspec.apply.fold import fold
from syncspec.apply.journal import Identity, Journal, lockfile_of
from syncspec.apply.reconcile import Reading, Reconciled
from syncspec.apply.states import OPEN_STATES, AttemptState
from syncspec.lockfile import DigestKeys, LockEntry, Lockfile, OpenAttempt, identity_of, is_conflict
from syncspec.planning.known_ids import bound_sets, locked_ids
from syncspec.records import Observation
from syncspec.settings import LoadedProject, StateBackend
from syncspec.values import short_id

__all__ = ["State", "journaled_state", "look_up_state", "read_state", "reading_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What earlier runs left. `lockfile` has the journal folded in; `digest_keys` key sensitive fields' digests.

    `attempts_elsewhere` and `entries_elsewhere` are those of other lockfiles in the same state folder. `watched` led
    to a lock entry without proof; `absent` were proved absent, so that their records are sent once more; `rejected`
    were rejected; `doubts` says of open attempts why their absence proves nothing. `cold_since`: runs from before that
    time are not known, since their journal is not here.
    """

    lockfile: Lockfile
    open_attempts: tuple[OpenAttempt, ...]
    digest_keys: DigestKeys
    attempts_elsewhere: tuple[OpenAttempt, ...] = ()
    entries_elsewhere: tuple[LockEntry, ...] = ()
    watched: tuple[OpenAttempt, ...] = ()
    absent: tuple[OpenAttempt, ...] = ()
    rejected: tuple[OpenAttempt, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
    cold_since: Moment | None = None

    @property
    def to_reconcile(self) -> list[OpenAttempt]:
        """Attempts of which a reading may tell more; two IDs that were both recorded are for a person."""
        return [attempt for attempt in (*self.open_attempts, *self.watched) if not is_conflict(attempt)]

    def after(self, reconciled: Reconciled, *, declared: Collection[str]) -> State:
        """The state once this is recorded."""
        steps = {item.attempt.attempt: item for item in reconciled.settlements}
        stepped: list[OpenAttempt] = []
        for attempt in (*self.open_attempts, *self.watched):
            step = steps.get(attempt.attempt)
            if step is not None:
                attempt = replace(
                    attempt,
                    state=step.state,
                    evidence=step.evidence,
                    candidates=step.found or attempt.candidates,
                    horizon=step.horizon or attempt.horizon,
                    stream=step.stream or attempt.stream,
                    absences=attempt.absences + step.absent,
                )
            stepped.append(attempt)
        still_open = [attempt for attempt in stepped if attempt.state in OPEN_STATES]
        absent = [attempt for attempt in stepped if attempt.state == AttemptState.NOT_APPLIED and attempt.absences]
        made = [
            Identity(
                address=item.entry.address,
                entry=item.entry,
                folded=False,
                replaces=identity_of(item.replaces) if item.replaces is not None else None,
            )
            for item in reconciled.settlements
            if item.entry is not None
        ]
        made += [
            Identity(address=item.removes.address, entry=None, folded=False, replaces=identity_of(item.removes))
            for item in reconciled.settlements
            if item.removes is not None
        ]
        known = {attempt.attempt for attempt in stepped}
        folded = fold(self.lockfile, made, still_open, known_attempts=known, declared=declared)
        return replace(
            self,
            lockfile=folded,
            open_attempts=folded.pending,
            watched=tuple(attempt for attempt in stepped if attempt.state == AttemptState.WATCHED),
            absent=(*self.absent, *absent),
            doubts=reconciled.doubts,
        )


def read_state(project: LoadedProject, *, clock: Clock) -> State:
    """Read lockfile or shared state, and journal, without taking a lock or writing. Blocks while git runs.

    Raises LockfileError, StateError.
    """
    base = read_base(project)
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    if journal is None:
        keys = DigestKeys(shared=project.digest_key)
        return State(
            lockfile=base.lockfile,
            open_attempts=base.lockfile.pending,
            digest_keys=keys,
            cold_since=base.cold_since if base.shared else Moment(wall=clock.now()),
        )
    with journal:
        return journaled_state(project, base, journal)


async def look_up_state(project: LoadedProject, *, clock: Clock) -> State:
    """`read_state` for callers with an event loop, which goes on while git runs."""
    if project.state.backend is StateBackend.GIT:
        return await to_thread.run_sync(functools.partial(read_state, project, clock=clock))
    return read_state(project, clock=clock)


def journaled_state(project: LoadedProject, base: Base, journal: Journal) -> State:
    """The state that a lockfile and a journal amount to. Raises StateError."""
    lockfile, attempts = known_here(base.lockfile, journal), journal.attempts
    folded = fold(
        lockfile,
        journal.identities(beyond=lockfile.entries, shared=base.shared),
        attempts.open(),
        known_attempts=attempts.known(attempt.attempt for attempt in lockfile.pending),
        declared=_declared(project),
    )
    return State(
        lockfile=folded,
        open_attempts=folded.pending,
        digest_keys=DigestKeys(shared=project.digest_key, private=journal.digest_key()),
        attempts_elsewhere=attempts.elsewhere(),
        entries_elsewhere=journal.entries_elsewhere(),
        watched=attempts.watched(),
        absent=attempts.absent(),
        rejected=attempts.rejected(),
        cold_since=base.cold_since if base.shared else journal.cold_since(),
    )


def _declared(project: LoadedProject) -> set[str]:
    return {record.address for record_set in project.sets for record in record_set.records}


def reading_of(
    project: LoadedProject, state: State, observations: Sequence[Observation], *, began: Moment, clock: Clock
) -> Reading:
    """What reconciling looks at: the observations, and all that is known besides."""
    sets = bound_sets(project.sets, locked_ids(project.sets, state.lockfile.entries))
    return Reading(
        observations={seen.target.place: seen for seen in observations},
        began=began,
        declared={record.address: (each, record) for each in sets for record in each.records},
        locked=state.lockfile.entries,
        holders=_holders(state),
        entries=EntryMaker(clock=clock, keys=state.digest_keys),
        unique=frozenset(name for name, settings in project.upstreams.items() if settings.unique),
    )


def _holders(state: State) -> Callable[[tuple[str, str, str], str], Collection[str]]:
    """Addresses by the ID that they hold; those of other lockfiles are marked as such."""
    held: dict[tuple[tuple[str, str, str], str], list[str]] = {}
    for address, entry in _all_entries(state):
        held.setdefault((entry.target.place, short_id(entry.upstream_id)), []).append(address)

    def holders(place: tuple[str, str, str], upstream_id: str) -> Collection[str]:
        return held.get((place, short_id(upstream_id)), ())

    return holders


def _all_entries(state: State) -> Iterable[tuple[str, LockEntry]]:
    yield from state.lockfile.entries.items()
    yield from ((f"elsewhere: {entry.address}", entry) for entry in state.entries_elsewhere)
