"""One declared record with all that its decision looks at, and what decisions of both kinds need to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.lockfile import LockEntry
from syncspec.planning.state import PlaceRows, PlanningState
from syncspec.planning.wording import ids_text
from syncspec.records import DesiredRecord, DesiredSet, ObservedRecord
from syncspec.values import short_id
from syncspec.values.instants import seconds_of

__all__ = [
    "Case",
    "duplicate_warning",
    "is_recently_written",
    "key_taken_reason",
    "may_be_invisible",
    "others_with_key",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One declared record in its set, with its collection's rows."""

    state: PlanningState
    record_set: DesiredSet
    record: DesiredRecord
    rows: PlaceRows


def may_be_invisible(case: Case, entry: LockEntry) -> bool:
    """Whether the entry is so young that the list need not show it yet; one from after the reading began always is."""
    return _is_young(case, entry.locked_at)


def is_recently_written(case: Case, entry: LockEntry) -> bool:
    """Whether our last update is so young that the list need not show it yet."""
    return entry.written_at is not None and _is_young(case, entry.written_at)


def _is_young(case: Case, time: str) -> bool:
    then = seconds_of(time)
    observed = seconds_of(case.rows.observation.observed_at.astimezone(UTC).isoformat())
    if then is None or observed is None:
        return False
    age = float(observed - then)
    return age <= 0 or age < case.state.settle_of(case.record_set, case.rows)


def others_with_key(case: Case, upstream_id: str) -> list[str]:
    """IDs of other live records that carry the key that is declared for this one."""
    key = case.record.key
    rows = case.rows.by_key(case.record_set, key.strict) if key is not None else ()
    return sorted(row.upstream_id for row in rows if short_id(row.upstream_id) != short_id(upstream_id))


def key_taken_reason(taken: Sequence[str]) -> str:
    """Why an update may not give a record its new key."""
    return (
        f"with its new key it would be the same record as {ids_text(taken)}; "
        "merge or delete that one upstream, or choose another key"
    )


def duplicate_warning(record: DesiredRecord, upstream_id: str, others: Sequence[ObservedRecord]) -> Diagnostic:
    """A record that exists more than once upstream, with every ID."""
    surplus = ids_text(row.upstream_id for row in others)
    return Diagnostic(
        severity=Severity.WARNING,
        code="duplicate",
        summary="A record exists more than once upstream",
        detail=f"{record.address} is {upstream_id}, and {surplus} matches it too. Nothing was changed.",
        source=record.source,
        address=record.address,
        hint="merge or delete the surplus record upstream",
    )
