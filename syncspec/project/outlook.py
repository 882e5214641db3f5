"""From what earlier runs left to a plan: read what matters, reconcile what is open, plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from syncspec.apply.clock import Clock, Moment, moment_of
from syncspec.apply.reconcile import reconcile
from syncspec.apply.state import State, reading_of
from syncspec.diagnostics import sorted_diagnostics
from syncspec.manifests.collector import paused_collector
from syncspec.planning.diff import plan as make_plan
from syncspec.planning.inputs import Planner, PlanningInput, Selects
from syncspec.planning.plan import Plan
from syncspec.planning.wanted import Touches, places_to_observe
from syncspec.project.cold import cold_warning
from syncspec.project.reading import OnRows, observe_all
from syncspec.records import Observation
from syncspec.settings import LoadedProject
from syncspec.upstream.protocol import Connection

__all__ = ["Outlook", "inputs_of", "observe", "outlook", "plan_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A plan with what was read for it, and the state as it is once what that tells is recorded."""

    plan: Plan
    observations: tuple[Observation, ...]
    state: State


async def outlook(
    loaded: LoadedProject,
    state: State,
    selected: Selects | None,
    connections: Mapping[str, Connection],
    *,
    clock: Clock,
    on_rows: OnRows | None = None,
    planner: Planner = make_plan,
    touches: Touches | None = None,
) -> Outlook:
    """Plan the selected addresses (None: all) as an apply would at this moment.

    Open attempts are reconciled in the plan's eyes only: nothing is written.
    """
    began = moment_of(clock)
    observations = await observe(loaded, state, selected, connections, clock=clock, on_rows=on_rows, touches=touches)
    seen = _reconciled(loaded, state, observations, began, clock)
    made = plan_from(loaded, seen, selected, observations, began=began, planner=planner)
    return Outlook(plan=made, observations=tuple(observations), state=seen)


async def observe(
    loaded: LoadedProject,
    state: State,
    selected: Selects | None,
    connections: Mapping[str, Connection],
    *,
    clock: Clock,
    on_rows: OnRows | None = None,
    also: Iterable[str] = (),
    touches: Touches | None = None,
) -> list[Observation]:
    """Read every collection that matters to the selected addresses, or to what is not settled.

    `also` are upstream IDs whose rows matter besides; `touches` chooses further collections, see `places_to_observe`.
    """
    wanted = places_to_observe(
        loaded.sets,
        state.lockfile,
        attempts=state.to_reconcile,
        digest_keys=state.digest_keys,
        upstreams=loaded.upstreams,
        selected=selected,
        also=(*also, *(entry.upstream_id for entry in state.entries_elsewhere)),
        touches=touches,
    )
    return await observe_all(loaded, wanted, connections, now=clock.now, on_rows=on_rows)


def plan_from(
    loaded: LoadedProject,
    state: State,
    selected: Selects | None,
    observations: Sequence[Observation],
    *,
    began: Moment,
    planner: Planner = make_plan,
) -> Plan:
    """Plan the selected addresses from what was read since `began`; the project's own findings are among the plan's.

    `planner` decides what is to be done: by default what is declared.
    """
    with paused_collector():
        made = planner(inputs_of(loaded, state, selected, observations))
    findings = [*loaded.diagnostics, *made.diagnostics, *cold_warning(loaded, state, made, began=began)]
    return replace(made, diagnostics=sorted_diagnostics(findings))


def inputs_of(
    loaded: LoadedProject, state: State, selected: Selects | None, observations: Sequence[Observation]
) -> PlanningInput:
    """What a plan is made from."""
    return PlanningInput(
        project=loaded.name,
        environment=loaded.environment,
        sets=loaded.sets,
        lockfile=state.lockfile,
        observations=observations,
        upstreams=loaded.upstreams,
        open_attempts=state.open_attempts,
        attempts_elsewhere=state.attempts_elsewhere,
        entries_elsewhere=state.entries_elsewhere,
        absent=state.absent,
        doubts=state.doubts,
        selected=selected,
        digest_keys=state.digest_keys,
    )


def _reconciled(
    loaded: LoadedProject, state: State, observations: Sequence[Observation], began: Moment, clock: Clock
) -> State:
    if not state.to_reconcile:
        return state
    reading = reading_of(loaded, state, observations, began=began, clock=clock)
    return state.after(reconcile(state.to_reconcile, reading), declared=reading.declared)
