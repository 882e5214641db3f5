"""Find out what became of a deletion whose outcome is open, from what the list shows of its record now. Pure.

It was applied where the list shows a tombstone, whoever set it. It was not where a whole list that was begun after the
horizon shows the record alive: it is then planned anew, and never just repeated. Where such a list shows it neither
alive nor deleted nobody can tell: the entry stays, and the plan asks somebody. A list that was rebuilt since is waited
for once more.
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

    `is_over`: the list was begun after the horizon, `is_rebuilt`: it is another one than before the request; it is
    whole at the latest at `horizon_if_rebuilt`.
    """

    attempt: OpenAttempt
    seen: Observation
    row: ObservedRecord | None
    locked: LockEntry | None
    is_over: bool
    is_rebuilt: bool
    horizon_if_rebuilt: str

    def judge(self) -> Settlement | None:
        """What the row settles; None: nothing yet."""
        attempt, row = self.attempt, self.row
        if row is not None and row.deleted:
            evidence = f"{attempt.upstream_id} is deleted upstream"
            return Settlement(attempt=attempt, state=AttemptState.APPLIED, evidence=evidence, removes=self.locked)
        if row is None and self.is_rebuilt and attempt.state == AttemptState.UNKNOWN:
            evidence = f"{attempt.evidence}; the upstream's list was rebuilt since"
            horizon = max(self.horizon_if_rebuilt, attempt.horizon)
            return Settlement(
                attempt=attempt,
                state=AttemptState.UNKNOWN,
                evidence=evidence,
                stream=self.seen.stream,
                horizon=horizon,
            )
        if not self.is_over or self.doubt:
            return None
        if row is None:
            evidence = f"a whole list from after {attempt.horizon} shows neither {attempt.upstream_id} nor a tombstone"
            return Settlement(attempt=attempt, state=AttemptState.NOT_APPLIED, evidence=evidence)
        evidence = f"{attempt.upstream_id} is not deleted in a list from after {attempt.horizon}"
        return Settlement(attempt=attempt, state=AttemptState.NOT_APPLIED, evidence=evidence, absent=True)

    @property
    def doubt(self) -> str:
        """Why the list does not tell; empty where it does."""
        whole = self.seen.absence is Absence.PROVED
        if self.row is None and not whole:
            return f"{self.attempt.upstream_id} is not in it, and {self.seen.reason or 'it may not be complete'}"
        if self.seen.absence is Absence.UNKNOWN:
            return self.seen.reason or "the list may not be complete"
        return ""
