"""Plan the removal of all that we created, whether it is declared or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.lockfile import LockEntry, Origin, under
from syncspec.planning.claims import Claims, claims_of
from syncspec.planning.deletion_order import in_order
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.notes import counted, listed
from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.removal import Removal, is_ours
from syncspec.planning.rules import Rule
from syncspec.planning.state import PlanningState
from syncspec.planning.whole import plan_of
from syncspec.records import Declared, DesiredSet

__all__ = ["as_declared", "plan_destruction", "still_declared"]


def plan_destruction(inputs: PlanningInput) -> Plan:
    """Delete every selected locked record that we created and that is not protected; pure, like all planning.

    What was adopted stays, unless delete_adopted says that it need not. What was declared under `on_remove: keep` goes,
    too: that speaks of declarations that vanish, and here somebody asks.
    """
    state = PlanningState(inputs)
    sets = {record_set.name: record_set for record_set in inputs.sets}
    declared = {record.address: (each, record) for each in inputs.sets for record in each.records}
    claims = claims_of(state)
    changes: dict[str, Change] = {}
    for address, entry in inputs.lockfile.entries.items():
        found = declared.get(address)
        if inputs.selects(found[0] if found is not None else None, address):
            record_set = found[0] if found is not None else sets.get(address.partition(".")[0])
            changes[address] = _decide(state, as_declared(entry, declared, claims), record_set, address in declared)
    ordered = in_order(changes, inputs.lockfile.entries, declared={}, selected=())
    return plan_of(state, ordered.values(), still_declared(ordered.values(), declared))


def as_declared(entry: LockEntry, declared: Mapping[str, Declared], claims: Claims) -> LockEntry:
    """The entry with what is declared of its record's removal now; nothing takes a protection away on the way.

    A protection counts under every name that the record may be declared by, though it was not renamed yet.
    """
    found = declared.get(entry.address)
    names = [name for name in (entry.address, *claims.on(entry)) if name in declared]
    protect = entry.protect or any(declared[name][1].lifecycle.protect is True for name in names)
    return replace(under(entry, found[1].lifecycle) if found is not None else entry, protect=protect)


def _decide(state: PlanningState, entry: LockEntry, record_set: DesiredSet | None, is_declared: bool) -> Change:
    why = (
        "it was created by syncspec"
        if entry.origin is Origin.CREATED
        else f"it was {entry.origin}; delete_adopted is set"
    )
    if is_declared:
        why = f"{why}; it is still declared, so that the next apply creates it again"
    removal = Removal(state, entry, record_set, why)
    waiting = removal.waiting()
    if waiting is not None:
        return waiting
    if not is_ours(entry):
        reason = f"it was {entry.origin}, not created; it stays upstream and locked"
        return removal.change(Action.UNCHANGED, Rule.RELEASED, reason)
    return removal.decide()


def still_declared(changes: Iterable[Change], declared: Mapping[str, Declared]) -> Iterator[Diagnostic]:
    """Say of records that are deleted although they are declared that the next apply creates them again."""
    addresses = [change.address for change in changes if change.action is Action.DELETE and change.address in declared]
    if addresses:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="still-declared",
            summary="Records are deleted that are still declared",
            detail=f"{counted(len(addresses), 'record')} ({listed(addresses)}): the next apply creates them again.",
            hint="take them out of the manifests, too, where they are to stay away",
        )
