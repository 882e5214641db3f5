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
from syncspec.values.instants import seconds_of

__all__ = ["Case", "duplicate_warning", "may_be_invisible"]


@dataclass(frozen=True, slots=True)
class Case:
    """One declared record in its set, with its collection's rows."""

    state: PlanningState
    record_set: DesiredSet
    record: DesiredRecord
    rows: PlaceRows


def may_be_invisible(case: Case, entry: LockEntry) -> bool:
    """Whether the entry is so young that the list need not show it yet; one from after the reading began always is."""
    locked = seconds_of(entry.locked_at)
    observed = seconds_of(case.rows.observation.observed_at.astimezone(UTC).isoformat())
    if locked is None or observed is None:
        return False
    return float(observed - locked) < case.state.settle_of(case.record_set, case.rows)


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
