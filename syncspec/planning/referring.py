"""What a locked record's values refer to once a step is done: what is declared, and what upstream goes on holding."""

from __future__ import annotations

from collections.abc import Collection

from syncspec.lockfile import LockEntry
from syncspec.planning.state import PlanningState
from syncspec.records import Data, DesiredRecord, Json, ObservedRecord
from syncspec.values import short_id

__all__ = ["has_unspoken_fields", "refers_once_written", "refers_to"]


def refers_to(
    state: PlanningState,
    entry: LockEntry,
    record: DesiredRecord,
    row: ObservedRecord | None,
    *,
    sent: Collection[str] = (),
) -> tuple[str, ...]:
    """The addresses, sorted, that the record refers to when the fields `sent` were written, and nothing else was.

    A record that is no longer declared to refer to another one does so until upstream shows that it does not. `row`
    None: what upstream shows of the record proves nothing.
    """
    left = {address for address in entry.depends_on if address not in record.needs}
    if not left:
        return record.needs
    locked = state.inputs.lockfile.entries
    parents = {address: locked[address].upstream_id for address in left if address in locked}
    if row is None:
        kept = set(parents) if has_unspoken_fields(entry, record, sent) else set()
    else:
        kept = {address for address, parent in parents.items() if _is_held(record, row, parent, sent)}
    return tuple(sorted({*record.needs, *kept}))


def refers_once_written(
    state: PlanningState, row: ObservedRecord, written: Data, candidates: Collection[str]
) -> tuple[str, ...]:
    """Those of the addresses, sorted, whose IDs the record holds when these values were written over what is shown."""
    locked, shown = state.inputs.lockfile.entries, {**row.data, **written}.values()
    return tuple(
        address
        for address in sorted(candidates)
        if address in locked and any(_holds(value, short_id(locked[address].upstream_id)) for value in shown)
    )


def has_unspoken_fields(entry: LockEntry, record: DesiredRecord, sent: Collection[str]) -> bool:
    """Whether a field that was sent once may still hold what it did: taken out of the manifest, or ignored."""
    declared = {*record.data, *record.deferred} - set(record.lifecycle.ignore_changes)
    return any(name not in declared and name not in sent for name in entry.fields)


def _is_held(record: DesiredRecord, row: ObservedRecord, parent: str, sent: Collection[str]) -> bool:
    """Whether a field that is not written holds the ID, other than by what is declared for it."""
    return any(
        name not in sent
        and _holds(value, short_id(parent))
        and not (name in record.deferred and _holds(record.data.get(name), short_id(parent)))
        for name, value in row.data.items()
    )


def _holds(value: Json, upstream_id: str) -> bool:
    match value:
        case str():
            return upstream_id in value
        case dict():
            return any(_holds(each, upstream_id) for each in value.values())
        case list():
            return any(_holds(each, upstream_id) for each in value)
        case None | bool():
            return False
        case _:
            return str(value) == upstream_id
