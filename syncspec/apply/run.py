"""One apply, from taking the run lock to the final lockfile.

`read_state` is for planning: it takes no lock and writes nothing. `open_run` is for applying: it takes the run lock,
turns what a dead run left intended to unknown, folds its outcomes into the lockfile, and only then plans are made.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import groupby

from syncspec.apply.clock import Clock, SystemClock
from syncspec.apply.delivery import Delivery
from syncspec.apply.entries import EntryMaker
from syncspec.apply.events import Event, OnEvent, RunFinished, RunStarted
from syncspec.apply.executor import Executor
from syncspec.apply.fold import fold
from syncspec.apply.history import packed
from syncspec.apply.journal import Journal, lockfile_of
from syncspec.apply.mapping import SentRecord
from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.apply.runlock import hold_run_lock, make_holder, places_of
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import StateError, SyncspecError
from syncspec.lockfile import DigestKeys, LockEntry, Lockfile, OpenAttempt
from syncspec.lockfile.file import read_lockfile, write_lockfile
from syncspec.planning.batches import wire_data
from syncspec.planning.plan import Action, Change, Plan
from syncspec.records import DesiredSet
from syncspec.settings import LoadedProject
from syncspec.upstream.protocol import Connection

__all__ = ["Run", "State", "open_run", "read_state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What earlier runs left. `lockfile` has the journal folded in; `digest_keys` key sensitive fields' digests.

    `attempts_elsewhere` and `entries_elsewhere` are those of other lockfiles in the same state folder.
    """

    lockfile: Lockfile
    open_attempts: tuple[OpenAttempt, ...]
    digest_keys: DigestKeys
    attempts_elsewhere: tuple[OpenAttempt, ...] = ()
    entries_elsewhere: tuple[LockEntry, ...] = ()


def read_state(project: LoadedProject) -> State:
    """Read lockfile and journal without taking a lock or writing. Raises LockfileError, StateError."""
    lockfile = _read_lockfile(project)
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    if journal is None:
        keys = DigestKeys(shared=project.digest_key)
        return State(lockfile=lockfile, open_attempts=lockfile.pending, digest_keys=keys)
    with journal:
        return _state(project, lockfile, journal)


def _read_lockfile(project: LoadedProject) -> Lockfile:
    return read_lockfile(project.lockfile, project=project.name, environment=project.environment)


def _state(project: LoadedProject, lockfile: Lockfile, journal: Journal) -> State:
    declared = {record.address for record_set in project.sets for record in record_set.records}
    mine = journal.open_attempts()
    folded = fold(
        lockfile,
        journal.identities(beyond=lockfile.entries),
        mine,
        known_attempts=journal.known_attempts(attempt.attempt for attempt in lockfile.pending),
        declared=declared,
    )
    return State(
        lockfile=folded,
        open_attempts=folded.pending,
        digest_keys=DigestKeys(shared=project.digest_key, private=journal.digest_key()),
        attempts_elsewhere=journal.attempts_elsewhere(),
        entries_elsewhere=journal.entries_elsewhere(),
    )


@asynccontextmanager
async def open_run(
    project: LoadedProject, *, command: str, lock_timeout: float = 0.0, clock: Clock | None = None
) -> AsyncIterator[Run]:
    """Hold the run lock and the journal; recover first what a dead run left.

    Raises RunLockedError, LockfileError, StateError; nothing was then sent.
    """
    clock = clock or SystemClock()
    run_id = f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    _read_lockfile(project)
    with Journal.open(project.state_dir, lockfile_of(project)) as journal:
        places = places_of(project)
        holder = make_holder(run=run_id, command=command, places=places, clock=clock)
        async with hold_run_lock(
            journal, places, state_dir=project.state_dir, holder=holder, patience=lock_timeout, clock=clock
        ) as epochs:
            journal.orphan(now=clock.now())
            run = Run(project, run_id, journal, epochs, clock, command=command, owner=str(holder))
            run.fold()
            yield run


