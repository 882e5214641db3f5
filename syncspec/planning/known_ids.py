"""Puts IDs that are known into the values of records that refer to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from syncspec.deferred import IdOf, is_deferred, leaves, replaced
from syncspec.keys import match_key
from syncspec.lockfile import LockEntry
from syncspec.records import Data, DesiredRecord, DesiredSet

__all__ = ["bound", "bound_sets", "has_references", "locked_ids", "needed_by", "with_expressions", "without"]


def bound(record_set: DesiredSet, record: DesiredRecord, ids: Mapping[IdOf, str]) -> DesiredRecord:
    """The record with the known IDs in its values, and with its key where that can be told by now."""
    if not record.deferred:
        return record
    values = {name: replaced(value, lambda leaf: ids.get(leaf, leaf)) for name, value in record.deferred.items()}
    known = {name: value for name, value in values.items() if not is_deferred(value)}
    data = {**{name: value for name, value in record.data.items() if name not in values}, **known}
    key = record.key
    if not record.deferred.keys().isdisjoint(record_set.match_on):
        key = match_key(data, record_set.match_on, record_set.rules)
    return replace(record, data=data, key=key)


def without(record: DesiredRecord, names: Collection[str]) -> DesiredRecord:
    """The record as it was before these of its fields were bound."""
    return replace(record, data={name: value for name, value in record.data.items() if name not in names})


def with_expressions(record: DesiredRecord, *, bound_too: bool = False) -> Data:
    """All that is declared of a record, with expressions in the place of values that are not known yet.

    `bound_too`: and in the place of those that are known by now, as the manifest has them.
    """
    if not record.deferred:
        return record.data
    names = record.deferred if bound_too else record.unbound
    return {**record.data, **{name: replaced(record.deferred[name], str) for name in names}}


def has_references(sets: Iterable[DesiredSet]) -> bool:
    """Whether any record refers to another one."""
    return any(record.needs or record.lookups for each in sets for record in each.records)


def locked_ids(sets: Sequence[DesiredSet], entries: Mapping[str, LockEntry]) -> dict[IdOf, str]:
    """The IDs that values may hold and that are locked, in the collection in which their record is declared."""
    wanted = {
        leaf.address
        for each in sets
        for record in each.records
        for value in record.deferred.values()
        for leaf in leaves(value)
        if isinstance(leaf, IdOf) and not leaf.looked_up
    }
    if not wanted:
        return {}
    places = {record.address: each.target.place for each in sets for record in each.records if record.address in wanted}
    return {
        IdOf(address): entries[address].upstream_id
        for address, place in places.items()
        if address in entries and entries[address].target.place == place
    }


def bound_sets(
    sets: Sequence[DesiredSet], ids: Mapping[IdOf, str], *, instead: Mapping[str, DesiredRecord] | None = None
) -> Sequence[DesiredSet]:
    """The sets with known IDs in their records' values; `instead` are records that are bound already, by address."""
    put = instead or {}
    made = []
    for record_set in sets:
        if any(record.deferred for record in record_set.records):
            records = [put.get(record.address) or bound(record_set, record, ids) for record in record_set.records]
            record_set = replace(record_set, records=tuple(records))
        made.append(record_set)
    return made


def needed_by(sets: Iterable[DesiredSet], addresses: Collection[str]) -> set[str]:
    """The records that these refer to, directly or through others; those that are looked up are not among them."""
    needs = {record.address: record.needs for each in sets for record in each.records if record.needs}
    found: set[str] = set()
    todo = [other for address in addresses for other in needs.get(address, ())]
    while todo:
        address = todo.pop()
        if address not in found:
            found.add(address)
            todo += needs.get(address, ())
    return found
