"""The plan: for every declared record what is to be done, decided from the declared, the locked and the observed.

Pure: no file, no clock, no network. The rules are named in `rules.py`; `unlocked.py` decides for records without a
lock entry, `locked.py` for those with one, `dependents.py` for those that refer to others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from syncspec.lockfile import LockEntry, under
from syncspec.planning.case import Case, is_recently_written
from syncspec.planning.dependents import Dependents
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.locked import decide_locked, untouchable
from syncspec.planning.looked_up import LookedUp, look_up
from syncspec.planning.notes import Notes
from syncspec.planning.overview import overview
from syncspec.planning.plan import LOCKS, Action, Change, Plan
from syncspec.planning.referring import refers_to
from syncspec.planning.removal import decide_removals
from syncspec.planning.renamed import decide_renamed
from syncspec.planning.rules import Rule
from syncspec.planning.state import Place, PlanningState
from syncspec.planning.whole import plan_of
from syncspec.planning.wording import attempt_reason, blocked, change_of, refers_now, removal_words
from syncspec.records import Declared, DesiredRecord, DesiredSet
from syncspec.values import short_id

__all__ = ["plan"]


def plan(inputs: PlanningInput) -> Plan:
    """Decide every selected address. The same inputs, in any order, give the same plan."""
    state = PlanningState(inputs)
    sets = {record_set.name: record_set for record_set in inputs.sets}
    notes = Notes()
    decided, looked_up = _declared(state, notes)
    chosen = [change for change in decided.values() if inputs.selects(sets[change.set_name], change.address)]
    undeclared = [*_unsettled(state), *decide_removals(state, decided, looked_up)]
    changes = sorted([*chosen, *undeclared], key=lambda change: change.address)
    return plan_of(state, changes, [*notes.diagnostics(), *overview(state, changes)])


def _declared(state: PlanningState, notes: Notes) -> tuple[dict[str, Change], LookedUp]:
    """The changes of all records, and what lookups came to.

    Those that are not selected are decided too, for they may claim the same row.
    """
    unheard = Notes()
    selected: set[str] = set()
    decided: dict[str, Change] = {}
    referring: dict[str, Declared] = {}
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
    needed = {name for _, record in referring.values() for name in record.lookups}
    looked_up = look_up(state, _lookups(state, referring, selected), needed=needed)
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
    return decided, looked_up


def _lookups(state: PlanningState, referring: Mapping[str, Declared], selected: Collection[str]) -> set[str]:
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
    if entry is None:
        locked = state.inputs.lockfile.entries
        former = [locked[each] for each in record.former if each in locked]
        change = decide_renamed(case, former, notes.findings)
        return _referring(case, change, locked[change.moved_from]) if change.moved_from is not None else change
    return _relocked(_referring(case, decide_locked(case, entry, notes), entry), entry, record, notes)


def _referring(case: Case, change: Change, entry: LockEntry) -> Change:
    """The change of a record that is and stays locked, with what it refers to afterwards."""
    if change.action not in (Action.UNCHANGED, Action.DRIFT, Action.UPDATE, Action.MOVE):
        return change
    row = case.rows.by_id(entry.upstream_id) if not is_recently_written(case, entry) else None
    sent = [each.path for each in change.fields] if change.action is Action.UPDATE else ()
    return replace(change, refers_to=refers_to(case.state, entry, case.record, row, sent=sent))


def _relocked(change: Change, entry: LockEntry, record: DesiredRecord, notes: Notes) -> Change:
    """The change, which writes the entry anew where something else is declared of the record's removal by now."""
    after = under(entry, record.lifecycle, depends_on=refers_now(change))
    if after == entry or change.action in (Action.CREATE, Action.ADOPT, Action.MOVE):
        return change
    words = removal_words(entry, after)
    notes.note_relocked(change.set_name, change.address, words)
    reason = f"{change.reason}; what is locked of its removal changes: {', '.join(words)}"
    return replace(change, relocks=True, reason=reason)


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


def _unsettled(state: PlanningState) -> list[Change]:
    """Open attempts of addresses that are neither declared nor locked."""
    known = state.inputs.lockfile.entries
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
        if address not in state.declared and address not in known and state.inputs.selects(None, address)
    ]
