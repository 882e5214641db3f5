"""One apply, from what an earlier run left to the final lockfile.

`opening.py` makes a run: it takes the run lock, turns what a dead run left intended to unknown, and folds its outcomes
into the lockfile; only then plans are made. `Run.reconcile` records what a reading tells of open attempts; `begin`, any
number of `send`, and `finish` carry a plan out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import anyio

from syncspec.apply.attempts import Settlement
from syncspec.apply.base import Base, read_own_lockfile
from syncspec.apply.clock import Clock, Moment
from syncspec.apply.entries import EntryMaker
from syncspec.apply.events import Interrupted, Locked, OnEvent, RunFinished, RunStarted, Waiting
from syncspec.apply.executor import Executor
from syncspec.apply.failed_batches import FailedBatches
from syncspec.apply.history import packed
from syncspec.apply.journal import Journal
from syncspec.apply.ledger import Ledger
from syncspec.apply.listener import Listener
from syncspec.apply.reconcile import Reconciled, reconcile
from syncspec.apply.report import Report
from syncspec.apply.shared import SharedState
from syncspec.apply.state import State, journaled_state, reading_of
from syncspec.apply.steps import deliveries_of, entries_without_sending
from syncspec.apply.telling import report_unsent, tell_planned
from syncspec.errors import StateError, SyncspecError
from syncspec.lockfile import DigestKeys, LockEntry, is_conflict
from syncspec.lockfile.file import write_lockfile
from syncspec.planning.plan import Change, Plan
from syncspec.records import Observation
from syncspec.settings import LoadedProject, UpstreamSettings
from syncspec.upstream.protocol import Connection

__all__ = ["Run"]


class Run:
    """An open run. `state` is what planning starts from; `begin` and `finish` may be called once."""

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
        on_event: OnEvent | None = None,
        shared: SharedState | None = None,
    ) -> None:
        self.run_id = run_id
        self.is_stopped = False
        self._project, self._journal, self._epochs, self._clock = project, journal, epochs, clock
        self._kept: dict[str, LockEntry] = {}
        self._sets = {record_set.name: record_set for record_set in project.sets}
        self._command, self._owner, self._shared = command, owner, shared
        self._listener = Listener(on_event)
        tokens = (upstream.token for upstream in project.upstreams.values())
        self._failed = FailedBatches(project.state_dir, run_id, tokens=(token for token in tokens if token is not None))
        self._executor: Executor | None = None
        self._pauses: set[anyio.CancelScope] = set()

    @property
    def state(self) -> State:
        """What is locked and what is not settled, as of the last fold."""
        return self._state

    @property
    def upstreams(self) -> Mapping[str, UpstreamSettings]:
        return self._project.upstreams

    def fold(self) -> None:
        """Write the lockfile that lockfile and journal amount to. Raises LockfileError, StateError."""
        shared = self._shared
        base = shared.base if shared is not None else Base(lockfile=read_own_lockfile(self._project))
        state = journaled_state(self._project, base, self._journal)
        conflicts = [attempt for attempt in state.open_attempts if is_conflict(attempt)]
        if conflicts:
            self._journal.take_over(conflicts, now=self._clock.now())
        write_lockfile(self._project.lockfile, state.lockfile)
        if shared is None:
            self._journal.mark_folded()
        self._state = state

    def _fold_if_ours(self) -> None:
        """Fold, unless the lock was taken away: the lockfile is then the next run's to write, from this journal."""
        if self._journal.locks.epochs(list(self._epochs)) == self._epochs:
            self.fold()
            if self._executor is not None:
                entries, pending = len(self._state.lockfile.entries), len(self._state.lockfile.pending)
                name = self._project.lockfile.name
                self._listener.tell(Locked(run=self.run_id, lockfile=name, entries=entries, pending=pending))

    def request_stop(self) -> None:
        """Finish what is in flight, record it, and start nothing more."""
        if not self.is_stopped:
            self._tell_interrupted(at_once=False)
        self.is_stopped = True
        for pause in self._pauses:
            pause.cancel()
        if self._executor:
            self._executor.stop()

    def stop_now(self) -> None:
        """Give up what is in flight; it is recorded as unknown."""
        self.request_stop()
        self._tell_interrupted(at_once=True)
        if self._executor:
            self._executor.stop_now()

    def _tell_interrupted(self, *, at_once: bool) -> None:
        if self._executor is not None:
            self._listener.tell(Interrupted(run=self.run_id, at_once=at_once))

    async def pause(self, seconds: float, *, upstream: str, reason: str) -> bool:
        """Wait, unless the run is stopped; whether it was not."""
        self._listener.tell(Waiting(run=self.run_id, upstream=upstream, reason=reason, seconds=seconds))
        with self.stoppable():
            await self._clock.sleep(seconds)
        return not self.is_stopped

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """A block that waits or reads, and that ends early where the run is stopped; `is_stopped` tells."""
        with anyio.CancelScope() as scope:
            self._pauses.add(scope)
            if self.is_stopped:
                scope.cancel()
            try:
                yield
            finally:
                self._pauses.discard(scope)

    def reconcile(self, observations: Sequence[Observation], *, began: Moment) -> Reconciled:
        """Record what a reading tells of open attempts, with the lock entries that follow.

        Raises LockLostError, StateError, LockfileError.
        """
        if not self._state.to_reconcile:
            return Reconciled()
        reading = reading_of(self._project, self._state, observations, began=began, clock=self._clock)
        reconciled = reconcile(self._state.to_reconcile, reading)
        if reconciled.settlements:
            self.settle(reconciled.settlements)
        self._state = replace(self._state, doubts=reconciled.doubts)
        return reconciled

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record what became of open attempts, and fold."""
        self._journal.settle(settlements, epochs=self._epochs, now=self._clock.now())
        self._fold_if_ours()
        if self._executor is not None:
            self._executor.take(item.entry for item in settlements if item.entry is not None)

    def put(
        self,
        entries: Iterable[LockEntry],
        *,
        removed: Iterable[LockEntry] = (),
        replaced: Mapping[str, LockEntry] | None = None,
    ) -> None:
        """Record lock entries that no request made, and addresses that hold nothing any more; then fold."""
        self._journal.put(entries, removed=removed, replaced=replaced, epochs=self._epochs)
        self._fold_if_ours()

    def begin(self, plan: Plan, *, connections: Mapping[str, Connection]) -> None:
        """Note the run, and lock what needs no request. Raises StateError where the journal cannot be written."""
        emit = self._listener.tell
        self._journal.begin_run(
            self.run_id, command=self._command, owner=self._owner, now=self._clock.now(), epochs=self._epochs
        )
        emit(self._started(plan))
        self._entries = EntryMaker(
            clock=self._clock,
            keys=DigestKeys(shared=self._project.digest_key, private=self._journal.digest_key()),
        )
        self._lock_without_sending(plan)
        self._executor = Executor(
            run=self.run_id,
            journal=self._journal,
            epochs=self._epochs,
            upstreams=self._project.upstreams,
            connections=connections,
            locked_ids=_locked_ids([*self.state.lockfile.entries.values(), *self.state.entries_elsewhere]),
            entries=self._entries,
            clock=self._clock,
            on_event=emit,
            sources={change.address: change.source for change in plan.changes if change.source is not None},
            herald=self._shared,
            failed=self._failed,
        )
        if self.is_stopped:
            self._executor.stop()

    def _started(self, plan: Plan) -> RunStarted:
        return RunStarted(
            run=self.run_id,
            batches=len(plan.batches),
            records=sum(len(batch.changes) for batch in plan.batches),
            command=self._command,
            project=plan.project,
            environment=plan.environment,
            plan_digest=plan.digest,
            actions=plan.summary,
        )

    def _lock_without_sending(self, plan: Plan) -> list[LockEntry]:
        kept = entries_without_sending(plan, self._sets, self.state.lockfile.entries, self._entries)
        self._kept = {entry.address: entry for entry in kept.made}
        if kept.made or kept.removed:
            self._journal.put(kept.made, removed=kept.removed, replaced=kept.replaced, epochs=self._epochs)
        return kept.made

    async def carry_on(self, plan: Plan, ready: Iterable[Change]) -> None:
        """Do what a later plan of this run asks for and can be done by now: lock, report what is `ready`, and send.

        Raises StateError where the journal cannot be written.
        """
        assert self._executor is not None
        self._executor.take(self._lock_without_sending(plan))
        tell_planned(self._executor.ledger, replace(plan, changes=tuple(ready)))
        await self.send(plan)

    async def send(self, plan: Plan, *, last: bool = False) -> None:
        """Send the batches of a plan that wait for no other, or the `last` ones, which come after all that wait.

        What became of them is recorded, and folded where the run ends here.
        """
        assert self._executor is not None
        try:
            # What this run adopted may be updated in it, before it is folded.
            locked = {**self.state.lockfile.entries, **self._kept}
            await self._executor.deliver(deliveries_of(plan, self._sets, locked, self._entries, last=last))
        except BaseException:
            self._fold_if_ours()
            raise

    def refresh(self) -> None:
        """Fold what was sent, so that `state` knows it."""
        self._kept = {}
        self._fold_if_ours()

    def note(self, error: SyncspecError) -> None:
        """Report what went wrong after sending began; nothing more is sent."""
        assert self._executor is not None
        self._executor.ledger.diagnostics.extend(error.diagnostics)
        self._executor.ledger.halted = self._executor.ledger.halted or error.diagnostics[0].summary

    @property
    def is_halted(self) -> bool:
        """Whether sending ended for good: the journal could not be written, or the lock was taken away."""
        return self._executor is not None and self._executor.ledger.halted is not None

    @property
    def ledger(self) -> Ledger:
        """What became of the records of this run; there is one from `begin` on."""
        assert self._executor is not None
        return self._executor.ledger

    async def finish(self, plan: Plan) -> Report:
        """Fold, publish, report and close the run; the lockfile is final before any exit code is known."""
        assert self._executor is not None
        executor = self._executor
        unkept = [self._failed.problem] if self._failed.problem is not None else []
        errors = (item for item in plan.diagnostics if item.is_error)
        diagnostics = [*errors, *executor.ledger.diagnostics, *self._listener.failures, *unkept]
        records = tuple(executor.ledger.reports.get(change.address) or report_unsent(change) for change in plan.changes)
        try:
            self._fold_if_ours()
            if self._shared is not None:
                await self._shared.release()
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
            report = replace(report, diagnostics=(*diagnostics, *error.diagnostics))
        self._listener.tell(
            RunFinished(run=self.run_id, exit_code=report.exit_code, summary=report.summary, requests=report.requests)
        )
        return report


def _locked_ids(entries: Iterable[LockEntry]) -> dict[tuple[str, str, str], frozenset[str]]:
    ids: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for entry in entries:
        ids[entry.target.place].add(entry.upstream_id)
    return {place: frozenset(held) for place, held in ids.items()}
