"""What a 2xx answer says of each record of its request. Pure: an answer in, outcomes and reports out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import assert_never

from syncspec.apply.attempts import AttemptOutcome
from syncspec.apply.delivery import Delivery
from syncspec.apply.entries import EntryMaker
from syncspec.apply.mapping import map_answer, map_by_id
from syncspec.apply.report import RecordOutcome
from syncspec.apply.states import AttemptState
from syncspec.records import ObservedRecord
from syncspec.upstream.protocol import MutationKind
from syncspec.values import short_id

__all__ = ["Told", "read_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One record's outcome, as it is recorded and as it is reported; `candidates` are IDs that may be its own."""

    outcome: AttemptOutcome
    reported: RecordOutcome
    upstream_id: str | None = None
    candidates: tuple[str, ...] = ()


def read_answer(
    delivery: Delivery, rows: Sequence[ObservedRecord], *, taken: Collection[str], entries: EntryMaker
) -> list[Told]:
    """Tell what became of every record of a delivery; `taken` are IDs that cannot be a creation's."""
    match delivery.kind:
        case MutationKind.CREATE:
            return _created(delivery, rows, taken, entries)
        case MutationKind.UPDATE:
            return _updated(delivery, rows, entries)
        case MutationKind.DELETE:
            return _deleted(delivery, rows)
        case _ as unreachable:
            assert_never(unreachable)


def _created(
    delivery: Delivery, rows: Sequence[ObservedRecord], taken: Collection[str], entries: EntryMaker
) -> list[Told]:
    """What cannot be mapped is kept with all candidates and never sent again."""
    mapped = map_answer(delivery.records, rows, taken=taken)
    ids = tuple(row.upstream_id for row in mapped.candidates)
    lost = "answered 2xx, but the answer holds no ID that could be this record's"
    if ids:
        count = "the ID" if len(ids) == 1 else f"none of the {len(ids)} IDs"
        is_told = "could not be told" if len(ids) == 1 else "could be told"
        lost = f"answered 2xx, but {count} left over {is_told} to be this record's"
    told = []
    for record in delivery.records:
        row = mapped.pairs.get(record.address)
        if row is None:
            told.append(_unmapped(record.address, lost, candidates=ids))
        else:
            entry = entries.created(record, delivery.target, row)
            outcome = AttemptOutcome(
                address=record.address, state=AttemptState.APPLIED, entry=entry, replaces=record.replaces
            )
            told.append(Told(outcome=outcome, reported=RecordOutcome.CREATED, upstream_id=entry.upstream_id))
    return told


def _updated(delivery: Delivery, rows: Sequence[ObservedRecord], entries: EntryMaker) -> list[Told]:
    """An answer says of the records that it names that they were updated, and of others nothing."""
    pairs = map_by_id(delivery.records, rows)
    told = []
    for record in delivery.records:
        row = pairs.get(record.address)
        if row is None:
            lost = f"answered 2xx, but the answer does not name {record.upstream_id}"
            told.append(_unmapped(record.address, lost))
        else:
            entry = entries.updated(record, row)
            outcome = AttemptOutcome(address=record.address, state=AttemptState.APPLIED, entry=entry)
            told.append(Told(outcome=outcome, reported=RecordOutcome.UPDATED, upstream_id=entry.upstream_id))
    return told


def _deleted(delivery: Delivery, rows: Sequence[ObservedRecord]) -> list[Told]:
    """The records are deleted, whatever the rows show of them; an answer that names some says nothing of the others."""
    named = {short_id(row.upstream_id) for row in rows}
    told = []
    for record in delivery.records:
        if named and short_id(record.upstream_id or "") not in named:
            lost = f"answered 2xx, but the answer names other records and not {record.upstream_id}"
            told.append(_unmapped(record.address, lost))
        else:
            outcome = AttemptOutcome(address=record.address, state=AttemptState.APPLIED, removes=record.locked)
            told.append(Told(outcome=outcome, reported=RecordOutcome.DELETED, upstream_id=record.upstream_id))
    return told


def _unmapped(address: str, message: str, *, candidates: tuple[str, ...] = ()) -> Told:
    outcome = AttemptOutcome(address=address, state=AttemptState.UNMAPPED, message=message)
    return Told(outcome=outcome, reported=RecordOutcome.UNKNOWN, candidates=candidates)
