"""Destroying what we created, and undoing one run: plans like any other, made by other rules than the manifests."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncspec.apply.clock import Clock
from syncspec.apply.events import OnEvent
from syncspec.apply.opening import open_run
from syncspec.apply.past import past_steps
from syncspec.apply.run import Run
from syncspec.apply.state import look_up_state
from syncspec.lockfile import LockEntry
from syncspec.planning.destruction import plan_destruction
from syncspec.planning.guards import allow as allow_once
from syncspec.planning.guards import check_guards
from syncspec.planning.inputs import Planner
from syncspec.planning.selection import Selection
from syncspec.planning.undoing import plan_undo
from syncspec.planning.wanted import Touches
from syncspec.project.carrying import Carrying, Confirm
from syncspec.project.choice import choose
from syncspec.project.outlook import outlook
from syncspec.project.reading import OnRows, connections_of
from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.project.sight import Sight
from syncspec.settings import LoadedProject
from syncspec.values import short_id

__all__ = ["Errand", "carry_out", "destruction", "preview", "undoing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Something else to do than what is declared: how it is planned, and the records of which entries it may touch."""

    loaded: LoadedProject
    planner: Planner
    touches: Touches
    selection: Selection


async def destruction(
    loaded: LoadedProject,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    paths: Sequence[str | Path] = (),
    clock: Clock,
) -> Errand:
    """Deleting all that we created and that is selected. Raises UsageError for a selection of nothing."""
    state = await look_up_state(loaded, clock=clock)
    locked = state.lockfile.entries.keys()
    selection = choose(loaded, include=include, exclude=exclude, labels=labels or {}, paths=paths, locked=locked)
    sets = {record.address: each for each in loaded.sets for record in each.records}

    def touches(entry: LockEntry) -> bool:
        return selection(sets.get(entry.address), entry.address)

    return Errand(loaded=loaded, planner=plan_destruction, touches=touches, selection=selection)


def undoing(loaded: LoadedProject, run: str) -> Errand:
    """Taking back what a run did; `run` may be the beginning of its name. Raises UsageError, StateError."""
    _, steps = past_steps(loaded, run)
    ids = {(step.target.place, short_id(step.upstream_id)) for step in steps if step.upstream_id is not None}

    def touches(entry: LockEntry) -> bool:
        return (entry.target.place, short_id(entry.upstream_id)) in ids

    planner = functools.partial(plan_undo, steps=steps)
    return Errand(loaded=loaded, planner=planner, touches=touches, selection=Selection())


async def preview(errand: Errand, *, clock: Clock, on_rows: OnRows | None = None) -> ReviewablePlan:
    """What would be done; nothing is changed, here or upstream. Raises UpstreamError, LockfileError, StateError."""
    loaded = errand.loaded
    state = await look_up_state(loaded, clock=clock)
    async with connections_of(loaded, state, touches=errand.touches) as connections:
        seen = await outlook(
            loaded,
            state,
            errand.selection.narrowed,
            connections,
            clock=clock,
            on_rows=on_rows,
            planner=errand.planner,
            touches=errand.touches,
        )
    return ReviewablePlan(plan=seen.plan, project=loaded, selection=errand.selection, state=seen.state)


async def carry_out(
    errand: Errand,
    *,
    clock: Clock,
    command: str,
    on_plan: Callable[[ReviewablePlan], None] | None = None,
    confirm: Confirm | None = None,
    on_event: OnEvent | None = None,
    on_rows: OnRows | None = None,
    on_run: Callable[[Run], None] | None = None,
    allow: Sequence[str] = (),
    lock_timeout: float = 0.0,
    wait_settled: bool = False,
) -> AppliedReport:
    """Plan the errand under the run lock and carry it out, as `AsyncProject.apply` does what is declared.

    Emptying collections is what was asked for; all other guards hold. Raises StalePlanError, GuardError,
    RunLockedError, NotConfirmedError and what `preview` raises; nothing was sent.
    """
    loaded = errand.loaded
    guards = functools.reduce(allow_once, allow, loaded.guards)
    opened = open_run(loaded, command=command, lock_timeout=lock_timeout, clock=clock, on_event=on_event)
    async with opened as run:
        if on_run is not None:
            on_run(run)
        async with connections_of(loaded, run.state, touches=errand.touches) as connections:
            sight = Sight(
                loaded,
                run,
                connections,
                clock=clock,
                on_rows=on_rows,
                planner=errand.planner,
                touches=errand.touches,
            )
            carrying = Carrying(
                project=loaded,
                selection=errand.selection,
                sight=sight,
                check=lambda made: check_guards(made, guards, locked_count=len(run.state.lockfile.entries)),
                on_plan=on_plan,
                confirm=confirm,
                clock=clock,
                wait_settled=wait_settled,
            )
            return await carrying.out(run, connections)
