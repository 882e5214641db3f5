"""One project: planning what is to be done and doing it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from syncspec.apply.clock import Clock, SystemClock
from syncspec.apply.events import OnEvent
from syncspec.apply.opening import open_run
from syncspec.apply.run import Run
from syncspec.apply.state import look_up_state
from syncspec.diagnostics import sorted_diagnostics
from syncspec.errors import UsageError
from syncspec.manifests.accepted import Accepted
from syncspec.manifests.collector import paused_collector, sheltered
from syncspec.manifests.imported import Imported
from syncspec.planning.guards import allow as allow_once
from syncspec.planning.guards import check_guards, guard_warnings
from syncspec.planning.plan import Plan
from syncspec.project.approval import Approval, check_approved, check_project
from syncspec.project.authoring import Authoring
from syncspec.project.carrying import Carrying, Confirm
from syncspec.project.choice import choose
from syncspec.project.loop import run_alone as _run
from syncspec.project.opening import Opening
from syncspec.project.outlook import outlook
from syncspec.project.reading import OnRows, connections_of
from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.project.reversals import AsyncReversals, Reversals
from syncspec.project.saved import SavedPlan, load_plan
from syncspec.project.sight import Sight
from syncspec.project.validation import Validation, validate
from syncspec.settings import LoadedProject

__all__ = ["AsyncProject", "Confirm", "Project"]


class AsyncProject(Authoring, AsyncReversals):
    """One project in one environment. Every call reads the manifests anew; nothing stays open between calls."""

    def __init__(self, opening: Opening, *, clock: Clock | None = None) -> None:
        super().__init__(opening, clock or SystemClock())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    def load(self, *, resolve_env: bool = True) -> LoadedProject:
        """Read and check everything. Raises ManifestError with all problems at once."""
        return self._opening.load(resolve_env=resolve_env)

    def validate(self) -> Validation:
        """Read and check everything, offline and without secrets; every problem is in the result."""
        return validate(self._opening)

    async def plan(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
        on_rows: OnRows | None = None,
    ) -> ReviewablePlan:
        """Compare what is declared with what is locked and observed; changes nothing, here or upstream.

        `include` and `exclude` hold addresses, set names and globs. `on_rows` gets each collection's target and the
        number of rows read of it so far. A collection that cannot be read is in the plan as such.
        Raises ManifestError, LockfileError, StateError, UpstreamError, and UsageError for a selection of nothing.
        """
        with sheltered() as shelter:
            loaded = self.load()
            shelter()
            with paused_collector():
                state = await look_up_state(loaded, clock=self.clock)
                shelter()
            selection = choose(
                loaded,
                include=include,
                exclude=exclude,
                labels=labels or {},
                paths=paths,
                locked=state.lockfile.entries.keys(),
            )
            async with connections_of(loaded, state) as connections:
                seen = await outlook(loaded, state, selection.narrowed, connections, clock=self.clock, on_rows=on_rows)
        refused = guard_warnings(seen.plan, loaded.guards, locked_count=len(state.lockfile.entries), sets=loaded.sets)
        made = replace(seen.plan, diagnostics=sorted_diagnostics([*seen.plan.diagnostics, *refused]))
        return ReviewablePlan(plan=made, project=loaded, selection=selection, state=seen.state)

    def load_plan(self, path: str | os.PathLike[str]) -> SavedPlan:
        """Read a plan that was saved: `syncspec.load_plan`. Whether it is this project's is seen when it is applied."""
        return load_plan(path)

    async def apply(
        self,
        plan: ReviewablePlan | SavedPlan | None = None,
        *,
        approved: str | None = None,
        on_plan: Callable[[ReviewablePlan], None] | None = None,
        confirm: Confirm | None = None,
        on_event: OnEvent | None = None,
        on_rows: OnRows | None = None,
        on_run: Callable[[Run], None] | None = None,
        allow: Sequence[str] = (),
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
        lock_timeout: float = 0.0,
        wait_settled: bool = False,
        no_prior_run: bool = False,
        command: str = "syncspec.apply",
    ) -> AppliedReport:
        """Plan under the run lock and carry that plan out; a partial success returns its report.

        A given `plan` (with its selection) and an `approved` digest (or its first 12 digits or more) must be what would
        be done now; of a saved plan that counts per address, and what is done of it already is left alone.
        `on_plan` gets the plan first; `confirm` is asked where there is anything to do, and the plan is made once more
        after it. `allow` lifts guards once, as `max_creates=6000`. `on_run` gets the run as soon as it holds the lock:
        its `request_stop()` ends it early. `wait_settled` waits for what is unknown until time can tell nothing more;
        `no_prior_run` says that no run came before those that this journal knows.
        Raises StalePlanError, GuardError, RunLockedError, NotConfirmedError and what `plan` raises; nothing was sent.
        """
        if plan is not None and (include or exclude or labels or paths):
            raise UsageError(
                "A plan has a selection of its own",
                detail="apply was given a plan and a selection.",
                hint="give the selection to plan(), or leave the plan away",
            )
        name = self._opening.declared_name() if isinstance(plan, SavedPlan) else None
        if isinstance(plan, SavedPlan) and name is not None:
            # Before its environment is looked for, which another project need not have.
            check_project(plan, name)
        loaded = self.load()
        # What is no longer declared can be named, too, and only the lockfile tells what that is.
        known = await look_up_state(loaded, clock=self.clock) if include or exclude else None
        selection = choose(
            loaded,
            include=include,
            exclude=exclude,
            labels=labels or {},
            paths=paths,
            locked=known.lockfile.entries.keys() if known is not None else (),
        )
        approval = None
        if plan is not None:
            selection = plan.selection
        if isinstance(plan, SavedPlan):
            check_approved(approved, plan.digest)
            approval = Approval(plan, loaded)
        guards = functools.reduce(allow_once, allow, loaded.guards)
        opened = open_run(
            loaded,
            command=command,
            lock_timeout=lock_timeout,
            no_prior_run=no_prior_run,
            clock=self.clock,
            on_event=on_event,
        )

        def check(made: Plan) -> None:
            for expected in (approved, plan.digest if plan is not None else None):
                check_approved(expected, made.digest)
            check_guards(made, guards, locked_count=len(run.state.lockfile.entries), sets=loaded.sets)

        async with opened as run:
            if on_run is not None:
                on_run(run)
            async with connections_of(loaded, run.state) as connections:
                carrying = Carrying(
                    project=loaded,
                    selection=selection,
                    sight=Sight(loaded, run, connections, clock=self.clock, on_rows=on_rows, approval=approval),
                    check=check,
                    on_plan=on_plan,
                    confirm=confirm,
                    clock=self.clock,
                    wait_settled=wait_settled,
                )
                return await carrying.out(run, connections)