class Run:
    """An open run. `state` is what planning starts from; `execute` may be called once."""

    def __init__(
        self,
        project: LoadedProject,
        run_id: str,
        journal: Journal,
        epochs: Mapping[str, int],
        clock: Clock,
        *,
        command: str,
        owner: str,
    ) -> None:
        self.run_id = run_id
        self.state = _state(project, _read_lockfile(project), journal)
        self._project, self._journal, self._epochs, self._clock = project, journal, epochs, clock
        self._command, self._owner = command, owner
        self._executor: Executor | None = None
        self._stop_requested = False

    def fold(self) -> None:
        """Write the lockfile that lockfile and journal amount to. Raises LockfileError, StateError."""
        state = _state(self._project, _read_lockfile(self._project), self._journal)
        write_lockfile(self._project.lockfile, state.lockfile)
        self._journal.mark_folded()
        self.state = state

    def _fold_if_ours(self) -> None:
        """Fold, unless the lock was taken away: the lockfile is then the next run's to write, from this journal."""
        if self._journal.locks.epochs(list(self._epochs)) == self._epochs:
            self.fold()

    def request_stop(self) -> None:
        """Finish what is in flight, record it, and start nothing more."""
        self._stop_requested = True
        if self._executor:
            self._executor.stop()

    def stop_now(self) -> None:
        """Give up what is in flight; it is recorded as unknown."""
        self._stop_requested = True
        if self._executor:
            self._executor.stop_now()

    async def execute(
        self, plan: Plan, *, connections: Mapping[str, Connection], on_event: OnEvent | None = None
    ) -> Report:
        """Carry out the plan: locks first, then its batches, then the lockfile. The lockfile is final on return.

        Raises StateError where the journal cannot be written before anything was sent. What goes wrong later is in
        the report.
        """
        listener = _Listener(on_event or _ignore)
        emit: Callable[[Event], None] = listener.tell
        self._journal.begin_run(self.run_id, command=self._command, owner=self._owner, now=self._clock.now())
        emit(RunStarted(run=self.run_id, batches=len(plan.batches), records=sum(len(b.changes) for b in plan.batches)))
        entries = EntryMaker(
            clock=self._clock,
            keys=DigestKeys(shared=self._project.digest_key, private=self._journal.digest_key()),
        )
        self._lock_without_sending(plan, entries)
        self._executor = executor = Executor(
            run=self.run_id,
            journal=self._journal,
            epochs=self._epochs,
            upstreams=self._project.upstreams,
            connections=connections,
            locked_ids=_locked_ids([*self.state.lockfile.entries.values(), *self.state.entries_elsewhere]),
            entries=entries,
            clock=self._clock,
            on_event=emit,
        )
        if self._stop_requested:
            executor.stop()
        try:
            await executor.deliver(self._deliveries(plan, entries))
        except BaseException:
            self._fold_if_ours()
            raise
        report = self._finish(plan, executor, listener)
        emit(RunFinished(run=self.run_id, exit_code=report.exit_code))
        return report

    def _lock_without_sending(self, plan: Plan, entries: EntryMaker) -> None:
        """Record adoptions, moves, and what was seen for the first time; none of them sends a request."""
        sets = {record_set.name: record_set for record_set in self._project.sets}
        locked = self.state.lockfile.entries
        made: list[LockEntry] = []
        removed: list[str] = []
        for change in plan.changes:
            record_set = sets.get(change.address.partition(".")[0])
            if change.desired is None or record_set is None:
                continue
            if change.action is Action.ADOPT and change.observed:
                made.append(entries.adopted(change.desired, record_set, change.observed))
            elif change.action is Action.MOVE and change.moved_from:
                made.append(entries.moved(locked[change.moved_from], change.desired))
                removed.append(change.moved_from)
            elif change.action is Action.UNCHANGED and change.observed and change.address in locked:
                made.append(entries.seen(locked[change.address], record_set.rules, change.observed))
        if made:
            self._journal.put(made, removed=removed)

    def _deliveries(self, plan: Plan, entries: EntryMaker) -> list[list[Delivery]]:
        sets = {record_set.name: record_set for record_set in self._project.sets}
        seen = {summary.target.place: summary for summary in plan.observations}
        deliveries = [
            (
                batch.wave,
                Delivery(
                    target=batch.target,
                    records=tuple(_sent(sets, change, entries) for change in batch.changes),
                    await_consumers=batch.await_consumers,
                    cursor=seen[batch.target.place].cursor,
                    polling_seconds=seen[batch.target.place].polling_seconds,
                ),
            )
            for batch in sorted(plan.batches, key=lambda batch: batch.wave)
        ]
        return [[item for _, item in wave] for _, wave in groupby(deliveries, key=lambda pair: pair[0])]

    def _finish(self, plan: Plan, executor: Executor, listener: _Listener) -> Report:
        """Fold, report and close the run; the lockfile is final before any exit code is known."""
        diagnostics = [*executor.ledger.diagnostics, *listener.failures]
        records = tuple(
            executor.ledger.reports.get(change.address) or _report_unsent(change) for change in plan.changes
        )
        try:
            self._fold_if_ours()
        except SyncspecError as error:
            diagnostics += error.diagnostics
        report = Report(
            run=self.run_id,
            records=records,
            requests=executor.requests,
            interrupted=executor.interrupted,
            diagnostics=tuple(diagnostics),
        )
        try:
            self._journal.finish_run(
                self.run_id, exit_code=report.exit_code, report=packed(report), now=self._clock.now()
            )
        except StateError as error:
            return replace(report, diagnostics=(*diagnostics, *error.diagnostics))
        return report


