"""What an apply did: one outcome per record, and the exit code that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncspec.diagnostics import Diagnostic, Severity, Source

__all__ = ["DONE", "INTERRUPTED", "RecordOutcome", "RecordReport", "Report"]

INTERRUPTED = 130
"""The exit code of a run that was asked to end."""


class RecordOutcome(StrEnum):
    """What became of one record in this run."""

    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not_attempted"


DONE = frozenset(
    {
        RecordOutcome.CREATED,
        RecordOutcome.ADOPTED,
        RecordOutcome.UPDATED,
        RecordOutcome.DELETED,
        RecordOutcome.UNCHANGED,
    }
)
"""Outcomes after which nothing is left to do for a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReport:
    """One record's outcome. `error` says why it was rejected, is unknown or was not attempted.

    `candidates` are upstream IDs of a 2xx answer that could not be told apart.
    """

    address: str
    outcome: RecordOutcome
    upstream_id: str | None = None
    error: str | None = None
    source: Source | None = None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run's result. `records` are sorted by address and hold every address of the plan."""

    run: str
    records: tuple[RecordReport, ...]
    requests: int = 0
    interrupted: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def summary(self) -> Mapping[RecordOutcome, int]:
        """The number of records per outcome; every outcome is present."""
        counted = Counter(record.outcome for record in self.records)
        return {outcome: counted[outcome] for outcome in RecordOutcome}

    @property
    def exit_code(self) -> int:
        """130 interrupted, 4 unknown, 3 rejected, not attempted or not recorded, else 0: the first that holds."""
        if self.interrupted:
            return INTERRUPTED
        counted = self.summary
        if counted[RecordOutcome.UNKNOWN]:
            return 4
        if counted[RecordOutcome.REJECTED] or counted[RecordOutcome.NOT_ATTEMPTED]:
            return 3
        return 3 if any(found.severity is Severity.ERROR for found in self.diagnostics) else 0