class Project(Reversals):
    """The same for callers without an event loop: each call runs one of its own.

    `asynchronous` is the project for callers with one.
    """

    asynchronous: AsyncProject

    def __init__(self, opening: Opening, *, clock: Clock | None = None) -> None:
        self.asynchronous = AsyncProject(opening, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def validate(self) -> Validation:
        """Read and check everything offline: `AsyncProject.validate`."""
        return self.asynchronous.validate()

    def plan(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
        on_rows: OnRows | None = None,
    ) -> ReviewablePlan:
        """Compare what is declared with what is there: `AsyncProject.plan`."""
        project = self.asynchronous
        return _run(project.plan, include=include, exclude=exclude, labels=labels, paths=paths, on_rows=on_rows)

    def load_plan(self, path: str | os.PathLike[str]) -> SavedPlan:
        """Read a plan that was saved: `AsyncProject.load_plan`."""
        return self.asynchronous.load_plan(path)

    def apply(
        self,
        plan: ReviewablePlan | SavedPlan | None = None,
        *,
        approved: str | None = None,
        confirm: Confirm | None = None,
        on_event: OnEvent | None = None,
        allow: Sequence[str] = (),
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
        lock_timeout: float = 0.0,
        wait_settled: bool = False,
        no_prior_run: bool = False,
    ) -> AppliedReport:
        """Carry out what would be planned now: `AsyncProject.apply`."""
        return _run(
            functools.partial(self.asynchronous.apply, plan),
            approved=approved,
            confirm=confirm,
            on_event=on_event,
            allow=allow,
            include=include,
            exclude=exclude,
            labels=labels,
            paths=paths,
            lock_timeout=lock_timeout,
            wait_settled=wait_settled,
            no_prior_run=no_prior_run,
        )

    def import_records(self, collection: str, **options: Any) -> Imported:
        """Write a manifest of a collection's live records, and lock them: `AsyncProject.import_records`."""
        return _run(functools.partial(self.asynchronous.import_records, collection), **options)

    def import_files(self, path: str | Path, collection: str | None = None, **options: Any) -> Imported:
        """Write manifests of the records in a file of another tool: `AsyncProject.import_files`."""
        return self.asynchronous.import_files(path, collection, **options)

    def accept(self, addresses: Sequence[str], **options: Any) -> Accepted:
        """Write the upstream's values of drifted and conflicting fields into the manifests: `AsyncProject.accept`."""
        return _run(functools.partial(self.asynchronous.accept, addresses), **options)
