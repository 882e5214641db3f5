"""From what earlier runs left to a plan: read what matters, reconcile what is open, plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from syncspec.apply.clock import Clock, Moment, moment_of
from syncspec.apply.reconcile import reconcile
from syncspec.apply.state import State, reading_of
from syncspec.diagnostics import sorted_diagnostics
from syncspec.manifests.collector import paused_collector
from syncspec.planning.diff import plan as make_plan
from syncspec.planning.inputs import Planner, PlanningInput, Selects
from syncspec.planning.known_ids import bound_sets, locked_ids
from syncspec.planning.needed import with_needed
from syncspec.planning.plan import Plan
from syncspec.planning.state import Place
from syncspec.planning.wanted import Touches, places_to_observe
from syncspec.project.cold import cold_warning
from syncspec.project.reading import OnRows, observe_all
from syncspec.records import DesiredRecord, Observation, Target
from syncspec.settings import LoadedProject
from syncspec.upstream.observe import Wanted
from syncspec.upstream.protocol import Connection

__all__ = ["Lists", "Outlook", "inputs_of", "observe", "outlook", "plan_from"]


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
    lists = Lists(loaded, connections, clock=clock, on_rows=on_rows, touches=touches)
    selected = with_needed(loaded.sets, state.lockfile, selected)
    observations = await lists.observe(state, selected, began=began)
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
    without: Collection[Place] = (),
) -> list[Observation]:
    """Read every collection that matters to the selected addresses, or to what is not settled.

    `also` are upstream IDs whose rows matter besides; `without` are collections that are known already.
    """
    wanted = _wanted(loaded, state, selected, also=also)
    wanted = {target: wants for target, wants in wanted.items() if target.place not in without}
    return await observe_all(loaded, wanted, connections, now=clock.now, on_rows=on_rows)


def _wanted(
    loaded: LoadedProject,
    state: State,
    selected: Selects | None,
    *,
    also: Iterable[str] = (),
    instead: Mapping[str, DesiredRecord] | None = None,
    touches: Touches | None = None,
) -> dict[Target, Wanted]:
    """What to read; `instead` are records whose keys are known by more than what is locked.

    `touches` chooses further collections, see `places_to_observe`.
    """
    ids = locked_ids(loaded.sets, state.lockfile.entries)
    return places_to_observe(
        bound_sets(loaded.sets, ids, instead=instead) if ids or instead else loaded.sets,
        state.lockfile,
        attempts=state.to_reconcile,
        digest_keys=state.digest_keys,
        upstreams=loaded.upstreams,
        selected=selected,
        also=(*also, *(entry.upstream_id for entry in state.entries_elsewhere)),
        touches=touches,
        lookups=loaded.lookups,
    )


class Lists:
    """The collections of one project as they were read last.

    A key may hold an ID that only reading tells, or that is known only once a record is created. What was not looked
    for is not among the rows that were kept: then the collection is read once more.
    """

    def __init__(
        self,
        loaded: LoadedProject,
        connections: Mapping[str, Connection],
        *,
        clock: Clock,
        on_rows: OnRows | None = None,
        touches: Touches | None = None,
    ) -> None:
        """`touches` chooses further collections, see `places_to_observe`."""
        self._loaded, self._connections, self._touches = loaded, connections, touches
        self._clock, self._on_rows = clock, on_rows
        self._seen: dict[Place, Observation] = {}
        self._open_keys = {
            record.address
            for each in loaded.sets
            for record in each.records
            if touches is None and record.deferred and not record.deferred.keys().isdisjoint(each.match_on)
        }
        self._bound: dict[str, DesiredRecord] = {}
        self._sought: dict[str, str] = {}

    async def observe(self, state: State, selected: Selects | None, *, began: Moment) -> list[Observation]:
        """Read every collection that matters to the selected addresses, or to what is not settled."""
        self._bound, self._sought = {}, {}
        if self._open_keys:
            ids = locked_ids(self._loaded.sets, state.lockfile.entries)
            records = (record for each in bound_sets(self._loaded.sets, ids) for record in each.records)
            self._note(record for record in records if record.address in self._open_keys)
        places = await self._read(_wanted(self._loaded, state, selected, touches=self._touches))
        return await self.look_for_keys(state, selected, began=began, places=places)

    async def look_for_keys(
        self,
        state: State,
        selected: Selects | None,
        *,
        began: Moment,
        places: Collection[Place] | None = None,
        not_done: Mapping[str, str] | None = None,
    ) -> list[Observation]:
        """What was read, with the rows of every key that can be told by now; `places` None: of all collections.

        A collection is read again only where a key in it was not looked for yet.
        """
        chosen = set(self._seen) if places is None else set(places)
        while self._open_keys:
            made = plan_from(self._loaded, state, selected, self._of(chosen), began=began, not_done=not_done)
            waiting = [change.desired for change in made.changes if change.address in self._open_keys]
            fresh = self._note(record for record in waiting if record is not None)
            stale = {change.target.place for change in made.changes if change.address in fresh} & chosen
            if not stale:
                break
            wanted = _wanted(self._loaded, state, selected, instead=self._bound, touches=self._touches)
            await self._read({target: wants for target, wants in wanted.items() if target.place in stale})
        return self._of(chosen)

    def _note(self, records: Iterable[DesiredRecord]) -> set[str]:
        """Keep the records whose keys are known; gives those whose key is another one than was looked for."""
        fresh = set()
        for record in records:
            if record.key is not None and self._sought.get(record.address) != record.key.loose:
                self._bound[record.address], self._sought[record.address] = record, record.key.loose
                fresh.add(record.address)
        return fresh

    def _of(self, places: Collection[Place]) -> list[Observation]:
        return sorted((self._seen[place] for place in places), key=lambda seen: seen.target)

    async def _read(self, wanted: Mapping[Target, Wanted]) -> set[Place]:
        read = await observe_all(self._loaded, wanted, self._connections, now=self._clock.now, on_rows=self._on_rows)
        self._seen.update({seen.target.place: seen for seen in read})
        return {seen.target.place for seen in read}


def plan_from(
    loaded: LoadedProject,
    state: State,
    selected: Selects | None,
    observations: Sequence[Observation],
    *,
    began: Moment,
    planner: Planner = make_plan,
    not_done: Mapping[str, str] | None = None,
) -> Plan:
    """Plan the selected addresses from what was read since `began`; the project's own findings are among the plan's.

    `not_done` says of addresses that this run was to write why it did not. `planner` decides what is to be done: by
    default what is declared.
    """
    with paused_collector():
        made = planner(inputs_of(loaded, state, selected, observations, not_done=not_done))
    findings = [*loaded.diagnostics, *made.diagnostics, *cold_warning(loaded, state, made, began=began)]
    return replace(made, diagnostics=sorted_diagnostics(findings))


def inputs_of(
    loaded: LoadedProject,
    state: State,
    selected: Selects | None,
    observations: Sequence[Observation],
    *,
    not_done: Mapping[str, str] | None = None,
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
        rejected=state.rejected,
        doubts=state.doubts,
        selected=selected,
        digest_keys=state.digest_keys,
        lookups=loaded.lookups,
        not_done=not_done or {},
        sets_elsewhere=loaded.elsewhere.keys(),
    )


def _reconciled(
    loaded: LoadedProject, state: State, observations: Sequence[Observation], began: Moment, clock: Clock
) -> State:
    if not state.to_reconcile:
        return state
    reading = reading_of(loaded, state, observations, began=began, clock=clock)
    return state.after(reconcile(state.to_reconcile, reading), declared=reading.declared)
