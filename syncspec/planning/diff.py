"""The plan: for every declared record what is to be done, decided from the declared, the locked and the observed.

Pure: no file, no clock, no network. The rules are named in `rules.py`; `unlocked.py` decides for records without a
lock entry, `locked.py` for those with one, `dependents.py` for those that refer to others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from syncspec.diagnostics import sorted_diagnostics
from syncspec.planning.batches import make_batches
from syncspec.planning.case import Case
from syncspec.planning.dependents import Dependents
from syncspec.planning.fingerprint import plan_digest, step_parts
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.locked import decide_locked, untouchable
from syncspec.planning.looked_up import look_up
from syncspec.planning.notes import Notes
from syncspec.planning.overview import overview
from syncspec.planning.plan import LOCKS, Action, Change, ObservationSummary, Plan
from syncspec.planning.rules import Rule
from syncspec.planning.state import Place, PlanningState
from syncspec.planning.unlocked import decide_unlocked
from syncspec.planning.wording import attempt_reason, blocked, change_of
from syncspec.records import DesiredRecord, DesiredSet
from syncspec.values import short_id

__all__ = ["plan"]


def plan(inputs: PlanningInput) -> Plan:
    """Decide every selected address. The same inputs, in any order, give the same plan."""
    state = PlanningState(inputs)
    sets = {record_set.name: record_set for record_set in inputs.sets}
    notes = Notes()
    changes = tuple(sorted([*_declared(state, notes), *_undeclared(state)], key=lambda change: change.address))
    batches = make_batches(changes, sets)
    steps = (parts for change in changes if (parts := step_parts(change, sets, inputs.digest_keys.shared)))
    return Plan(
        project=inputs.project,
        environment=inputs.environment,
        changes=changes,
        batches=batches,
        observations=_summaries(state),
        diagnostics=sorted_diagnostics([*notes.diagnostics(), *overview(state, changes)]),
        digest=plan_digest(inputs.project, inputs.environment, steps, batches),
    )


def _declared(state: PlanningState, notes: Notes) -> list[Change]:
    """The changes of the selected records. The others are decided too, for they may claim the same row."""
    unheard = Notes()
    selected: set[str] = set()
    decided: dict[str, Change] = {}
    referring: dict[str, tuple[DesiredSet, DesiredRecord]] = {}
    for record_set in state.inputs.sets:
        for record in record_set.records:
            chosen = state.inputs.selects(record_set, record.address)
            if chosen:
                selected.add(record.address)
            if record.needs or record.lookups:
                referring[record.address] = (record_set, record)
            else:
                decided[record.address] = _decide(state, record_set, record, notes if chosen else unheard)
    dependents = None
    looked_up = look_up(state, _lookups(state, referring, selected))
    notes.findings.extend(looked_up.diagnostics)
    if referring:
        dependents = Dependents(state, referring, decided, selected=selected, looked_up=looked_up)

        def decide(record_set: DesiredSet, record: DesiredRecord) -> Change:
            return _decide(state, record_set, record, notes if record.address in selected else unheard)

        dependents.decide(decide)
    _refuse_shared_rows(decided)
    if dependents is not None:
        dependents.refuse_equal_keys()
        dependents.hold_back()
    return [change for address, change in decided.items() if address in selected]


def _lookups(
    state: PlanningState, referring: Mapping[str, tuple[DesiredSet, DesiredRecord]], selected: Collection[str]
) -> set[str]:
    """The lookups that count: all where everything is selected, else those that a selected record refers to."""
    if state.inputs.selected is None:
        return {lookup.address for lookups in state.inputs.lookups for lookup in lookups.records}
    return {name for address, (_, record) in referring.items() if address in selected for name in record.lookups}


def _decide(state: PlanningState, record_set: DesiredSet, record: DesiredRecord, notes: Notes) -> Change:
    attempts = state.attempts.get(record.address)
    if attempts:
        ids = sorted({upstream_id for attempt in attempts for upstream_id in attempt.candidates})
        reason = attempt_reason(attempts, state.inputs.doubts)
        return change_of(record_set, record, Action.UNKNOWN, Rule.OPEN_ATTEMPT, reason, upstream_ids=tuple(ids))
    entry = state.inputs.lockfile.entries.get(record.address)
    if entry is not None:
        change = untouchable(state, record_set, record, entry)
        if change is not None:
            return change
    rows = state.rows_of(record_set)
    if rows is None:
        reason = (
            f"its collection could not be read: {state.why_unreadable(record_set)}; "
            "nothing is concluded from that, so plan again when it can be read"
        )
        return blocked(record_set, record, Rule.NOT_READABLE, reason, upstream_id=entry.upstream_id if entry else None)
    case = Case(state, record_set, record, rows)
    return decide_unlocked(case, notes.findings) if entry is None else decide_locked(case, entry, notes)


def _refuse_shared_rows(decided: dict[str, Change]) -> None:
    """Where several declared records match one row, none of them gets it."""
    claims: dict[tuple[Place, str], list[Change]] = defaultdict(list)
    for change in decided.values():
        if change.action in LOCKS and change.upstream_id is not None:
            claims[(change.target.place, short_id(change.upstream_id))].append(change)
    for claim in claims.values():
        names = sorted(change.address for change in claim)
        for change in claim if len(claim) > 1 else ():
            others = " and ".join(name for name in names if name != change.address)
            decided[change.address] = replace(
                change,
                action=Action.BLOCKED,
                code=Rule.SAME_ROW.value,
                reason=f"{change.upstream_id} matches it and {others} too; one upstream record belongs to one address",
                moved_from=None,
                observed=None,
                rewrites=False,
                waits_for=(),
                wave=0,
            )


def _undeclared(state: PlanningState) -> list[Change]:
    """Open attempts of addresses that no manifest declares; a selection speaks of declared records only."""
    if state.inputs.selected is not None:
        return []
    return [
        Change(
            address=address,
            action=Action.UNKNOWN,
            code=Rule.OPEN_ATTEMPT.value,
            reason=f"no longer declared; {attempt_reason(attempts, state.inputs.doubts)}",
            target=attempts[0].target,
            upstream_ids=tuple(sorted({upstream_id for each in attempts for upstream_id in each.candidates})),
        )
        for address, attempts in state.attempts.items()
        if address not in state.declared
    ]


def _summaries(state: PlanningState) -> tuple[ObservationSummary, ...]:
    seen = (rows.observation for rows in state.places.values())
    return tuple(
        ObservationSummary(
            target=each.target,
            readable=each.readable,
            absence=each.absence,
            reason=each.reason,
            live_rows=each.live_rows,
            cursor=each.cursor,
            stream=each.stream,
            polling_seconds=each.polling_seconds,
        )
        for each in sorted(seen, key=lambda each: each.target)
    )
