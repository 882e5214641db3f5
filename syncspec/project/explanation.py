"""Gathering all that is known of one record."""

from __future__ import annotations

from dataclasses import replace

from syncspec.address import split_address
from syncspec.apply.explanation import Attempt, Explanation
from syncspec.apply.journal import Journal, lockfile_of
from syncspec.apply.state import look_up_state
from syncspec.diagnostics import did_you_mean
from syncspec.errors import UsageError
from syncspec.keys import loose_key_of
from syncspec.lockfile import LockEntry
from syncspec.planning.plan import Change
from syncspec.planning.selection import Selection
from syncspec.project.core import AsyncProject
from syncspec.project.outlook import outlook
from syncspec.project.reading import connections_of
from syncspec.records import Data, DesiredRecord, DesiredSet, ObservedRecord
from syncspec.settings import LoadedProject

__all__ = ["explain"]


async def explain(project: AsyncProject, address: str) -> Explanation:
    """Gather what manifest, lockfile, journal and upstream say of an address.

    Raises UsageError where neither of the first three knows it, and what `AsyncProject.plan` raises.
    """
    try:
        split_address(address)
    except ValueError as error:
        raise UsageError("Not an address", detail=f"{error}.") from error
    loaded = project.load()
    state = await look_up_state(loaded, clock=project.clock)
    declared = {record.address: (each, record) for each in loaded.sets for record in each.records}
    record_set, desired = declared.get(address, (None, None))
    entry = state.lockfile.entries.get(address)
    attempts = _attempts(loaded, address)
    pending = [attempt for attempt in state.open_attempts if attempt.address == address]
    if desired is None and entry is None and not attempts and not pending:
        other = loaded.elsewhere.get(address.partition(".")[0])
        if other is not None:
            told = f"{address} is not locked, and {other.told(address.partition('.')[0])}."
            raise UsageError("Unknown address", detail=told, hint=f"name an environment: -e {other.environments[0]}")
        near = did_you_mean(address, [*declared, *state.lockfile.entries])
        if any(lookup.address == address for each in loaded.lookups for lookup in each.records):
            near = "it is only looked up: explain a record that refers to it, which shows what it was found as"
        raise UsageError("Unknown address", detail=f"{address} is neither declared nor locked.", hint=near)
    rows: tuple[ObservedRecord, ...] = ()
    change: Change | None = None
    if record_set is not None and desired is not None:
        # All of its collection is read and decided: other records may claim the same row.
        async with connections_of(loaded, state) as connections:
            selection = Selection(include=(address,))
            seen = await outlook(loaded, state, selection, connections, clock=project.clock)
        change = next((item for item in seen.plan.changes if item.address == address), None)
        read = {each.target.place: each.rows for each in seen.observations}
        bound = change.desired if change is not None and change.desired is not None else desired
        rows = _candidates(change, entry, record_set, bound, read.get(record_set.target.place, ()))
        rows = tuple(_without_secrets(row, record_set) for row in rows)
        desired = _hidden(bound, record_set)
    elif entry is not None:
        # Whose values may be shown, its set would tell; what becomes of it, its entry does.
        async with connections_of(loaded, state) as connections:
            seen = await outlook(loaded, state, Selection(include=(address,)), connections, clock=project.clock)
        change = next((item for item in seen.plan.changes if item.address == address), None)
    return Explanation(
        address=address,
        desired=desired,
        entry=entry,
        attempts=attempts,
        observed=rows,
        change=change,
        references=change.references if change is not None else (),
    )


def _attempts(loaded: LoadedProject, address: str) -> tuple[Attempt, ...]:
    journal = Journal.open_for_reading(loaded.state_dir, lockfile_of(loaded))
    if journal is None:
        return ()
    with journal:
        return tuple(
            Attempt(**{name: row[name] for name in Attempt.__slots__}) for row in journal.attempts.of_address(address)
        )


def _candidates(
    change: Change | None,
    entry: LockEntry | None,
    record_set: DesiredSet,
    desired: DesiredRecord,
    rows: tuple[ObservedRecord, ...],
) -> tuple[ObservedRecord, ...]:
    """Rows that are, or look like, the record: by locked or named ID, loose key, or marker."""
    loose_of = loose_key_of(record_set.match_on, record_set.rules) if desired.key else None
    loose = desired.key.loose if desired.key else None
    marker = record_set.marker_field
    ids = {entry.upstream_id} if entry else set()
    if change is not None:
        ids.update(change.upstream_ids)
        if change.upstream_id:
            ids.add(change.upstream_id)
    return tuple(
        row
        for row in rows
        if row.upstream_id in ids
        or (loose_of is not None and loose_of(row.data) == loose)
        or (marker is not None and desired.marker is not None and row.data.get(marker) == desired.marker)
    )


def _hidden(desired: DesiredRecord, record_set: DesiredSet) -> DesiredRecord:
    return replace(desired, data=_masked(desired.data, record_set))


def _without_secrets(row: ObservedRecord, record_set: DesiredSet) -> ObservedRecord:
    return replace(row, data=_masked(row.data, record_set))


def _masked(data: Data, record_set: DesiredSet) -> Data:
    return {
        name: "(sensitive)" if record_set.rules.rule(name).sensitive and value is not None else value
        for name, value in data.items()
    }
