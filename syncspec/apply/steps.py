"""What a plan asks of a run: lock entries that need no request, and what is delivered wave by wave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from syncspec.apply.delivery import Delivery
from syncspec.apply.entries import EntryMaker
from syncspec.apply.mapping import SentRecord
from syncspec.lockfile import LockEntry, identity_of, under
from syncspec.planning.batches import change_data
from syncspec.planning.fields import differing
from syncspec.planning.plan import Action, Batch, Change, ObservationSummary, Plan
from syncspec.planning.secrecy import Secrecy
from syncspec.planning.wording import refers_now
from syncspec.records import Data, DesiredRecord, DesiredSet, FieldRules, Lens, ObservedRecord
from syncspec.upstream.protocol import MutationKind

__all__ = ["Kept", "deliveries_of", "entries_without_sending"]

Sets = Mapping[str, DesiredSet]


@dataclass(frozen=True, slots=True)
class Kept:
    """Lock entries that no request makes, and addresses that hold nothing any more.

    `replaced`: the entries of deleted records that addresses held before.
    """

    made: list[LockEntry]
    removed: list[LockEntry]
    replaced: dict[str, LockEntry]


def entries_without_sending(plan: Plan, sets: Sets, locked: Mapping[str, LockEntry], entries: EntryMaker) -> Kept:
    """What is adopted, moved, seen for the first time, or declared of removal, of all that waits for nothing."""
    made: list[LockEntry] = []
    removed = [locked[change.address] for change in plan.changes if change.drops and change.address in locked]
    for change in plan.changes:
        record_set = sets.get(change.set_name)
        if change.desired is None or record_set is None or change.waits_for:
            continue
        if change.action is Action.ADOPT and change.observed:
            names = [each.path for each in change.fields] if change.rewrites else []
            made.append(entries.adopted(change.desired, record_set, change.observed, to_write=names))
        elif change.action is Action.MOVE and change.moved_from:
            made.append(entries.moved(locked[change.moved_from], change.desired, refers_to=change.refers_to))
            removed.append(locked[change.moved_from])
        elif change.action is Action.UNCHANGED and change.observed and change.address in locked:
            agreed = _agreed(record_set, change.desired, change.observed)
            seen = entries.seen(locked[change.address], record_set.rules, change.observed, agreed=agreed)
            made.append(under(seen, change.desired.lifecycle, depends_on=refers_now(change)))
        elif change.relocks:
            made.append(under(locked[change.address], change.desired.lifecycle, depends_on=refers_now(change)))
    former = {entry.address: locked[entry.address] for entry in made if entry.address in locked}
    replaced = {entry.address: former[entry.address] for entry in made if _is_another(entry, former)}
    return Kept(made, removed, replaced)


def _is_another(entry: LockEntry, former: Mapping[str, LockEntry]) -> bool:
    return entry.address in former and identity_of(former[entry.address]) != identity_of(entry)


def _agreed(record_set: DesiredSet, desired: DesiredRecord, row: ObservedRecord) -> Data:
    """The fields that the row shows as they are declared."""
    others = {*differing(record_set, desired, row), *desired.lifecycle.ignore_changes}
    return {name: value for name, value in desired.data.items() if name not in others}


def deliveries_of(
    plan: Plan, sets: Sets, locked: Mapping[str, LockEntry], entries: EntryMaker, *, last: bool = False
) -> list[list[Delivery]]:
    """A plan's batches that can be sent as they are, wave by wave: those before the first wave that waits for others.

    `last`: those that come after the waves that wait, and do not wait themselves.
    """
    lenses = {name: record_set.lens for name, record_set in sets.items()}
    seen = {summary.target.place: summary for summary in plan.observations}
    deliveries: list[tuple[int, Delivery]] = []
    waits = {batch.wave for batch in plan.batches if any(change.waits_for for change in batch.changes)}
    first = min(waits, default=math.inf)
    chosen = [batch for batch in plan.batches if batch.wave not in waits and (batch.wave > first) is last]
    secrecy = Secrecy(keys=entries.keys)
    for batch in sorted(chosen, key=lambda batch: batch.wave):
        records = tuple(
            _deleted(sets.get(change.set_name), change, locked, secrecy)
            if change.action is Action.DELETE
            else _sent(sets[change.set_name], lenses[change.set_name], change, locked, entries, secrecy)
            for change in batch.changes
        )
        deliveries.append((batch.wave, _delivery(batch, records, seen[batch.target.place])))
    return [[item for _, item in wave] for _, wave in groupby(deliveries, key=lambda pair: pair[0])]


def _delivery(batch: Batch, records: tuple[SentRecord, ...], seen: ObservationSummary) -> Delivery:
    resends = {change.address: change.resend for change in batch.changes if change.resend}
    return Delivery(
        target=batch.target,
        records=records,
        kind=MutationKind(batch.kind),
        await_consumers=batch.await_consumers,
        cursor=seen.cursor,
        stream=seen.stream,
        polling_seconds=seen.polling_seconds,
        repeats={address: resend.attempt for address, resend in resends.items()},
        absences={address: resend.absences for address, resend in resends.items()},
        alone=any(resend.alone for resend in resends.values()),
    )


def _deleted(
    record_set: DesiredSet | None, change: Change, locked: Mapping[str, LockEntry], secrecy: Secrecy
) -> SentRecord:
    return SentRecord(
        desired=None,
        rules=record_set.rules if record_set is not None else FieldRules(),
        locked=locked[change.address],
        hidden=_hidden(record_set, change, locked, secrecy),
        opaque=record_set is None,
        after=change.after,
    )


def _hidden(record_set: DesiredSet | None, change: Change, locked: Mapping[str, LockEntry], secrecy: Secrecy) -> Data:
    if record_set is None or change.observed is None or change.address not in locked:
        return {}
    return secrecy.hidden(record_set, locked[change.address], change.observed)


def _sent(
    record_set: DesiredSet,
    lens: Lens,
    change: Change,
    locked: Mapping[str, LockEntry],
    entries: EntryMaker,
    secrecy: Secrecy,
) -> SentRecord:
    desired, rules = change.desired, record_set.rules
    assert desired is not None
    creates = change.action is Action.CREATE
    names = [each.path for each in change.fields]
    # What an update leaves alone need not be known.
    assert not desired.unbound or (not creates and set(desired.unbound).isdisjoint(names))
    return SentRecord(
        desired=desired,
        wire=change_data(record_set, change),
        match_on=record_set.match_on,
        marker_field=record_set.marker_field,
        rules=rules,
        key_secret=entries.key_secret(record_set.match_on, rules),
        key_id=entries.key_id(record_set.match_on, rules),
        lens=lens,
        sent=entries.sent(desired.data, rules)
        if creates
        else entries.changing(names, desired.data, rules, change.observed),
        locked=None if creates else locked[change.address],
        replaces=locked.get(change.address) if creates else None,
        hidden=_hidden(record_set, change, locked, secrecy),
        before={} if creates else {each.path: each.before for each in change.fields if not each.sensitive},
        after=change.after,
        refers_to=change.refers_to,
    )