def _sent(sets: Mapping[str, DesiredSet], change: Change, entries: EntryMaker) -> SentRecord:
    assert change.desired is not None
    record_set = sets[change.address.partition(".")[0]]
    return SentRecord(
        desired=change.desired,
        wire=wire_data(record_set, change.desired),
        match_on=record_set.match_on,
        marker_field=record_set.marker_field,
        rules=record_set.rules,
        key_secret=entries.key_secret(record_set.match_on, record_set.rules),
    )


def _locked_ids(entries: Iterable[LockEntry]) -> dict[tuple[str, str, str], frozenset[str]]:
    ids: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for entry in entries:
        ids[entry.target.place].add(entry.upstream_id)
    return {place: frozenset(held) for place, held in ids.items()}


_UNSENT = {
    Action.ADOPT: RecordOutcome.ADOPTED,
    Action.MOVE: RecordOutcome.UNCHANGED,
    Action.UNCHANGED: RecordOutcome.UNCHANGED,
    Action.DRIFT: RecordOutcome.UNCHANGED,
    Action.BLOCKED: RecordOutcome.NOT_ATTEMPTED,
    Action.UNKNOWN: RecordOutcome.UNKNOWN,
}


def _report_unsent(change: Change) -> RecordReport:
    """Report a change that no request belongs to."""
    outcome = _UNSENT[change.action]
    silent = outcome in (RecordOutcome.ADOPTED, RecordOutcome.UNCHANGED) and change.action is not Action.DRIFT
    return RecordReport(
        address=change.address,
        outcome=outcome,
        upstream_id=change.upstream_id,
        error=None if silent else change.reason,
        source=change.source,
    )


class _Listener:
    """Tells events to a listener; one that fails is told no more, and keeps no outcome from being recorded."""

    def __init__(self, on_event: OnEvent) -> None:
        self.failures: list[Diagnostic] = []
        self._on_event = on_event

    def tell(self, event: Event) -> None:
        if self.failures:
            return
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 - whatever a listener raises must not touch what is in flight
            self.failures.append(
                Diagnostic(
                    severity=Severity.WARNING,
                    code="listener",
                    summary="Progress is not told any more",
                    detail=f"The listener failed: {type(error).__name__}: {error}. The run went on without it.",
                )
            )


def _ignore(_: Event) -> None:
    """Nobody listens."""
