"""Which locked records may be what a manifest declares under another name, whatever becomes of that declaration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncspec.lockfile import LockEntry
from syncspec.planning.looked_up import LookedUp
from syncspec.planning.plan import Change
from syncspec.planning.state import Place, PlaceRows, PlanningState
from syncspec.records import DesiredRecord, DesiredSet
from syncspec.values import short_id

__all__ = ["Claims", "claims_of"]

_Claim = tuple[Place, str]


@dataclass(frozen=True, slots=True)
class Claims:
    """The addresses that may be one record, by place and short ID, and why nothing of a place is deleted at all."""

    addresses: Mapping[_Claim, frozenset[str]] = field(default_factory=dict)
    unsure: Mapping[Place, str] = field(default_factory=dict)

    def on(self, entry: LockEntry) -> list[str]:
        """The other addresses that the entry's record may be declared or looked up under, sorted."""
        found = self.addresses.get((entry.target.place, short_id(entry.upstream_id)), frozenset[str]())
        return sorted(found - {entry.address})

    def why_unsure(self, entry: LockEntry) -> str | None:
        """Why it cannot be told whether the record is declared under another name."""
        return self.unsure.get(entry.target.place)


def claims_of(
    state: PlanningState,
    decided: Mapping[str, Change] | None = None,
    *,
    selected: Collection[str] = (),
    looked_up: LookedUp | None = None,
) -> Claims:
    """What declared and looked-up records claim: by an ID, a former address, a key or a marker.

    `decided` are the changes of all declared records, `selected` those addresses that are carried out; without them
    only what the manifests say counts.
    """
    changes = decided or {}
    found: dict[_Claim, set[str]] = defaultdict(set)
    unsure: dict[Place, str] = {}
    for record_set in state.inputs.sets:
        place = record_set.target.place
        for declared in record_set.records:
            change = changes.get(declared.address)
            record = change.desired if change is not None and change.desired is not None else declared
            ids = _ids(state, record_set, record, change)
            for upstream_id in ids:
                found[(place, short_id(upstream_id))].add(record.address)
            for entry in _entries(state, record):
                found[(entry.target.place, short_id(entry.upstream_id))].add(record.address)
            waits = change is not None and bool(change.waits_for) and record.address in selected
            if not ids and not waits and _key_is_open(state, record_set, record):
                reason = f"{record.address} is not locked, and its key holds an ID that is not known"
                unsure.setdefault(place, reason)
    for address, claim in _looked_up(state):
        found[claim].add(address)
    if looked_up is not None:
        unsure |= _not_found(state, looked_up)
    return Claims({claim: frozenset(addresses) for claim, addresses in found.items()}, unsure)


def _ids(state: PlanningState, record_set: DesiredSet, record: DesiredRecord, change: Change | None) -> set[str]:
    """The IDs in the set's own place that may be the record."""
    found = {record.upstream_id, *((change.upstream_id, *change.upstream_ids) if change is not None else ())} - {None}
    entry, rows = state.inputs.lockfile.entries.get(record.address), state.rows_of(record_set)
    row = rows.by_id(entry.upstream_id) if entry is not None and rows is not None else None
    if entry is None or (row is not None and row.deleted):
        found |= {each.upstream_id for each in state.locked_alike(record_set, record)}
        found |= _matching(rows, record_set, record) if rows is not None else set()
    return {each for each in found if each is not None}


def _matching(rows: PlaceRows, record_set: DesiredSet, record: DesiredRecord) -> set[str]:
    """Live rows with the record's marker or key; where none has the key, those that look like it."""
    found: list[str] = []
    if record_set.marker_field is not None and record.marker is not None:
        found += [row.upstream_id for row in rows.by_marker(record_set.marker_field, record.marker)]
    if record.key is not None:
        keyed = rows.by_key(record_set, record.key.strict) or rows.by_loose_key(record_set, record.key.loose)
        found += [row.upstream_id for row in keyed]
    return set(found)


def _entries(state: PlanningState, record: DesiredRecord) -> Iterator[LockEntry]:
    """The record's own entry, and those of the addresses that it was declared under, wherever they are."""
    locked = state.inputs.lockfile.entries
    return (locked[address] for address in (record.address, *record.former) if address in locked)


def _key_is_open(state: PlanningState, record_set: DesiredSet, record: DesiredRecord) -> bool:
    """Whether the record may be any of its collection, for its key cannot be told yet."""
    locked = record.address in state.inputs.lockfile.entries
    return not locked and record.key is None and not set(record_set.match_on).isdisjoint(record.unbound)


def _looked_up(state: PlanningState) -> Iterator[tuple[str, _Claim]]:
    """Every record that a lookup finds, or that looks like what it does not find, with the address of the lookup."""
    for lookups in state.inputs.lookups:
        rows = state.rows_of(lookups)
        for lookup in lookups.records if rows is not None else ():
            assert rows is not None
            alike: Sequence[str] = [
                row.upstream_id
                for row in rows.by_key(lookups, lookup.key.strict) or rows.by_loose_key(lookups, lookup.key.loose)
            ]
            for upstream_id in alike:
                yield lookup.address, (lookups.target.place, short_id(upstream_id))


def _not_found(state: PlanningState, looked_up: LookedUp) -> dict[Place, str]:
    return {
        lookups.target.place: f"{lookup.address} is looked up there and not found: {looked_up.missing[lookup.address]}"
        for lookups in state.inputs.lookups
        for lookup in lookups.records
        if lookup.address in looked_up.missing
    }
