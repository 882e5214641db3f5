"""Find out what became of a deletion whose outcome is open, from what the list shows of its record now. Pure.

It was applied where the list shows a tombstone, whoever set it. It was not where a list that was begun after the
horizon shows the record alive: it is then planned anew, and never just repeated. That the record is merely not listed
tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncspec.apply.attempts import Settlement
from syncspec.apply.states import AttemptState
from syncspec.lockfile import LockEntry, OpenAttempt
from syncspec.records import Absence, Observation, ObservedRecord

__all__ = ["RemovalCase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalCase:
    """One open deletion. `row` is its record as the list shows it, `locked` the entry that it was planned from.

    `is_over`: the list was begun after the horizon.
    """

    attempt: OpenAttempt
    seen: Observation
    row: ObservedRecord | None
    locked: LockEntry | None
    is_over: bool

    def judge(self) -> Settlement | None:
        """What the row settles; None: nothing yet."""
        attempt, row = self.attempt, self.row
        if row is not None and row.deleted:
            evidence = f"{attempt.upstream_id} is deleted upstream"
            return Settlement(attempt=attempt, state=AttemptState.APPLIED, evidence=evidence, removes=self.locked)
        if not self.is_over or self.doubt:
            return None
        evidence = f"{attempt.upstream_id} is not deleted in a list from after {attempt.horizon}"
        return Settlement(attempt=attempt, state=AttemptState.NOT_APPLIED, evidence=evidence, absent=True)

    @property
    def doubt(self) -> str:
        """Why the list does not tell; empty where it does."""
        if self.row is None:
            return f"{self.attempt.upstream_id} is not in it, alive or deleted"
        if self.seen.absence is Absence.UNKNOWN:
            return self.seen.reason or "the list may not be complete"
        return ""
