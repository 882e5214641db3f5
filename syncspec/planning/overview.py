"""Findings about a whole plan: collections, fields that nobody shows, and what is locked but no longer declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncspec.diagnostics import Diagnostic, Severity, Source, did_you_mean
from syncspec.planning.notes import counted, listed
from syncspec.planning.plan import Action, Change
from syncspec.planning.rules import Rule
from syncspec.planning.state import PlanningState
from syncspec.records import Absence, DesiredSet, Observation

__all__ = ["overview"]


def overview(state: PlanningState, changes: Sequence[Change]) -> Iterator[Diagnostic]:
    """The diagnostics of a plan that belong to no single record."""
    created = {change.target.place for change in changes if change.action is Action.CREATE}
    for rows in state.places.values():
        seen = rows.observation
        if not seen.readable:
            yield _unreadable(seen)
        elif seen.absence is Absence.ASSUMED and seen.target.place in created:
            yield _assumed(seen)
    for record_set in state.inputs.sets:
        yield from _unseen_fields(state, record_set)
    yield from _undeclared_attempts(state)
    yield from _undeclared(state, changes)


def _unreadable(seen: Observation) -> Diagnostic:
    return Diagnostic(
        severity=Severity.WARNING,
        code="unreadable",
        summary="A collection could not be read",
        detail=(
            f"{seen.target.collection_id} of {seen.target.upstream}: {seen.reason}. "
            "Its records are blocked; none of them counts as missing."
        ),
        hint="plan again; `syncspec doctor` checks URL, token and sync",
    )


def _assumed(seen: Observation) -> Diagnostic:
    return Diagnostic(
        severity=Severity.WARNING,
        code="absence-assumed",
        summary="Absence is assumed, not proved",
        detail=(
            f"{seen.target.collection_id} of {seen.target.upstream}: {seen.reason}. "
            "Records that its list does not show are taken to be absent."
        ),
        hint="where the list is known to be whole, set assume_complete: true on the upstream",
    )


def _unseen_fields(state: PlanningState, record_set: DesiredSet) -> Iterator[Diagnostic]:
    """One warning per declared field that no live row of a collection with rows shows."""
    rows = state.rows_of(record_set)
    if rows is None or not rows.observation.live_rows:
        return
    unseen: dict[str, Source] = {}
    known = rows.fields
    for record in record_set.records:
        names_here = record.data.keys() | record.deferred.keys() if record.deferred else record.data.keys()
        if names_here <= known or not state.inputs.selects(record_set, record.address):
            continue
        for name in names_here:
            if name not in known:
                unseen[name] = min(record.source, unseen.get(name, record.source))
    names = sorted(known)
    for name, source in sorted(unseen.items()):
        yield Diagnostic(
            severity=Severity.WARNING,
            code="field-not-seen",
            summary="A declared field is in no upstream record",
            detail=(
                f'{record_set.name}: no record of {record_set.target.collection_id} shows "{name}". '
                "It may be misspelt, not readable with this token, or empty everywhere."
            ),
            source=source,
            hint=did_you_mean(name, names),
        )


def _undeclared_attempts(state: PlanningState) -> Iterator[Diagnostic]:
    addresses = [address for address in state.attempts if address not in state.declared]
    if addresses:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="open-attempt",
            summary="What became of records that are no longer declared is not settled",
            detail=(
                f"{counted(len(addresses), 'record')} ({listed(addresses)}) may exist upstream. "
                "What would create the like of it waits."
            ),
            hint="declare them again until they are settled",
        )


_UNDECLARED = {
    Rule.RETAINED: ("Locked records are no longer declared", "kept upstream and in the lockfile."),
    Rule.RELEASED: (
        "Locked records are no longer declared",
        "not created here, so that on_remove: delete leaves them upstream; delete_adopted: true would not.",
    ),
    Rule.GONE: ("Locked records are deleted upstream", "no longer declared; their entries are dropped."),
}


def _undeclared(state: PlanningState, changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """One note for each thing that becomes of records that are no longer declared without a request."""
    found: dict[str, list[str]] = {}
    for change in changes:
        found.setdefault(change.code, []).append(change.address)
    for rule, (summary, what) in _UNDECLARED.items():
        addresses = found.get(rule.value)
        if addresses:
            yield Diagnostic(
                severity=Severity.NOTE,
                code=rule.value,
                summary=summary,
                detail=f"{counted(len(addresses), 'record')} ({listed(addresses)}): {what}{_left(state, addresses)}",
            )


def _left(state: PlanningState, addresses: Iterable[str]) -> str:
    """Which of the records' sets are declared for other environments only."""
    names = sorted({name for each in addresses if state.inputs.is_elsewhere(name := each.partition(".")[0])})
    if not names:
        return ""
    sets = f"The set {names[0]} is" if len(names) == 1 else f"The sets {', '.join(names)} are"
    return f" {sets} not in environment {state.inputs.environment} any more."
