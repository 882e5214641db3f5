"""Checks that need all sets of a project: what may exist only once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import TypeAlias

from syncspec.deferred import replaced
from syncspec.keys import match_key
from syncspec.manifests.documents import Document
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_sets import LoadedSet
from syncspec.records import Declared, DesiredRecord, DesiredSet, FieldRule, FieldType, Json, MatchKey
from syncspec.values import canonical

__all__ = ["check_keys", "check_names", "check_upstream_ids"]

_LONGEST_SHOWN = 60
_Key: TypeAlias = tuple[tuple[str, str, str], str]
_ID = FieldRule(type=FieldType.ID)


def check_names(named: Iterable[tuple[str, Document]], problems: Problems) -> None:
    """Report every set whose name another one has."""
    first: dict[str, Document] = {}
    for name, document in named:
        other = first.setdefault(name, document)
        if other is not document:
            place = other.value_source(("metadata", "name"))
            problems.add(
                document,
                path=("metadata", "name"),
                code="duplicate-set",
                summary="Two sets have the same name",
                detail=f'"{shortened(name)}" is also the name of the set at {place}.',
                hint="rename one of the two",
            )


def check_keys(sets: Iterable[LoadedSet], problems: Problems) -> None:
    """Report every record that an upstream could take for another declared one, within one place and across sets."""
    first: dict[_Key, Declared] = {}
    known: dict[_Key, set[str]] = {}
    for loaded, record, place in _records(sets):
        desired = loaded.desired
        own = record.key or (_symbolic_key(desired, record) if record.deferred else None)
        if own is None:
            continue
        key = (place, own.loose)
        other_set, other = first.setdefault(key, (desired, record))
        if other is record or _is_known(known, key, other, record):
            continue
        document, path = loaded.place_of(record)
        if problems.only_counts(document):
            continue
        differs = other.key is not None and other.key.strict != own.strict
        same = "nearly the same" if differs else "the same"
        problems.add(
            document,
            path=path,
            code="duplicate-key-values",
            summary="Two records have the same match key",
            detail=f"{record.address} ({_key_shown(desired, record)}) and {other.address} "
            f"({_key_shown(other_set, other)}) at {other.source} have {same} key in {desired.target.collection_id}.",
            hint="remove one of the two, or give them values that differ",
            at="key",
            address=record.address,
        )


def _symbolic_key(desired: DesiredSet, record: DesiredRecord) -> MatchKey | None:
    """A key that is equal for two records only where their keys will be, whatever the IDs in them turn out to be."""
    data = {**record.data, **{name: replaced(value, _symbol) for name, value in record.deferred.items()}}
    return match_key(data, desired.match_on, desired.rules) if desired.match_on else None


def _symbol(leaf: object) -> str:
    return sha256(str(leaf).encode()).hexdigest()


def check_upstream_ids(sets: Iterable[LoadedSet], problems: Problems) -> None:
    """Report every record that claims an upstream ID that another one claims, within one place."""
    first: dict[_Key, DesiredRecord] = {}
    known: dict[_Key, set[str]] = {}
    for loaded, record, place in _records(sets):
        if record.upstream_id is None:
            continue
        key = (place, canonical(record.upstream_id, _ID))
        other = first.setdefault(key, record)
        if other is record or _is_known(known, key, other, record):
            continue
        document, path = loaded.place_of(record)
        problems.add(
            document,
            path=(*path, "upstream_id"),
            code="duplicate-upstream-id",
            summary="Two records claim the same upstream ID",
            detail=f"{record.address} and {other.address} at {other.source} both claim "
            f'"{shortened(record.upstream_id)}".',
            hint="remove one of the two",
            address=record.address,
        )


def _records(sets: Iterable[LoadedSet]) -> Iterator[tuple[LoadedSet, DesiredRecord, tuple[str, str, str]]]:
    """Every record with its set and its place."""
    for loaded in sets:
        place = loaded.desired.target.place
        for record in loaded.desired.records:
            yield loaded, record, place


def _is_known(known: dict[_Key, set[str]], key: _Key, other: DesiredRecord, record: DesiredRecord) -> bool:
    """Whether the address is among those of the key already: one address in two sets of one name is one clash."""
    addresses = known.setdefault(key, {other.address})
    if record.address in addresses:
        return True
    addresses.add(record.address)
    return False


def _key_shown(desired: DesiredSet, record: DesiredRecord) -> str:
    shown = []
    for name in desired.match_on:
        value = "(sensitive)" if desired.rules.rule(name).sensitive else _quoted(_declared(record, name))
        shown.append(f"{shortened(name)}: {value}")
    return ", ".join(shown)


def _declared(record: DesiredRecord, name: str) -> Json:
    value: Json = replaced(record.deferred[name], str) if name in record.deferred else record.data.get(name)
    return value


def _quoted(value: Json) -> str:
    """The value as JSON writes it, so that spaces at its ends can be seen."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
