"""Decides for records that refer to others: each after those that it needs, and with their IDs where these are known.

A record whose parent is created in the same plan is decided from what is known of it, and waits: `waits_for` names the
parents. It is decided once more when they are done. A parent of which it is not certain that it exists, and as which
record, holds its dependents back; one whose ID stands does not, whatever else is the matter with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from syncspec.deferred import IdOf
from syncspec.lockfile import LockEntry
from syncspec.planning.fields import unknown_fields
from syncspec.planning.known_ids import bound
from syncspec.planning.looked_up import LookedUp
from syncspec.planning.plan import LOCKS, Action, Change, FieldChange, Reference
from syncspec.planning.referring import refers_to
from syncspec.planning.rules import Rule
from syncspec.planning.state import Place, PlanningState
from syncspec.planning.wording import blocked
from syncspec.records import Declared, DesiredRecord, DesiredSet
from syncspec.upstream.protocol import MutationKind

__all__ = ["Dependents"]

Decide = Callable[[DesiredSet, DesiredRecord], Change]

_ID_STANDS = frozenset({Rule.CONFLICT.value, Rule.DRIFT_REFUSED.value, Rule.KEY_TAKEN.value})
"""What blocks a locked record without putting its ID in doubt."""

_AS_FAR_AS_KNOWN = frozenset({Action.UNCHANGED, Action.DRIFT, Action.UPDATE})


@dataclass(frozen=True, slots=True)
class _Parent:
    """What is known of a record that others refer to: its ID, whether it is made first, and what holds them back."""

    address: str
    upstream_id: str | None = None
    comes_first: bool = False
    hindrance: str | None = None


class Dependents:
    """The records of a plan that refer to others. `decided` holds the changes of all records, and is added to."""

    def __init__(
        self,
        state: PlanningState,
        waiting: Mapping[str, Declared],
        decided: dict[str, Change],
        *,
        selected: Collection[str],
        looked_up: LookedUp,
    ) -> None:
        self._state, self._waiting, self._decided = state, waiting, decided
        self._selected, self._looked_up = selected, looked_up
        graph = {
            address: [need for need in waiting[address][1].needs if need in waiting] for address in sorted(waiting)
        }
        self._order = list(TopologicalSorter(graph).static_order())

    def decide(self, decide: Decide) -> None:
        """Decide every one of them."""
        for address in self._order:
            record_set, record = self._waiting[address]
            parents = self._parents(record)
            ids = {IdOf(each.address): each.upstream_id for each in parents if each.upstream_id is not None}
            made = bound(record_set, record, {**self._looked_up.ids, **ids})
            self._decided[address] = self._decision(record_set, made, parents, decide)

    def hold_back(self) -> None:
        """Block what would be done to a record whose parent turned out to be blocked after it was decided."""
        for address in self._order:
            record_set, record = self._waiting[address]
            change = self._decided[address]
            if change.is_sent or change.action in LOCKS:
                desired = change.desired or record
                self._decided[address] = self._held_back(record_set, desired, change, self._parents(record))

    def refuse_equal_keys(self) -> None:
        """Of records that turn out to have the same key none is created: IDs can make keys equal."""
        created: dict[tuple[Place, str], list[Change]] = defaultdict(list)
        for change in self._decided.values():
            if change.action is Action.CREATE and change.desired is not None and change.desired.key is not None:
                created[(change.target.place, change.desired.key.loose)].append(change)
        for alike in created.values():
            names = sorted(change.address for change in alike)
            for change in alike if len(alike) > 1 else ():
                others = " and ".join(name for name in names if name != change.address)
                reason = f"it has the same match key as {others}; one upstream record belongs to one address"
                self._decided[change.address] = replace(
                    change,
                    action=Action.BLOCKED,
                    code=Rule.SAME_KEY.value,
                    reason=reason,
                    absence=None,
                    resend=None,
                    waits_for=(),
                    wave=0,
                )

    def _decision(
        self, record_set: DesiredSet, record: DesiredRecord, parents: list[_Parent], decide: Decide
    ) -> Change:
        change = decide(record_set, record)
        entry = self._state.inputs.lockfile.entries.get(record.address)
        if record.unbound and change.action in _AS_FAR_AS_KNOWN and entry is not None:
            change = self._with_unknown(record_set, record, change, entry)
        change = replace(change, references=self._references(record, parents))
        return self._held_back(record_set, record, change, parents)

    def _with_unknown(self, record_set: DesiredSet, record: DesiredRecord, change: Change, entry: LockEntry) -> Change:
        """A locked record that will hold the ID of another one: an update, whatever else is the matter with it."""
        rows = self._state.rows_of(record_set)
        row = rows.by_id(entry.upstream_id) if rows is not None else None
        if row is None or row.deleted:
            return change
        added: list[FieldChange] = unknown_fields(record_set, record, row)
        if not added:
            return change
        names = ", ".join(sorted(each.path for each in added))
        also = f"; {change.reason}" if change.action is not Action.UNCHANGED else ""
        sent = change.fields if change.action is Action.UPDATE else ()
        fields = tuple(sorted([*sent, *added], key=lambda each: each.path))
        return replace(
            change,
            action=Action.UPDATE,
            code=Rule.CHANGED.value,
            reason=f"{names} will hold an ID that is known after apply{also}",
            fields=fields,
            observed=row,
            refers_to=refers_to(self._state, entry, record, row, sent=[each.path for each in fields]),
        )

    def _held_back(
        self, record_set: DesiredSet, record: DesiredRecord, change: Change, parents: list[_Parent]
    ) -> Change:
        """The change, blocked where a parent is in its way, else waiting for those that come first."""
        acts = change.is_sent or change.action in LOCKS
        stuck = bool(record.unbound) and change.action not in (Action.BLOCKED, Action.UNKNOWN)
        hindrance = next((each.hindrance for each in parents if each.hindrance is not None), None)
        if hindrance is not None and (acts or (stuck and not any(each.comes_first for each in parents))):
            entry = self._state.inputs.lockfile.entries.get(record.address)
            known = entry.upstream_id if entry is not None else None
            made = blocked(
                record_set, record, Rule.REFERENCE_BLOCKED, hindrance, upstream_id=change.upstream_id or known
            )
            return replace(made, references=change.references)
        first = tuple(sorted(each.address for each in parents if each.comes_first))
        if not first or not (change.is_sent or (record.unbound and change.action is Action.ADOPT)):
            return change
        return replace(change, waits_for=first, wave=1 + max(self._decided[name].wave for name in first))

    def _references(self, record: DesiredRecord, parents: list[_Parent]) -> tuple[Reference, ...]:
        found = [
            Reference(address=each.address, upstream_id=each.upstream_id)
            for each in parents
            if each.address in record.needs
        ]
        ids = self._looked_up.ids
        found += [
            Reference(address=name, upstream_id=ids.get(IdOf(name, looked_up=True)), looked_up=True)
            for name in record.lookups
        ]
        return tuple(found)

    def _parents(self, record: DesiredRecord) -> list[_Parent]:
        parents = [self._parent(address, follows=address in record.follows) for address in record.needs]
        missing = self._looked_up.missing
        parents += [
            _Parent(name, hindrance=f"it refers to {name}, which is looked up: {missing[name]}")
            for name in record.lookups
            if name in missing
        ]
        return parents

    def _parent(self, address: str, *, follows: bool) -> _Parent:
        """`follows`: values of the record are repeated, so that it has to show them, and not only to exist."""
        change = self._decided[address]
        entry = self._state.inputs.lockfile.entries.get(address)
        locked = entry.upstream_id if entry is not None and entry.target.place == change.target.place else None
        failed = self._state.inputs.not_done.get(address)
        hindrance: str | None = None
        comes_first = False
        match change.action:
            case Action.CREATE:
                locked, comes_first = None, True
                hindrance = failed or self._unselected(address)
            case Action.ADOPT | Action.MOVE:
                locked, comes_first = change.upstream_id, bool(change.waits_for)
                hindrance = failed or self._unselected(address)
            case Action.UNCHANGED | Action.DRIFT:
                hindrance = failed if follows else None
            case Action.UPDATE:
                comes_first = follows and address in self._selected
                hindrance = failed if follows else None
            case Action.BLOCKED:
                stands = locked is not None and change.code in _ID_STANDS and not follows
                hindrance = None if stands else _why_blocked(change)
            case Action.UNKNOWN:
                attempts = self._state.attempts.get(address, ())
                stands = locked is not None and all(each.kind == MutationKind.UPDATE for each in attempts)
                hindrance = None if stands and not follows else "what became of it is not known"
            case Action.DELETE:
                hindrance = "it is to be deleted"
        if hindrance is not None:
            hindrance = f"it refers to {address}: {hindrance}"
        return _Parent(address, locked, comes_first and hindrance is None, hindrance)

    def _unselected(self, address: str) -> str | None:
        return None if address in self._selected else "it is not locked yet, and is left out of this plan"


def _why_blocked(change: Change) -> str:
    if change.code == Rule.REFERENCE_BLOCKED.value:
        return f"it is held back, for {change.reason}"
    return f"it is blocked ({change.code.replace('-', ' ')})"
