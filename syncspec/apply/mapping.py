"""Tell which record of an answer is which of the records that were sent. Pure, and never by position alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from syncspec.keys import loose_key_of, strict_key_of
from syncspec.lockfile import FieldDigests, LockEntry
from syncspec.records import Data, DesiredRecord, FieldRules, Json, Lens, ObservedRecord
from syncspec.values import equal, short_id

__all__ = ["Mapped", "SentRecord", "map_answer", "map_by_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRecord:
    """A record as it was sent: its declaration, the wire's data, and how its set tells records apart.

    A record that is deleted has no declaration. `before`: what an update overwrites, sensitive fields left out.
    `hidden`: what the upstream shows of its sensitive fields; `opaque`: nobody tells which of its fields those are.
    `after` are addresses of which each must have succeeded before; `refers_to` those that a changed record refers
    to then.
    `key_secret` keys the digests of its match key, where that is sensitive, and `key_id` names it. `sent` holds the
    digests of the fields that are sent; `lens` is how the record is recognised later. `locked` is the entry of the
    record that is changed or deleted, `replaces` that of a deleted record in whose place another one is created.
    """

    desired: DesiredRecord | None
    wire: Data = field(default_factory=dict, repr=False)
    match_on: tuple[str, ...] = ()
    marker_field: str | None = None
    rules: FieldRules = field(default_factory=FieldRules)
    key_secret: bytes | None = field(default=None, repr=False)
    key_id: str | None = None
    lens: Lens | None = None
    sent: Mapping[str, FieldDigests] = field(default_factory=dict)
    locked: LockEntry | None = None
    replaces: LockEntry | None = None
    before: Data = field(default_factory=dict)
    hidden: Data = field(default_factory=dict, repr=False)
    opaque: bool = False
    after: tuple[str, ...] = ()
    refers_to: tuple[str, ...] | None = None

    @property
    def address(self) -> str:
        if self.desired is not None:
            return self.desired.address
        assert self.locked is not None
        return self.locked.address

    @property
    def secrets(self) -> list[tuple[str, Json]]:
        """All sensitive values that an answer may quote, by field: what is sent, declared, or shown upstream."""
        known = [*self.wire.items(), *(self.desired.data.items() if self.desired is not None else ())]
        return [*((name, value) for name, value in known if self.rules.rule(name).sensitive), *self.hidden.items()]

    @property
    def upstream_id(self) -> str | None:
        """The record that is changed or deleted; None where one is created."""
        return self.locked.upstream_id if self.locked is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """`pairs` by address; `unmapped` addresses have one of the `candidates`, or none of them."""

    pairs: dict[str, ObservedRecord]
    unmapped: tuple[str, ...]
    candidates: tuple[ObservedRecord, ...]


Readers = tuple[Callable[[SentRecord], str | None], Callable[[ObservedRecord], str | None]]
Rung = Callable[[SentRecord], Readers]
"""Gives the value by which records of one set are compared, for a record that was sent and for a row."""


def map_answer(
    sent: Sequence[SentRecord], returned: Sequence[ObservedRecord], *, taken: Collection[str] = ()
) -> Mapped:
    """Pair by marker, strict key, unique loose key, equal data, and elimination of the last one on both sides.

    `taken` are upstream IDs that other addresses hold: an answer that carries one is no proof of a creation, so
    such a row pairs with nothing and stays a candidate. Equal rows of one ID count once; an ID with
    two different rows is nobody's.
    """
    by_id = {row.upstream_id: row for row in returned}
    doubtful = {row.upstream_id for row in returned if row.data != by_id[row.upstream_id].data}
    free = {
        upstream_id: row
        for upstream_id, row in by_id.items()
        if upstream_id not in taken and upstream_id not in doubtful and not row.deleted
    }
    open_sent = {record.address: record for record in sent}
    pairs: dict[str, ObservedRecord] = {}
    for rung in (_by_marker, _by_strict_key, _by_loose_key):
        _pair_unique(open_sent, free, pairs, rung)
    _pair_equal_data(open_sent, free, pairs)
    if len(open_sent) == len(free) == 1 and len(by_id) == len(sent):
        _pair(open_sent, free, pairs, next(iter(open_sent)), next(iter(free)))
    used = {row.upstream_id for row in pairs.values()}
    candidates = tuple(row for upstream_id, row in sorted(by_id.items()) if upstream_id not in used)
    return Mapped(pairs=pairs, unmapped=tuple(sorted(open_sent)), candidates=candidates)


def map_by_id(sent: Sequence[SentRecord], returned: Sequence[ObservedRecord]) -> dict[str, ObservedRecord]:
    """Pair the records of an update by their upstream IDs, by address; those that the answer lacks are left out.

    Of an ID with several rows the last one counts. A row that says that its record is deleted pairs with nothing.
    """
    rows = {short_id(row.upstream_id): row for row in returned}
    pairs = ((record.address, rows.get(short_id(record.upstream_id or ""))) for record in sent)
    return {address: row for address, row in pairs if row is not None and not row.deleted}


def _pair(
    open_sent: dict[str, SentRecord],
    free: dict[str, ObservedRecord],
    pairs: dict[str, ObservedRecord],
    address: str,
    upstream_id: str,
) -> None:
    del open_sent[address]
    pairs[address] = free.pop(upstream_id)


def _by_marker(first: SentRecord) -> Readers:
    name = first.marker_field

    def shown(row: ObservedRecord) -> str | None:
        value = row.data.get(name) if name is not None else None
        return value if isinstance(value, str) and value else None

    return (lambda record: record.desired.marker if name is not None and record.desired else None), shown


def _by_strict_key(first: SentRecord) -> Readers:
    key_of = strict_key_of(first.match_on, first.rules)
    return (lambda record: key_of(record.wire)), (lambda row: key_of(row.data))


def _by_loose_key(first: SentRecord) -> Readers:
    key_of = loose_key_of(first.match_on, first.rules)
    return (lambda record: key_of(record.wire)), (lambda row: key_of(row.data))


def _pair_unique(
    open_sent: dict[str, SentRecord],
    free: dict[str, ObservedRecord],
    pairs: dict[str, ObservedRecord],
    rung: Rung,
) -> None:
    """Pair where exactly one record and exactly one row share a value. Sets that read rows differently stay apart."""
    lenses: dict[Hashable, list[SentRecord]] = defaultdict(list)
    for record in open_sent.values():
        lenses[(record.match_on, record.marker_field, id(record.rules))].append(record)
    matches: list[tuple[str, str]] = []
    for records in lenses.values():
        of_sent, of_row = rung(records[0])
        ours = _grouped((of_sent(record), record.address) for record in records)
        theirs = _grouped((of_row(row), upstream_id) for upstream_id, row in free.items())
        matches += [
            (addresses[0], theirs[value][0])
            for value, addresses in ours.items()
            if len(addresses) == 1 and len(theirs.get(value, ())) == 1
        ]
    claims = _grouped((upstream_id, address) for address, upstream_id in matches)
    for address, upstream_id in matches:
        if len(claims[upstream_id]) == 1:
            _pair(open_sent, free, pairs, address, upstream_id)


def _grouped(items: Iterable[tuple[Hashable | None, str]]) -> dict[Hashable, list[str]]:
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for value, name in items:
        if value is not None:
            groups[value].append(name)
    return groups


def _pair_equal_data(
    open_sent: dict[str, SentRecord], free: dict[str, ObservedRecord], pairs: dict[str, ObservedRecord]
) -> None:
    """Pair groups of records with identical data: which of them gets which ID makes no difference.

    A group pairs only where it has as many rows as records, and no row equals the data of two groups.
    """
    groups: dict[str, list[SentRecord]] = defaultdict(list)
    for record in open_sent.values():
        groups[_payload(record)].append(record)
    rows_of = {
        payload: [upstream_id for upstream_id, row in free.items() if _shows(records[0], row)]
        for payload, records in groups.items()
    }
    claims = _grouped((upstream_id, payload) for payload, rows in rows_of.items() for upstream_id in rows)
    for payload, records in groups.items():
        rows = sorted(rows_of[payload])
        if len(rows) == len(records) and all(len(claims[upstream_id]) == 1 for upstream_id in rows):
            for record, upstream_id in zip(sorted(records, key=lambda item: item.address), rows, strict=True):
                _pair(open_sent, free, pairs, record.address, upstream_id)


def _payload(record: SentRecord) -> str:
    return repr(sorted((name, repr(value)) for name, value in record.wire.items()))


def _shows(record: SentRecord, row: ObservedRecord) -> bool:
    """Whether the row holds every field that was sent, with an equal value; a row that shows none proves nothing."""
    return bool(record.wire) and all(
        name in row.data and _same(value, row.data[name], name, record.rules) for name, value in record.wire.items()
    )


def _same(sent: Json, shown: Json, name: str, rules: FieldRules) -> bool:
    return equal(sent, shown, rules.rule(name), scalars_as_text=rules.scalars_as_text)
